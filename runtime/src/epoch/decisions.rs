//! The decisions of a checkpoint on their way into its file, put in order before they become columns, like its votes.

use std::sync::Arc;

use quorate_connectors::error::Result;
use quorate_connectors::staged::TableFile;
use quorate_schemas::id::Name;
use quorate_schemas::table::{DecisionRow, OutRow, Table, TableBuilder};
use quorate_schemas::time::Micros;

use super::staging::{BATCH_ROWS, Stager};
use super::votes::day_of;

/// Revisions of decisions.
#[derive(Default)]
pub(crate) struct Decisions(Vec<Arc<DecisionRow>>);

impl Decisions {
    /// Takes one.
    pub(crate) fn take(&mut self, row: Arc<DecisionRow>) {
        self.0.push(row);
    }

    /// The file of them all, if there are any.
    ///
    /// # Errors
    /// If they are too much for one.
    pub(crate) fn into_file(self, stager: &Stager, checkpoint: u64) -> Result<Option<TableFile>> {
        let Decisions(mut rows) = self;
        rows.sort_by_cached_key(|row| order(row));
        let mut left = rows.len();
        if left == 0 {
            return Ok(None);
        }
        let mut rows = rows.into_iter();
        let batches = std::iter::from_fn(|| {
            let some = left.min(BATCH_ROWS);
            left -= some;
            let mut batch =
                TableBuilder::with_capacity(Table::Decisions, &stager.job, checkpoint, some);
            rows.by_ref().take(some).for_each(|row| batch.append(&OutRow::Decision(row)));
            (some > 0).then(|| batch.finish())
        });
        TableFile::write_sorted(Table::Decisions, batches, &stager.provenance).map(Some)
    }
}

/// By day, task, revision and event time: the order of the table's files.
fn order(row: &DecisionRow) -> (i64, Name, u32, Micros) {
    (day_of(row.event_time), row.task.name().clone(), row.revision, row.event_time)
}
