//! What a commit adds: the part that only a commit carries.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Counts, Digest};
use crate::place::Origin;
use crate::time::Micros;

/// What a commit adds to the standing before it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commit {
    /// The last checkpoint it covers; more than one, where the store was slower than the checkpoints.
    pub checkpoint: u64,
    /// What was read, in order of origin; only partitions that moved.
    pub ranges: Vec<PartitionRange>,
    /// The files that tables gain, in order of path.
    pub files: Vec<StagedFile>,
    /// For each table that gains files, the record before that added some to it; 0 if none did. So a publisher finds
    /// what it lacks of its table without reading, or keeping, the records that have nothing for it.
    pub before: BTreeMap<String, u64>,
    /// The retained files that were merged, in the order in which they were applied.
    pub merges: Vec<Merge>,
    /// Further counts of this commit by name: whatever else must add up.
    pub counts: BTreeMap<String, u64>,
}

/// What a commit has read of one partition: positions from `from` up to but without `to`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartitionRange {
    /// The partition.
    pub origin: Origin,
    /// The first position.
    pub from: u64,
    /// One past the last.
    pub to: u64,
    /// Rows read.
    pub rows_in: u64,
    /// Rows that entered the dataflow.
    pub on_time: u64,
    /// Rows that came too late for the partition.
    pub late: u64,
    /// Rows refused for what they are.
    pub rejected: u64,
}

impl PartitionRange {
    /// The range's counts.
    pub fn counts(&self) -> Counts {
        Counts {
            rows_in: self.rows_in,
            on_time: self.on_time,
            late: self.late,
            rejected: self.rejected,
        }
    }
}

/// A file that a worker staged for a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StagedFile {
    /// The table.
    pub table: String,
    /// Where it lies.
    pub path: String,
    /// Its rows.
    pub rows: u64,
    /// Its length.
    pub bytes: u64,
    /// Its digest.
    pub sha256: Digest,
    /// The least event time in it, where its rows have one.
    pub min_event_time_us: Option<Micros>,
    /// The greatest event time in it.
    pub max_event_time_us: Option<Micros>,
}

/// Retained files that gave way to one file, or to none if nothing in them was still needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Merge {
    /// The files that went: neighbours in the standing before.
    pub replaced: Vec<String>,
    /// The file that came.
    pub into: Option<String>,
}
