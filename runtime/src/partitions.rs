//! The partitions that one worker reads: in order of event time, reported on as epochs are sealed.
//!
//! ```text
//!   take ──► joining ──► ready ◄──────► waiting       each sealed: a report for the clock,
//!               │          │   (looked at again          a position for the log,
//!               ▼          ▼    at a pace)               its standing for the roster
//!            closed: idle, done, shut ──► sealed, and forgotten here
//! ```
//!
//! 1. The partition that lies furthest behind is read first, and none is read further ahead of what all have
//!    promised than [`AHEAD`]: what is held open for the slowest stays small.
//! 2. A partition that joins late, or is taken up again, first holds the clock where it stands; only rows from there
//!    on are on time. So no row ever lies behind a watermark.
//! 3. That a partition holds nothing up any more is in the log before, or with, anything that the clock makes of it.
//!
//! *Cost*: of a poll, the partition that is read; of an epoch, those that were touched in it; and of those that wait, a
//! look at each one's file at the job's [`Pace`].

mod slot;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use quorate_connectors::inlet::{Counts, InletSpec};
use quorate_connectors::source::{Found, Reading};
use quorate_operators::clock::Report;
use quorate_operators::rows::Epoch;
use quorate_schemas::clock::Clock;
use quorate_schemas::record::{Placed, Record, RecordKind};
use quorate_schemas::table::RejectRow;
use quorate_schemas::time::{Micros, SECOND};

use crate::clock::Stopwatch;
use crate::epoch::staging::Moved;
use crate::error::Error;
use crate::metrics::Piece;
use crate::roster::{Missing, Offer, Roster};
use slot::{Slot, Step};

/// How far a partition is read ahead of what all partitions promise, in event time.
const AHEAD: Micros = 3_600 * SECOND;

/// When a partition begins to hold the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// With the run's first epoch: the clock stands where the log has it, and nothing passes it.
    WithTheRun,
    /// While the clock goes on: it joins where the clock then stands.
    Joining,
}

/// A partition that a worker is to read.
#[derive(Clone, Debug)]
pub(crate) struct Assigned {
    /// What the inlets of its source share.
    pub(crate) spec: Arc<InletSpec>,
    /// The kind of record it holds.
    pub(crate) record: RecordKind,
    /// How its source is read. (A copy that does not grow is read to its end in a followed source, too.)
    pub(crate) reading: Reading,
    /// Where it is read.
    pub(crate) found: Found,
    /// What is known of it.
    pub(crate) offer: Offer,
    /// When it begins to hold the clock.
    pub(crate) start: Start,
}

/// What a worker is to do with a partition.
#[derive(Clone, Debug)]
pub(crate) enum Errand {
    /// Read it.
    Read(Assigned),
    /// Tell the log that it has ended.
    End(Arc<InletSpec>, RecordKind, Missing),
}

/// How a worker reads what may grow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// A partition without a row on time for so long holds nothing up any more; `None`: it always does.
    pub(crate) idle_after: Option<Duration>,
    /// Files that had nothing more are looked at again after so long; it adds to how old a provisional decision is.
    pub(crate) look_every: Duration,
    /// Or after so long for each that waits. A look costs some system calls: where thousands of files wait, looking
    /// takes a few per cent of a core and no more.
    pub(crate) per_look: Duration,
}

impl Pace {
    /// The pace of a job with such epochs.
    pub(crate) fn of(epoch: Duration, idle_after: Option<Duration>) -> Pace {
        let look_every = epoch.min(Duration::from_millis(50));
        Pace { idle_after, look_every, per_look: Duration::from_micros(50) }
    }
}

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// Rows on time.
    pub(crate) rows: Vec<Placed<Record>>,
    /// Rows that are late or cannot be used.
    pub(crate) rejects: Vec<RejectRow>,
    /// How many of each.
    pub(crate) counts: Counts,
    /// Bytes that they and blank lines had.
    pub(crate) bytes: u64,
    /// The same, by partition.
    pub(crate) pieces: Vec<Piece>,
    /// What a person would want to know.
    pub(crate) notes: Vec<String>,
}

/// What a poll found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Polled {
    /// Rows, and there may be more.
    Rows,
    /// Nothing that may be read before the clock moves.
    Ahead,
    /// Nothing for now.
    Nothing,
}

/// The partitions of one worker.
pub(crate) struct Partitions {
    roster: Arc<Roster>,
    pace: Pace,
    slots: BTreeMap<u64, Slot>,
    next_slot: u64,
    /// Those that may have something to read, and what they promise.
    ready: BTreeSet<(Option<Micros>, u64)>,
    /// Those that had nothing when they were last looked at.
    waiting: BTreeSet<u64>,
    /// Those that wait for the clock.
    joining: BTreeSet<u64>,
    /// Those that the next seal has something to say of.
    touched: BTreeSet<u64>,
    /// Whether one of those must be sealed although no row was read: it begins, joins, ends or rests.
    has_news: bool,
    looked: Stopwatch,
}

impl Partitions {
    /// None yet.
    pub(crate) fn new(roster: Arc<Roster>, pace: Pace) -> Partitions {
        Partitions {
            roster,
            pace,
            slots: BTreeMap::new(),
            next_slot: 0,
            ready: BTreeSet::new(),
            waiting: BTreeSet::new(),
            joining: BTreeSet::new(),
            touched: BTreeSet::new(),
            has_news: false,
            looked: Stopwatch::start(),
        }
    }

    /// Takes another partition.
    ///
    /// # Errors
    /// If a bounded one cannot be opened.
    pub(crate) fn take(&mut self, errand: Errand) -> Result<(), Error> {
        let slot = match errand {
            Errand::Read(assigned) => Slot::of(assigned)?,
            Errand::End(spec, record, missing) => Slot::ended(&spec, record, missing),
        };
        let key = self.next_slot;
        self.next_slot += 1;
        if slot.is_joining() {
            self.joining.insert(key);
        } else if slot.is_open() {
            self.ready.insert((slot.promise(), key));
        }
        self.slots.insert(key, slot);
        self.tell(key);
        Ok(())
    }

    fn tell(&mut self, key: u64) {
        self.touched.insert(key);
        self.has_news = true;
    }

    /// Lets partitions join whose place in event time is known by now, as of the clock of `epoch`.
    ///
    /// # Errors
    /// If a bounded one cannot be opened.
    pub(crate) fn join(&mut self, epoch: Epoch, clock: Clock) -> Result<(), Error> {
        for key in self.joining.clone() {
            let Some(slot) = self.slots.get_mut(&key) else { continue };
            if slot.join(epoch, clock)? {
                if slot.is_open() {
                    self.ready.insert((slot.promise(), key));
                }
                self.joining.remove(&key);
                self.tell(key);
            }
        }
        Ok(())
    }

    /// Reads a little of the partition that lies furthest behind; `now_us` is the machine's time.
    ///
    /// # Errors
    /// If its file cannot be read.
    pub(crate) fn poll(
        &mut self,
        clock: Clock,
        now_us: Micros,
        taken: &mut Taken,
    ) -> Result<Polled, Error> {
        if !self.waiting.is_empty() && self.looked.elapsed() >= self.look_after() {
            self.looked = Stopwatch::start();
            for key in std::mem::take(&mut self.waiting) {
                self.ready.extend(self.slots.get(&key).map(|slot| (slot.promise(), key)));
            }
        }
        let limit = clock.promised.saturating_add(AHEAD);
        while let Some(&(promise, key)) = self.ready.first() {
            if promise.is_some_and(|promise| promise > limit) {
                return Ok(Polled::Ahead);
            }
            self.ready.pop_first();
            let Some(slot) = self.slots.get_mut(&key) else { continue };
            let bytes = taken.bytes;
            match slot.poll(now_us, self.pace.idle_after, &self.roster, taken)? {
                Step::More => {
                    self.ready.insert((slot.promise(), key));
                }
                Step::Waits => {
                    self.waiting.insert(key);
                }
                Step::Closed => self.tell(key),
            }
            if taken.bytes > bytes {
                self.touched.insert(key);
                return Ok(Polled::Rows);
            }
        }
        Ok(Polled::Nothing)
    }

    fn look_after(&self) -> Duration {
        let waiting = u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
        self.pace.look_every.max(self.pace.per_look.saturating_mul(waiting))
    }

    /// Whether something must be sealed although no row was read: a partition begins, joins, ends or rests.
    pub(crate) fn has_news(&self) -> bool {
        self.has_news
    }

    /// What is to be sealed with an epoch: reports for the clock, and how far each partition moved.
    pub(crate) fn seal(
        &mut self,
        epoch: Epoch,
        notes: &mut Vec<String>,
    ) -> (Vec<Report>, Vec<Moved>) {
        let (mut reports, mut moved) = (Vec::new(), Vec::new());
        self.has_news = false;
        for key in std::mem::take(&mut self.touched) {
            let Some(slot) = self.slots.get_mut(&key) else { continue };
            let sealed = slot.seal(epoch, &self.roster, notes);
            reports.extend(sealed.report);
            moved.extend(sealed.moved);
            if !slot.is_open() && !slot.is_joining() {
                self.slots.remove(&key);
            }
        }
        (reports, moved)
    }
}
