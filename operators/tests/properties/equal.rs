//! The tables are what the oracle says they are.

use proptest::prelude::*;

use super::cases;
use crate::harness::{Course, on_time, run};
use crate::oracle::oracle;
use crate::scenario::{
    Layout, Row, Scenario, any_course, any_layout, any_scenario, scenario_held_open,
    scenario_of_one_task,
};
use crate::view::View;

/// Rows of `scenario`, read in any way, give what the oracle says.
fn check(scenario: &Scenario, layout: &Layout, course: &Course) -> Result<(), TestCaseError> {
    let outcome = run(scenario.policy, &layout.partitions(&scenario.rows), layout.lateness, course);
    prop_assert_eq!(View::of_all(&outcome.rows), oracle(scenario.policy, &scenario.rows));
    Ok(())
}

proptest! {
    #![proptest_config(cases(8))]

    #[test]
    fn every_table_is_what_the_oracle_says(
        scenario in any_scenario(), layout in any_layout(), course in any_course(),
    ) {
        check(&scenario, &layout, &course)?;
    }

    #[test]
    fn every_table_is_what_the_oracle_says_where_tasks_are_held_open(
        scenario in scenario_held_open(), layout in any_layout(), course in any_course(),
    ) {
        check(&scenario, &layout, &course)?;
    }

    #[test]
    fn every_table_is_what_the_oracle_says_where_a_task_closes_by_its_votes(
        scenario in scenario_of_one_task(), layout in any_layout(), course in any_course(),
    ) {
        check(&scenario, &layout, &course)?;
    }

    #[test]
    fn late_rows_change_nothing_but_their_own_count(
        scenario in any_scenario(), course in any_course(), lateness in 0..40i64,
    ) {
        // In the order in which they were drawn most rows are late.
        let accepted: Vec<Row> = on_time(&scenario.rows, lateness);
        let outcome = run(scenario.policy, &[scenario.rows], lateness, &course);
        prop_assert_eq!(View::of_all(&outcome.rows), oracle(scenario.policy, &accepted));
    }
}
