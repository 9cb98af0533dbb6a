//! The partitions of one worker: opened, read in order of event time, reported on.
//!
//! 1. The partition that lies furthest behind is read first, and none is read further ahead of what all have
//!    promised than [`AHEAD`]: what is held open for the slowest stays small.
//! 2. A partition that joins late, or comes back from idleness, first holds the clock where it stands; only rows
//!    from there on are on time. So no row ever lies behind a watermark.

use std::sync::Arc;
use std::time::Duration;

use quorate_connectors::inlet::{Counts, Inlet, InletSpec, InletState, Progress, Resume};
use quorate_connectors::source::Entry;
use quorate_operators::clock::{Bound, Report};
use quorate_operators::rows::Epoch;
use quorate_schemas::clock::Clock;
use quorate_schemas::place::Origin;
use quorate_schemas::record::{Placed, Record, RecordKind};
use quorate_schemas::table::RejectRow;
use quorate_schemas::time::{Micros, SECOND};

use crate::clock::{Stopwatch, now_us};
use crate::epoch::staging::Moved;
use crate::error::Error;
use crate::shared::Shared;

/// How far a partition is read ahead of what all partitions promise, in event time.
const AHEAD: Micros = 3_600 * SECOND;

/// How much of a partition is read before the next one gets its turn.
const BUDGET_BYTES: usize = 256 << 10;

/// A followed partition with nothing to read for so long holds nothing up any more.
const IDLE_AFTER: Duration = Duration::from_secs(60);

/// A partition that a worker is to read.
#[derive(Clone, Debug)]
pub(crate) struct Assigned {
    /// What the inlets of its source share.
    pub(crate) spec: Arc<InletSpec>,
    /// The kind of record it holds.
    pub(crate) record: RecordKind,
    /// Its file.
    pub(crate) entry: Entry,
    /// What the log has of it.
    pub(crate) resume: Resume,
    /// Whether it joins a job that has a clock already.
    pub(crate) joins: bool,
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
#[derive(Default)]
pub(crate) struct Partitions {
    slots: Vec<Slot>,
}

struct Slot {
    assigned: Assigned,
    origin: Arc<Origin>,
    stage: Stage,
    /// Where the next range begins.
    from: u64,
    counts: Counts,
    quiet_since: Option<Stopwatch>,
    reported: Option<(Bound, Option<Micros>)>,
    said_done: bool,
}

enum Stage {
    /// Waits until the clock of `asked` is known.
    Joining {
        asked: Option<Epoch>,
    },
    Reading(Box<Inlet>),
    Idle(Box<Progress>),
    Done,
}

impl Partitions {
    /// Takes another partition.
    pub(crate) fn add(&mut self, assigned: Assigned) -> Result<(), Error> {
        let origin = Origin {
            source: assigned.spec.source.clone(),
            partition: assigned.entry.partition.clone(),
        };
        let from = assigned.entry.next;
        let stage = match assigned.joins {
            true => Stage::Joining { asked: None },
            false => Stage::Reading(Box::new(Inlet::open(
                &assigned.spec,
                &assigned.entry,
                assigned.resume,
            )?)),
        };
        self.slots.push(Slot {
            assigned,
            origin: Arc::new(origin),
            stage,
            from,
            counts: Counts::default(),
            quiet_since: None,
            reported: None,
            said_done: false,
        });
        Ok(())
    }

    /// Reads a little of the partition that lies furthest behind.
    ///
    /// # Errors
    /// If its file cannot be read.
    pub(crate) fn poll(
        &mut self,
        clock: Clock,
        rows: &mut Vec<Placed<Record>>,
        rejects: &mut Vec<RejectRow>,
        shared: &Shared,
    ) -> Result<Polled, Error> {
        let limit = clock.promised.saturating_add(AHEAD);
        let mut found = Polled::Nothing;
        let mut order: Vec<(Option<Micros>, usize)> = Vec::new();
        for (at, slot) in self.slots.iter_mut().enumerate() {
            if let Stage::Reading(inlet) = &mut slot.stage {
                order.push((inlet.progress().bound, at));
            }
        }
        order.sort();
        for (bound, at) in order {
            if bound.is_some_and(|bound| bound > limit) {
                return Ok(if found == Polled::Nothing { Polled::Ahead } else { found });
            }
            found = self.slots[at].poll(rows, rejects, shared)?;
            if found == Polled::Rows {
                return Ok(found);
            }
        }
        Ok(found)
    }

    /// What is to be sealed with an epoch: reports for the clock, and how far each partition moved.
    pub(crate) fn seal(&mut self, epoch: Epoch) -> (Vec<Report>, Vec<Moved>) {
        let (mut reports, mut moved) = (Vec::new(), Vec::new());
        for slot in &mut self.slots {
            slot.seal(epoch, &mut reports, &mut moved);
        }
        (reports, moved)
    }

    /// Lets partitions join whose place in event time is known by now, as of the clock of `epoch`.
    ///
    /// # Errors
    /// If a file cannot be opened.
    pub(crate) fn join(&mut self, epoch: Epoch, clock: Clock) -> Result<(), Error> {
        for slot in &mut self.slots {
            if let Stage::Joining { asked: Some(asked) } = slot.stage
                && asked <= epoch
            {
                let floor = (clock.promised > Micros::MIN).then_some(clock.promised);
                let resume = Resume { floor, ..slot.assigned.resume };
                slot.stage = Stage::Reading(Box::new(Inlet::open(
                    &slot.assigned.spec,
                    &slot.assigned.entry,
                    resume,
                )?));
            }
        }
        Ok(())
    }

    /// Whether something must be sealed although no row was read: a partition joins, ends or falls idle.
    pub(crate) fn has_news(&mut self) -> bool {
        self.slots.iter_mut().any(Slot::has_news)
    }

    /// Takes an idle partition up again, which has something to read: it joins anew.
    pub(crate) fn wake(&mut self, entry: &Entry) -> bool {
        let found =
            self.slots.iter_mut().find(|slot| slot.assigned.entry.partition == entry.partition);
        let Some(slot) = found else { return false };
        if let Stage::Idle(progress) = &slot.stage {
            slot.assigned.resume = Resume { greatest: progress.greatest, floor: progress.floor };
            let next = progress.next;
            slot.assigned.entry = entry.clone();
            slot.assigned.entry.next = next;
            slot.stage = Stage::Joining { asked: None };
        }
        true
    }
}

impl Slot {
    fn poll(
        &mut self,
        rows: &mut Vec<Placed<Record>>,
        rejects: &mut Vec<RejectRow>,
        shared: &Shared,
    ) -> Result<Polled, Error> {
        let Stage::Reading(inlet) = &mut self.stage else { return Ok(Polled::Nothing) };
        let before = inlet.progress().next;
        let state = inlet.poll(BUDGET_BYTES, now_us(), rows, rejects)?;
        for notice in inlet.take_notices() {
            shared.observer.note(&notice.to_string());
        }
        let counts = inlet.take_counts();
        shared.rows.add(counts.rows_in, counts.on_time, counts.late, counts.rejected);
        self.counts = Counts {
            rows_in: self.counts.rows_in + counts.rows_in,
            on_time: self.counts.on_time + counts.on_time,
            late: self.counts.late + counts.late,
            rejected: self.counts.rejected + counts.rejected,
        };
        let bytes = inlet.progress().next - before;
        shared.bytes_in_checkpoint.fetch_add(bytes, std::sync::atomic::Ordering::Relaxed);
        if bytes > 0 {
            self.quiet_since = None;
        }
        Ok(match state {
            InletState::More => Polled::Rows,
            InletState::Waiting if bytes > 0 => Polled::Rows,
            InletState::Waiting => {
                let quiet = *self.quiet_since.get_or_insert_with(Stopwatch::start);
                if quiet.elapsed() >= IDLE_AFTER && self.counts == Counts::default() {
                    self.stage = Stage::Idle(Box::new(inlet.progress()));
                }
                Polled::Nothing
            }
            InletState::Done => Polled::Nothing,
        })
    }

    fn bound(&mut self) -> (Bound, Option<Micros>) {
        match &mut self.stage {
            Stage::Joining { .. } => (Bound::Joins, None),
            Stage::Idle(progress) => (Bound::Idle, progress.greatest),
            Stage::Done => (Bound::Done, None),
            Stage::Reading(inlet) => {
                let progress = inlet.progress();
                let bound = if progress.done { Bound::Done } else { Bound::At(progress.bound) };
                (bound, progress.greatest)
            }
        }
    }

    fn has_news(&mut self) -> bool {
        // A bound that moved is told with the rows that moved it.
        let now = self.bound();
        let told = self.reported.as_ref().map(|(bound, _)| std::mem::discriminant(bound));
        !matches!(self.stage, Stage::Done) && told != Some(std::mem::discriminant(&now.0))
    }

    fn seal(&mut self, epoch: Epoch, reports: &mut Vec<Report>, moved: &mut Vec<Moved>) {
        if let Stage::Joining { asked } = &mut self.stage {
            asked.get_or_insert(epoch);
        }
        let now = self.bound();
        if self.reported.as_ref() != Some(&now) && !matches!(self.stage, Stage::Done) {
            let (bound, greatest) = now.clone();
            reports.push(Report::Partition {
                origin: self.origin.as_ref().clone(),
                bound,
                greatest,
            });
            self.reported = Some(now);
        }
        let progress = match &mut self.stage {
            Stage::Reading(inlet) => inlet.progress(),
            Stage::Idle(progress) => progress.as_ref().clone(),
            Stage::Joining { .. } | Stage::Done => return,
        };
        if progress.next > self.from || (progress.done && !self.said_done) {
            self.said_done = progress.done;
            moved.push(Moved {
                origin: Arc::clone(&self.origin),
                record: self.assigned.record,
                from: self.from,
                to: progress.next,
                counts: std::mem::take(&mut self.counts),
                greatest: progress.greatest,
                floor: progress.floor,
                done: progress.done,
                idle: matches!(self.stage, Stage::Idle(_)),
                mark: serde_json::to_value(&progress.mark).unwrap_or_default(),
            });
            self.from = progress.next;
        }
        if progress.done {
            self.stage = Stage::Done;
        }
    }
}
