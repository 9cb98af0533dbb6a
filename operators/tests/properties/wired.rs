//! The dataflow on worker threads gives what its cores give, and what the oracle says.

use proptest::prelude::*;

use super::cases;
use crate::harness::{Course, flow};
use crate::oracle::oracle;
use crate::scenario::{Layout, Scenario, any_course, any_layout, any_scenario, scenario_held_open};
use crate::view::View;

fn check(scenario: &Scenario, layout: &Layout, course: &Course) -> Result<(), TestCaseError> {
    let partitions = layout.partitions(&scenario.rows);
    let outcome = flow(scenario.policy, &partitions, layout.lateness, course);
    prop_assert_eq!(View::of_all(&outcome.rows), oracle(scenario.policy, &scenario.rows));
    Ok(())
}

proptest! {
    #![proptest_config(cases(1))]

    #[test]
    fn the_dataflow_gives_what_the_oracle_says(
        scenario in any_scenario(), layout in any_layout(), course in any_course(),
    ) {
        check(&scenario, &layout, &course)?;
    }

    #[test]
    fn the_dataflow_gives_what_the_oracle_says_where_tasks_are_held_open(
        scenario in scenario_held_open(), layout in any_layout(), course in any_course(),
    ) {
        check(&scenario, &layout, &course)?;
    }

    #[test]
    fn a_dataflow_that_starts_again_gives_what_the_oracle_says(
        scenario in any_scenario(), layout in any_layout(), course in any_course(),
        restarts in proptest::collection::vec((0..30u64, 1..4usize), 1..4),
    ) {
        check(&scenario, &layout, &Course { restarts, ..course })?;
    }
}
