//! Retained rows as files.
//!
//! | column | type | |
//! |---|---|---|
//! | `kind` | text | the row's variant, or `bury` |
//! | `group` | text? | the group that dies together |
//! | `row` | binary? | the row in postcard; null for a burial |
//! | `diff` | int | how many more of the row; 0 for a burial |
//!
//! Order means something here: a burial ends what stands before it. `kind` and `group` repeat what is inside `row`,
//! for people who look into a file and as a check on reading.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BinaryArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use bytes::Bytes;
use parquet::schema::types::ColumnPath;
use quorate_schemas::id::Name;
use quorate_schemas::log::Digest;
use quorate_schemas::retained::{Retain, RetainedRow};

use super::checked::Checked;
use super::provenance::{Provenance, check_format};
use super::read::{damaged, open};
use super::write::{CHUNK_ROWS, properties, write_one};
use crate::error::Result;

const HOLDS: &str = "retained rows";
const BURY: &str = "bury";

/// A retained file, ready to be stored.
#[derive(Clone, Debug)]
pub struct RetainedBytes {
    /// The file.
    pub bytes: Bytes,
    /// The digest of the bytes.
    pub sha256: Digest,
    /// Its entries, burials among them.
    pub rows: u64,
    /// How many of them are burials.
    pub burials: u64,
}

/// Writes `entries` into one file, in their order.
///
/// # Errors
/// If they are too much for one file.
pub fn write_retained(entries: &[Retain], provenance: &Provenance) -> Result<RetainedBytes> {
    let failed = |error: &dyn std::fmt::Display| damaged("a retained file", error);
    let mut encoded = Vec::with_capacity(entries.len());
    for entry in entries {
        encoded.push(match entry {
            Retain::Row(row, _) => Some(postcard::to_stdvec(row).map_err(|error| failed(&error))?),
            Retain::Bury(_) => None,
        });
    }
    let kinds = entries.iter().map(|entry| match entry {
        Retain::Row(row, _) => kind(row),
        Retain::Bury(_) => BURY,
    });
    let groups = entries.iter().map(|entry| match entry {
        Retain::Row(row, _) => row.group().map(Name::as_str),
        Retain::Bury(group) => Some(group.as_str()),
    });
    let diffs = entries.iter().map(|entry| match entry {
        Retain::Row(_, diff) => *diff,
        Retain::Bury(_) => 0,
    });
    let columns: [(&str, ArrayRef, bool); 4] = [
        ("kind", Arc::new(StringArray::from_iter_values(kinds)), false),
        ("group", Arc::new(StringArray::from_iter(groups)), true),
        ("row", Arc::new(BinaryArray::from_iter(encoded.iter().map(Option::as_deref))), true),
        ("diff", Arc::new(Int64Array::from_iter_values(diffs)), false),
    ];
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns).map_err(|error| failed(&error))?;
    let properties = properties(provenance.key_values(HOLDS))
        .set_column_dictionary_enabled(ColumnPath::from("kind"), true)
        .set_column_dictionary_enabled(ColumnPath::from("diff"), true);
    let bytes = Bytes::from(write_one(&batch, properties.build()).map_err(|error| failed(&error))?);
    let burials = encoded.iter().filter(|row| row.is_none()).count() as u64;
    Ok(RetainedBytes { sha256: Digest::of(&bytes), bytes, rows: entries.len() as u64, burials })
}

/// The entries of a file, in their order.
///
/// # Errors
/// If it is no retained file of this program, or of a newer format.
pub fn read_retained(checked: Checked) -> Result<Vec<Retain>> {
    let (file, builder) = open(checked)?;
    let file = file.as_str();
    let metadata = builder.metadata().file_metadata();
    let holds = check_format(file, metadata)?;
    if holds != HOLDS {
        return Err(damaged(file, format!("it holds {holds:?}, not {HOLDS}")));
    }
    let rows = builder.with_batch_size(CHUNK_ROWS).build().map_err(|error| damaged(file, error))?;
    let mut entries = Vec::new();
    for batch in rows {
        let batch = batch
            .map_err(|error| damaged(file, format!("after row {}: {error}", entries.len())))?;
        let columns = Columns::of(&batch)
            .ok_or_else(|| damaged(file, "its columns are not those of retained rows"))?;
        for at in 0..batch.num_rows() {
            let entry = columns.entry(at);
            entries.push(
                entry
                    .map_err(|reason| damaged(file, format!("row {}: {reason}", entries.len())))?,
            );
        }
    }
    Ok(entries)
}

struct Columns<'a> {
    kind: &'a StringArray,
    group: &'a StringArray,
    row: &'a BinaryArray,
    diff: &'a Int64Array,
}

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch) -> Option<Columns<'a>> {
        Some(Columns {
            kind: batch.column_by_name("kind")?.as_string_opt()?,
            group: batch.column_by_name("group")?.as_string_opt()?,
            row: batch.column_by_name("row")?.as_binary_opt()?,
            diff: batch.column_by_name("diff")?.as_primitive_opt::<Int64Type>()?,
        })
    }

    fn entry(&self, at: usize) -> Result<Retain, String> {
        use arrow::array::Array;
        let written_kind = self.kind.value(at);
        let written_group = self.group.is_valid(at).then(|| self.group.value(at));
        if !self.row.is_valid(at) {
            let group = written_group.filter(|_| written_kind == BURY);
            return Ok(Retain::Bury(
                group.ok_or(format!("{written_kind:?} without a row"))?.into(),
            ));
        }
        let row: RetainedRow = postcard::from_bytes(self.row.value(at))
            .map_err(|error| format!("a {written_kind} that is none: {error}"))?;
        let (kind, group) = (kind(&row), row.group().map(Name::as_str));
        if (written_kind, written_group) != (kind, group) {
            let reason = format!(
                "written as {written_kind} of {written_group:?}, but is {kind} of {group:?}"
            );
            return Err(reason);
        }
        Ok(Retain::Row(row, self.diff.value(at)))
    }
}

fn kind(row: &RetainedRow) -> &'static str {
    match row {
        RetainedRow::Clock(_) => "clock",
        RetainedRow::Task(_) => "task",
        RetainedRow::Vote(_) => "vote",
        RetainedRow::Gold(_) => "gold",
        RetainedRow::Override(_) => "override",
        RetainedRow::Closed(_) => "closed",
        RetainedRow::Tombstone { .. } => "tombstone",
        RetainedRow::Agent(_) => "agent",
        RetainedRow::Control(_) => "control",
        RetainedRow::Standing { .. } => "standing",
        RetainedRow::Domain { .. } => "domain",
        RetainedRow::Fresh { .. } => "fresh",
        RetainedRow::Weight { .. } => "weight",
        RetainedRow::Duplicate { .. } => "duplicate",
        RetainedRow::Tick(_) => "tick",
    }
}
