//! The job's clock: from what partitions promise to how far tasks may go.
//!
//! ```text
//!   partitions' bounds ──► promised ──(one era at a time, one epoch later)──► watermark
//! ```
//!
//! 1. `promised` is the least bound of the partitions that are read and neither idle nor done. It never goes back.
//! 2. The watermark of epoch n is at most what was promised at epoch n − 1: every task that could close before
//!    then is known to its worker and counted in the horizon that came back from it.
//! 3. The watermark passes at most one era in which a task may close, and stands at the start of such an era
//!    before it goes on: the weights of an era are complete before they are used.
//! 4. Where the input ends, the last era is that of its last row: the clock enters it, then the watermark goes to its
//!    maximum, then the phases follow, one each epoch. What closes after the last row closes in that era. So no
//!    deadline, however far, moves the end of a job or the place where it can be reopened.
//!
//! *State*: a bound per partition that is neither idle nor done, a horizon per worker. *Cost*: of an epoch, the partitions that moved in it.

use std::collections::BTreeMap;

use quorate_schemas::clock::{Clock, Eras, Phase};
use quorate_schemas::place::Origin;
use quorate_schemas::time::Micros;
use serde::{Deserialize, Serialize};

use crate::booth::Horizon;

/// What a worker says of one of its partitions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Bound {
    /// It is about to be read: it joins where the job stands, and holds the job there.
    Joins,
    /// No row below this time will be accepted from it; `None` while it has shown no row.
    At(Option<Micros>),
    /// It has nothing to read for longer than the job waits.
    Idle,
    /// It has ended.
    Done,
}

/// What a worker says as it seals an epoch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Report {
    /// A partition's bound, and the greatest event time it has accepted.
    Partition {
        /// The partition.
        origin: Origin,
        /// Its bound.
        bound: Bound,
        /// Its greatest accepted event time.
        greatest: Option<Micros>,
    },
    /// Whether this worker knows of no input beyond what is open: then the job ends with its partitions.
    Complete {
        /// The worker.
        worker: usize,
        /// What it says.
        complete: bool,
    },
    /// Nothing: an epoch only passes.
    Pulse,
}

/// The era whose weights are complete at `clock`; `None` before any.
///
/// While rows may still come, no era after that of the last row is entered: what the end of the input closes belongs to
/// that era too. The end then ends two eras: that one, after the gold tasks held open to it, and one for the rest.
pub fn era_entered(eras: Eras, clock: Clock) -> Option<i64> {
    let last = eras.era_of(clock.greatest);
    match clock.phase {
        Phase::Running if clock.watermark == Micros::MIN => None,
        Phase::Running => Some(eras.era_of(clock.watermark).min(last)),
        Phase::EndOfGold => Some(last + 1),
        Phase::End => Some(last + 2),
    }
}

/// Derives the clock, epoch by epoch. One worker does it for all.
pub struct Clockwork {
    eras: Eras,
    workers: usize,
    /// Of the partitions that hold the clock, and of no others: files come and go for as long as a run goes on.
    bounds: BTreeMap<Origin, Option<Micros>>,
    complete: BTreeMap<usize, bool>,
    horizons: BTreeMap<usize, Horizon>,
    clock: Clock,
    ended: bool,
}

impl Clockwork {
    /// A clockwork for a job with this many workers, going on from `clock`.
    pub fn new(eras: Eras, workers: usize, clock: Clock) -> Clockwork {
        let (bounds, complete, horizons) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let ended = clock.phase != Phase::Running;
        Clockwork { eras, workers, bounds, complete, horizons, clock, ended }
    }

    /// Goes on from `clock`, which was committed before a restart.
    pub fn resume(&mut self, clock: Clock) {
        self.clock = clock;
        self.ended = clock.phase != Phase::Running;
    }

    /// A worker's horizon, as of an epoch before the one that is being closed.
    pub fn horizon(&mut self, worker: usize, horizon: Horizon) {
        self.horizons.insert(worker, horizon);
    }

    /// A report of the epoch that is being closed.
    pub fn report(&mut self, report: Report) {
        match report {
            Report::Partition { origin, bound, greatest } => {
                self.clock.greatest = self.clock.greatest.max(greatest.unwrap_or(Micros::MIN));
                match bound {
                    Bound::Joins => self.bounds.insert(origin, Some(self.clock.promised)),
                    Bound::At(at) => self.bounds.insert(origin, at),
                    Bound::Idle | Bound::Done => self.bounds.remove(&origin),
                };
            }
            Report::Complete { worker, complete } => {
                self.complete.insert(worker, complete);
            }
            Report::Pulse => {}
        }
    }

    /// Closes an epoch: the clock that holds from it on.
    pub fn close(&mut self) -> Clock {
        let promised = self.clock.promised;
        self.step(promised);
        self.clock.promised = self.promise().max(promised);
        self.clock
    }

    /// Whether the clock would move if another epoch passed without input.
    pub fn lags(&self) -> bool {
        self.clock.watermark < self.clock.promised
            || (self.ended() && self.clock.phase != Phase::End)
    }

    fn ended(&self) -> bool {
        let complete =
            self.complete.len() == self.workers && self.complete.values().all(|complete| *complete);
        self.ended || (complete && self.bounds.is_empty())
    }

    /// What the partitions promise now. A job without any has nothing to promise.
    fn promise(&self) -> Micros {
        if self.complete.len() < self.workers {
            return Micros::MIN;
        }
        if self.ended() {
            return Micros::MAX;
        }
        self.bounds.values().map(|at| at.unwrap_or(Micros::MIN)).min().unwrap_or(Micros::MIN)
    }

    fn step(&mut self, promised: Micros) {
        if self.horizons.len() < self.workers {
            return;
        }
        let oldest = self.horizons.values().map(|horizon| horizon.oldest_needed).min();
        self.clock.oldest_needed = oldest.unwrap_or(Micros::MIN).max(self.clock.oldest_needed);
        if self.clock.watermark == Micros::MAX {
            self.clock.phase = match self.clock.phase {
                Phase::Running => Phase::EndOfGold,
                Phase::EndOfGold | Phase::End => Phase::End,
            };
            return;
        }
        let mut next_close = self.horizons.values().filter_map(|horizon| horizon.next_close).min();
        if promised == Micros::MAX {
            // Nothing comes any more, so whatever closes does so in the era of the last row or before.
            next_close = Some(self.clock.greatest.min(next_close.unwrap_or(Micros::MAX)));
        }
        let target = match next_close.filter(|close| *close < promised) {
            None => promised,
            Some(close) => self.through_era_of(close.max(self.clock.watermark), promised),
        };
        self.clock.watermark = target.min(promised).max(self.clock.watermark);
    }

    /// The era in which something may close is entered first, and then passed. To pass the last one is to pass all.
    fn through_era_of(&self, close: Micros, promised: Micros) -> Micros {
        let era = self.eras.era_of(close);
        let (start, end) = (self.eras.start_of(era), self.eras.start_of(era.saturating_add(1)));
        match promised == Micros::MAX && end > self.clock.greatest {
            _ if start > self.clock.watermark => start,
            true => Micros::MAX,
            false => end,
        }
    }
}
