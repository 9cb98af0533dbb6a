//! The log as history: what was committed, when, by whom, and how far the input had come.
//!
//! *Cost*: a listing of the log and one request for each record shown; finding a commit by its number takes about as
//! many as the log's length has binary digits.

mod text;

use std::collections::BTreeMap;

use quorate_connectors::store::Store;
use quorate_schemas::clock::Phase;
use quorate_schemas::log::{Body, Commit, Counts, Digest, Record};
use quorate_schemas::time::{Micros, format_rfc3339};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::history;

/// What a record does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Takes the lead.
    Claim,
    /// Makes a checkpoint true.
    Commit,
    /// Says that its owner lives.
    Heartbeat,
}

impl Kind {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Claim => "claim",
            Kind::Commit => "commit",
            Kind::Heartbeat => "heartbeat",
        }
    }
}

/// A record in a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Its place in the log.
    pub seq: u64,
    /// What it does.
    pub kind: Kind,
    /// The last commit that is true with it: the number in every row's column `commit`.
    pub commit: u64,
    /// The writer's wall clock.
    pub written_at: String,
    /// Which claim it stands under.
    pub incarnation: u64,
    /// Input rows that it adds.
    pub rows: Counts,
    /// Partitions that it moves.
    pub partitions: usize,
    /// Rows that tables gain.
    pub tables: BTreeMap<String, u64>,
    /// Whether the job has come to its end.
    pub finished: bool,
}

/// A record in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Detail {
    /// What a list says of it.
    #[serde(flatten)]
    pub line: Line,
    /// The digest of its bytes: what the next record calls `previous`.
    pub sha256: Digest,
    /// The digest of the record before.
    pub previous: Digest,
    /// The job.
    pub job: String,
    /// The job's fingerprint.
    pub fingerprint: Digest,
    /// Who wrote it.
    pub owner: String,
    /// Everything before this event time is settled; none before the first row, and at the end of the input.
    pub watermark: Option<String>,
    /// What became of the input so far, all commits together.
    pub totals: Counts,
    /// The positions that it moved.
    pub moved: Vec<Moved>,
    /// The files that it adds.
    pub files: Vec<Added>,
    /// Retained files that are live with it.
    pub retained_files: usize,
    /// Their entries.
    pub retained_rows: u64,
}

/// A partition that moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// The source.
    pub source: String,
    /// The partition.
    pub partition: String,
    /// The first position read.
    pub from: u64,
    /// One past the last.
    pub to: u64,
    /// What became of the rows.
    pub rows: Counts,
}

/// A file that was added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Added {
    /// Its path.
    pub path: String,
    /// Its rows.
    pub rows: u64,
    /// Its length.
    pub bytes: u64,
    /// Its digest.
    pub sha256: Digest,
}

/// The history of a store, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct History {
    /// Records before those shown.
    pub older: usize,
    /// The records.
    pub records: Vec<Line>,
}

/// The newest `most` records of the log on `store`, oldest first; all, if `most` is `None`.
///
/// # Errors
/// If there is no log, or it cannot be read.
pub async fn list(store: &Store, most: Option<usize>) -> Result<History> {
    let seqs = history::seqs(store).await?;
    if seqs.is_empty() {
        return Err(Error::NoLog { store: store.name().to_owned() });
    }
    let older = most.map_or(0, |most| seqs.len().saturating_sub(most));
    let records = history::records(store, &seqs[older..]).await?;
    Ok(History { older, records: records.iter().map(line).collect() })
}

/// The record that made `commit` true.
///
/// # Errors
/// If the log has no such commit (any more), or cannot be read.
pub async fn show(store: &Store, commit: u64) -> Result<Detail> {
    let seqs = history::seqs(store).await?;
    let (Some(first), Some(last)) = (seqs.first(), seqs.last()) else {
        return Err(Error::NoLog { store: store.name().to_owned() });
    };
    // Commits only grow along the log.
    let (mut low, mut high) = (0, seqs.len());
    while low < high {
        let middle = low + (high - low) / 2;
        if history::record(store, seqs[middle]).await?.standing.checkpoint < commit {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let found = match seqs.get(low) {
        Some(seq) => Some(history::record(store, *seq).await?),
        None => None,
    };
    // Of a trimmed log the first record may cover more commits than are known.
    let covers = |record: &Record| low > 0 || record.standing.checkpoint == commit;
    match found.filter(|record| commit > 0 && record.commit().is_some() && covers(record)) {
        Some(record) => Ok(detail(&record)),
        None => {
            let oldest = history::record(store, *first).await?;
            let first = oldest.standing.checkpoint + u64::from(oldest.commit().is_none());
            let last = history::record(store, *last).await?.standing.checkpoint;
            Err(Error::UnknownCommit { commit, first: first.max(1), last })
        }
    }
}

fn line(record: &Record) -> Line {
    let nothing = Commit::default();
    let commit = record.commit().unwrap_or(&nothing);
    let mut tables: BTreeMap<String, u64> = BTreeMap::new();
    for file in &commit.files {
        *tables.entry(file.table.clone()).or_default() += file.rows;
    }
    Line {
        seq: record.seq,
        kind: match record.body {
            Body::Claim {} => Kind::Claim,
            Body::Commit(_) => Kind::Commit,
            Body::Heartbeat {} => Kind::Heartbeat,
        },
        commit: record.standing.checkpoint,
        written_at: format_rfc3339(
            i64::try_from(record.written_at_ms).unwrap_or(0).saturating_mul(1_000),
        ),
        incarnation: record.incarnation,
        rows: commit.ranges.iter().fold(Counts::default(), |sum, range| sum.plus(range.counts())),
        partitions: commit.ranges.len(),
        tables,
        finished: record.standing.finished,
    }
}

fn detail(record: &Record) -> Detail {
    let nothing = Commit::default();
    let commit = record.commit().unwrap_or(&nothing);
    let standing = &record.standing;
    let dated = standing.clock.phase == Phase::Running
        && ![Micros::MIN, Micros::MAX].contains(&standing.clock.watermark);
    Detail {
        line: line(record),
        sha256: record.digest(),
        previous: record.previous,
        job: record.job.clone(),
        fingerprint: record.fingerprint,
        owner: record.owner.to_string(),
        watermark: dated.then(|| format_rfc3339(standing.clock.watermark)),
        totals: standing.totals,
        moved: commit
            .ranges
            .iter()
            .map(|range| Moved {
                source: range.origin.source.clone(),
                partition: range.origin.partition.clone(),
                from: range.from,
                to: range.to,
                rows: range.counts(),
            })
            .collect(),
        files: commit
            .files
            .iter()
            .map(|file| Added {
                path: file.path.clone(),
                rows: file.rows,
                bytes: file.bytes,
                sha256: file.sha256,
            })
            .collect(),
        retained_files: standing.retained.len(),
        retained_rows: standing.retained.iter().map(|file| file.rows).sum(),
    }
}
