//! A job that goes on under another policy: what is final stays, the rest ends as if the new one had always held.

use std::collections::BTreeMap;

use proptest::prelude::*;
use quorate_operators::policy::{Close, Policy};
use quorate_schemas::ratio::Ratio;
use quorate_schemas::retained::RetainedRow;
use quorate_schemas::table::{DecisionRow, OutRow, RevisionReason, VoteRow, VoteStatus};
use quorate_schemas::time::Micros;

use super::cases;
use crate::harness::{Course, run, run_and_upgrade};
use crate::scenario::{any_course, any_layout, any_scenario};

fn decisions(rows: &[OutRow]) -> impl Iterator<Item = &DecisionRow> {
    rows.iter().filter_map(|row| match row {
        OutRow::Decision(row) => Some(&**row),
        _ => None,
    })
}

/// A task's life.
type Life = (String, Micros);

fn life(row: &DecisionRow) -> Life {
    (row.task.name().to_string(), row.closed_at)
}

/// How tasks ended; how often they were revised on the way is left out.
fn ends(rows: &[OutRow]) -> BTreeMap<Life, DecisionRow> {
    let finals = decisions(rows).filter(|row| row.is_final);
    finals
        .map(|row| {
            (life(row), DecisionRow { revision: 0, reason: RevisionReason::Final, ..row.clone() })
        })
        .collect()
}

/// A vote, whichever of several equal ones it is: its task, agent and event time.
type Cast = (String, String, Micros);

/// What each vote came to in the end.
fn last_votes(rows: &[OutRow]) -> BTreeMap<Cast, (i64, VoteStatus, bool)> {
    let votes = rows.iter().filter_map(|row| match row {
        OutRow::Votes(votes) => Some(votes.as_slice()),
        _ => None,
    });
    let said = |row: &VoteRow| {
        let (task, agent) = (row.vote.body.task.name().to_string(), row.agent().name().to_string());
        ((task, agent, row.vote.event_time), (row.weight_micros, row.status, row.agrees))
    };
    votes.flatten().map(said).collect()
}

/// How long orders and registrations are kept depends on how far epochs go.
fn of_tasks_and_standings(retained: &[RetainedRow]) -> Vec<&RetainedRow> {
    let kept = |row: &&RetainedRow| {
        row.task().is_some() || matches!(row, RetainedRow::Standing(_) | RetainedRow::Domain(_))
    };
    retained.iter().filter(kept).collect()
}

/// Under both, tasks close at the same times and show the same of their agents.
fn two_policies(policy: Policy, quorum: Ratio, min_votes: u32) -> (Policy, Policy) {
    let policy = Policy { close: Close { quorum: false, ..policy.close }, ..policy };
    (policy, Policy { quorum, min_votes, ..policy })
}

proptest! {
    #![proptest_config(cases(4))]

    #[test]
    fn what_is_final_stays_and_the_rest_ends_by_the_new_policy(
        scenario in any_scenario(),
        layout in any_layout(),
        course in any_course(),
        after in 0..30u64,
        (numerator, denominator) in prop_oneof![Just((1, 4)), Just((2, 3)), Just((9, 10))],
        min_votes in 1..4u32,
    ) {
        let quorum = Ratio::new(numerator, denominator).expect("a ratio");
        let (old, new) = two_policies(scenario.policy, quorum, min_votes);
        let partitions = layout.partitions(&scenario.rows);
        let whole = |policy| run(policy, &partitions, layout.lateness, &Course::plain());
        let (by_old, by_new) = (whole(old), whole(new));
        let upgraded = run_and_upgrade(old, (after, new), &partitions, layout.lateness, &course);
        let Some((before, rest)) = upgraded else { return Ok(()) };

        let (old_ends, new_ends) = (ends(&by_old.rows), ends(&by_new.rows));
        let (first, then) = (ends(&before), ends(&rest.rows));
        prop_assert_eq!(first.len() + then.len(), old_ends.len());
        for (life, end) in &first {
            prop_assert_eq!(end, &old_ends[life]);
        }
        for (life, end) in &then {
            prop_assert_eq!(end, &new_ends[life]);
        }
        let mut next: BTreeMap<Life, i64> = BTreeMap::new();
        for row in decisions(&before).chain(decisions(&rest.rows)) {
            let expected = next.entry(life(row)).or_default();
            prop_assert_eq!(i64::from(row.revision), *expected, "of {:?}", life(row));
            *expected += 1;
        }
        prop_assert!(decisions(&before).all(|row| row.reason != RevisionReason::Upgrade));
        let mut votes = last_votes(&before);
        votes.extend(last_votes(&rest.rows));
        prop_assert_eq!(votes, last_votes(&by_new.rows));
        prop_assert_eq!(of_tasks_and_standings(&rest.retained), of_tasks_and_standings(&by_new.retained));
    }
}
