//! A row as a tick record.

use quorate_schemas::id::IdKey;
use quorate_schemas::record::Tick;

use super::agent_of;
use crate::decode::field::Field;
use crate::decode::refusal::Refusal;
use crate::decode::row::{Row, missing};

pub(super) fn read(row: &Row<'_>, key: &IdKey) -> Result<Tick, Refusal> {
    Ok(Tick {
        agent: agent_of(row, key)?,
        run_id: row.optional_id(Field::RunId)?.unwrap_or_default(),
        tick: row.integer(Field::Tick)?.ok_or_else(|| missing(Field::Tick))?,
        zone: row.optional_label(Field::Zone)?,
        decision: row.label(Field::Decision)?,
        status: row.optional_label(Field::Status)?.unwrap_or_default(),
        duration_ms: row.integer(Field::DurationMs)?.unwrap_or_default(),
        tokens: row.integer(Field::Tokens)?.unwrap_or_default(),
    })
}
