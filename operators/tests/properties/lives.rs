//! A task closes, is revised, becomes final and dies, in this order and once; and every row in it is accounted for.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use quorate_operators::ballot::Fact;
use quorate_schemas::record::RecordKind;
use quorate_schemas::retained::{RetainedRow, Shown};
use quorate_schemas::table::{DecisionRow, OutRow};
use quorate_schemas::time::Micros;

use super::cases;
use crate::harness::{Outcome, run};
use crate::scenario::{Row, Scenario, any_course, any_layout, any_scenario};

/// The revisions of each task in the order in which they were written. A name can be used again, but never closes
/// twice at one time.
fn revisions(outcome: &Outcome) -> BTreeMap<(String, Micros), Vec<&DecisionRow>> {
    let mut tasks: BTreeMap<(String, Micros), Vec<&DecisionRow>> = BTreeMap::new();
    for row in &outcome.rows {
        if let OutRow::Decision(row) = row {
            tasks.entry((row.task.name().to_string(), row.closed_at)).or_default().push(row);
        }
    }
    tasks
}

proptest! {
    #![proptest_config(cases(2))]

    #[test]
    fn a_task_is_final_once_and_never_revised_after_that(
        scenario in any_scenario(), layout in any_layout(), course in any_course(),
    ) {
        let Scenario { policy, rows } = scenario;
        let outcome = run(policy, &layout.partitions(&rows), layout.lateness, &course);
        for (task, rows) in revisions(&outcome) {
            let numbers: Vec<u32> = rows.iter().map(|row| row.revision).collect();
            prop_assert_eq!(numbers, (0..rows.len() as u32).collect::<Vec<_>>(), "{:?}", &task);
            prop_assert!(rows.is_sorted_by_key(|row| row.event_time), "{task:?}");
            let last = rows.len() - 1;
            prop_assert!(rows.iter().enumerate().all(|(at, row)| row.is_final == (at == last)), "{task:?}");
            prop_assert_eq!(rows[last].event_time, task.1 + policy.finality_after);
            let same = |row: &&DecisionRow| (row.opened_at, row.era, row.close_rule) == (rows[0].opened_at, rows[0].era, rows[0].close_rule);
            prop_assert!(rows.iter().all(same), "a close is fixed: {task:?}");
        }
    }

    #[test]
    fn every_vote_is_counted_superseded_a_duplicate_or_a_reject(
        scenario in any_scenario(), layout in any_layout(), course in any_course(),
    ) {
        let outcome = run(scenario.policy, &layout.partitions(&scenario.rows), layout.lateness, &course);
        let mut places = BTreeSet::new();
        let (mut told, mut folded) = (0, 0);
        for row in &outcome.rows {
            match row {
                OutRow::Votes(rows) => {
                    for row in rows.iter().filter(|row| row.revision == 0) {
                        let position = row.vote.place.position;
                        prop_assert!(places.insert(position), "one vote, two rows: {row:?}");
                        told += 1;
                    }
                }
                OutRow::Reject(row) if row.record == RecordKind::Vote => {
                    prop_assert!(places.insert(row.place.position), "one vote, two rows: {row:?}");
                    told += 1;
                }
                OutRow::Decision(row) if row.revision == 0 => {
                    folded += row.superseded + row.duplicates;
                    let votes = outcome.rows.iter().filter_map(|row| match row {
                        OutRow::Votes(votes) => Some(votes.as_slice()),
                        _ => None,
                    });
                    let stood = votes.flatten().filter(|vote| vote.revision == 0 && vote.vote.body.task == row.task
                        && (row.opened_at..=row.closed_at).contains(&vote.vote.event_time)).count();
                    prop_assert_eq!(stood as u32, row.votes + row.abstentions + row.excluded);
                }
                _ => {}
            }
        }
        let votes = scenario.rows.iter().filter(|row| matches!(row, Row::Fact(Fact::Vote(_)))).count();
        prop_assert_eq!(votes, told + folded as usize);
    }

    #[test]
    fn nothing_of_any_task_is_retained_in_the_end(
        scenario in any_scenario(), layout in any_layout(), course in any_course(),
    ) {
        let Scenario { policy, rows } = scenario;
        let outcome = run(policy, &layout.partitions(&rows), layout.lateness, &course);
        let greatest = rows.iter().map(Row::event_time).max().unwrap_or(Micros::MIN);
        for row in &outcome.retained {
            // But for names that a reopened job must not take for new ones.
            if matches!(row, RetainedRow::Tombstone { forget_at, .. } if *forget_at > greatest) {
                continue;
            }
            prop_assert!(row.group().is_none(), "a task's row outlives it: {row:?}");
            // Evidence of the last eras is weighed in full once a reopened job goes on.
            let is_over = |shown: &Shown| shown.era < policy.eras.era_of(greatest);
            prop_assert!(!matches!(row, RetainedRow::Fresh(shown) if is_over(shown)), "evidence that is never weighed: {row:?}");
        }
    }
}
