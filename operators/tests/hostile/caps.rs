//! A cap on what one family holds gives nothing to those below it.

use quorate_operators::policy::{Close, Policy, QuorumOf, StakeRule};
use quorate_schemas::ratio::Ratio;
use quorate_schemas::table::{DecisionStatus, UndecidedReason};
use quorate_schemas::time::SECOND;

use super::Input;

fn policy(quorum_of: QuorumOf) -> Policy {
    Policy {
        stake: StakeRule::Linear,
        cap: Some(Ratio::ONE_THIRD),
        quorum_of,
        registered: true,
        close: Close { after: Some(60 * SECOND), votes: None, quorum: false },
        ..Policy::default()
    }
}

/// Honest families of five with a thousand at stake each, all of which vote for `right`; and strangers of next to
/// nothing, alone and for `wrong`.
fn families_and_dust(families: &[&str], dust: usize) -> Input {
    let mut input = Input::default();
    let mut honest = Vec::new();
    for family in families {
        for n in 0..5 {
            honest.push(format!("{family} {n}"));
            input.agent(0, &honest[honest.len() - 1], 1_000, Some(family));
        }
    }
    let dust: Vec<String> = (0..dust).map(|n| format!("dust {n}")).collect();
    dust.iter().for_each(|name| {
        input.agent(0, name, 1, None);
    });
    honest.iter().for_each(|name| {
        input.vote(SECOND, "t", name, "right");
    });
    dust.iter().for_each(|name| {
        input.vote(SECOND, "t", name, "wrong").vote(SECOND, "only dust", name, "wrong");
    });
    input
}

#[test]
fn dust_does_not_capture_a_job_of_two_families() {
    for quorum_of in [QuorumOf::Votes, QuorumOf::Eligible] {
        for dust in [1, 2, 9] {
            let outcome = families_and_dust(&["f", "g"], dust).decide(policy(quorum_of));
            let row = outcome.decision("t");
            assert_eq!(row.answer.as_deref(), Some("right"), "{dust} {row:#?}");
            // Nothing keeps each of two families below a third, so the most they come to is two thirds.
            assert_eq!(
                row.status,
                DecisionStatus::Undecided(UndecidedReason::NoQuorum),
                "{row:#?}"
            );
            assert!(row.runner_up_micros * 1_000 <= row.total_micros * dust as i64, "{row:#?}");
        }
    }
}

#[test]
fn dust_neither_blocks_nor_decides_where_three_families_agree() {
    let outcome = families_and_dust(&["f", "g", "h"], 9).decide(policy(QuorumOf::Eligible));
    let row = outcome.decision("t");
    assert_eq!((row.answer.as_deref(), row.status), (Some("right"), DecisionStatus::Quorate));
    let row = outcome.decision("only dust");
    assert_eq!(row.status, DecisionStatus::Undecided(UndecidedReason::NoQuorum), "{row:#?}");
}

#[test]
fn a_family_that_holds_nearly_all_decides_nothing_alone() {
    let mut input = families_and_dust(&["f", "g", "h"], 0);
    input.agent(0, "whale", 1_000_000, None).vote(SECOND, "t", "whale", "wrong");
    for quorum_of in [QuorumOf::Votes, QuorumOf::Eligible] {
        let outcome = input.decide(policy(quorum_of));
        let row = outcome.decision("t");
        assert_eq!(row.status, DecisionStatus::Undecided(UndecidedReason::NoQuorum), "{row:#?}");
        assert!(row.support_micros * 3 <= row.eligible_micros, "{row:#?}");
    }
}
