//! No quorum comes of votes that weigh nothing.

use quorate_operators::policy::{Close, Method, Policy, QuorumOf};
use quorate_schemas::table::{DecisionRow, DecisionStatus, UndecidedReason};
use quorate_schemas::time::SECOND;

use super::Input;

const NO_QUORUM: DecisionStatus = DecisionStatus::Undecided(UndecidedReason::NoQuorum);

fn policy(method: Method, quorum_of: QuorumOf) -> Policy {
    let close = Close { after: Some(60 * SECOND), votes: None, quorum: false };
    Policy { method, quorum_of, close, ..Policy::default() }
}

/// The decision leads with `answer`, and says that nothing stands behind it.
fn check_only_leads(row: &DecisionRow, answer: &str) {
    assert_eq!((row.answer.as_deref(), row.status), (Some(answer), NO_QUORUM), "{row:#?}");
    assert_eq!((row.support_micros, row.total_micros), (0, 0), "{row:#?}");
    assert!(row.confidence_micros > 0, "{row:#?}");
}

#[test]
fn strangers_alone_are_no_quorum_of_those_registered() {
    let mut input = Input::default();
    input.agents(0, &["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]);
    let sybils = ["s1", "s2", "s3", "s4", "s5", "s6", "s7"];
    input.votes(SECOND, "t", &sybils, "x");
    let policy = Policy { registered: true, ..policy(Method::Majority, QuorumOf::Eligible) };
    let outcome = input.decide(policy);
    check_only_leads(outcome.decision("t"), "x");
    assert_eq!(outcome.decision("t").eligible_micros, 10_000_000);
}

/// Two agents that are wrong on every known answer of the first eras, and two that are right.
fn two_proven_bad(input: &mut Input) {
    for n in 0..6 {
        let (at, task) = (n * 3_600 * SECOND, format!("gold {n}"));
        input.votes(at, &task, &["good 1", "good 2"], "right");
        input.votes(at, &task, &["bad 1", "bad 2"], "wrong");
        input.gold(at, &task, "right");
    }
}

#[test]
fn the_proven_bad_alone_are_no_quorum_of_all() {
    for registered in [true, false] {
        let mut input = Input::default();
        if registered {
            input.agents(-SECOND, &["good 1", "good 2", "bad 1", "bad 2"]);
        }
        two_proven_bad(&mut input);
        input.votes(7 * 3_600 * SECOND, "t", &["bad 1", "bad 2"], "wrong");
        let policy = Policy { registered, ..policy(Method::Weighted, QuorumOf::Eligible) };
        check_only_leads(input.decide(policy).decision("t"), "wrong");
    }
}

#[test]
fn the_proven_bad_alone_are_no_quorum_of_the_votes_cast() {
    let mut input = Input::default();
    two_proven_bad(&mut input);
    input.votes(7 * 3_600 * SECOND, "t", &["bad 1", "bad 2"], "wrong");
    let outcome = input.decide(policy(Method::Weighted, QuorumOf::Votes));
    check_only_leads(outcome.decision("t"), "wrong");
}

#[test]
fn of_votes_that_weigh_nothing_the_more_numerous_lead() {
    let mut input = Input::default();
    two_proven_bad(&mut input);
    input.votes(0, "gold 0", &["bad 3"], "wrong").votes(
        3_600 * SECOND,
        "gold 1",
        &["bad 3"],
        "wrong",
    );
    let at = 7 * 3_600 * SECOND;
    input.vote(at, "t", "bad 1", "a").votes(at, "t", &["bad 2", "bad 3"], "b");
    check_only_leads(input.decide(policy(Method::Weighted, QuorumOf::Votes)).decision("t"), "b");
}

#[test]
fn without_gold_nobody_is_weightless() {
    let mut input = Input::default();
    input.votes(0, "t", &["a", "b", "c"], "x");
    for method in [Method::Majority, Method::Weighted] {
        let outcome = input.decide(policy(method, QuorumOf::Votes));
        assert_eq!(outcome.decision("t").status, DecisionStatus::Quorate, "{method:?}");
    }
}
