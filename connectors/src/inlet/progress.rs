//! How far a partition has come.

use quorate_schemas::place::OriginRef;
use quorate_schemas::record::RecordKind;
use quorate_schemas::time::Micros;

use crate::source::{Known, Mark};

/// Rows, by what became of them: `rows_in = on_time + late + rejected`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows read; blank lines are none.
    pub rows_in: u64,
    /// Of those, the ones that entered the dataflow.
    pub on_time: u64,
    /// The ones that came too late for their partition.
    pub late: u64,
    /// The ones refused for what they are.
    pub rejected: u64,
}

impl Counts {
    /// Both together.
    pub fn plus(self, other: Counts) -> Counts {
        Counts {
            rows_in: self.rows_in + other.rows_in,
            on_time: self.on_time + other.on_time,
            late: self.late + other.late,
            rejected: self.rejected + other.rejected,
        }
    }

    /// What was counted since `earlier`.
    pub fn since(self, earlier: Counts) -> Counts {
        Counts {
            rows_in: self.rows_in - earlier.rows_in,
            on_time: self.on_time - earlier.on_time,
            late: self.late - earlier.late,
            rejected: self.rejected - earlier.rejected,
        }
    }
}

/// How far an inlet has come. With this in the log, another one goes on exactly there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The partition.
    pub origin: OriginRef,
    /// The kind of record it holds.
    pub record: RecordKind,
    /// The next byte to read, where a line begins; of Parquet the next row, of a topic the next offset.
    pub next: u64,
    /// The greatest event time of its rows on time.
    pub greatest: Option<Micros>,
    /// The watermark at which it joined.
    pub floor: Option<Micros>,
    /// The least event time that is still on time; none before the first row of a partition without a floor.
    pub bound: Option<Micros>,
    /// Whether it was read to its end.
    pub done: bool,
    /// How much of it was seen: bytes of the file itself, of a packed one before they were unpacked; offsets of a topic.
    pub seen: u64,
    /// By what it is known again.
    pub mark: Mark,
    /// Rows since it was opened.
    pub counts: Counts,
}

impl Progress {
    /// The partition, as a survey of its source wants to know it.
    pub fn known(&self) -> Known<Mark> {
        Known {
            partition: self.origin.partition.clone(),
            next: self.next,
            mark: self.mark.clone(),
            done: self.done,
        }
    }
}
