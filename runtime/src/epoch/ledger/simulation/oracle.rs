//! What must hold, watched at every effect on the store.

use std::collections::{BTreeMap, BTreeSet};

use quorate_schemas::log::{Digest, MAX_ENDINGS, ObjectName, Record, follows};

use super::Violation;
use super::encounters::Encounters;
use super::rows::{self, Partitions, TableRows};
use super::store::Store;
use super::upkeep_lane::TABLES;
use crate::epoch::ledger::{Committed, Contest, Terms};

/// The whole history, whatever is trimmed from the store.
#[derive(Debug)]
pub(super) struct Oracle {
    terms: Terms,
    chain: Vec<Link>,
    /// How each contender entered.
    contests: BTreeMap<u64, Contest>,
    /// Contenders that have crashed or stopped.
    gone: BTreeSet<u64>,
    /// Every table file that a record names.
    named: BTreeSet<String>,
    /// What each table's destination has: records and files, in order.
    published: BTreeMap<String, Vec<(u64, Vec<String>)>>,
    /// Records created in the hole that trimming left.
    stray: BTreeSet<u64>,
    /// From when on nobody but the leader may claim.
    settled_ms: u64,
}

#[derive(Debug)]
struct Link {
    record: Record,
    digest: Digest,
    landed_ms: u64,
    /// The contender whose create landed.
    writer: u64,
    is_taken_for_committed: bool,
}

fn ensure(holds: bool, words: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(words()) }
}

impl Oracle {
    pub(super) fn new(terms: Terms, settled_ms: u64) -> Oracle {
        Oracle {
            terms,
            chain: Vec::new(),
            contests: BTreeMap::new(),
            gone: BTreeSet::new(),
            named: BTreeSet::new(),
            published: TABLES.iter().map(|table| ((*table).to_owned(), Vec::new())).collect(),
            stray: BTreeSet::new(),
            settled_ms,
        }
    }

    pub(super) fn starts(&mut self, id: u64, contest: Contest) {
        self.contests.insert(id, contest);
    }

    pub(super) fn ends(&mut self, id: u64) {
        self.gone.insert(id);
    }

    /// Whether the last record is this contender's.
    pub(super) fn leads(&self, id: u64) -> bool {
        self.chain.last().is_some_and(|link| link.writer == id)
    }

    pub(super) fn progress(&self, table: &str) -> u64 {
        self.published[table].last().map_or(0, |(seq, _)| *seq)
    }

    /// The store has created a record.
    pub(super) fn record_created(
        &mut self,
        id: u64,
        seq: u64,
        bytes: &[u8],
        store: &Store,
        now_ms: u64,
        met: &mut Encounters,
    ) -> Result<(), Violation> {
        let record = Record::from_bytes(bytes)
            .map_err(|why| format!("record {seq} was created unreadable: {why}"))?;
        let next = self.chain.len() as u64 + 1;
        if seq < next {
            met.meet("record created in the hole below the log");
            self.stray.insert(seq);
            return Ok(());
        }
        ensure(seq == next, || format!("record {seq} was created, the next is {next}"))?;
        match self.chain.last() {
            None => ensure(record.is_claim(), || format!("the log begins with {:?}", record.body))?,
            Some(last) => {
                follows(&last.record, &record)
                    .map_err(|breach| format!("record {seq}: {breach}"))?;
                if record.is_claim() {
                    self.check_claim(last, id, &record, now_ms, met)?;
                }
            }
        }
        self.check_files(&record, store)?;
        met.meet(if record.is_claim() { "claim" } else { "commit" });
        if let Some(commit) = record.commit() {
            self.named.extend(commit.files.iter().map(|file| file.path.clone()));
            met.meet_times("merge committed", commit.merges.len() as u64);
        }
        let digest = Digest::of(bytes);
        self.chain.push(Link {
            record,
            digest,
            landed_ms: now_ms,
            writer: id,
            is_taken_for_committed: false,
        });
        Ok(())
    }

    fn check_claim(
        &self,
        last: &Link,
        id: u64,
        claim: &Record,
        now_ms: u64,
        met: &mut Encounters,
    ) -> Result<(), Violation> {
        if last.record.owner.same_place(&claim.owner) {
            return Ok(());
        }
        if self.contests.get(&id) == Some(&Contest::TakeOver) {
            met.meet("taken over at once");
            return Ok(());
        }
        let silent_ms = now_ms - last.landed_ms;
        let was_silent = silent_ms >= self.terms.silence_ms();
        ensure(was_silent, || {
            format!("#{id} took over from #{} after {silent_ms} ms of silence", last.writer)
        })?;
        met.meet("taken over after silence");
        let is_healthy = now_ms >= self.settled_ms && !self.gone.contains(&last.writer);
        ensure(!is_healthy, || format!("#{id} unseated a healthy leader, #{}", last.writer))?;
        Ok(())
    }

    /// Every file that the record names must be there, and hold the rows that the record says.
    fn check_files(&self, record: &Record, store: &Store) -> Result<(), Violation> {
        let seq = record.seq;
        let retained = &record.standing.retained;
        ensure(retained.len() <= self.terms.most_retained_files, || {
            format!("record {seq} has {} retained files", retained.len())
        })?;
        for file in retained {
            ensure(store.get(&file.path).is_some(), || {
                format!("record {seq} names {}, which is missing", file.path)
            })?;
        }
        let Some(commit) = record.commit() else { return Ok(()) };
        let mut rows = TableRows::new();
        for file in &commit.files {
            let Some(bytes) = store.get(&file.path) else {
                return Err(format!("record {seq} names {}, which is missing", file.path));
            };
            ensure(Digest::of(bytes) == file.sha256, || {
                format!("{} is not what record {seq} names", file.path)
            })?;
            if file.table == "votes" {
                rows.extend(rows::decode_table(bytes));
            }
        }
        rows.sort_unstable();
        let ranges: TableRows = commit
            .ranges
            .iter()
            .map(|range| (Partitions::index(&range.origin), range.from, range.to))
            .collect();
        ensure(rows == ranges, || {
            format!("record {seq} has the ranges {ranges:?}, its files the rows {rows:?}")
        })?;
        Ok(())
    }

    /// The store is about to remove an object that is there.
    pub(super) fn removes(&mut self, path: &str, store: &Store) -> Result<(), Violation> {
        ensure(!self.named.contains(path), || format!("{path} was removed, which is committed"))?;
        let live = self.chain.last().map(|last| &last.record.standing.retained);
        let is_live = live.is_some_and(|files| files.iter().any(|file| file.path == path));
        ensure(!is_live, || format!("{path} was removed, which is live"))?;
        let Some(ObjectName::Log { seq }) = ObjectName::parse(path) else { return Ok(()) };
        if self.stray.remove(&seq) {
            return Ok(());
        }
        let link = &self.chain[seq as usize - 1];
        for file in link.record.commit().iter().flat_map(|commit| &commit.files) {
            ensure(self.progress(&file.table) >= seq, || {
                format!("record {seq} was trimmed unpublished, with {}", file.path)
            })?;
        }
        let lower = store.paths().find_map(|path| match ObjectName::parse(path) {
            Some(ObjectName::Log { seq: lower }) if lower < seq && !self.stray.contains(&lower) => {
                Some(lower)
            }
            _ => None,
        });
        lower.map_or(Ok(()), |lower| {
            Err(format!("record {seq} was trimmed, which cuts record {lower} off the chain"))
        })
    }

    /// A contender takes a record for committed.
    pub(super) fn is_committed(&mut self, id: u64, committed: &Committed) -> Result<(), Violation> {
        let seq = committed.record().seq;
        let link =
            self.chain.get_mut(seq as usize - 1).filter(|link| link.digest == committed.digest());
        let Some(link) = link else {
            return Err(format!("#{id} takes record {seq} for committed, which it isn't"));
        };
        ensure(link.writer == id, || {
            format!("#{id} takes record {seq} for its own, which is of #{}", link.writer)
        })?;
        ensure(!link.is_taken_for_committed, || format!("#{id} commits record {seq} twice"))?;
        link.is_taken_for_committed = true;
        Ok(())
    }

    /// A contender takes itself for fenced.
    pub(super) fn is_fenced(&self, id: u64) -> Result<(), Violation> {
        let is_alone = self.chain.iter().all(|link| link.writer == id);
        ensure(!self.leads(id) && !is_alone, || {
            format!("#{id} takes itself for fenced, and leads")
        })?;
        Ok(())
    }

    /// A destination publishes a record.
    pub(super) fn publishes(
        &mut self,
        table: &str,
        seq: u64,
        files: &[String],
        store: &Store,
    ) -> Result<(), Violation> {
        let link = &self.chain[seq as usize - 1];
        let after = self.progress(table);
        let files_of = |record: &Record| -> Vec<String> {
            let commit = record.commit();
            let files =
                commit.iter().flat_map(|commit| &commit.files).filter(|file| file.table == table);
            files.map(|file| file.path.clone()).collect()
        };
        ensure(files == files_of(&link.record), || {
            format!("{table} publishes {files:?} as of record {seq}")
        })?;
        for path in files {
            ensure(store.get(path).is_some(), || {
                format!("{table} publishes {path}, which is missing")
            })?;
        }
        let between = &self.chain[after as usize..seq as usize - 1];
        let skipped = between.iter().find(|link| !files_of(&link.record).is_empty());
        if let Some(skipped) = skipped {
            return Err(format!("{table} publishes record {seq} and skips {}", skipped.record.seq));
        }
        ensure(seq > after, || format!("{table} publishes record {seq} after {after}"))?;
        self.published.get_mut(table).expect("a table").push((seq, files.to_vec()));
        Ok(())
    }

    /// Once the weather has been clear for long enough, everything is done and tidy.
    pub(super) fn is_done(
        &self,
        partitions: &Partitions,
        store: &Store,
        now_ms: u64,
    ) -> Result<(), Violation> {
        let Some(last) = self.chain.last() else { return Err("nobody has claimed".to_owned()) };
        let standing = &last.record.standing;
        ensure(partitions.all_read(standing), || {
            format!("rows are left: {:?}", standing.positions)
        })?;
        for (table, totals) in &standing.tables {
            ensure(self.progress(table) == totals.last_seq, || {
                format!("{table} was not published up to {}", totals.last_seq)
            })?;
        }
        let orphan = store.paths().find(|path| self.is_orphan(path, &last.record));
        ensure(orphan.is_none() || standing.finished, || format!("{orphan:?} was not swept"))?;
        let kept = store.paths().filter_map(|path| match ObjectName::parse(path) {
            Some(ObjectName::Log { seq }) if !self.stray.contains(&seq) => {
                self.chain.get(seq as usize - 1)
            }
            _ => None,
        });
        let old = kept.filter(|link| now_ms - link.landed_ms > 2 * self.terms.trim_age_ms).count();
        ensure(old <= 1 || standing.finished, || format!("{old} old records were not trimmed"))?;
        Ok(())
    }

    /// Whether the object is of an older incarnation, but not so old that it may be forgotten, and nothing names it.
    fn is_orphan(&self, path: &str, last: &Record) -> bool {
        let incarnation = ObjectName::parse(path).and_then(|name| name.incarnation());
        let is_recent = |incarnation: u64| {
            (1..MAX_ENDINGS as u64).contains(&last.incarnation.saturating_sub(incarnation))
        };
        let is_live = || last.standing.retained.iter().any(|file| file.path == path);
        incarnation.is_some_and(is_recent) && !self.named.contains(path) && !is_live()
    }
}
