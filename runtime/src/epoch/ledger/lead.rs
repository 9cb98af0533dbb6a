//! Who leads may draft the next record.

use std::collections::BTreeMap;

use quorate_schemas::clock::Clock;
use quorate_schemas::log::{
    Body, Breach, Commit, Merge, PartitionRange, Position, Record, RetainedFile, RowsHash,
    StagedFile, Standing, follows,
};

use super::commit::{Committed, Sent};
use super::merge::Merged;
use super::terms::Terms;

/// The right to write the next record: held by whoever wrote the last one.
///
/// There is one `Lead` to a [`Claimed`](super::Claimed), drafting consumes it and committing gives it back. So there
/// is never a second draft while one is on its way, and a fenced process has nothing to draft from.
#[derive(Debug)]
pub struct Lead {
    pub(super) last: Committed,
    pub(super) terms: Terms,
    /// When we began to write the last record: from then on it may have been overtaken.
    pub(super) since_ms: u64,
}

/// What a checkpoint has staged: the receipts of all workers, added up.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// The last checkpoint covered.
    pub checkpoint: u64,
    /// What was read of each partition that moved.
    pub ranges: Vec<PartitionRange>,
    /// Where every partition now stands.
    pub positions: Vec<Position>,
    /// The tables' new files.
    pub files: Vec<StagedFile>,
    /// The new retained files.
    pub retained: Vec<RetainedFile>,
    /// Merges that are ready; those that no longer fit are dropped.
    pub merges: Vec<Merged>,
    /// Further counts by name.
    pub counts: BTreeMap<String, u64>,
    /// Per outlet, the hash of its live derived rows.
    pub derived: BTreeMap<String, RowsHash>,
    /// The job's clock.
    pub clock: Clock,
    /// Whether this ends the job.
    pub end: End,
}

/// Whether a job goes on after a commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// It goes on.
    #[default]
    NotYet,
    /// All input is read and every task decided.
    Finished,
}

/// A record that is ready to be sent: frozen, and known to follow the last one.
#[derive(Debug)]
pub struct Draft {
    pub(super) record: Record,
    pub(super) garbage: Vec<String>,
    pub(super) before: Lead,
}

impl Lead {
    /// Where the job stands.
    pub fn standing(&self) -> &Standing {
        &self.last.record().standing
    }

    /// The last record, which is this lead's own.
    pub fn last(&self) -> &Committed {
        &self.last
    }

    /// The incarnation under which everything is staged.
    pub fn incarnation(&self) -> u64 {
        self.last.record().incarnation
    }

    /// How many retained files the next commit may bring if these merges enter with it. A checkpoint with more has to
    /// wait for further merges; those that are ready may enter with a commit of their own, of a checkpoint without
    /// rows.
    pub fn room_for_retained_files(&self, merges: &[Merged]) -> usize {
        let mut live = self.standing().retained.clone();
        for merged in merges {
            merged.apply(&mut live);
        }
        self.terms.most_retained_files.saturating_sub(live.len())
    }

    /// How long until a heartbeat is due; 0 if it is.
    pub fn heartbeat_due_in_ms(&self, now_ms: u64) -> u64 {
        self.since_ms.saturating_add(self.terms.heartbeat_ms).saturating_sub(now_ms)
    }

    /// Drafts a heartbeat.
    pub fn heartbeat(self, written_at_ms: u64) -> Draft {
        let record = self.next_record(self.standing().clone(), Body::Heartbeat {}, written_at_ms);
        Draft { record, garbage: Vec::new(), before: self }
    }

    /// Drafts a commit. Lists may come in any order.
    ///
    /// # Errors
    /// The rule that the change breaks. It is a bug of whoever made the change, and the lead is gone with it: the
    /// process must die and recover rather than try something else.
    pub fn commit(self, change: Change, written_at_ms: u64) -> Result<Draft, Breach> {
        let mut retained = self.standing().retained.clone();
        let (fitting, dropped): (Vec<_>, Vec<_>) =
            change.merges.into_iter().partition(|merged| merged.apply(&mut retained));
        retained.extend(change.retained);
        retained.sort_by(|a, b| (a.checkpoint, &a.path).cmp(&(b.checkpoint, &b.path)));
        let bound = self.terms.most_retained_files;
        if retained.len() > bound {
            return Err(Breach::TooLong { what: "retained", found: retained.len(), bound });
        }

        let garbage = fitting
            .iter()
            .flat_map(Merged::replaced)
            .chain(dropped.iter().flat_map(Merged::output))
            .collect();
        let merges: Vec<Merge> = fitting.into_iter().map(Merged::into_merge).collect();
        let (mut ranges, mut files, mut positions) =
            (change.ranges, change.files, change.positions);
        ranges.sort_by(|a, b| a.origin.cmp(&b.origin));
        positions.sort_by(|a, b| a.origin.cmp(&b.origin));
        files.sort_by(|a, b| a.path.cmp(&b.path));

        let (last, before) = (self.last.record(), self.standing());
        let (mut tables, mut files_before) = (before.tables.clone(), BTreeMap::new());
        for file in &files {
            let table = tables.entry(file.table.clone()).or_default();
            files_before.entry(file.table.clone()).or_insert(table.last_seq);
            *table = table.plus_file(file.rows, file.bytes, last.seq + 1);
        }
        let standing = Standing {
            checkpoint: change.checkpoint,
            positions,
            retained,
            derived: change.derived,
            clock: change.clock,
            totals: ranges.iter().fold(before.totals, |sum, range| sum.plus(range.counts())),
            tables,
            endings: before.endings.clone(),
            reopened: before.reopened,
            finished: change.end == End::Finished,
        };
        let (checkpoint, counts) = (change.checkpoint, change.counts);
        let commit = Commit { checkpoint, ranges, files, before: files_before, merges, counts };
        let record = self.next_record(standing, Body::Commit(commit), written_at_ms);
        record.check()?;
        follows(last, &record)?;
        Ok(Draft { record, garbage, before: self })
    }

    fn next_record(&self, standing: Standing, body: Body, written_at_ms: u64) -> Record {
        let last = self.last.record();
        Record {
            format: last.format,
            seq: last.seq + 1,
            previous: self.last.digest(),
            log_id: last.log_id,
            job: last.job.clone(),
            fingerprint: last.fingerprint,
            incarnation: last.incarnation,
            owner: last.owner.clone(),
            written_at_ms,
            standing,
            body,
        }
    }
}

impl Draft {
    /// The record as it will be written.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Sends it. From here on it can't change: a retry is the same byte for byte.
    pub fn send(self) -> Sent {
        Sent::new(self)
    }
}
