//! Decisions, weights and revisions, from tasks, agents, votes, gold and orders.

use quorate_operators::ballot::Fact;
use quorate_operators::clock::Report;
use quorate_operators::decide::{self, Hooks, Setup, ToOutlet, decide};
use quorate_operators::rows::Feed;
use quorate_schemas::clock::Clock;
use quorate_schemas::record::{Agent, Control, ControlAction, Placed, Record};
use quorate_schemas::retained::RetainedRow;

/// Decides; also gives the clock, one copy for every worker.
pub fn consensus<'s>(
    records: Feed<'s, Placed<Record>>,
    reports: Feed<'s, Report>,
    restored: Feed<'s, RetainedRow>,
    setup: Setup,
    hooks: Hooks,
) -> (Feed<'s, ToOutlet>, Feed<'s, Clock>) {
    let facts = records.clone().filter_map(fact);
    let agents = records.clone().filter_map(registration);
    let orders = records.filter_map(order);
    decide(decide::Inputs { facts, agents, orders, reports, restored }, setup, hooks)
}

fn with<T, U>(row: Placed<T>, body: U) -> Placed<U> {
    Placed { event_time: row.event_time, event_id: row.event_id, place: row.place, body }
}

fn fact(row: Placed<Record>) -> Option<Fact> {
    match row.body.clone() {
        Record::Vote(vote) => Some(Fact::Vote(with(row, vote))),
        Record::Task(task) => Some(Fact::Task(with(row, task))),
        Record::Gold(gold) => Some(Fact::Gold(with(row, gold))),
        Record::Control(control) => match control.action {
            ControlAction::Override { .. } => Some(Fact::Override(with(row, control))),
            ControlAction::Quarantine { .. } | ControlAction::Release { .. } => None,
        },
        Record::Agent(_) | Record::Tick(_) => None,
    }
}

fn registration(row: Placed<Record>) -> Option<Placed<Agent>> {
    match row.body.clone() {
        Record::Agent(agent) => Some(with(row, agent)),
        _ => None,
    }
}

fn order(row: Placed<Record>) -> Option<Placed<Control>> {
    match row.body.clone() {
        Record::Control(control) if !matches!(control.action, ControlAction::Override { .. }) => {
            Some(with(row, control))
        }
        _ => None,
    }
}
