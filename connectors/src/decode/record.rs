//! From a row's fields to a record, one file per kind.

mod agent;
mod control;
mod gold;
mod task;
mod tick;
mod vote;

use quorate_schemas::id::{Id, IdKey};
use quorate_schemas::record::{Record, RecordKind};

use super::field::Field;
use super::refusal::Refusal;
use super::row::Row;

/// The record of `kind` that `row` holds.
pub(crate) fn read(kind: RecordKind, row: &Row<'_>, key: &IdKey) -> Result<Record, Refusal> {
    Ok(match kind {
        RecordKind::Task => Record::Task(Box::new(task::read(row, key)?)),
        RecordKind::Agent => Record::Agent(Box::new(agent::read(row, key)?)),
        RecordKind::Vote => Record::Vote(vote::read(row, key)?),
        RecordKind::Gold => Record::Gold(gold::read(row, key)?),
        RecordKind::Control => Record::Control(Box::new(control::read(row, key)?)),
        RecordKind::Tick => Record::Tick(Box::new(tick::read(row, key)?)),
    })
}

/// The agent of a row: its id and, where it has one, its version.
fn agent_of(row: &Row<'_>, key: &IdKey) -> Result<Id, Refusal> {
    let agent = row.id(Field::AgentId)?;
    Ok(match row.optional_id(Field::Version)? {
        None => key.id_of(agent),
        Some(version) => key.agent(&agent, Some(&version)),
    })
}

/// The task of a row.
fn task_of(row: &Row<'_>, key: &IdKey) -> Result<Id, Refusal> {
    Ok(key.id_of(row.id(Field::TaskId)?))
}
