//! What is said of one task has a bound, whatever is said.

use quorate_operators::policy::{Close, Method, Policy};
use quorate_schemas::table::RejectReason;
use quorate_schemas::time::SECOND;

use super::{Input, task};

const AT: i64 = 1_000 * SECOND;

fn policy() -> Policy {
    Policy {
        method: Method::Majority,
        close: Close { after: Some(600 * SECOND), votes: None, quorum: false },
        ..Policy::default()
    }
}

#[test]
fn of_a_tasks_declarations_the_first_64_count() {
    let mut input = Input::default();
    for n in 0..200 {
        input.declare(AT + n, task("t", "", &["x", if n < 64 { "y" } else { "z" }]));
    }
    input.vote(AT + SECOND, "t", "a", "y").vote(AT + SECOND, "t", "b", "z");
    let outcome = input.decide(policy());
    assert_eq!(outcome.decision("t").answer.as_deref(), Some("y"));
    assert_eq!(outcome.rejects(RejectReason::TooManyRecords), 136);
    assert_eq!(outcome.rejects(RejectReason::NotAnOption), 1);
}

#[test]
fn of_a_tasks_known_answers_the_first_64_count_before_and_after_its_close() {
    let mut input = Input::default();
    input.vote(AT, "t", "a", "x");
    for n in 0..50 {
        input.gold(AT + n, "t", "x").gold(
            AT + 601 * SECOND + n,
            "t",
            if n < 14 { "x" } else { "y" },
        );
    }
    let outcome = input.decide(policy());
    let answers = outcome.decisions("t").into_iter().map(|row| row.gold.clone());
    assert!(answers.flatten().all(|gold| gold == "x"));
    assert_eq!(outcome.rejects(RejectReason::TooManyRecords), 36);
}

#[test]
fn of_known_answers_to_no_task_the_first_64_are_of_an_unknown_one() {
    let mut input = Input::default();
    for n in 0..100 {
        input.gold(AT + n, "t", "x");
    }
    let outcome = input.decide(policy());
    assert_eq!(outcome.rejects(RejectReason::UnknownTask), 64);
    assert_eq!(outcome.rejects(RejectReason::TooManyRecords), 36);
}
