//! A store with a log, files and Delta tables, as a run would have left it.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use quorate_connectors::delta::{CommitFiles, DeltaTables, MergePolicy};
use quorate_connectors::staged::{Provenance, TableFile, write_retained};
use quorate_connectors::store::{Creation, Store};
use quorate_operators::policy::{Policy, QuorumOf, StakeRule};
use quorate_query::verify::{Options, Report, verify};
use quorate_schemas::log::{
    Body, Commit, Counts, Digest, FORMAT, HINT_PATH, Hex, ObjectName, Owner, Record, RetainedFile,
    StagedFile, Standing, follows, hint_bytes, job_path,
};
use quorate_schemas::record::RecordKind;
use quorate_schemas::table::{OutRow, Table, TableBuilder};

use super::engine::{self, Checkpoint};
use super::scenario::Scenario;

pub(crate) const JOB: &str = "shelf";

/// A store and the log on it.
pub(crate) struct Shelf {
    pub(crate) store: Store,
    pub(crate) records: Vec<Record>,
}

impl Shelf {
    /// The store that a run of `scenario` leaves.
    pub(crate) async fn of(scenario: &Scenario) -> Shelf {
        Shelf::on(Store::memory(), scenario).await
    }

    pub(crate) async fn on(store: Store, scenario: &Scenario) -> Shelf {
        let text = job_text(scenario);
        let fingerprint = Digest::of(text.as_bytes());
        store.put(&job_path(&fingerprint), text.into()).await.unwrap();
        let claim = Record {
            format: FORMAT,
            seq: 1,
            previous: Digest::ZERO,
            log_id: Hex::from_u128(42),
            job: JOB.to_owned(),
            fingerprint,
            incarnation: 1,
            owner: Owner {
                host: "host".into(),
                user: "user".into(),
                directory: "/srv".into(),
                pid: 1,
                instance: Hex::from_u128(7),
            },
            written_at_ms: 1_767_225_600_000,
            standing: Standing::default(),
            body: Body::Claim {},
        };
        let mut shelf = Shelf { store, records: Vec::new() };
        shelf.write(claim).await;
        for checkpoint in engine::run(scenario) {
            shelf.commit(checkpoint).await;
        }
        shelf
    }

    /// Claims the log for a job whose text has `new` in place of `old`.
    pub(crate) async fn upgrade(&mut self, old: &str, new: &str) {
        let before = self.last().clone();
        let text = self.store.get(&job_path(&before.fingerprint)).await.unwrap().unwrap();
        let text = String::from_utf8_lossy(&text).replace(old, new);
        let fingerprint = Digest::of(text.as_bytes());
        assert_ne!(fingerprint, before.fingerprint, "{old:?} is not in the text");
        self.store.put(&job_path(&fingerprint), text.into()).await.unwrap();
        let (seq, incarnation) = (before.seq + 1, before.incarnation + 1);
        let (previous, standing) = (before.digest(), Standing::claimed_after(&before));
        let owner = Owner { instance: Hex::from_u128(8), ..before.owner.clone() };
        let body = Body::Claim {};
        let claim =
            Record { seq, previous, fingerprint, incarnation, owner, standing, body, ..before };
        self.write(claim).await;
    }

    pub(crate) fn last(&self) -> &Record {
        self.records.last().expect("a log begins with a claim")
    }

    fn provenance(&self) -> Provenance {
        let record = &self.records[0];
        Provenance { job: JOB.to_owned(), log_id: record.log_id, incarnation: record.incarnation }
    }

    async fn write(&mut self, record: Record) {
        if let Some(before) = self.records.last() {
            follows(before, &record).expect("the shelf's own log is sound");
        }
        record.check().expect("the shelf's own records are sound");
        let created = self.store.create(&record.path(), record.to_bytes().into()).await.unwrap();
        assert_eq!(created, Creation::Created);
        self.store.put(HINT_PATH, hint_bytes(record.seq).into()).await.unwrap();
        self.records.push(record);
    }

    async fn commit(&mut self, checkpoint: Checkpoint) {
        let mut files = Vec::new();
        for table in Table::ALL {
            let rows = checkpoint.rows.iter().filter(|row| row.table() == table);
            files.extend(self.stage(table, checkpoint.number, rows).await);
        }
        files.sort_by(|a: &StagedFile, b| a.path.cmp(&b.path));
        let before = self.last().clone();
        let mut standing = before.standing.clone();
        standing.checkpoint = checkpoint.number;
        standing.clock = checkpoint.clock;
        standing.finished = checkpoint.finished;
        standing.positions = checkpoint.positions;
        standing.retained.extend(self.retain(&checkpoint.kept, checkpoint.number).await);
        for range in &checkpoint.ranges {
            standing.totals = standing.totals.plus(range.counts());
        }
        let seq = before.seq + 1;
        let mut last = BTreeMap::new();
        for file in &files {
            let table = standing.tables.entry(file.table.clone()).or_default();
            last.entry(file.table.clone()).or_insert(table.last_seq);
            *table = table.plus_file(file.rows, file.bytes, seq);
        }
        let commit = Commit {
            checkpoint: checkpoint.number,
            ranges: checkpoint.ranges,
            files,
            before: last,
            merges: Vec::new(),
            counts: BTreeMap::new(),
        };
        let (previous, body) = (before.digest(), Body::Commit(commit));
        self.write(Record { seq, previous, standing, body, ..before }).await;
    }

    async fn stage<'r>(
        &self,
        table: Table,
        checkpoint: u64,
        rows: impl Iterator<Item = &'r OutRow>,
    ) -> Option<StagedFile> {
        let mut builder = TableBuilder::new(table, JOB, checkpoint);
        rows.for_each(|row| builder.append(row));
        if builder.rows() == 0 {
            return None;
        }
        let file = TableFile::write(table, &[builder.finish()], &self.provenance()).unwrap();
        let (incarnation, table) = (1, table.name().to_owned());
        let path =
            ObjectName::Table { table, incarnation, checkpoint, worker: 0, nr: 0 }.to_string();
        self.store.put(&path, file.bytes.clone()).await.unwrap();
        Some(file.staged(&path))
    }

    async fn retain(
        &self,
        kept: &[quorate_schemas::retained::Retain],
        checkpoint: u64,
    ) -> Option<RetainedFile> {
        if kept.is_empty() {
            return None;
        }
        let file = write_retained(kept, &self.provenance()).unwrap();
        let path = ObjectName::Retained { incarnation: 1, checkpoint, worker: 0 }.to_string();
        self.store.put(&path, file.bytes.clone()).await.unwrap();
        let (rows, bytes, sha256) = (file.rows, file.bytes.len() as u64, file.sha256);
        Some(RetainedFile { path, checkpoint, rows, buried: 0, bytes, sha256 })
    }

    /// Publishes all but the last `behind` records as Delta tables; merges small files if asked to.
    pub(crate) async fn publish(&self, behind: usize, merge: bool) {
        let tables = DeltaTables::new(self.store.clone(), self.provenance());
        let told = &self.records[..self.records.len() - behind];
        let commits: Vec<CommitFiles<'_>> = told
            .iter()
            .filter_map(|record| {
                Some(CommitFiles { seq: record.seq, files: &record.commit()?.files })
            })
            .collect();
        tables.create_missing(1_000).await.unwrap();
        let policy = MergePolicy { fan_in: 2, ..MergePolicy::default() };
        for table in Table::ALL {
            tables.publish(table, &commits, 2_000).await.unwrap();
            if merge {
                tables.merge_small(table, &policy, 3_000).await.unwrap();
            }
        }
    }

    /// What `verify` says.
    pub(crate) async fn verify(&self) -> Report {
        verify(&self.store, Options::default(), &|_| {}).await.unwrap()
    }

    /// The files of `table` that the log names.
    pub(crate) fn files(&self, table: Table) -> Vec<StagedFile> {
        let files = self.records.iter().filter_map(Record::commit).flat_map(|commit| &commit.files);
        files.filter(|file| file.table == table.name()).cloned().collect()
    }

    /// Writes the log anew so that it fits the files as they are now: digests, sizes, rows, chain and totals. What is
    /// left to find is what the rows themselves say.
    pub(crate) async fn forge_log(&mut self) {
        let mut chain: Option<Record> = None;
        for mut record in std::mem::take(&mut self.records) {
            if let Some(before) = &chain {
                record.previous = before.digest();
                record.standing.tables = before.standing.tables.clone();
                record.standing.totals = before.standing.totals;
            }
            let (seq, mut standing) = (record.seq, record.standing.clone());
            if let Body::Commit(commit) = &mut record.body {
                for file in &mut commit.files {
                    let bytes: Bytes = self
                        .store
                        .get(&file.path)
                        .await
                        .unwrap()
                        .expect("a file to be forged is there");
                    let rows = super::tamper::rows_of(bytes.clone());
                    (file.bytes, file.sha256, file.rows) =
                        (bytes.len() as u64, Digest::of(&bytes), rows);
                    let table = standing.tables.entry(file.table.clone()).or_default();
                    *table = table.plus_file(file.rows, file.bytes, seq);
                }
                let counts = commit.ranges.iter().map(|range| range.counts());
                standing.totals = counts.fold(standing.totals, Counts::plus);
            }
            record.standing = standing;
            self.store.put(&record.path(), record.to_bytes().into()).await.unwrap();
            chain = Some(record.clone());
            self.records.push(record);
        }
    }
}

/// The lines of a job's text that `verify` reads.
pub(crate) fn job_text(scenario: &Scenario) -> String {
    let Policy {
        method,
        quorum,
        quorum_of,
        eras,
        finality_after,
        forget_after,
        cap,
        stake,
        min_votes,
        registered,
        ..
    } = scenario.policy;
    let cap = cap.map_or_else(|| "off".to_owned(), |cap| cap.to_string());
    let of = if quorum_of == QuorumOf::Eligible { "eligible" } else { "votes" };
    let stake = if stake == StakeRule::Linear { "linear" } else { "ignore" };
    let mut lines = vec![
        "form = 1".to_owned(),
        format!("consensus.method = {}", method.word()),
        format!("consensus.quorum = {quorum}"),
        format!("consensus.quorum_of = {of}"),
        format!("consensus.era_us = {}", eras.start_of(1)),
        format!("consensus.finality_after_us = {finality_after}"),
        format!("consensus.forget_after_us = {forget_after}"),
        format!("consensus.cap = {cap}"),
        format!("consensus.stake = {stake}"),
        format!("consensus.min_votes = {min_votes}"),
        format!("consensus.registered = {registered}"),
    ];
    let kinds: BTreeSet<RecordKind> =
        scenario.partitions.iter().map(|partition| partition.record).collect();
    lines.extend(kinds.iter().map(|kind| format!("source.{0}.kind = {0}", kind.source_key())));
    lines.join("\n") + "\n"
}
