//! What a job decides depends on its rows and on nothing else.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use quorate_operators::policy::Policy;
use quorate_schemas::table::DecisionRow;

use super::cases;
use crate::harness::{Course, Outcome, run};
use crate::scenario::{Layout, Row, Scenario, any_course, any_layout, any_scenario, place};
use crate::view::View;

fn read(scenario: &Scenario, layout: &Layout, course: &Course) -> Outcome {
    run(scenario.policy, &layout.partitions(&scenario.rows), layout.lateness, course)
}

/// All rows as they are when equal rows count once: decisions without their number of duplicates, and each reject and
/// anomaly once.
fn without_duplicates(outcome: &Outcome) -> BTreeSet<View> {
    let views = outcome.rows.iter().flat_map(View::of).map(|view| match view {
        View::Decision(row) => View::Decision(DecisionRow { duplicates: 0, ..row }),
        view => view,
    });
    views.collect()
}

proptest! {
    #![proptest_config(cases(2))]

    #[test]
    fn cuts_workers_order_and_partitions_change_no_table(
        scenario in any_scenario(),
        layouts in (any_layout(), any_layout()),
        courses in (any_course(), any_course()),
    ) {
        let one = read(&scenario, &layouts.0, &courses.0);
        let other = read(&scenario, &layouts.1, &courses.1);
        prop_assert_eq!(View::of_all(&one.rows), View::of_all(&other.rows));
    }

    #[test]
    fn a_row_that_comes_again_counts_once(
        scenario in any_scenario(), again in vec(any::<Index>(), 1..9), layout in any_layout(), course in any_course(),
    ) {
        prop_assume!(!scenario.rows.is_empty());
        let once = read(&scenario, &layout, &course);
        let mut twice = scenario.clone();
        for (at, index) in again.iter().enumerate() {
            twice.rows.push(scenario.rows[index.index(scenario.rows.len())].moved_to(place(1_000 + at)));
        }
        prop_assert_eq!(without_duplicates(&once), without_duplicates(&read(&twice, &layout, &course)));
    }

    #[test]
    fn provisional_outcomes_change_no_table(
        scenario in any_scenario(), layout in any_layout(), course in any_course(),
    ) {
        let policy = Policy { updates: !scenario.policy.updates, ..scenario.policy };
        let other = Scenario { policy, rows: scenario.rows.clone() };
        let (one, other) = (read(&scenario, &layout, &course), read(&other, &layout, &course));
        prop_assert_eq!(View::of_all(&one.rows), View::of_all(&other.rows));
    }

    #[test]
    fn rows_that_are_read_at_once_are_decided_as_if_they_were_followed(
        scenario in any_scenario(), layout in any_layout(),
    ) {
        let followed = Course { cuts: vec![vec![1]], ..Course::plain() };
        let rows: (Vec<View>, Vec<View>) = (
            View::of_all(&read(&scenario, &layout, &Course::plain()).rows),
            View::of_all(&read(&scenario, &layout, &followed).rows),
        );
        prop_assert_eq!(rows.0, rows.1);
    }
}

impl Row {
    /// The same row, read elsewhere.
    fn moved_to(&self, place: quorate_schemas::place::Place) -> Row {
        use quorate_operators::ballot::Fact;
        let mut row = self.clone();
        match &mut row {
            Row::Fact(Fact::Task(row)) => row.place = place,
            Row::Fact(Fact::Vote(row)) => row.place = place,
            Row::Fact(Fact::Gold(row)) => row.place = place,
            Row::Fact(Fact::Override(row)) => row.place = place,
            Row::Agent(row) => row.place = place,
            Row::Order(row) => row.place = place,
        }
        row
    }
}
