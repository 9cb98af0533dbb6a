//! A vote dated before its task's declaration is judged by it.

use quorate_operators::booth::Booth;
use quorate_operators::effects::Effects;
use quorate_operators::policy::{Close, Method, Policy};
use quorate_schemas::clock::Clock;
use quorate_schemas::table::{DecisionStatus, RejectReason};
use quorate_schemas::time::SECOND;

use super::{Input, task};
use crate::harness::key;
use crate::scenario::Row;

const AT: i64 = 1_000 * SECOND;

fn policy() -> Policy {
    Policy {
        method: Method::Majority,
        registered: true,
        close: Close { after: Some(60 * SECOND), votes: None, quorum: false },
        ..Policy::default()
    }
}

#[test]
fn what_is_no_option_cannot_win_by_coming_before_the_options() {
    let mut input = Input::default();
    input.votes(AT - SECOND, "t", &["e", "f", "g", "h"], "z").vote(AT - SECOND, "t", "a", "x");
    input.declare(AT, task("t", "", &["x", "y"]));
    input.votes(AT + SECOND, "t", &["b", "c"], "x");
    let outcome = input.decide(policy());
    let row = outcome.decision("t");
    assert_eq!(
        (row.answer.as_deref(), row.status, row.votes),
        (Some("x"), DecisionStatus::Quorate, 3)
    );
    assert_eq!(outcome.rejects(RejectReason::NotAnOption), 4);
    // An answer that the declaration allows opens the task.
    assert_eq!((row.opened_at, row.closed_at), (AT - SECOND, AT + 59 * SECOND));
}

#[test]
fn who_may_not_vote_in_the_domain_cannot_by_coming_before_it_is_known() {
    let mut input = Input::default();
    input.agent_of(0, "a", &["sums"]).agent_of(0, "b", &["spelling"]);
    input.vote(AT - SECOND, "t", "b", "wrong").declare(AT, task("t", "sums", &[]));
    input.vote(AT + SECOND, "t", "a", "right");
    let outcome = input.decide(policy());
    assert_eq!(outcome.decision("t").answer.as_deref(), Some("right"));
    assert_eq!(outcome.rejects(RejectReason::WrongDomain), 1);
}

#[test]
fn a_vote_that_the_declaration_refuses_opens_nothing() {
    let mut input = Input::default();
    input.vote(AT - 50 * SECOND, "t", "a", "z").declare(AT, task("t", "", &["x", "y"]));
    input.vote(AT + 20 * SECOND, "t", "b", "x");
    let outcome = input.decide(policy());
    let row = outcome.decision("t");
    assert_eq!((row.opened_at, row.closed_at), (AT, AT + 80 * SECOND));
}

#[test]
fn of_an_agents_early_votes_the_last_that_is_allowed_stands() {
    let mut input = Input::default();
    input.vote(AT - 3 * SECOND, "t", "a", "x").vote(AT - 2 * SECOND, "t", "a", "y");
    input.vote(AT - SECOND, "t", "a", "z").vote(AT - SECOND, "t", "a", "z");
    input.declare(AT, task("t", "", &["x", "y"]));
    let outcome = input.decide(policy());
    let row = outcome.decision("t");
    assert_eq!((row.answer.as_deref(), row.votes), (Some("y"), 1));
    assert_eq!((row.superseded, row.duplicates), (1, 1));
    assert_eq!(outcome.rejects(RejectReason::NotAnOption), 1);
}

#[test]
fn a_task_that_closes_before_it_is_declared_was_not_declared() {
    let mut input = Input::default();
    input.vote(AT - 61 * SECOND, "t", "a", "z").declare(AT, task("t", "", &["x", "y"]));
    let outcome = input.decide(policy());
    assert_eq!(outcome.decision("t").answer.as_deref(), Some("z"));
    assert_eq!(outcome.rejects(RejectReason::Late), 1);
}

#[test]
fn a_declared_task_that_is_voted_on_has_nothing_to_do_before_it_closes() {
    let mut input = Input::default();
    input.declare(AT, task("t", "", &[])).vote(AT + 10 * SECOND, "t", "a", "x");
    let (mut booth, mut effects) = (Booth::new(policy(), key(), true), Effects::default());
    for row in input.rows {
        if let Row::Fact(fact) = row {
            booth.receive(vec![vec![fact]], &mut effects);
        }
    }
    assert_eq!(booth.horizon().next_close, Some(AT + 60 * SECOND));
    let until = AT + 61 * SECOND;
    let clock = Clock { watermark: until, promised: until, greatest: until, ..Clock::START };
    booth.advance(clock, &mut effects);
    assert_eq!((booth.horizon().next_close, booth.counts().0), (Some(AT + 70 * SECOND), 1));
}
