//! What comes in: rows, bytes, rejects.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use quorate_connectors::inlet::Counts;
use quorate_schemas::place::OriginRef;
use quorate_schemas::record::RecordKind;
use quorate_schemas::table::{RejectReason, RejectStage};

use super::catalogue::Catalogue;
use super::series::{Known, Named};

/// What was read of one partition in one go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    /// The partition.
    pub(crate) origin: OriginRef,
    /// What its rows are.
    pub(crate) record: RecordKind,
    /// How many there were.
    pub(crate) counts: Counts,
    /// The bytes of whole rows.
    pub(crate) bytes: u64,
}

/// Counters of what comes in.
pub(super) struct Input {
    rows: Family<Named<3>, Counter>,
    bytes: Family<Named<2>, Counter>,
    rejects: Family<Known<2>, Counter>,
}

impl Input {
    pub(super) fn of(catalogue: &mut Catalogue) -> Input {
        Input {
            rows: catalogue.counter(
                (
                    "source_rows",
                    &["source", "record", "outcome"],
                    "Rows read from sources, by what became of them at the door: on_time, late or rejected",
                ),
                Family::default(),
            ),
            bytes: catalogue.counter(
                ("source_bytes", &["source", "record"], "Bytes of the rows read from sources"),
                Family::default(),
            ),
            rejects: catalogue.counter(
                (
                    "rejects",
                    &["stage", "reason"],
                    "Rows that were late or could not be used, by where (inlet, task) and why",
                ),
                Family::default(),
            ),
        }
    }

    /// A source that the job has: its series begin at 0, or nobody sees their first step.
    pub(super) fn announce(&self, source: &str, record: RecordKind) {
        self.read(source, record, Counts::default(), 0);
    }

    /// Rows were read.
    pub(super) fn take(&self, piece: &Piece) {
        self.read(&piece.origin.source, piece.record, piece.counts, piece.bytes);
    }

    fn read(&self, source: &str, record: RecordKind, counts: Counts, bytes: u64) {
        let named = || ("source", source.to_owned());
        let kind = || ("record", record.source_key().to_owned());
        let by =
            [("on_time", counts.on_time), ("late", counts.late), ("rejected", counts.rejected)];
        for (outcome, rows) in by {
            let labels = [named(), kind(), ("outcome", outcome.to_owned())];
            self.rows.get_or_create(&labels).inc_by(rows);
        }
        self.bytes.get_or_create(&[named(), kind()]).inc_by(bytes);
    }

    /// A row was refused.
    pub(super) fn refuse(&self, stage: RejectStage, reason: RejectReason) {
        let stage = match stage {
            RejectStage::Inlet => "inlet",
            RejectStage::Task => "task",
        };
        self.rejects.get_or_create(&[("stage", stage), ("reason", reason.word())]).inc();
    }
}
