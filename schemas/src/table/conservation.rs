use serde::{Deserialize, Serialize};

use super::CellKind::{Flag, Int, Word};
use super::{Cells, Column, TableRow};
use crate::place::Origin;
use crate::record::RecordKind;
use crate::time::Micros;

/// One partition's rows in one commit: every row read is on time, late or rejected.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ConservationRow {
    /// The partition's greatest event time so far; 1970 where it has none yet.
    pub event_time: Micros,
    /// The partition.
    pub origin: Origin,
    /// The kind of record it holds.
    pub record: RecordKind,
    /// The first position of the range.
    pub from: u64,
    /// One past the last.
    pub to: u64,
    /// Rows read (blank lines are none).
    pub rows_in: u64,
    /// Of those, the ones that entered the dataflow.
    pub on_time: u64,
    /// The ones that came too late for their partition.
    pub late: u64,
    /// The ones refused for what they are.
    pub rejected: u64,
    /// Whether the partition has ended.
    pub done: bool,
}

impl TableRow for ConservationRow {
    const COLUMNS: &'static [Column] = &[
        Column::new("source", Word),
        Column::new("partition", Word),
        Column::new("record", Word),
        Column::new("position", Int),
        Column::new("position_to", Int),
        Column::new("rows_in", Int),
        Column::new("on_time", Int),
        Column::new("late", Int),
        Column::new("rejected", Int),
        Column::new("done", Flag),
    ];

    fn revision(&self) -> i64 {
        0
    }

    fn event_time(&self) -> Micros {
        self.event_time
    }

    fn cells(&self, to: &mut impl Cells) {
        let count = |n: u64| Some(i64::try_from(n).unwrap_or(i64::MAX));
        to.text(Some(&self.origin.source));
        to.text(Some(&self.origin.partition));
        to.text(Some(self.record.source_key()));
        to.int(count(self.from));
        to.int(count(self.to));
        to.int(count(self.rows_in));
        to.int(count(self.on_time));
        to.int(count(self.late));
        to.int(count(self.rejected));
        to.flag(Some(self.done));
    }
}
