//! The rows that contenders read, and what the objects they stage hold.

use std::collections::BTreeMap;

use quorate_schemas::log::{
    Digest, ObjectName, PartitionRange, Position, RetainedFile, StagedFile, Standing,
};
use quorate_schemas::place::Origin;

use super::rng::Rng;

/// Each partition keeps its last rows retained, this many.
const WINDOW: u64 = 6;

/// Partitions whose rows appear one after another.
#[derive(Clone, Debug)]
pub(super) struct Partitions {
    lengths: Vec<u64>,
    filled_after_ms: u64,
}

/// A table file's content: partition, from, to.
pub(super) type TableRows = Vec<(usize, u64, u64)>;

/// A retained file's content: partition, row, diff.
pub(super) type RetainedRows = Vec<(usize, u64, i64)>;

/// An object to be uploaded.
pub(super) type Upload = (String, Vec<u8>);

impl Partitions {
    pub(super) fn of(rng: &mut Rng, rough_ms: u64) -> Partitions {
        let count = rng.between(1, 3);
        let lengths = (0..count).map(|_| rng.between(1, 60)).collect();
        Partitions { lengths, filled_after_ms: rough_ms }
    }

    pub(super) fn origin(partition: usize) -> Origin {
        Origin { source: "votes".to_owned(), partition: format!("p{partition}") }
    }

    pub(super) fn index(origin: &Origin) -> usize {
        origin.partition[1..].parse().expect("one of ours")
    }

    /// Whether `standing` has read every row there will ever be.
    pub(super) fn all_read(&self, standing: &Standing) -> bool {
        self.lengths
            .iter()
            .enumerate()
            .all(|(partition, length)| next_of(standing, partition) == *length)
    }

    /// Some of what there is to read at `now_ms`, beyond `standing`.
    pub(super) fn some(&self, standing: &Standing, now_ms: u64, rng: &mut Rng) -> TableRows {
        let mut ranges = Vec::new();
        for (partition, length) in self.lengths.iter().enumerate() {
            let from = next_of(standing, partition);
            let there = (length * now_ms).div_ceil(self.filled_after_ms).min(*length);
            if there > from && rng.chance(700) {
                ranges.push((partition, from, rng.between(from + 1, there.min(from + 9))));
            }
        }
        ranges
    }

    /// What retained files must add up to.
    pub(super) fn retained(standing: &Standing) -> BTreeMap<(usize, u64), i64> {
        let of = |position: &Position| {
            let partition = Partitions::index(&position.origin);
            (position.next.saturating_sub(WINDOW)..position.next)
                .map(move |row| ((partition, row), 1))
        };
        standing.positions.iter().flat_map(of).collect()
    }
}

fn next_of(standing: &Standing, partition: usize) -> u64 {
    standing.position(&Partitions::origin(partition)).map_or(0, |position| position.next)
}

/// The ranges as the record has them: every fifth row is late, every seventh a reject.
pub(super) fn range_of(&(partition, from, to): &(usize, u64, u64)) -> PartitionRange {
    let rejected = (from..to).filter(|row| row % 7 == 0).count() as u64;
    let late = (from..to).filter(|row| row % 7 != 0 && row % 5 == 0).count() as u64;
    let rows_in = to - from;
    let origin = Partitions::origin(partition);
    PartitionRange { origin, from, to, rows_in, on_time: rows_in - late - rejected, late, rejected }
}

/// All positions once `ranges` are read.
pub(super) fn positions_after(standing: &Standing, ranges: &TableRows) -> Vec<Position> {
    let mut positions: BTreeMap<Origin, Position> = standing
        .positions
        .iter()
        .map(|position| (position.origin.clone(), position.clone()))
        .collect();
    for &(partition, _, to) in ranges {
        let origin = Partitions::origin(partition);
        let position = Position {
            origin: origin.clone(),
            next: to,
            greatest_event_time_us: Some(to as i64),
            idle: false,
            join_watermark_us: None,
            done: false,
            mark: serde_json::Value::Null,
        };
        positions.insert(origin, position);
    }
    positions.into_values().collect()
}

/// What a worker stages for its share of `ranges`; to the table `rare` only now and then.
pub(super) fn stage(
    incarnation: u64,
    checkpoint: u64,
    worker: u32,
    share: &TableRows,
) -> (Vec<StagedFile>, RetainedFile, Vec<Upload>) {
    let bytes = encode(share);
    let tables: &[&str] =
        if checkpoint.is_multiple_of(5) { &["rare", "votes"] } else { &["votes"] };
    let file = |table: &&str| StagedFile {
        table: (*table).to_owned(),
        path: ObjectName::Table {
            table: (*table).to_owned(),
            incarnation,
            checkpoint,
            worker,
            nr: 0,
        }
        .to_string(),
        rows: share.iter().map(|(_, from, to)| to - from).sum(),
        bytes: bytes.len() as u64,
        sha256: Digest::of(&bytes),
        min_event_time_us: None,
        max_event_time_us: None,
    };
    let files: Vec<StagedFile> = tables.iter().map(file).collect();
    let mut rows = RetainedRows::new();
    for &(partition, from, to) in share {
        rows.extend((from..to).map(|row| (partition, row, 1)));
        rows.extend(
            (from.saturating_sub(WINDOW)..to.saturating_sub(WINDOW))
                .map(|row| (partition, row, -1)),
        );
    }
    let path = ObjectName::Retained { incarnation, checkpoint, worker }.to_string();
    let (retained, upload) = retained_file(path, checkpoint, &rows);
    let mut uploads: Vec<Upload> =
        files.iter().map(|file| (file.path.clone(), bytes.clone())).collect();
    uploads.push(upload);
    (files, retained, uploads)
}

/// A retained file with these rows.
pub(super) fn retained_file(
    path: String,
    checkpoint: u64,
    rows: &RetainedRows,
) -> (RetainedFile, Upload) {
    let bytes = encode(rows);
    let file = RetainedFile {
        path: path.clone(),
        checkpoint,
        rows: rows.len() as u64,
        // Each cancels one row, and both are of no more use.
        buried: 2 * rows.iter().filter(|(_, _, diff)| *diff < 0).count() as u64,
        bytes: bytes.len() as u64,
        sha256: Digest::of(&bytes),
    };
    (file, (path, bytes))
}

/// The rows without those that cancel.
pub(super) fn consolidate(rows: &RetainedRows) -> BTreeMap<(usize, u64), i64> {
    let mut sums = BTreeMap::new();
    for &(partition, row, diff) in rows {
        *sums.entry((partition, row)).or_default() += diff;
    }
    sums.retain(|_, diff| *diff != 0);
    sums
}

fn encode<T: serde::Serialize>(content: &T) -> Vec<u8> {
    serde_json::to_vec(content).expect("numbers")
}

pub(super) fn decode_retained(bytes: &[u8]) -> RetainedRows {
    serde_json::from_slice(bytes).expect("as it was encoded")
}

pub(super) fn decode_table(bytes: &[u8]) -> TableRows {
    serde_json::from_slice(bytes).expect("as it was encoded")
}
