//! A row as a gold record.

use quorate_schemas::id::IdKey;
use quorate_schemas::record::Gold;

use super::task_of;
use crate::decode::field::Field;
use crate::decode::refusal::Refusal;
use crate::decode::row::Row;

pub(super) fn read(row: &Row<'_>, key: &IdKey) -> Result<Gold, Refusal> {
    Ok(Gold { task: task_of(row, key)?, answer: row.label(Field::Answer)? })
}
