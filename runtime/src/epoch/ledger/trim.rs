//! Which records nobody needs any more.

use std::collections::BTreeMap;

use quorate_schemas::log::{LOG_PREFIX, ObjectName};

use super::ask::{Ask, Fact, Listed, Operation, Patience, Turn};
use super::commit::Committed;
use super::terms::Terms;

/// Removes old records, oldest first.
///
/// A record may go if
///
/// 1. no publisher lacks it or anything below: of the tables whose destination has not published their last files,
///    it lies at or below the progress of each;
/// 2. it is older than [`Terms::trim_age_ms`], and so is one above it. So there is always a record that every
///    listing shows, however far listings lag behind, and all that counts lies at or above it: whoever slept for a
///    week and then creates a record in the hole below is told apart by a listing (see `Look` and `Find`);
/// 3. it lies below the latest committed record, and everything below it is gone. The records that remain are one
///    run up to the latest. Each removal is confirmed before the next is asked for, also across retries.
///
/// What was created in the hole below that run is no part of the log; it goes too when it is old enough.
///
/// The oldest record that remains is the root of what can be verified: its `previous` names a digest that is taken
/// on trust, its standing carries the totals of all that is gone.
///
/// Cost: a listing of the log, and a request for each record removed.
#[derive(Debug)]
pub struct Trim {
    pub(super) shears: Shears,
    phase: Phase,
}

#[derive(Debug)]
pub(super) struct Shears {
    pub(super) latest: u64,
    pub(super) published: u64,
    pub(super) trim_age_ms: u64,
    /// What is left to remove, last one first.
    pub(super) doomed: Vec<u64>,
    trimmed: u64,
    patience: Patience,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    ToList,
    Listing,
    ToDelete,
    Deleting,
}

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// How many records.
    pub records: u64,
}

impl Trim {
    /// Trims below a committed record, given the progress of each table's destination: the number of the record it
    /// has published last. A table that is not among them counts as never published.
    pub fn below(committed: &Committed, progress: &BTreeMap<String, u64>, terms: &Terms) -> Trim {
        let record = committed.record();
        let behind = record.standing.tables.iter().filter_map(|(name, table)| {
            let progress = progress.get(name).copied().unwrap_or_default();
            (progress < table.last_seq).then_some(progress)
        });
        let (latest, published) = (record.seq, behind.min().unwrap_or(record.seq));
        let (trim_age_ms, patience) = (terms.trim_age_ms, Patience::default());
        let shears =
            Shears { latest, published, trim_age_ms, doomed: Vec::new(), trimmed: 0, patience };
        Trim { shears, phase: Phase::ToList }
    }
}

impl Operation for Trim {
    type Outcome = Trimmed;

    fn next(self, fact: Fact, _now_ms: u64) -> Turn<Trim> {
        let shears = self.shears;
        match (self.phase, fact) {
            (Phase::ToList, _) => Turn::Ask(
                Trim { shears, phase: Phase::Listing },
                Ask::List { prefix: LOG_PREFIX, after: None },
            ),
            (Phase::Listing, Fact::Listed(found)) => shears.listed(&found),
            (Phase::Listing, _) => shears.wait(Phase::ToList),
            (Phase::ToDelete, _) => shears.delete(),
            (Phase::Deleting, Fact::Done | Fact::Absent) => shears.deleted(),
            (Phase::Deleting, _) => shears.wait(Phase::ToDelete),
        }
    }
}

impl Shears {
    fn wait(mut self, then: Phase) -> Turn<Trim> {
        let ask = self.patience.wait();
        Turn::Ask(Trim { shears: self, phase: then }, ask)
    }

    fn listed(mut self, found: &[Listed]) -> Turn<Trim> {
        let mut records: Vec<(u64, u64)> = found
            .iter()
            .filter_map(|listed| match ObjectName::parse(&listed.path) {
                Some(ObjectName::Log { seq }) => Some((seq, listed.age_ms)),
                _ => None,
            })
            .collect();
        records.sort_unstable();
        self.doomed = self.trimmable(&records);
        self.doomed.reverse();
        self.delete()
    }

    /// The records that may go, oldest first, of all `(seq, age)` in order.
    fn trimmable(&self, records: &[(u64, u64)]) -> Vec<u64> {
        let may_go = |&(seq, age_ms): &(u64, u64)| {
            seq <= self.published && seq < self.latest && age_ms >= self.trim_age_ms
        };
        let gap = records.windows(2).rposition(|pair| pair[0].0 + 1 < pair[1].0);
        let (strays, run) = records.split_at(gap.map_or(0, |last_stray| last_stray + 1));
        let from_run =
            run.windows(2).take_while(|pair| may_go(&pair[0]) && pair[1].1 >= self.trim_age_ms);
        let strays = strays.iter().filter(|record| may_go(record));
        strays.chain(from_run.map(|pair| &pair[0])).map(|(seq, _)| *seq).collect()
    }

    fn delete(self) -> Turn<Trim> {
        match self.doomed.last() {
            None => Turn::Done(Trimmed { records: self.trimmed }),
            Some(seq) => {
                let path = ObjectName::Log { seq: *seq }.to_string();
                Turn::Ask(Trim { shears: self, phase: Phase::Deleting }, Ask::Delete { path })
            }
        }
    }

    fn deleted(mut self) -> Turn<Trim> {
        self.doomed.pop();
        self.trimmed += 1;
        self.patience = Patience::default();
        self.delete()
    }
}
