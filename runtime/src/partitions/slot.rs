//! One partition with its reader.

use std::time::Duration;

use quorate_connectors::inlet::{Counts, Inlet, InletSpec, InletState, Lateness, Progress, Resume};
use quorate_connectors::source::Reading;
use quorate_operators::clock::{Bound, Report};
use quorate_operators::rows::Epoch;
use quorate_schemas::clock::Clock;
use quorate_schemas::place::{Origin, OriginRef};
use quorate_schemas::record::RecordKind;
use quorate_schemas::time::Micros;

use super::{Assigned, Start, Taken};
use crate::clock::Stopwatch;
use crate::epoch::staging::Moved;
use crate::error::Error;
use crate::metrics::Piece;
use crate::roster::{How, Missing, Offer, Roster, Told};

/// How much of a partition is read before the next one gets its turn.
const BUDGET_BYTES: usize = 256 << 10;

/// What a poll leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// There may be more to read.
    More,
    /// There is nothing more for now.
    Waits,
    /// It is read here no more.
    Closed,
}

/// What a slot has to say when an epoch is sealed.
pub(super) struct Sealed {
    pub(super) report: Option<Report>,
    pub(super) moved: Option<Moved>,
}

/// A partition that this worker has.
pub(super) struct Slot {
    origin: OriginRef,
    record: RecordKind,
    stage: Stage,
    /// Where the next range begins.
    from: u64,
    /// What was read since the last one.
    counts: Counts,
    /// The last report.
    reported: Option<(Bound, Option<Micros>)>,
    /// What the log has, once what was sealed is committed.
    told: Option<Told>,
}

enum Stage {
    /// Waits until the clock of the epoch in which it asked is known.
    Joining { assigned: Box<Assigned>, asked: Option<Epoch> },
    /// Is read.
    Reading { inlet: Box<Inlet>, last_on_time: Stopwatch },
    /// Is read no more, and says so when the epoch is sealed.
    Closed(Closed),
}

enum Closed {
    Idle(Box<Progress>),
    Done(Box<Progress>),
    /// It could not be opened.
    Shut(String),
}

impl Slot {
    /// A partition that is read, or will be once it has joined.
    ///
    /// # Errors
    /// If a bounded one cannot be opened.
    pub(super) fn of(assigned: Assigned) -> Result<Slot, Error> {
        let origin = Origin {
            source: assigned.spec.source.clone(),
            partition: assigned.found.partition().to_owned(),
        };
        let (from, told) = (assigned.found.next(), assigned.offer.told);
        let record = assigned.record;
        let stage = match assigned.start {
            Start::Joining => Stage::Joining { assigned: Box::new(assigned), asked: None },
            Start::WithTheRun => open(&assigned, assigned.offer.resume)?,
        };
        Ok(Slot::new(origin, record, stage, from, told))
    }

    /// A partition that nobody reads and that has ended, which the log is to know.
    pub(super) fn ended(spec: &InletSpec, record: RecordKind, missing: Missing) -> Slot {
        let Missing { known, offer: Offer { resume, told, .. } } = missing;
        let origin = Origin { source: spec.source.clone(), partition: known.partition.clone() };
        let Resume { greatest, floor } = resume;
        let progress = Progress {
            origin: origin.clone().shared(),
            record,
            next: known.next,
            greatest,
            floor,
            bound: Lateness::resumed(spec.lateness_us, greatest, floor).bound(),
            done: true,
            seen: 0,
            mark: known.mark,
            counts: Counts::default(),
        };
        let stage = Stage::Closed(Closed::Done(Box::new(progress)));
        Slot::new(origin, record, stage, known.next, told)
    }

    fn new(
        origin: Origin,
        record: RecordKind,
        stage: Stage,
        from: u64,
        told: Option<Told>,
    ) -> Slot {
        let (origin, counts) = (origin.shared(), Counts::default());
        Slot { origin, record, stage, from, counts, reported: None, told }
    }

    pub(super) fn is_joining(&self) -> bool {
        matches!(self.stage, Stage::Joining { .. })
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Reading { .. })
    }

    /// The least event time that is still on time in it.
    pub(super) fn promise(&self) -> Option<Micros> {
        match &self.stage {
            Stage::Reading { inlet, .. } => inlet.bound(),
            Stage::Joining { .. } | Stage::Closed(_) => None,
        }
    }

    /// Joins, if the clock of `epoch` is the one that it waits for. Gives whether it waits no longer.
    ///
    /// # Errors
    /// If it is bounded and cannot be opened.
    pub(super) fn join(&mut self, epoch: Epoch, clock: Clock) -> Result<bool, Error> {
        let Stage::Joining { assigned, asked: Some(asked) } = &self.stage else { return Ok(false) };
        if *asked > epoch {
            return Ok(false);
        }
        let Resume { greatest, floor } = assigned.offer.resume;
        let stands = (clock.promised > Micros::MIN).then_some(clock.promised);
        let resume = Resume { greatest, floor: floor.max(stands) };
        self.stage = open(assigned, resume)?;
        Ok(true)
    }

    /// Reads a little.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(super) fn poll(
        &mut self,
        now_us: Micros,
        idle_after: Option<Duration>,
        roster: &Roster,
        taken: &mut Taken,
    ) -> Result<Step, Error> {
        let Stage::Reading { inlet, last_on_time } = &mut self.stage else {
            return Ok(Step::Closed);
        };
        let before = inlet.next();
        let state = inlet.poll(BUDGET_BYTES, now_us, &mut taken.rows, &mut taken.rejects)?;
        taken.notes.extend(inlet.take_notices().iter().map(ToString::to_string));
        let counts = inlet.take_counts();
        self.counts = self.counts.plus(counts);
        taken.counts = taken.counts.plus(counts);
        let bytes = inlet.take_bytes();
        taken.bytes += bytes;
        if bytes > 0 || counts.rows_in > 0 {
            let (origin, record) = (self.origin, self.record);
            taken.pieces.push(Piece { origin, record, counts, bytes });
        }
        if inlet.next() != before {
            roster.reads(&inlet.progress());
        }
        // What is there and cannot be had yet is no silence: whoever waits for it must not come too late with it.
        let is_silent = state != InletState::Waiting || inlet.is_caught_up();
        if counts.on_time > 0 || !is_silent {
            *last_on_time = Stopwatch::start();
        }
        // Rejects move no clock: a partition that has nothing else would hold it for ever.
        let is_idle = counts.on_time == 0
            && idle_after.is_some_and(|idle_after| last_on_time.elapsed() >= idle_after);
        let closed = match state {
            InletState::More => return Ok(Step::More),
            InletState::Waiting if !is_idle => return Ok(Step::Waits),
            InletState::Waiting => Closed::Idle(Box::new(inlet.progress())),
            InletState::Done => Closed::Done(Box::new(inlet.progress())),
        };
        self.stage = Stage::Closed(closed);
        Ok(Step::Closed)
    }

    /// What there is to say of it at the end of `epoch`; the roster hears it, too.
    pub(super) fn seal(
        &mut self,
        epoch: Epoch,
        roster: &Roster,
        notes: &mut Vec<String>,
    ) -> Sealed {
        if let Stage::Joining { asked, .. } = &mut self.stage {
            asked.get_or_insert(epoch);
        }
        let bound = self.bound();
        let report = (self.reported.as_ref() != Some(&bound)).then(|| {
            self.reported = Some(bound.clone());
            let origin = self.origin.as_ref().clone();
            Report::Partition { origin, bound: bound.0, greatest: bound.1 }
        });
        let (progress, how) = match &mut self.stage {
            Stage::Joining { .. } => return Sealed { report, moved: None },
            Stage::Reading { inlet, .. } => (inlet.progress(), How::Open),
            Stage::Closed(Closed::Idle(progress)) => (progress.as_ref().clone(), How::Idle),
            Stage::Closed(Closed::Done(progress)) => (progress.as_ref().clone(), How::Done),
            Stage::Closed(Closed::Shut(trouble)) => {
                if roster.shut(&self.origin, trouble) {
                    let partition = &self.origin.partition;
                    notes.push(format!("{partition}: {trouble}; it is looked for again"));
                }
                return Sealed { report, moved: None };
            }
        };
        roster.stands(&progress, how);
        Sealed { report, moved: self.moved(progress, how) }
    }

    fn bound(&self) -> (Bound, Option<Micros>) {
        match &self.stage {
            Stage::Joining { .. } => (Bound::Joins, None),
            Stage::Reading { inlet, .. } => (Bound::At(inlet.bound()), inlet.greatest()),
            Stage::Closed(Closed::Idle(progress)) => (Bound::Idle, progress.greatest),
            Stage::Closed(Closed::Done(progress)) => (Bound::Done, progress.greatest),
            Stage::Closed(Closed::Shut(_)) => (Bound::Idle, None),
        }
    }

    /// The range since the last one, or a position alone: that it is idle, has joined or has ended is in the log with
    /// what follows from it.
    fn moved(&mut self, progress: Progress, how: How) -> Option<Moved> {
        let now = Told { idle: how == How::Idle, done: how == How::Done, floor: progress.floor };
        let is_new = self.told.is_none() && how == How::Open;
        if progress.next == self.from && (is_new || self.told == Some(now)) {
            return None;
        }
        let from = std::mem::replace(&mut self.from, progress.next);
        self.told = Some(now);
        Some(Moved {
            origin: self.origin,
            record: self.record,
            from,
            to: progress.next,
            counts: std::mem::take(&mut self.counts),
            greatest: progress.greatest,
            floor: progress.floor,
            done: now.done,
            idle: now.idle,
            mark: serde_json::to_value(&progress.mark).unwrap_or_default(),
        })
    }
}

/// A partition being read, or shut: a followed file that was replaced since it was found is left to the next survey.
///
/// # Errors
/// If it is bounded and cannot be opened.
fn open(assigned: &Assigned, resume: Resume) -> Result<Stage, Error> {
    match Inlet::of(&assigned.spec, &assigned.found, assigned.offer.owner, resume) {
        Ok(inlet) => {
            Ok(Stage::Reading { inlet: Box::new(inlet), last_on_time: Stopwatch::start() })
        }
        Err(error) if assigned.reading == Reading::Followed => {
            Ok(Stage::Closed(Closed::Shut(error.to_string())))
        }
        Err(error) => Err(error.into()),
    }
}
