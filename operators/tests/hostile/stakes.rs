//! Stakes of any size weigh what they are.

use quorate_operators::policy::{Close, Method, Policy, QuorumOf, StakeRule};
use quorate_schemas::table::DecisionStatus;
use quorate_schemas::time::SECOND;

use super::Input;

fn policy(quorum_of: QuorumOf) -> Policy {
    Policy {
        method: Method::Majority,
        stake: StakeRule::Linear,
        quorum_of,
        registered: true,
        close: Close { after: Some(60 * SECOND), votes: None, quorum: false },
        ..Policy::default()
    }
}

/// The decision on a task on which one side has `ours` at stake and the other `theirs`.
fn check(ours: &[u64], theirs: &[u64], answer: &str, quorate: bool) {
    for quorum_of in [QuorumOf::Votes, QuorumOf::Eligible] {
        let mut input = Input::default();
        for (side, stakes) in [("ours", ours), ("theirs", theirs)] {
            for (n, stake) in stakes.iter().enumerate() {
                let name = format!("{side} {n}");
                input.agent(0, &name, *stake, None).vote(SECOND, "t", &name, side);
            }
        }
        let outcome = input.decide(policy(quorum_of));
        let row = outcome.decision("t");
        assert_eq!(row.answer.as_deref(), Some(answer), "{ours:?} {theirs:?} {row:#?}");
        assert_eq!(row.status == DecisionStatus::Quorate, quorate, "{ours:?} {theirs:?} {row:#?}");
    }
}

/// One token, in its smallest unit.
const TOKEN: u64 = 1_000_000_000;

#[test]
fn a_million_tokens_outweigh_a_thousand() {
    check(&[1_000 * TOKEN], &[1_000_000 * TOKEN], "theirs", true);
    check(&[1_000 * TOKEN; 9], &[1_000_000 * TOKEN], "theirs", true);
}

#[test]
fn shares_are_the_same_whatever_the_unit() {
    for unit in [1, 7, 1_000, TOKEN, TOKEN * TOKEN] {
        check(&[unit; 4], &[unit; 2], "ours", false);
        check(&[unit; 5], &[unit; 2], "ours", true);
    }
}

#[test]
fn no_stake_makes_a_sum_leave_its_bounds() {
    check(&[u64::MAX; 40], &[u64::MAX; 9], "ours", true);
    check(&[u64::MAX; 20], &[u64::MAX; 20], "ours", false);
    check(&[u64::MAX, 1], &[u64::MAX], "ours", false);
    check(&[0, 0], &[1], "theirs", true);
}

#[test]
fn nothing_at_stake_decides_nothing() {
    check(&[0, 0], &[0], "ours", false);
}
