//! Where a job stands: the part that every record carries.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::check::MAX_ENDINGS;
use super::{Digest, Record, RowsHash};
use crate::clock::Clock;
use crate::place::Origin;
use crate::time::Micros;

/// Where a job stands: all that recovery needs, carried by every record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// The last committed checkpoint. Checkpoints are numbered from 1; 0 before the first.
    pub checkpoint: u64,
    /// Every known partition, in order of origin.
    pub positions: Vec<Position>,
    /// The live retained files, in order of checkpoint and path: to be read in this order, since a burial ends the
    /// rows of its group that were written before it.
    pub retained: Vec<RetainedFile>,
    /// Per outlet, the hash of its live derived rows.
    pub derived: BTreeMap<String, RowsHash>,
    /// The job's clock.
    pub clock: Clock,
    /// What all commits so far have read.
    pub totals: Counts,
    /// What all commits so far have added to each table.
    pub tables: BTreeMap<String, TableTotals>,
    /// Where older incarnations ended, newest last: what tells their orphans from their committed files.
    pub endings: Vec<Ending>,
    /// Whether a bounded job has come to its end.
    pub finished: bool,
    /// How often the job was reopened after that.
    #[serde(default, skip_serializing_if = "is_never")]
    pub reopened: u32,
}

fn is_never(count: &u32) -> bool {
    *count == 0
}

/// Where to go on in a partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// The partition.
    pub origin: Origin,
    /// Next to read, exclusive end of what is committed.
    pub next: u64,
    /// The greatest event time read so far: lateness is judged against it.
    pub greatest_event_time_us: Option<Micros>,
    /// Whether the partition is left out of the watermark for lack of rows on time.
    pub idle: bool,
    /// The watermark at which the partition has joined: found later, or taken up again after it held nothing up.
    pub join_watermark_us: Option<Micros>,
    /// Whether the partition is read to its end.
    pub done: bool,
    /// By which the source knows the partition again (for a file: inode and hash of its head). Its meaning is the
    /// source's; at most [`MAX_MARK_BYTES`](super::MAX_MARK_BYTES) as JSON.
    pub mark: Value,
}

/// A file of retained rows that is still needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetainedFile {
    /// Where it lies.
    pub path: String,
    /// The checkpoint whose rows it holds; of a merged file the newest one.
    pub checkpoint: u64,
    /// Entries in the file, burials among them.
    pub rows: u64,
    /// How many entries, here and in older files, are of no more use thanks to this file: its burials and what they
    /// end, its cancelling rows and what they cancel. The writer counts what it knows, low rather than high.
    pub buried: u64,
    /// Its length.
    pub bytes: u64,
    /// Its digest.
    pub sha256: Digest,
}

/// Rows read, and what became of them: `rows_in = on_time + late + rejected`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Rows read.
    pub rows_in: u64,
    /// Rows that entered the dataflow.
    pub on_time: u64,
    /// Rows that came too late for their partition.
    pub late: u64,
    /// Rows refused for what they are.
    pub rejected: u64,
}

/// What commits have added to a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableTotals {
    /// Files.
    pub files: u64,
    /// Rows.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
    /// The last record that added a file: where a publisher that lacks some begins to trace them back.
    pub last_seq: u64,
}

/// Where a run of incarnations ended: none of them committed a checkpoint above this one.
///
/// Hence a table file of theirs with a greater checkpoint in its name is an orphan for ever, and one with a lesser
/// or equal checkpoint may be committed and is never touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ending {
    /// The last incarnation of the run; the run begins after the entry before.
    pub incarnation: u64,
    /// The last checkpoint committed when the next incarnation began.
    pub checkpoint: u64,
}

impl Standing {
    /// The standing that a claim after `previous` carries: nothing has moved, but an incarnation has ended.
    ///
    /// A run of incarnations that committed nothing takes one entry, so a crash loop doesn't grow the list; what
    /// would exceed [`MAX_ENDINGS`] is dropped at the old end, which can only leave an orphan unswept.
    pub fn claimed_after(previous: &Record) -> Standing {
        let mut standing = previous.standing.clone();
        let ending = Ending { incarnation: previous.incarnation, checkpoint: standing.checkpoint };
        match standing.endings.last_mut() {
            Some(last) if last.checkpoint == ending.checkpoint => *last = ending,
            _ => standing.endings.push(ending),
        }
        let excess = standing.endings.len().saturating_sub(MAX_ENDINGS);
        standing.endings.drain(..excess);
        standing
    }

    /// A checkpoint above which `incarnation` has committed nothing and never will; `None` if it has not ended.
    pub fn ended_at(&self, incarnation: u64) -> Option<u64> {
        // Where older entries were dropped, the first one speaks for them with a checkpoint that is too great: safe.
        let run = self.endings.partition_point(|ending| ending.incarnation < incarnation);
        self.endings.get(run).map(|ending| ending.checkpoint)
    }

    /// The position of a partition, if it is known.
    pub fn position(&self, origin: &Origin) -> Option<&Position> {
        let found = self.positions.binary_search_by(|position| position.origin.cmp(origin));
        found.ok().map(|at| &self.positions[at])
    }
}

impl Counts {
    /// The sum of both; stays at the greatest number rather than wrap.
    #[must_use]
    pub fn plus(self, other: Counts) -> Counts {
        Counts {
            rows_in: self.rows_in.saturating_add(other.rows_in),
            on_time: self.on_time.saturating_add(other.on_time),
            late: self.late.saturating_add(other.late),
            rejected: self.rejected.saturating_add(other.rejected),
        }
    }
}

impl TableTotals {
    /// These totals and one more file, added by record `seq`.
    #[must_use]
    pub fn plus_file(self, rows: u64, bytes: u64, seq: u64) -> TableTotals {
        TableTotals {
            files: self.files.saturating_add(1),
            rows: self.rows.saturating_add(rows),
            bytes: self.bytes.saturating_add(bytes),
            last_seq: seq,
        }
    }
}
