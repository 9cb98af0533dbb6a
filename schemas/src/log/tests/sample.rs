//! A log of four records: claim, commit, heartbeat, and a commit with a merge.

use std::collections::BTreeMap;

use serde_json::json;

use crate::clock::{Clock, Phase};
use crate::log::{
    Body, Commit, Counts, Digest, Ending, FORMAT, Hex, Merge, Owner, PartitionRange, Position,
    Record, RetainedFile, StagedFile, Standing,
};
use crate::place::Origin;

pub(super) fn origin(partition: &str) -> Origin {
    Origin { source: "votes".to_owned(), partition: partition.to_owned() }
}

pub(super) fn owner(instance: u128) -> Owner {
    Owner {
        host: "node-1".to_owned(),
        user: "quorate".to_owned(),
        directory: "/srv/panel".to_owned(),
        pid: 1,
        instance: Hex::from_u128(instance),
    }
}

pub(super) fn claim() -> Record {
    Record {
        format: FORMAT,
        seq: 1,
        previous: Digest::ZERO,
        log_id: Hex::from_u128(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff),
        job: "panel".to_owned(),
        fingerprint: Digest::of(b"the resolved job"),
        incarnation: 1,
        owner: owner(7),
        written_at_ms: 1_767_225_600_000,
        standing: Standing::default(),
        body: Body::Claim {},
    }
}

pub(super) fn range(partition: &str, from: u64, to: u64) -> PartitionRange {
    PartitionRange {
        origin: origin(partition),
        from,
        to,
        rows_in: 3,
        on_time: 1,
        late: 1,
        rejected: 1,
    }
}

pub(super) fn position(partition: &str, next: u64) -> Position {
    Position {
        origin: origin(partition),
        next,
        greatest_event_time_us: Some(1_767_225_600_000_000),
        idle: false,
        join_watermark_us: None,
        done: false,
        mark: json!({"head": "9f86d081", "inode": 42}),
    }
}

pub(super) fn staged(incarnation: u64, checkpoint: u64) -> StagedFile {
    StagedFile {
        table: "decisions".to_owned(),
        path: format!("tables/decisions/{incarnation}-{checkpoint}-0-0.parquet"),
        rows: 2,
        bytes: 1_000,
        sha256: Digest::of(b"decisions"),
        min_event_time_us: Some(-1),
        max_event_time_us: Some(1_767_225_600_000_000),
    }
}

pub(super) fn retained(incarnation: u64, checkpoint: u64) -> RetainedFile {
    RetainedFile {
        path: format!("retained/{incarnation}-{checkpoint}-0.parquet"),
        checkpoint,
        rows: 5,
        buried: 2,
        bytes: 900,
        sha256: Digest::of(b"retained"),
    }
}

/// The record after `previous` with nothing moved.
pub(super) fn heartbeat(previous: &Record) -> Record {
    Record {
        seq: previous.seq + 1,
        previous: previous.digest(),
        body: Body::Heartbeat {},
        ..previous.clone()
    }
}

/// The claim after `previous`, by another start in the same place.
pub(super) fn claim_after(previous: &Record) -> Record {
    Record {
        incarnation: previous.incarnation + 1,
        owner: owner(u128::from(previous.incarnation) + 100),
        standing: Standing::claimed_after(previous),
        body: Body::Claim {},
        ..heartbeat(previous)
    }
}

/// A commit after `previous` of one checkpoint, that reads 10 positions of `a.jsonl`.
pub(super) fn commit(previous: &Record) -> Record {
    let checkpoint = previous.standing.checkpoint + 1;
    let from = previous.standing.position(&origin("a.jsonl")).map_or(0, |position| position.next);
    let files = vec![staged(previous.incarnation, checkpoint)];
    let mut standing = previous.standing.clone();
    standing.checkpoint = checkpoint;
    standing.positions = vec![position("a.jsonl", from + 10)];
    standing.retained.push(retained(previous.incarnation, checkpoint));
    standing.derived =
        BTreeMap::from([("decisions".to_owned(), Hex::from_u64(u64::MAX - checkpoint))]);
    standing.clock = Clock { phase: Phase::Running, watermark: 5, greatest: 9, ..Clock::START };
    standing.totals = standing.totals.plus(Counts { rows_in: 3, on_time: 1, late: 1, rejected: 1 });
    let table = standing.tables.entry("decisions".to_owned()).or_default();
    let before = BTreeMap::from([("decisions".to_owned(), table.last_seq)]);
    *table = table.plus_file(2, 1_000, previous.seq + 1);
    let body = Body::Commit(Commit {
        checkpoint,
        ranges: vec![range("a.jsonl", from, from + 10)],
        files,
        before,
        merges: Vec::new(),
        counts: BTreeMap::from([("duplicates".to_owned(), 4)]),
    });
    Record { standing, body, ..heartbeat(previous) }
}

/// A commit that also merges all files that were live into one.
pub(super) fn merging_commit(previous: &Record) -> Record {
    let mut record = commit(previous);
    let newest = previous.standing.checkpoint;
    let into = RetainedFile {
        path: format!("retained/{}-{newest}-0-m0.parquet", previous.incarnation),
        ..retained(previous.incarnation, newest)
    };
    let merge = Merge {
        replaced: previous.standing.retained.iter().map(|file| file.path.clone()).collect(),
        into: Some(into.path.clone()),
    };
    record.standing.retained.splice(..merge.replaced.len(), [into]);
    body_of(&mut record).merges.push(merge);
    record
}

pub(super) fn body_of(record: &mut Record) -> &mut Commit {
    match &mut record.body {
        Body::Commit(commit) => commit,
        other => panic!("{other:?} is no commit"),
    }
}

/// Claim, two commits, a heartbeat, a claim, a commit that merges.
pub(super) fn log() -> Vec<Record> {
    let mut records = vec![claim()];
    for next in [commit, commit, heartbeat, claim_after, merging_commit] {
        records.push(next(&records[records.len() - 1]));
    }
    records
}

/// An ending as the sample log has it.
pub(super) fn ending() -> Ending {
    Ending { incarnation: 1, checkpoint: 2 }
}
