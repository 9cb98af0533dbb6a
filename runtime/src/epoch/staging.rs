//! What one worker has to show for one checkpoint: table rows, retained rows, positions.

use std::collections::BTreeMap;

use quorate_connectors::error::Result;
use quorate_connectors::inlet::Counts;
use quorate_connectors::staged::{Provenance, RetainedBytes, TableFile, write_retained};
use quorate_operators::decide::ToOutlet;
use quorate_schemas::clock::Clock;
use quorate_schemas::log::{ObjectName, PartitionRange, Position, RetainedFile, StagedFile};
use quorate_schemas::place::OriginRef;
use quorate_schemas::record::RecordKind;
use quorate_schemas::table::{
    ConservationRow, DecisionRow, DecisionStatus, OutRow, RecordBatch, RejectStage, Table,
    TableBuilder,
};
use quorate_schemas::time::Micros;
use serde::{Deserialize, Serialize};

use super::decisions::Decisions;
use super::retained::KeptRows;
use super::votes::Votes;
use crate::metrics::StagedAs;

/// Rows that an Arrow batch holds before the next one begins.
pub(super) const BATCH_ROWS: usize = 16 * 1024;

/// A partition moved: what a worker seals into the dataflow, as data.
#[derive(Clone, Debug)]
pub(crate) struct Moved {
    /// The partition.
    pub(crate) origin: OriginRef,
    /// The kind of record it holds.
    pub(crate) record: RecordKind,
    /// Where the range begins and ends.
    pub(crate) from: u64,
    /// One past its last position.
    pub(crate) to: u64,
    /// Rows in it.
    pub(crate) counts: Counts,
    /// The greatest event time accepted so far.
    pub(crate) greatest: Option<Micros>,
    /// The watermark at which it joined.
    pub(crate) floor: Option<Micros>,
    /// Whether it has ended.
    pub(crate) done: bool,
    /// Whether it holds nothing up.
    pub(crate) idle: bool,
    /// By what it is known again.
    pub(crate) mark: serde_json::Value,
}

/// What reaches a worker's stage.
#[derive(Clone, Debug)]
pub(crate) enum ForStage {
    /// From an operator.
    Out(ToOutlet),
    /// From the worker itself.
    Moved(Box<Moved>),
}

/// A worker's word that its part of a checkpoint is uploaded.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Receipt {
    /// Files of tables.
    pub(crate) files: Vec<StagedFile>,
    /// The file of retained rows, if any changed.
    pub(crate) retained: Option<RetainedFile>,
    /// What was read.
    pub(crate) ranges: Vec<PartitionRange>,
    /// Where reading goes on.
    pub(crate) positions: Vec<Position>,
    /// The clock at the end of the checkpoint, if it moved.
    pub(crate) clock: Option<Clock>,
    /// Tasks closed.
    pub(crate) decided: Decided,
}

/// A receipt on its way to the lead: as text, since marks are what their sources make of them, which only a format
/// that describes itself can carry between workers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ReceiptText(String);

impl ReceiptText {
    /// The text of `receipt`.
    pub(crate) fn of(receipt: &Receipt) -> ReceiptText {
        ReceiptText(serde_json::to_string(receipt).expect("a receipt has a text"))
    }

    /// The receipt that it is the text of.
    pub(crate) fn read(&self) -> Receipt {
        serde_json::from_str(&self.0).expect("a worker wrote a receipt")
    }
}

/// Counts of what was decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Decided {
    /// With a quorum.
    pub(crate) quorate: u64,
    /// Without one.
    pub(crate) undecided: u64,
    /// Well-formed rows that could not count.
    pub(crate) refused: u64,
}

/// Who stages, and under which names.
#[derive(Clone, Debug)]
pub(crate) struct Stager {
    /// The job's name.
    pub(crate) job: String,
    /// Who writes.
    pub(crate) provenance: Provenance,
    /// The worker.
    pub(crate) worker: u32,
    /// Whether provisional outcomes are a table.
    pub(crate) keeps_updates: bool,
}

/// One worker's part of one checkpoint.
pub(crate) struct Staging {
    checkpoint: u64,
    tables: BTreeMap<Table, (TableBuilder, Vec<RecordBatch>)>,
    votes: Votes,
    decisions: Decisions,
    kept: KeptRows,
    moved: BTreeMap<OriginRef, Moved>,
    clock: Option<Clock>,
    decided: Decided,
}

/// A file to upload.
pub(crate) struct ToUpload {
    /// Where.
    pub(crate) path: String,
    /// What.
    pub(crate) bytes: bytes::Bytes,
    /// Of which kind.
    pub(crate) kind: StagedAs,
}

impl Staging {
    /// Nothing yet of `checkpoint`.
    pub(crate) fn new(checkpoint: u64) -> Staging {
        let (tables, moved) = (BTreeMap::new(), BTreeMap::new());
        let decided = Decided::default();
        let votes = Votes::default();
        Staging {
            checkpoint,
            tables,
            votes,
            decisions: Decisions::default(),
            kept: KeptRows::default(),
            moved,
            clock: None,
            decided,
        }
    }

    /// Takes what an operator or the worker emitted.
    pub(crate) fn take(&mut self, what: ForStage, stager: &Stager) {
        match what {
            ForStage::Out(ToOutlet::Row(OutRow::Votes(votes))) => {
                self.votes.take(&votes, stager, self.checkpoint);
            }
            ForStage::Out(ToOutlet::Row(OutRow::Decision(row))) => {
                self.count_decided(&row);
                self.decisions.take(row);
            }
            ForStage::Out(ToOutlet::Row(row)) => {
                if let OutRow::Reject(row) = &row
                    && row.stage == RejectStage::Task
                {
                    self.decided.refused += 1;
                }
                if row.table() != Table::DecisionUpdates || stager.keeps_updates {
                    self.append(&row, stager);
                }
            }
            ForStage::Out(ToOutlet::Keep(change)) => self.kept.keep(change),
            ForStage::Out(ToOutlet::Clock(clock)) => self.clock = self.clock.max(Some(clock)),
            ForStage::Moved(moved) => {
                let moved = *moved;
                let whole = match self.moved.remove(&moved.origin) {
                    None => moved,
                    Some(before) => {
                        assert_eq!(before.to, moved.from, "a partition's ranges chain");
                        let counts = before.counts.plus(moved.counts);
                        Moved { from: before.from, counts, ..moved }
                    }
                };
                self.moved.insert(whole.origin, whole);
            }
        }
    }

    fn count_decided(&mut self, row: &DecisionRow) {
        match row.status {
            _ if row.revision > 0 => {}
            DecisionStatus::Quorate => self.decided.quorate += 1,
            DecisionStatus::Undecided(_) => self.decided.undecided += 1,
        }
    }

    fn append(&mut self, row: &OutRow, stager: &Stager) {
        let table = row.table();
        let new = || (TableBuilder::new(table, &stager.job, self.checkpoint), Vec::new());
        let (builder, batches) = self.tables.entry(table).or_insert_with(new);
        builder.append(row);
        if builder.rows() >= BATCH_ROWS {
            batches.push(builder.finish());
        }
    }

    /// The files of this part, and the receipt to give once they are uploaded.
    ///
    /// # Errors
    /// If the rows are too much for a file.
    pub(crate) fn close(mut self, stager: &Stager) -> Result<(Vec<ToUpload>, Receipt)> {
        let moved = std::mem::take(&mut self.moved);
        let mut receipt =
            Receipt { clock: self.clock, decided: self.decided, ..Receipt::default() };
        for moved in moved.into_values() {
            // A partition that ended without another row has moved nowhere; its end is in its position.
            if moved.to > moved.from {
                self.append(&conservation(&moved), stager);
                receipt.ranges.push(range(&moved));
            }
            receipt.positions.push(position(moved));
        }
        let (mut uploads, incarnation) = (Vec::new(), stager.provenance.incarnation);
        let votes = std::mem::take(&mut self.votes).into_file(stager, self.checkpoint)?;
        let decisions = std::mem::take(&mut self.decisions).into_file(stager, self.checkpoint)?;
        let mut files: Vec<TableFile> = votes.into_iter().chain(decisions).collect();
        for (table, (mut builder, mut batches)) in self.tables {
            if builder.rows() > 0 {
                batches.push(builder.finish());
            }
            files.push(TableFile::write(table, &batches, &stager.provenance)?);
        }
        for file in files {
            let (table, checkpoint, worker) = (file.table, self.checkpoint, stager.worker);
            let name = ObjectName::Table {
                table: table.name().to_owned(),
                incarnation,
                checkpoint,
                worker,
                nr: 0,
            };
            let path = name.to_string();
            receipt.files.push(file.staged(&path));
            uploads.push(ToUpload { path, bytes: file.bytes, kind: StagedAs::Tables });
        }
        let entries = self.kept.into_entries();
        if !entries.is_empty() {
            let name = ObjectName::Retained {
                incarnation,
                checkpoint: self.checkpoint,
                worker: stager.worker,
            };
            let written = write_retained(&entries, &stager.provenance)?;
            let (upload, file) = to_upload(written, name.to_string(), self.checkpoint);
            uploads.push(upload);
            receipt.retained = Some(file);
        }
        Ok((uploads, receipt))
    }
}

/// A retained file of `checkpoint` at `path`: to upload, and as the log names it.
pub(crate) fn to_upload(
    file: RetainedBytes,
    path: String,
    checkpoint: u64,
) -> (ToUpload, RetainedFile) {
    let RetainedBytes { bytes, sha256, rows, burials } = file;
    let size = bytes.len() as u64;
    let file =
        RetainedFile { path: path.clone(), checkpoint, rows, buried: burials, bytes: size, sha256 };
    (ToUpload { path, bytes, kind: StagedAs::Retained }, file)
}

fn conservation(moved: &Moved) -> OutRow {
    OutRow::Conservation(Box::new(ConservationRow {
        event_time: moved.greatest.unwrap_or(0),
        origin: moved.origin.as_ref().clone(),
        record: moved.record,
        from: moved.from,
        to: moved.to,
        rows_in: moved.counts.rows_in,
        on_time: moved.counts.on_time,
        late: moved.counts.late,
        rejected: moved.counts.rejected,
        done: moved.done,
    }))
}

fn range(moved: &Moved) -> PartitionRange {
    PartitionRange {
        origin: moved.origin.as_ref().clone(),
        from: moved.from,
        to: moved.to,
        rows_in: moved.counts.rows_in,
        on_time: moved.counts.on_time,
        late: moved.counts.late,
        rejected: moved.counts.rejected,
    }
}

fn position(moved: Moved) -> Position {
    Position {
        origin: moved.origin.as_ref().clone(),
        next: moved.to,
        greatest_event_time_us: moved.greatest,
        idle: moved.idle,
        join_watermark_us: moved.floor,
        done: moved.done,
        mark: moved.mark,
    }
}
