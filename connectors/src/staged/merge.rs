use arrow::array::RecordBatch;
use arrow::row::{Row, Rows};

use super::checked::Checked;
use super::provenance::Provenance;
use super::read::{TableReader, damaged};
use super::sort::Keys;
use super::write::{CHUNK_ROWS, TableFile, TableWriter};
use crate::error::Result;

/// How many rows of all files are decoded at a time.
const DECODED_ROWS: usize = 2 * CHUNK_ROWS;
/// Less of a file at a time costs more than it saves.
const LEAST_ROWS: usize = 128;

/// Merges files of one table into one that holds all of their rows.
///
/// Every file is sorted, so each is read once from front to back. However many there are, some ten thousand rows of all
/// of them together are in memory, beside the files as they are stored and the one that comes of them.
///
/// # Errors
/// If a file cannot be read, or they are not of one table.
pub fn merge_tables(files: Vec<Checked>, provenance: &Provenance) -> Result<TableFile> {
    let rows_at_a_time = (DECODED_ROWS / files.len().max(1)).clamp(LEAST_ROWS, CHUNK_ROWS);
    let readers: Vec<TableReader> = files
        .into_iter()
        .map(|file| TableReader::open(file, rows_at_a_time))
        .collect::<Result<_>>()?;
    let table = readers.first().ok_or_else(|| damaged("a merge", "of no files"))?.table();
    if let Some(other) = readers.iter().find(|reader| reader.table() != table) {
        let reason = format!("of {} and {} in one merge", table.name(), other.table().name());
        return Err(damaged("files", reason));
    }
    let keys = Keys::of(table).map_err(|error| damaged("a merge", error))?;
    let expected: u64 = readers.iter().map(TableReader::rows).sum();
    let mut gathered = Gathered {
        out: TableWriter::new(table, provenance)?,
        batches: Vec::new(),
        order: Vec::new(),
    };
    let mut fronts = Vec::with_capacity(readers.len());
    for reader in readers {
        fronts.extend(Front::open(reader, &keys, &mut gathered)?);
    }
    while let Some(least) = least(&fronts) {
        // The file stays in front for as long as no other has a lesser row; most often that is a while.
        let limit = next_after(&fronts, least).map(|other| fronts[other].key().owned());
        loop {
            gathered.order.push((fronts[least].batch, fronts[least].row));
            if gathered.order.len() == CHUNK_ROWS {
                gathered.flush(&mut fronts)?;
            }
            if !fronts[least].advance(&keys, &mut gathered)? {
                fronts.remove(least);
                break;
            }
            if limit.as_ref().is_some_and(|limit| fronts[least].key() > limit.row()) {
                break;
            }
        }
    }
    gathered.flush(&mut fronts)?;
    let merged = gathered.out.finish()?;
    if merged.rows != expected {
        let reason = format!("{} rows came of files that say they have {expected}", merged.rows);
        return Err(damaged(table.name(), reason));
    }
    Ok(merged)
}

/// Rows chosen but not yet written, and the batches that they and the fronts lie in.
struct Gathered {
    out: TableWriter,
    batches: Vec<RecordBatch>,
    order: Vec<(usize, usize)>,
}

impl Gathered {
    /// Writes what was chosen and lets go of batches that no front stands in.
    fn flush(&mut self, fronts: &mut [Front]) -> Result<()> {
        let batches: Vec<&RecordBatch> = self.batches.iter().collect();
        self.out.push(&batches, &self.order)?;
        self.order.clear();
        let kept = fronts.iter().map(|front| self.batches[front.batch].clone()).collect();
        fronts.iter_mut().enumerate().for_each(|(at, front)| front.batch = at);
        self.batches = kept;
        Ok(())
    }
}

/// How far a file has been merged.
struct Front {
    reader: TableReader,
    /// The batch that the front stands in, by its place in [`Gathered::batches`].
    batch: usize,
    keys: Rows,
    row: usize,
}

impl Front {
    /// The front of a file; none, if it is empty.
    fn open(
        mut reader: TableReader,
        keys: &Keys,
        gathered: &mut Gathered,
    ) -> Result<Option<Front>> {
        Ok(next_batch(&mut reader, keys, gathered)?.map(|(batch, keys)| Front {
            reader,
            batch,
            keys,
            row: 0,
        }))
    }

    fn key(&self) -> Row<'_> {
        self.keys.row(self.row)
    }

    /// Moves on by one row; `false` at the end of the file.
    fn advance(&mut self, keys: &Keys, gathered: &mut Gathered) -> Result<bool> {
        self.row += 1;
        if self.row < self.keys.num_rows() {
            return Ok(true);
        }
        let Some((batch, keys)) = next_batch(&mut self.reader, keys, gathered)? else {
            return Ok(false);
        };
        (self.batch, self.keys, self.row) = (batch, keys, 0);
        Ok(true)
    }
}

fn next_batch(
    reader: &mut TableReader,
    keys: &Keys,
    gathered: &mut Gathered,
) -> Result<Option<(usize, Rows)>> {
    for batch in reader.by_ref() {
        let batch = batch?;
        if batch.num_rows() > 0 {
            let keys = keys.rows(&batch).map_err(|error| damaged("a merge", error))?;
            gathered.batches.push(batch);
            return Ok(Some((gathered.batches.len() - 1, keys)));
        }
    }
    Ok(None)
}

/// The front with the least row; the first of equals.
fn least(fronts: &[Front]) -> Option<usize> {
    (0..fronts.len()).min_by(|a, b| fronts[*a].key().cmp(&fronts[*b].key()))
}

/// The front with the least row but for `least`.
fn next_after(fronts: &[Front], least: usize) -> Option<usize> {
    (0..fronts.len())
        .filter(|at| *at != least)
        .min_by(|a, b| fronts[*a].key().cmp(&fronts[*b].key()))
}
