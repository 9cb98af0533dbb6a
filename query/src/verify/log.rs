//! The chain of records: each says the digest of the one before, and what it moves follows from that one.
//!
//! Nothing follows the last record yet, so a change of it shows only where it contradicts the one before or the tables.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::StreamExt;
use quorate_connectors::store::Store;
use quorate_schemas::log::{
    Digest, FIRST_SEQ, ObjectName, Record, StagedFile, Standing, Unreadable, follows,
};

use super::Step;
use super::finding::{Check, Finding, Findings};
use super::report::Checked;
use crate::error::{Error, Result};
use crate::history;

const READS_AT_ONCE: usize = 16;

/// The records that can be read, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    pub(super) records: Vec<Record>,
}

impl Log {
    /// Forgets what came after `seq`.
    pub(super) fn truncate(&mut self, seq: u64) {
        self.records.retain(|record| record.seq <= seq);
    }

    pub(super) fn last(&self) -> Option<&Record> {
        self.records.last()
    }

    /// Every file that the records name, with the record that does.
    pub(super) fn staged(&self) -> impl Iterator<Item = (u64, &StagedFile)> {
        let commits = self.records.iter().filter_map(|record| Some((record.seq, record.commit()?)));
        commits.flat_map(|(seq, commit)| commit.files.iter().map(move |file| (seq, file)))
    }

    /// The record that made rows of this commit true; none where it was trimmed.
    pub(super) fn of_commit(&self, commit: i64) -> Option<&Record> {
        let commit = u64::try_from(commit).ok()?;
        let at = self.records.partition_point(|record| record.standing.checkpoint < commit);
        self.records.get(at).filter(|record| {
            record
                .commit()
                .is_some_and(|found| commit > self.before(at) && commit <= found.checkpoint)
        })
    }

    /// Rows of commits up to this one are older than the log.
    pub(super) fn horizon(&self) -> u64 {
        match self.records.first() {
            Some(first) if first.seq == FIRST_SEQ => 0,
            Some(first) => first.standing.checkpoint,
            None => 0,
        }
    }

    fn before(&self, at: usize) -> u64 {
        at.checked_sub(1)
            .map_or_else(|| self.horizon(), |before| self.records[before].standing.checkpoint)
    }
}

pub(super) async fn check(
    store: &Store,
    findings: &mut Findings,
    checked: &mut Checked,
    watch: &(dyn Fn(Step) + Sync),
) -> Result<Log> {
    let seqs = history::seqs(store).await?;
    let Some((first, last)) = seqs.first().copied().zip(seqs.last().copied()) else {
        return Err(Error::NoLog { store: store.name().to_owned() });
    };
    let of = seqs.len() as u64;
    checked.seqs = Some((first, last));
    let mut chain = Chain::default();
    let read =
        |seq: u64| async move { (seq, store.get(&ObjectName::Log { seq }.to_string()).await) };
    let mut reads = futures::stream::iter(seqs).map(read).buffered(READS_AT_ONCE);
    while let Some((seq, bytes)) = reads.next().await {
        watch(Step { what: "log records", done: checked.records, of });
        // Trimmed between listing and reading; the first ones may go at any time.
        let Some(bytes) = bytes? else { continue };
        checked.records += 1;
        chain.take(seq, &bytes, findings);
    }
    chain.named_twice(findings);
    Ok(Log { records: chain.records })
}

#[derive(Default)]
struct Chain {
    records: Vec<Record>,
    /// Number and digest of the object before, whatever it held.
    before: Option<(u64, Digest)>,
}

impl Chain {
    fn take(&mut self, seq: u64, bytes: &Bytes, findings: &mut Findings) {
        let digest = Digest::of(bytes);
        let before = self.before.replace((seq, digest));
        if let Some((last, _)) = before.filter(|(last, _)| last + 1 != seq) {
            let missing = match seq - last - 1 {
                1 => format!("record {} is missing", last + 1),
                _ => format!("records {} to {} are missing", last + 1, seq - 1),
            };
            findings.add(Finding::new(Check::Log, missing).in_record(seq));
        }
        let record = match Record::from_bytes(bytes) {
            Ok(record) => record,
            Err(error) => {
                let what = match error {
                    Unreadable::NewerFormat { .. } => "it is too new for this build".to_owned(),
                    error => error.to_string(),
                };
                findings.add(
                    Finding::new(Check::Log, what)
                        .in_record(seq)
                        .in_file(&ObjectName::Log { seq }.to_string()),
                );
                return;
            }
        };
        if record.seq != seq {
            let finding =
                Finding::new(Check::Log, "its own number").in_record(seq).differs(seq, record.seq);
            findings.add(finding.in_file(&ObjectName::Log { seq }.to_string()));
            return;
        }
        match before.filter(|(last, _)| last + 1 == seq) {
            Some((_, expected)) if record.previous != expected => {
                let what = format!(
                    "record {} or this one was changed: the digest that it gives of it",
                    seq - 1
                );
                findings.add(
                    Finding::new(Check::Log, what)
                        .in_record(seq)
                        .differs(expected, record.previous),
                );
            }
            Some(_) => self.check_follows(&record, findings),
            None if seq == FIRST_SEQ => check_first(&record, findings),
            None => {}
        }
        self.records.push(record);
    }

    /// Whether what the record moves follows from the one before, if that could be read.
    fn check_follows(&self, record: &Record, findings: &mut Findings) {
        let Some(before) = self.records.last().filter(|before| before.seq + 1 == record.seq) else {
            return;
        };
        if let Err(breach) = follows(before, record) {
            findings.add(Finding::new(Check::Log, breach.to_string()).in_record(record.seq));
        }
    }

    fn named_twice(&self, findings: &mut Findings) {
        let mut named: BTreeMap<&str, u64> = BTreeMap::new();
        for record in &self.records {
            for file in record.commit().map_or(&[][..], |commit| &commit.files) {
                if let Some(earlier) = named.insert(&file.path, record.seq) {
                    let what = format!("record {earlier} names it already");
                    findings.add(
                        Finding::new(Check::Log, what).in_record(record.seq).in_file(&file.path),
                    );
                }
            }
        }
    }
}

/// The first record stands on nothing.
fn check_first(record: &Record, findings: &mut Findings) {
    if !record.is_claim()
        || record.previous != Digest::ZERO
        || record.standing != Standing::default()
    {
        findings.add(
            Finding::new(Check::Log, "the first record is not the claim of an empty log")
                .in_record(record.seq),
        );
    }
}
