//! Adding up retained files, by the bytes of their rows.
//!
//! Equal rows have equal bytes, so nothing is decoded, and what is dead is only passed over: of most rows a later file has
//! the burial.

use std::collections::{BTreeSet, HashMap};

use arrow::array::{Array, BinaryArray, BooleanArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::filter_record_batch;
use quorate_schemas::retained::RetainedRow;

use super::checked::Checked;
use super::provenance::Provenance;
use super::read::damaged;
use super::retained::{BURY, Columns, RetainedBytes, read_batches, read_row, write_columns};
use crate::error::Result;

/// What becomes of burials when files are added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Burials {
    /// There are older files, which they must still reach.
    Kept,
    /// They have done their work.
    LeftOut,
}

/// What files hold together as one file, oldest first: a burial ends what stands before it, equal rows are added up, and
/// those that cancel are left out. `None` if nothing is left.
///
/// *Cost*: the files' entries are held as they are written, decompressed.
///
/// # Errors
/// If a file cannot be read, or what is left is too much for one.
pub fn add_retained(
    files: Vec<Checked>,
    burials: Burials,
    provenance: &Provenance,
) -> Result<Option<RetainedBytes>> {
    let batches = batches_of(files, None)?;
    let (buried, rows) = alive(&columns_of(&batches)?);
    let buried: Vec<&str> = match burials {
        Burials::Kept => buried.into_iter().collect(),
        Burials::LeftOut => Vec::new(),
    };
    if buried.is_empty() && rows.is_empty() {
        return Ok(None);
    }
    let no_kind = buried.iter().map(|_| BURY);
    let no_row = buried.iter().map(|_| None);
    let groups = buried.iter().copied().map(Some);
    let written = write_columns(
        StringArray::from_iter_values(no_kind.chain(rows.iter().map(|row| row.kind))),
        StringArray::from_iter(groups.chain(rows.iter().map(|row| row.group))),
        BinaryArray::from_iter(no_row.chain(rows.iter().map(|row| Some(row.bytes)))),
        Int64Array::from_iter_values(
            buried.iter().map(|_| 0).chain(rows.iter().map(|row| row.diff)),
        ),
        provenance,
    );
    written.map(Some)
}

/// Whether a row is wanted, by what it goes by: the name of its group, or its own bytes where it has none. What dies
/// together, or cancels, is wanted together.
pub type Wanted<'a> = &'a dyn Fn(&[u8]) -> bool;

/// The rows that files hold together, oldest first, and how often each; only what is `wanted`, if that is said.
///
/// *Cost*: all is decompressed, some thousand entries at a time; only what is wanted is held, added up and decoded.
///
/// # Errors
/// If a file cannot be read.
pub fn read_added(
    files: Vec<Checked>,
    wanted: Option<Wanted<'_>>,
) -> Result<Vec<(RetainedRow, i64)>> {
    let batches = batches_of(files, wanted)?;
    let (_, rows) = alive(&columns_of(&batches)?);
    let read = |row: Written<'_>| {
        let read = read_row(row.kind, row.group, row.bytes);
        read.map(|read| (read, row.diff)).map_err(|reason| damaged("a retained file", reason))
    };
    rows.into_iter().map(read).collect()
}

fn batches_of(files: Vec<Checked>, wanted: Option<Wanted<'_>>) -> Result<Vec<RecordBatch>> {
    let mut batches = Vec::new();
    for file in files {
        read_batches(file, |file, batch| {
            let columns = Columns::of(file, &batch)?;
            batches.push(match wanted {
                None => batch,
                Some(wanted) => filter_record_batch(&batch, &mask(&columns, wanted))
                    .map_err(|error| damaged(file, error))?,
            });
            Ok(())
        })?;
    }
    Ok(batches)
}

fn mask(columns: &Columns<'_>, wanted: Wanted<'_>) -> BooleanArray {
    let Columns { group, row, .. } = columns;
    let goes_by = |at: usize| match group.is_valid(at) {
        true => group.value(at).as_bytes(),
        false => row.value(at),
    };
    BooleanArray::from_iter((0..row.len()).map(|at| Some(wanted(goes_by(at)))))
}

fn columns_of(batches: &[RecordBatch]) -> Result<Vec<Columns<'_>>> {
    batches.iter().map(|batch| Columns::of("a retained file", batch)).collect()
}

/// A row as it is written.
struct Written<'a> {
    /// None comes after all groups.
    group: Option<&'a str>,
    bytes: &'a [u8],
    kind: &'a str,
    diff: i64,
}

/// The groups that were buried, and the rows that outlive that, added up.
fn alive<'a>(batches: &[Columns<'a>]) -> (BTreeSet<&'a str>, Vec<Written<'a>>) {
    let entries = || {
        let rows_of = |(at, batch): (usize, &Columns<'_>)| {
            let rows = batch.row.len();
            (0..rows).map(move |row| (at, row))
        };
        batches.iter().enumerate().flat_map(rows_of)
    };
    // Where each group was buried last.
    let mut last: HashMap<&str, (usize, usize)> = HashMap::new();
    let mut buried = BTreeSet::new();
    for (batch, row) in entries() {
        let columns = &batches[batch];
        if columns.row.is_null(row) {
            let group = columns.group.value(row);
            if last.insert(group, (batch, row)).is_none() {
                buried.insert(group);
            }
        }
    }
    let mut rows = Vec::new();
    for at @ (batch, row) in entries() {
        let Columns { kind, group, row: bytes, diff } = &batches[batch];
        if bytes.is_null(row) {
            continue;
        }
        let group = group.is_valid(row).then(|| group.value(row));
        let is_dead = group.and_then(|group| last.get(group)).is_some_and(|last| at < *last);
        if !is_dead {
            let (bytes, kind) = (bytes.value(row), kind.value(row));
            rows.push(Written { group, bytes, kind, diff: diff.value(row) });
        }
    }
    rows.sort_unstable_by(|a, b| {
        let groups = a.group.is_none().cmp(&b.group.is_none()).then_with(|| a.group.cmp(&b.group));
        groups.then_with(|| a.bytes.cmp(b.bytes))
    });
    rows.dedup_by(|row, kept| {
        let equal = row.group == kept.group && row.bytes == kept.bytes;
        if equal {
            kept.diff = kept.diff.saturating_add(row.diff);
        }
        equal
    });
    rows.retain(|row| row.diff != 0);
    (buried, rows)
}
