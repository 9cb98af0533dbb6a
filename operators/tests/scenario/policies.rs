//! Policies, drawn so that every rule of closing, weighing and forgetting meets every other.

use proptest::prelude::*;
use quorate_operators::policy::{Caps, Close, Method, Policy, QuorumOf, StakeRule, Unknown};
use quorate_schemas::clock::Eras;
use quorate_schemas::ratio::Ratio;
use quorate_schemas::time::Micros;

fn ratio(numerator: u32, denominator: u32) -> Ratio {
    Ratio::new(numerator, denominator).expect("a ratio between 0 and 1")
}

fn any_quorum() -> impl Strategy<Value = Ratio> {
    prop_oneof![3 => Just(ratio(2, 3)), 1 => Just(ratio(1, 2)), 1 => Just(ratio(1, 4)), 1 => Just(ratio(9, 10))]
}

fn any_close() -> impl Strategy<Value = Close> {
    let after = prop_oneof![4 => (1..70 as Micros).prop_map(Some), 1 => Just(None)];
    let votes = prop_oneof![4 => Just(None), 1 => (1..6u32).prop_map(Some)];
    (after, votes, prop::bool::weighted(0.3)).prop_map(|(after, votes, quorum)| Close {
        after,
        votes,
        quorum,
    })
}

fn any_caps() -> impl Strategy<Value = Caps> {
    let of_task = prop_oneof![3 => Just(1_000), 1 => 1..8u32];
    let of_agent = prop_oneof![3 => Just(64), 1 => 1..4u32];
    (of_task, of_agent).prop_map(|(votes_per_task, votes_per_agent_and_task)| Caps {
        votes_per_task,
        votes_per_agent_and_task,
    })
}

fn either<T: Clone + std::fmt::Debug + 'static>(usual: T, other: T) -> impl Strategy<Value = T> {
    prop_oneof![2 => Just(usual), 1 => Just(other)]
}

/// Any policy.
pub(crate) fn any_policy() -> impl Strategy<Value = Policy> {
    let weighing = (
        prop_oneof![
            3 => Just(Method::Weighted),
            2 => Just(Method::Stacked),
            2 => Just(Method::Auto),
            1 => Just(Method::Majority),
        ],
        any_quorum(),
        either(QuorumOf::Votes, QuorumOf::Eligible),
        prop_oneof![4 => Just(None), 2 => Just(Some(ratio(1, 3))), 1 => Just(Some(ratio(1, 1)))],
        either(StakeRule::Ignore, StakeRule::Linear),
        prop_oneof![3 => Just(1), 1 => 2..4u32],
    );
    let finality = prop_oneof![1 => Just(0), 4 => 1..60 as Micros];
    let times = (any_close(), 5..90 as Micros, finality, 0..30 as Micros);
    let unknown = || prop_oneof![5 => Just(Unknown::Accept), 1 => Just(Unknown::Reject)];
    let who = (any::<bool>(), unknown(), unknown(), any::<bool>(), any_caps());
    (weighing, times, who).prop_map(|(weighing, times, who)| {
        let (method, quorum, quorum_of, cap, stake, min_votes) = weighing;
        let (close, era, finality_after, forget_after) = times;
        let (registered, unknown_agents, unknown_tasks, updates, caps) = who;
        Policy {
            method,
            quorum,
            quorum_of,
            close,
            eras: Eras::of_length(era),
            finality_after,
            forget_after,
            cap,
            // Without registrations nobody has a stake, and nobody is known.
            stake: if registered { stake } else { StakeRule::Ignore },
            min_votes,
            unknown_agents: if registered { unknown_agents } else { Unknown::Accept },
            unknown_tasks,
            registered,
            updates,
            caps,
        }
    })
}

/// Any policy that holds tasks open to the end of the input.
pub(crate) fn policy_held_open() -> impl Strategy<Value = Policy> {
    any_policy()
        .prop_map(|policy| Policy { close: Close { after: None, ..policy.close }, ..policy })
}

/// Any policy that closes tasks by their votes, but not soon.
pub(crate) fn policy_of_rules() -> impl Strategy<Value = Policy> {
    let votes = prop_oneof![1 => Just(None), 2 => (2..5u32).prop_map(Some)];
    let quorum = prop_oneof![Just(ratio(2, 3)), Just(ratio(9, 10))];
    (any_policy(), votes, any::<bool>(), quorum, 2..5u32, any::<bool>()).prop_map(
        |(policy, votes, by_quorum, quorum, min_votes, plain)| {
            let close = Close { after: Some(300), votes, quorum: by_quorum };
            let policy = Policy { close, quorum, min_votes, ..policy };
            // Where votes alone weigh, a running tally follows them.
            if plain { Policy { cap: None, quorum_of: QuorumOf::Votes, ..policy } } else { policy }
        },
    )
}
