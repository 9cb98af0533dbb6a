//! Small adversarial inputs: so few tasks, agents, labels and times that everything collides.

mod policies;
mod raw;

use proptest::collection::vec;
use proptest::prelude::*;
use quorate_operators::ballot::Fact;
use quorate_operators::policy::Policy;
use quorate_schemas::place::{Origin, Place};
use quorate_schemas::record::{Agent, Control, Placed};
use quorate_schemas::time::Micros;

use crate::harness::Course;
use policies::{any_policy, policy_held_open, policy_of_rules};
use raw::{Raw, any_rows, many_records};

/// An input row.
#[derive(Clone, Debug)]
pub(crate) enum Row {
    Fact(Fact),
    Agent(Placed<Agent>),
    Order(Placed<Control>),
}

impl Row {
    pub(crate) fn event_time(&self) -> Micros {
        match self {
            Row::Fact(fact) => fact.event_time(),
            Row::Agent(row) => row.event_time,
            Row::Order(row) => row.event_time,
        }
    }
}

/// The place of the row that was generated as number `position`.
pub(crate) fn place(position: usize) -> Place {
    let origin = Origin { source: "rows".into(), partition: "p".into() }.shared();
    Place { origin, position: position as u64 }
}

/// A job and all of its rows.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) policy: Policy,
    pub(crate) rows: Vec<Row>,
}

/// Any policy, any rows.
pub(crate) fn any_scenario() -> impl Strategy<Value = Scenario> {
    (any_policy(), any_rows()).prop_map(scenario)
}

/// Only jobs that hold tasks open to the end of the input, so that gold closes first.
pub(crate) fn scenario_held_open() -> impl Strategy<Value = Scenario> {
    (policy_held_open(), any_rows()).prop_map(scenario)
}

/// Only jobs that close a task by its votes, and one task that few agents vote on again and again.
pub(crate) fn scenario_of_one_task() -> impl Strategy<Value = Scenario> {
    let one_task = |mut rows: Vec<Raw>| {
        rows.iter_mut().for_each(|row| (row.task, row.agent) = (0, row.agent % 4));
        rows
    };
    (policy_of_rules(), any_rows().prop_map(one_task)).prop_map(scenario)
}

/// One task of which far more is declared, known and ordered than counts.
pub(crate) fn scenario_of_many_records() -> impl Strategy<Value = Scenario> {
    (any_policy(), many_records()).prop_map(scenario)
}

/// A job under `policy` with the rows that `raw` stands for.
fn scenario((policy, raw): (Policy, Vec<Raw>)) -> Scenario {
    let rows = raw.iter().enumerate().map(|(at, raw)| raw.row(place(at)));
    // A job without a source of agents reads no registrations.
    let rows = rows.filter(|row| policy.registered || !matches!(row, Row::Agent(_))).collect();
    Scenario { policy, rows }
}

/// A way to lay rows out over partitions so that none is late.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) lateness: Micros,
    /// For each row, over and over: its partition, and by how much it is out of order.
    seats: Vec<(usize, Micros)>,
    partitions: usize,
}

impl Layout {
    pub(crate) fn partitions(&self, rows: &[Row]) -> Vec<Vec<Row>> {
        let mut seated: Vec<(Micros, usize, &Row)> = Vec::new();
        for (row, (partition, delay)) in rows.iter().zip(self.seats.iter().cycle()) {
            seated.push((row.event_time() + delay.min(&self.lateness), *partition, row));
        }
        seated.sort_by_key(|(at, ..)| *at);
        let mut partitions = vec![Vec::new(); self.partitions];
        for (_, partition, row) in seated {
            partitions[partition % self.partitions].push(row.clone());
        }
        partitions
    }
}

/// Any layout without late rows.
pub(crate) fn any_layout() -> impl Strategy<Value = Layout> {
    let seats = vec((0..3usize, 0..12 as Micros), 1..20);
    (prop_oneof![Just(0), 1..12 as Micros], seats, 1..4usize)
        .prop_map(|(lateness, seats, partitions)| Layout { lateness, seats, partitions })
}

/// Any course without a restart.
pub(crate) fn any_course() -> impl Strategy<Value = Course> {
    let cut = vec(prop_oneof![3 => 0..3usize, 1 => 3..20usize], 3);
    let cuts = vec(cut, 1..5).prop_filter("no cut reads", |cuts| {
        (0..3).all(|partition| cuts.iter().any(|cut| cut[partition] > 0))
    });
    let workers = prop_oneof![Just(1), Just(2), Just(4)];
    (cuts, workers).prop_map(|(cuts, workers)| Course { cuts, workers, restarts: Vec::new() })
}
