//! The worker's loop, all of it: poll → push → seal when due → step or park.
//!
//! 1. A worker adopts the highest epoch that any worker has opened: an idle one never holds up the others.
//! 2. Only polling waits for commits; everything else goes on, or nothing would drain.
//! 3. An epoch is sealed with the positions up to which it has read: the union over workers is consistent, since
//!    each row and the position behind it enter in the same epoch.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use quorate_dataflows::{Inputs, job};
use quorate_operators::clock::Report;
use quorate_operators::decide::{Hooks, Setup};
use quorate_operators::rows::{Epoch, Feed};
use quorate_schemas::clock::{Clock, Phase};
use quorate_schemas::record::{Placed, Record};
use quorate_schemas::retained::RetainedRow;
use quorate_schemas::table::RejectRow;
use quorate_schemas::time::Micros;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::InputHandle;
use timely::dataflow::operators::vec::Map;
use timely::dataflow::operators::{Concat, Input, Probe, probe};
use timely::worker::Worker;
use tokio::sync::mpsc::UnboundedSender;

use crate::assign::Assignments;
use crate::clock::{Stopwatch, now_us};
use crate::epoch::commit::{Gathered, Waker, commit};
use crate::epoch::failpoint::{Step, reach, rows_read, turn};
use crate::epoch::number::{after, checkpoint_of, first_epoch};
use crate::epoch::stage::stage;
use crate::epoch::staging::{ForStage, Moved, Stager};
use crate::error::Error;
use crate::health::Beat;
use crate::job::Checkpoint;
use crate::partitions::{Pace, Partitions, Polled, Taken};
use crate::roster::Roster;
use crate::seats::Seats;
use crate::shared::{InFlight, Shared};

/// So many rows seal an epoch at once.
const EPOCH_ROWS: usize = 1 << 16;

/// So many checkpoints may be on their way into the log while the next one is read.
const CHECKPOINTS_IN_FLIGHT: u64 = 2;

/// The longest a worker sleeps while it has nothing to do.
const NAP: Duration = Duration::from_millis(5);

/// What every worker is given.
pub(crate) struct Plan {
    /// The dataflow's settings.
    pub(crate) setup: Setup,
    /// How often results become true.
    pub(crate) checkpoint: Checkpoint,
    /// How sources are read.
    pub(crate) pace: Pace,
    /// The first epoch of this run.
    pub(crate) start: Epoch,
    /// Who stages; the worker's number is filled in.
    pub(crate) stager: Stager,
    /// Who reads what, and how far that is.
    pub(crate) roster: Arc<Roster>,
    /// Which of all workers are those of this process.
    pub(crate) seats: Seats,
    /// How far the clock that all processes go by is ahead of this machine's.
    pub(crate) ahead_us: Micros,
    /// What each worker is handed.
    pub(crate) assignments: Arc<Assignments>,
    /// Where whole checkpoints go.
    pub(crate) to_lead: UnboundedSender<Gathered>,
    /// Wakes worker 0 after a commit.
    pub(crate) waker: Waker,
    /// What the run shares.
    pub(crate) shared: Arc<Shared>,
}

type Handle<T> = InputHandle<Epoch, CapacityContainerBuilder<Vec<T>>>;

struct Ports {
    records: Handle<Placed<Record>>,
    rejects: Handle<RejectRow>,
    reports: Handle<Report>,
    restored: Handle<RetainedRow>,
    moved: Handle<ForStage>,
    committed: probe::Handle<Epoch>,
    clock: Rc<Cell<Told>>,
}

/// What the dataflow says of the clock.
#[derive(Clone, Copy)]
struct Told {
    epoch: Option<Epoch>,
    clock: Clock,
    lags: bool,
}

/// Works until the input has ended or the run is asked to stop, and everything read is committed.
pub(crate) fn work(worker: &mut Worker, plan: &Plan) {
    let shared = &plan.shared;
    let watch = Watch(shared);
    let ports = build(worker, plan);
    let mut run = Run::new(ports, worker.index(), plan);
    let outcome = run.start().and_then(|()| run.go_on(worker));
    let committed = run.ports.committed.clone();
    // The inputs close: what was read drains, is staged and committed.
    let (mut beat, rows_at) = run.close();
    if let Err(error) = outcome {
        let _: Option<()> = shared.fail(error);
    }
    while !committed.done() && !shared.has_failed() {
        beat.turn(first(&committed), rows_at);
        worker.step_or_park(Some(NAP));
    }
    beat.end();
    if shared.has_failed() {
        for dataflow in worker.installed_dataflows() {
            worker.drop_dataflow(dataflow);
        }
    }
    std::mem::forget(watch);
}

/// The first epoch that is not committed.
fn first(committed: &probe::Handle<Epoch>) -> Option<Epoch> {
    committed.with_frontier(|frontier| frontier.first().copied())
}

/// Tells the other workers if this one's thread dies.
struct Watch<'a>(&'a Shared);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let _: Option<()> = self
            .0
            .fail(Error::Worker("its thread died of a broken invariant; see above".to_owned()));
    }
}

fn build(worker: &mut Worker, plan: &Plan) -> Ports {
    let told = Rc::new(Cell::new(Told { epoch: None, clock: Clock::START, lags: false }));
    let hooks = hooks(&told, plan);
    let mut stager = plan.stager.clone();
    stager.worker = u32::try_from(worker.index()).unwrap_or(u32::MAX);
    worker.dataflow::<Epoch, _, _>(|scope| {
        let (records, record_rows) = scope.new_input::<Vec<Placed<Record>>>();
        let (rejects, reject_rows) = scope.new_input::<Vec<RejectRow>>();
        let (reports, report_rows) = scope.new_input::<Vec<Report>>();
        let (restored, restored_rows) = scope.new_input::<Vec<RetainedRow>>();
        let (moved, moved_rows) = scope.new_input::<Vec<ForStage>>();
        let inputs = Inputs {
            records: Feed::of(record_rows),
            rejects: Feed::of(reject_rows),
            reports: Feed::of(report_rows),
            restored: Feed::of(restored_rows),
        };
        let outlet =
            job(inputs, plan.setup, hooks).into_stream().map(ForStage::Out).concat(moved_rows);
        let receipts = stage(outlet, stager, Arc::clone(&plan.shared));
        let waker = plan.waker.clone();
        let (committed, _) =
            commit(receipts, plan.to_lead.clone(), waker, Arc::clone(&plan.shared)).probe();
        Ports { records, rejects, reports, restored, moved, committed, clock: told }
    })
}

fn hooks(told: &Rc<Cell<Told>>, plan: &Plan) -> Hooks {
    let (told, shared) = (Rc::clone(told), Arc::clone(&plan.shared));
    let metrics = shared.metrics.clone();
    Hooks {
        clock: Rc::new(move |epoch, clock, lags| {
            metrics.vitals().clock(clock);
            told.set(Told { epoch: Some(epoch), clock, lags })
        }),
        mismatch: Rc::new(move |mismatch| {
            let _: Option<()> = shared.fail(Error::Mismatch(Box::new(mismatch)));
        }),
    }
}

struct Run<'a> {
    ports: Ports,
    /// Which of all workers this one is.
    index: usize,
    /// Which thread of its process.
    thread: usize,
    plan: &'a Plan,
    partitions: Partitions,
    epoch: Epoch,
    sealed: Stopwatch,
    checkpointed: Stopwatch,
    /// Bytes that had been read when the open checkpoint began.
    bytes_before: u64,
    unsealed_rows: usize,
    /// The last epoch in which this worker has read rows.
    rows_at: Option<Epoch>,
    beat: Beat,
    /// The last epoch in which this worker reported anything.
    reported_at: Epoch,
    ended_at: Option<Epoch>,
}

impl<'a> Run<'a> {
    fn new(ports: Ports, index: usize, plan: &'a Plan) -> Run<'a> {
        Run {
            ports,
            index,
            // Timely counts as the seats do.
            thread: plan.seats.thread_of(index).unwrap_or(0),
            plan,
            partitions: Partitions::new(Arc::clone(&plan.roster), plan.pace),
            epoch: plan.start,
            sealed: Stopwatch::start(),
            checkpointed: Stopwatch::start(),
            bytes_before: 0,
            unsealed_rows: 0,
            rows_at: None,
            beat: plan.shared.metrics.vitals().worker(),
            reported_at: plan.start,
            ended_at: None,
        }
    }

    /// The first epoch: what was retained is fed back, every partition is announced.
    fn start(&mut self) -> Result<(), Error> {
        self.advance(self.plan.start);
        for row in self.plan.assignments.take_restored(self.thread) {
            self.ports.restored.send(row);
        }
        self.take_assigned()?;
        let complete = self.plan.assignments.is_complete();
        self.ports.reports.send(Report::Complete { worker: self.index, complete });
        self.seal(&[]);
        Ok(())
    }

    /// Closes the inputs. Gives what the worker goes on to leave its traces with.
    fn close(self) -> (Beat, Option<Epoch>) {
        (self.beat, self.rows_at)
    }

    fn take_assigned(&mut self) -> Result<(), Error> {
        let errands = self.plan.assignments.take(self.thread);
        errands.into_iter().try_for_each(|errand| self.partitions.take(errand))
    }

    fn go_on(&mut self, worker: &mut Worker) -> Result<(), Error> {
        let shared = &self.plan.shared;
        let mut taken = Taken::default();
        while !shared.has_failed() && !shared.stop.is_given() && !self.is_over() {
            let open = first(&self.ports.committed);
            self.beat.turn(open, self.rows_at);
            shared.in_flight.committed_before(open.unwrap_or(Epoch::MAX));
            let told = self.ports.clock.get();
            if let Some(epoch) = told.epoch {
                self.partitions.join(epoch, told.clock)?;
            }
            let polled = match self.may_poll() {
                true => {
                    let now_us = now_us().saturating_add(self.plan.ahead_us);
                    self.partitions.poll(told.clock, now_us, &mut taken)?
                }
                false => Polled::Nothing,
            };
            self.push(&mut taken);
            self.seal_if_due(polled);
            turn();
            self.end_checkpoint_if_due();
            if self.plan.assignments.has_news(self.thread) {
                self.take_assigned()?;
            }
            match polled {
                Polled::Rows => worker.step(),
                Polled::Ahead | Polled::Nothing => {
                    worker.step_or_park(Some(NAP.min(self.plan.checkpoint.epoch)))
                }
            };
            if shared.too_many_rejects().is_some() {
                // What was refused is committed all the same: the table says why.
                shared.stop.stop();
            }
        }
        self.seal(&[]);
        Ok(())
    }

    /// Polling waits while too many checkpoints are on their way, or too much is: whoever keeps the time of checkpoints
    /// may be busy, or hear late of what others read.
    fn may_poll(&self) -> bool {
        let oldest = checkpoint_of(self.epoch).saturating_sub(CHECKPOINTS_IN_FLIGHT);
        !self.ports.committed.less_than(&first_epoch(oldest))
            && self.plan.shared.in_flight.has_room()
    }

    /// The input has ended, every task has closed, and what rested on rows until then has let them go.
    fn is_over(&mut self) -> bool {
        let told = self.ports.clock.get();
        if told.clock.phase != Phase::End || told.lags {
            return false;
        }
        match self.ended_at {
            _ if self.index != 0 => true,
            None => {
                self.ended_at = Some(self.epoch);
                self.seal(&[Report::Pulse]);
                false
            }
            Some(at) => told.epoch.is_some_and(|epoch| epoch >= at),
        }
    }

    fn push(&mut self, taken: &mut Taken) {
        let shared = &self.plan.shared;
        taken.notes.drain(..).for_each(|note| shared.observer.note(&note));
        let bytes = InFlight::weight(std::mem::take(&mut taken.bytes), taken.counts.rows_in);
        if bytes > 0 {
            shared.has_read(self.epoch, bytes);
        }
        taken.pieces.drain(..).for_each(|piece| shared.metrics.read(&piece));
        let read = taken.rows.len() + taken.rejects.len();
        if read == 0 {
            return;
        }
        self.rows_at = Some(self.epoch);
        taken.rejects.iter().for_each(|row| shared.metrics.refused(row.stage, row.reason));
        shared.rows.add(std::mem::take(&mut taken.counts));
        self.unsealed_rows += read;
        rows_read(read as u64);
        self.ports.records.send_batch(&mut taken.rows);
        self.ports.rejects.send_batch(&mut taken.rejects);
        taken.rows.clear();
        taken.rejects.clear();
    }

    fn seal_if_due(&mut self, polled: Polled) {
        let told = self.ports.clock.get();
        let opened = self.plan.shared.opened.load(Ordering::Acquire);
        let waits = polled != Polled::Rows && self.unsealed_rows > 0 && polled == Polled::Ahead;
        let full = self.unsealed_rows >= EPOCH_ROWS;
        let old = self.unsealed_rows > 0 && self.sealed.elapsed() >= self.plan.checkpoint.epoch;
        // Once all that was sealed has its clock, another epoch lets the clock go on.
        let pulse = self.index == 0
            && told.lags
            && told.epoch.is_some_and(|epoch| epoch >= self.reported_at);
        if waits || full || old || self.partitions.has_news() {
            self.seal(&[]);
        } else if pulse {
            self.seal(&[Report::Pulse]);
        } else if opened > self.epoch {
            self.seal(&[]);
        }
    }

    /// Seals the epoch with what was read in it, and goes on to the highest that is open.
    fn seal(&mut self, more: &[Report]) {
        let mut notes = Vec::new();
        let (reports, moved) = self.partitions.seal(self.epoch, &mut notes);
        notes.iter().for_each(|note| self.plan.shared.observer.note(note));
        if !reports.is_empty() || !moved.is_empty() || !more.is_empty() || self.unsealed_rows > 0 {
            reach(Step::Seal);
            self.reported_at = self.epoch;
            let quiet = reports.is_empty() && more.is_empty();
            reports
                .into_iter()
                .chain(more.iter().cloned())
                .for_each(|report| self.ports.reports.send(report));
            if quiet {
                self.ports.reports.send(Report::Pulse);
            }
            moved
                .into_iter()
                .for_each(|moved: Moved| self.ports.moved.send(ForStage::Moved(Box::new(moved))));
            self.plan.shared.open(after(self.epoch));
        }
        self.unsealed_rows = 0;
        self.sealed = Stopwatch::start();
        let opened = self.plan.shared.opened.load(Ordering::Acquire);
        self.advance(opened.max(self.epoch));
    }

    fn advance(&mut self, epoch: Epoch) {
        self.epoch = epoch;
        let ports = &mut self.ports;
        ports.records.advance_to(epoch);
        ports.rejects.advance_to(epoch);
        ports.reports.advance_to(epoch);
        ports.restored.advance_to(epoch);
        ports.moved.advance_to(epoch);
        ports.records.flush();
        ports.rejects.flush();
        ports.reports.flush();
        ports.restored.flush();
        ports.moved.flush();
    }

    /// Worker 0 keeps the time of checkpoints; a bound on bytes ends one at once.
    fn end_checkpoint_if_due(&mut self) {
        if self.index != 0 {
            return;
        }
        let (checkpoint, shared) = (self.plan.checkpoint, &self.plan.shared);
        shared
            .uncommitted
            .store(first(&self.ports.committed).unwrap_or(u64::MAX), Ordering::Relaxed);
        let bytes = shared.bytes_of_all();
        let full = bytes.saturating_sub(self.bytes_before) >= checkpoint.bytes;
        if self.checkpointed.elapsed() >= checkpoint.every || full {
            (self.checkpointed, self.bytes_before) = (Stopwatch::start(), bytes);
            let next = first_epoch(checkpoint_of(shared.opened.load(Ordering::Acquire)) + 1);
            shared.open(next);
        }
    }
}
