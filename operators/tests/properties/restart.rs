//! A job that starts again, anywhere and with another number of workers, goes on as if nothing had happened.

use proptest::prelude::*;

use super::cases;
use crate::harness::{Course, run};
use crate::oracle::oracle;
use crate::scenario::{
    Layout, Scenario, any_course, any_layout, any_scenario, scenario_held_open,
    scenario_of_many_records,
};
use crate::view::View;

/// The rows of all incarnations together are those of one that lives to the end, and what is retained is the same.
/// (That every restored decision follows from the retained rows is asserted by the harness at each restart.)
fn check(scenario: &Scenario, layout: &Layout, course: &Course) -> Result<(), TestCaseError> {
    let partitions = layout.partitions(&scenario.rows);
    let restarted = run(scenario.policy, &partitions, layout.lateness, course);
    prop_assert_eq!(View::of_all(&restarted.rows), oracle(scenario.policy, &scenario.rows));
    Ok(())
}

/// After some epochs, with other numbers of workers.
fn some_restarts() -> impl Strategy<Value = Vec<(u64, usize)>> {
    proptest::collection::vec((0..30u64, 1..5usize), 1..5)
}

proptest! {
    #![proptest_config(cases(4))]

    #[test]
    fn a_restart_changes_no_table(
        scenario in any_scenario(), layout in any_layout(), course in any_course(), restarts in some_restarts(),
    ) {
        check(&scenario, &layout, &Course { restarts, ..course })?;
    }

    #[test]
    fn a_restart_changes_no_table_where_tasks_are_held_open(
        scenario in scenario_held_open(), layout in any_layout(), course in any_course(), restarts in some_restarts(),
    ) {
        check(&scenario, &layout, &Course { restarts, ..course })?;
    }

    #[test]
    fn a_restart_changes_no_table_where_a_task_gets_more_records_than_count(
        scenario in scenario_of_many_records(), layout in any_layout(), course in any_course(), restarts in some_restarts(),
    ) {
        check(&scenario, &layout, &Course { restarts, ..course })?;
    }

    #[test]
    fn restarts_after_every_other_epoch_change_no_table(
        scenario in any_scenario(), layout in any_layout(), course in any_course(), first in 0..2u64, workers in 1..4usize,
    ) {
        // An incarnation needs an epoch to hear of its booths' horizons before its clock moves.
        let restarts = (0..2_000).map(|n| (first + 2 * n, workers + n as usize % 2)).collect();
        check(&scenario, &layout, &Course { restarts, ..course })?;
    }
}
