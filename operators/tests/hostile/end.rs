//! The end of the input is that of its last row, whatever deadlines say.

use quorate_operators::policy::{Close, Method, Policy};
use quorate_schemas::clock::Eras;
use quorate_schemas::table::{CloseRule, OutRow, RejectReason};
use quorate_schemas::time::{LATEST, SECOND};

use super::{Input, task};
use crate::harness::run_and_reopen;

const AT: i64 = 1_000_000 * SECOND;

fn policy(after: Option<i64>) -> Policy {
    Policy {
        method: Method::Majority,
        eras: Eras::of_length(3_600 * SECOND),
        close: Close { after, votes: None, quorum: false },
        finality_after: 600 * SECOND,
        forget_after: 3_600 * SECOND,
        ..Policy::default()
    }
}

/// A task with a deadline in the year 9999, one without, and one whose deadline has passed when the input ends.
fn deadlines() -> Input {
    let mut input = Input::default();
    let mut far = task("far", "", &[]);
    far.deadline = Some(LATEST - SECOND);
    let mut near = task("near", "", &[]);
    near.deadline = Some(AT + 5 * SECOND);
    input.declare(AT, far).declare(AT, near);
    for (n, task) in ["far", "near", "held", "gold"].iter().enumerate() {
        input.votes(AT + n as i64 * SECOND, task, &["a", "b", "c"], "x");
    }
    input.gold(AT + 4 * SECOND, "gold", "x").vote(AT + 9 * SECOND, "held", "d", "x");
    input
}

#[test]
fn a_deadline_after_the_last_row_neither_holds_a_task_nor_moves_the_end() {
    let outcome = deadlines().decide(policy(None));
    let close = |task| (outcome.decision(task).closed_at, outcome.decision(task).close_rule);
    assert_eq!(close("near"), (AT + 5 * SECOND, CloseRule::Deadline));
    for held in ["far", "held", "gold"] {
        assert_eq!(close(held), (AT + 9 * SECOND, CloseRule::EndOfInput), "{held}");
    }
    let eras = outcome.rows.iter().filter_map(|row| match row {
        OutRow::Reputation(row) => Some(row.era),
        _ => None,
    });
    assert!(eras.max() <= Some(policy(None).eras.era_of(AT + 9 * SECOND) + 2));
}

#[test]
fn what_closes_after_the_last_row_by_the_jobs_time_closes_at_its_own() {
    let outcome = deadlines().decide(policy(Some(60 * SECOND)));
    let close = |task| (outcome.decision(task).closed_at, outcome.decision(task).close_rule);
    assert_eq!(close("far"), (AT + 60 * SECOND, CloseRule::After));
    assert_eq!(close("near"), (AT + 5 * SECOND, CloseRule::Deadline));
    assert_eq!(close("held"), (AT + 62 * SECOND, CloseRule::After));
}

/// What becomes of `later`, read once the job was reopened.
fn reopened(after: Option<i64>, later: &Input) -> Vec<OutRow> {
    let (_, outcome) = run_and_reopen(policy(after), &deadlines().rows, &later.rows);
    outcome.rows
}

fn decided(rows: &[OutRow], task: &str) -> usize {
    let of_task = |row: &&OutRow| matches!(row, OutRow::Decision(row) if row.task.name().as_str() == task && row.revision == 0);
    rows.iter().filter(of_task).count()
}

#[test]
fn a_reopened_job_goes_on_right_after_its_last_row() {
    for after in [None, Some(60 * SECOND)] {
        let mut later = Input::default();
        later.votes(AT + 10 * SECOND, "next", &["a", "b"], "x");
        let rows = reopened(after, &later);
        assert_eq!(decided(&rows, "next"), 1, "{after:?}");
        assert!(!rows.iter().any(|row| matches!(row, OutRow::Reject(_))), "{rows:#?}");
    }
}

#[test]
fn a_reopened_job_does_not_take_a_late_vote_for_a_new_task() {
    for after in [None, Some(60 * SECOND)] {
        let mut later = Input::default();
        later.vote(AT + 10 * SECOND, "far", "z", "y").vote(AT + 300 * SECOND, "near", "z", "y");
        // So long after its decision was final that the name is free.
        later.vote(AT + 5_000 * SECOND, "held", "z", "y");
        let rows = reopened(after, &later);
        assert_eq!(
            ["far", "near", "held"].map(|task| decided(&rows, task)),
            [0, 0, 1],
            "{after:?}"
        );
        let late =
            |row: &&OutRow| matches!(row, OutRow::Reject(row) if row.reason == RejectReason::Late);
        assert_eq!(rows.iter().filter(late).count(), 2);
    }
}
