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

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, Int64Array, RecordBatch, StringArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::Int64Type;
use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::file::properties::EnabledStatistics;
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
/// The kind of a burial.
pub(super) const BURY: &str = "bury";

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
    let too_much = |error: &dyn std::fmt::Display| damaged("a retained file", error);
    // One row behind the other: there are many, and small ones.
    let (mut rows, mut ends) = (Vec::new(), Vec::with_capacity(entries.len() + 1));
    ends.push(0);
    for entry in entries {
        if let Retain::Row(row, _) = entry {
            rows = postcard::to_extend(row, rows).map_err(|error| too_much(&error))?;
        }
        ends.push(i32::try_from(rows.len()).map_err(|error| too_much(&error))?);
    }
    let is_row = |entry: &Retain| matches!(entry, Retain::Row(..));
    let rows = BinaryArray::try_new(
        OffsetBuffer::new(ends.into()),
        rows.into(),
        Some(entries.iter().map(is_row).collect::<Vec<bool>>().into()),
    );
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
    write_columns(
        StringArray::from_iter_values(kinds),
        StringArray::from_iter(groups),
        rows.map_err(|error| too_much(&error))?,
        Int64Array::from_iter_values(diffs),
        provenance,
    )
}

/// Writes columns of as many entries.
pub(super) fn write_columns(
    kinds: StringArray,
    groups: StringArray,
    rows: BinaryArray,
    diffs: Int64Array,
    provenance: &Provenance,
) -> Result<RetainedBytes> {
    let (entries, burials) = (rows.len() as u64, rows.null_count() as u64);
    let columns: [(&str, ArrayRef, bool); 4] = [
        ("kind", Arc::new(kinds), false),
        ("group", Arc::new(groups), true),
        ("row", Arc::new(rows), true),
        ("diff", Arc::new(diffs), false),
    ];
    let failed = |error: &dyn std::fmt::Display| damaged("a retained file", error);
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns).map_err(|error| failed(&error))?;
    let properties = properties(provenance.key_values(HOLDS))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_column_dictionary_enabled(ColumnPath::from("kind"), true)
        .set_column_encoding(ColumnPath::from("group"), Encoding::DELTA_BYTE_ARRAY)
        .set_column_encoding(ColumnPath::from("diff"), Encoding::DELTA_BINARY_PACKED);
    let bytes = Bytes::from(write_one(&batch, properties.build()).map_err(|error| failed(&error))?);
    Ok(RetainedBytes { sha256: Digest::of(&bytes), bytes, rows: entries, burials })
}

/// The entries of a file, in their order.
///
/// # Errors
/// If it is no retained file of this program, or of a newer format.
pub fn read_retained(checked: Checked) -> Result<Vec<Retain>> {
    let mut entries = Vec::new();
    read_batches(checked, |file, batch| {
        let columns = Columns::of(file, &batch)?;
        for at in 0..batch.num_rows() {
            let entry = columns.entry(at);
            entries.push(
                entry
                    .map_err(|reason| damaged(file, format!("row {}: {reason}", entries.len())))?,
            );
        }
        Ok(())
    })?;
    Ok(entries)
}

/// Reads a file some thousand entries at a time.
pub(super) fn read_batches(
    checked: Checked,
    mut take: impl FnMut(&str, RecordBatch) -> Result<()>,
) -> Result<()> {
    let (file, builder) = open(checked)?;
    let file = file.as_str();
    let metadata = builder.metadata().file_metadata();
    let holds = check_format(file, metadata)?;
    if holds != HOLDS {
        return Err(damaged(file, format!("it holds {holds:?}, not {HOLDS}")));
    }
    let batches =
        builder.with_batch_size(CHUNK_ROWS).build().map_err(|error| damaged(file, error))?;
    let mut read = 0;
    for batch in batches {
        let batch = batch.map_err(|error| damaged(file, format!("after row {read}: {error}")))?;
        read += batch.num_rows();
        take(file, batch)?;
    }
    Ok(())
}

/// The columns of a batch of entries.
pub(super) struct Columns<'a> {
    pub(super) kind: &'a StringArray,
    pub(super) group: &'a StringArray,
    pub(super) row: &'a BinaryArray,
    pub(super) diff: &'a Int64Array,
}

impl<'a> Columns<'a> {
    /// The columns of `batch`, which is of `file`.
    pub(super) fn of(file: &str, batch: &'a RecordBatch) -> Result<Columns<'a>> {
        let columns = || {
            Some(Columns {
                kind: batch.column_by_name("kind")?.as_string_opt()?,
                group: batch.column_by_name("group")?.as_string_opt()?,
                row: batch.column_by_name("row")?.as_binary_opt()?,
                diff: batch.column_by_name("diff")?.as_primitive_opt::<Int64Type>()?,
            })
        };
        columns().ok_or_else(|| damaged(file, "its columns are not those of retained rows"))
    }

    fn entry(&self, at: usize) -> Result<Retain, String> {
        let written_kind = self.kind.value(at);
        let written_group = self.group.is_valid(at).then(|| self.group.value(at));
        if !self.row.is_valid(at) {
            let group = written_group.filter(|_| written_kind == BURY);
            return Ok(Retain::Bury(
                group.ok_or(format!("{written_kind:?} without a row"))?.into(),
            ));
        }
        let row = read_row(written_kind, written_group, self.row.value(at))?;
        Ok(Retain::Row(row, self.diff.value(at)))
    }
}

/// The row that `bytes` are, if it is what was written beside them.
pub(super) fn read_row(
    written_kind: &str,
    written_group: Option<&str>,
    bytes: &[u8],
) -> Result<RetainedRow, String> {
    let row: RetainedRow = postcard::from_bytes(bytes)
        .map_err(|error| format!("a {written_kind} that is none: {error}"))?;
    let (kind, group) = (kind(&row), row.group().map(Name::as_str));
    if (written_kind, written_group) != (kind, group) {
        let reason =
            format!("written as {written_kind} of {written_group:?}, but is {kind} of {group:?}");
        return Err(reason);
    }
    Ok(row)
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
        RetainedRow::Standing(_) => "standing",
        RetainedRow::Domain(_) => "domain",
        RetainedRow::Fresh(_) => "fresh",
        RetainedRow::Weight(_) => "weight",
        RetainedRow::Duplicate { .. } => "duplicate",
        RetainedRow::Tick(_) => "tick",
        RetainedRow::Exam(_) => "exam",
    }
}
