//! What the threads of one run share.

mod in_flight;
mod others;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use quorate_connectors::inlet;
use quorate_connectors::kafka::publish::UpdateTopic;
use quorate_connectors::store::Store;
use quorate_operators::decide::ToOutlet;
use quorate_schemas::log::Counts;
use quorate_schemas::table::{OutRow, RejectReason, RejectStage};
use tokio::task::JoinHandle;

use crate::cluster::hall::Hall;
use crate::epoch::staging::ForStage;
use crate::error::Error;
use crate::job::RejectLimit;
use crate::metrics::Metrics;
use crate::observe::{Observer, RunOptions, StopSignal};
pub(crate) use in_flight::InFlight;
use others::Others;

/// One run.
pub(crate) struct Shared {
    /// Where everything is written.
    pub(crate) store: Store,
    /// Who watches.
    pub(crate) observer: Arc<dyn Observer>,
    /// Where machines look.
    pub(crate) metrics: Metrics,
    /// Where uploads and commits run.
    pub(crate) tokio: tokio::runtime::Handle,
    /// The highest epoch that any worker has opened.
    pub(crate) opened: AtomicU64,
    /// The highest checkpoint that is committed.
    pub(crate) committed: AtomicU64,
    /// How many were, in this run.
    pub(crate) commits: AtomicU64,
    /// Bytes read by the workers of this process, as [`InFlight::weight`] counts them.
    pub(crate) bytes: AtomicU64,
    /// Of those, what is not committed.
    pub(crate) in_flight: Arc<InFlight>,
    /// Rows read, by what became of them.
    pub(crate) rows: RowCounters,
    /// Whether the observer wants to hear of decisions as they come.
    pub(crate) follow: bool,
    /// Asks the run to end: by whoever started it, or because too many rows were rejected.
    pub(crate) stop: StopSignal,
    /// The greatest epoch of which nothing is committed yet, as worker 0 sees it.
    pub(crate) uncommitted: AtomicU64,
    /// How many rows may be refused, and what earlier runs have read of them.
    rejects: (RejectLimit, Counts),
    /// Where provisional outcomes go at once.
    pub(crate) updates: Option<UpdateTopic>,
    /// What other processes of the cluster have told.
    others: Others,
    failed: AtomicBool,
    failure: Mutex<Option<Error>>,
}

/// [`Counts`], shared.
#[derive(Default)]
pub(crate) struct RowCounters {
    rows_in: AtomicU64,
    on_time: AtomicU64,
    late: AtomicU64,
    rejected: AtomicU64,
    /// Of those on time, the ones that were then refused in their tasks, but for votes after the close.
    refused: AtomicU64,
}

impl RowCounters {
    /// Adds rows.
    pub(crate) fn add(&self, rows: inlet::Counts) {
        self.rows_in.fetch_add(rows.rows_in, Ordering::Relaxed);
        self.on_time.fetch_add(rows.on_time, Ordering::Relaxed);
        self.late.fetch_add(rows.late, Ordering::Relaxed);
        self.rejected.fetch_add(rows.rejected, Ordering::Relaxed);
    }

    /// The counts so far.
    pub(crate) fn get(&self) -> Counts {
        Counts {
            rows_in: self.rows_in.load(Ordering::Relaxed),
            on_time: self.on_time.load(Ordering::Relaxed),
            late: self.late.load(Ordering::Relaxed),
            rejected: self.rejected.load(Ordering::Relaxed),
        }
    }
}

impl Shared {
    /// A run that has just begun and goes on in `epoch`, of a job whose checkpoints hold so many bytes.
    pub(crate) fn new(
        store: Store,
        observer: Arc<dyn Observer>,
        tokio: tokio::runtime::Handle,
        epoch: u64,
        options: &RunOptions,
        checkpoint_bytes: u64,
    ) -> Shared {
        let in_flight = Arc::new(InFlight::of(checkpoint_bytes));
        options.metrics.in_flight(&in_flight);
        Shared {
            store,
            observer,
            metrics: options.metrics.clone(),
            tokio,
            opened: AtomicU64::new(epoch),
            committed: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            in_flight,
            others: Others::default(),
            rows: RowCounters::default(),
            follow: options.follow,
            stop: options.stop.clone(),
            uncommitted: AtomicU64::new(epoch),
            rejects: (RejectLimit::Off, Counts::default()),
            updates: None,
            failed: AtomicBool::new(false),
            failure: Mutex::new(None),
        }
    }

    /// This run with a limit of rejects, of a job that has read `before` so far.
    pub(crate) fn with_limit(self, rejects: RejectLimit, before: Counts) -> Shared {
        Shared { rejects: (rejects, before), ..self }
    }

    /// This run with a topic for provisional outcomes.
    pub(crate) fn with_updates(self, updates: Option<UpdateTopic>) -> Shared {
        Shared { updates, ..self }
    }

    /// This run as one process among those that meet in `hall`.
    pub(crate) fn among(self, hall: Arc<Hall>) -> Shared {
        Shared { others: Others::met(hall), ..self }
    }

    /// A worker has opened `epoch`: every worker goes on to the highest.
    pub(crate) fn open(&self, epoch: u64) {
        if self.opened.fetch_max(epoch, Ordering::AcqRel) < epoch {
            self.others.are_waiting();
        }
    }

    /// A worker has read so much in `epoch`.
    pub(crate) fn has_read(&self, epoch: u64, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.in_flight.read(epoch, bytes);
    }

    /// Bytes that all processes have read.
    pub(crate) fn bytes_of_all(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed) + self.others.bytes()
    }

    /// Rows that all processes have read, by what became of them.
    pub(crate) fn rows_of_all(&self) -> Counts {
        self.rows.get().plus(self.others.rows().0)
    }

    /// The error, if the job has refused more rows than it may. A run that has refused none itself is not to blame:
    /// whoever has mended the input can go on.
    pub(crate) fn too_many_rejects(&self) -> Option<Error> {
        let (limit, before) = self.rejects;
        let (others, refused_there) = self.others.rows();
        let rows = self.rows.get().plus(others);
        let here = rows.rejected + refused_there + self.rows.refused.load(Ordering::Relaxed);
        let (rejected, rows_in) = (before.rejected + here, before.rows_in + rows.rows_in);
        let exceeded = here > 0 && limit.is_exceeded(rejected, rows_in);
        exceeded.then_some(Error::TooManyRejects { rejected, rows_in })
    }

    /// Counts a row that is on its way to the tables.
    pub(crate) fn count(&self, row: &ForStage) {
        if let ForStage::Out(ToOutlet::Row(OutRow::Reject(row))) = row
            && row.stage == RejectStage::Task
        {
            self.metrics.refused(row.stage, row.reason);
            if row.reason != RejectReason::Late {
                self.rows.refused.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Lets the observer hear of a decision that is on its way to the tables; true if it has.
    pub(crate) fn tell(&self, row: &ForStage) -> bool {
        if let Some(topic) = &self.updates
            && let ForStage::Out(ToOutlet::Row(OutRow::Update(update))) = row
        {
            topic.send(update);
        }
        match row {
            _ if !self.follow => return false,
            ForStage::Out(ToOutlet::Row(OutRow::Update(update))) => self.observer.update(update),
            ForStage::Out(ToOutlet::Row(OutRow::Decision(decision))) => {
                self.observer.decided(decision)
            }
            _ => return false,
        }
        true
    }

    /// Ends the run with `error`, unless it has ended already. The first one is the cause.
    pub(crate) fn fail<T>(&self, error: Error) -> Option<T> {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert(error);
        self.failed.store(true, Ordering::Release);
        None
    }

    /// Runs `task` beside the workers: if it fails or dies, so does the run, which would wait for it otherwise.
    pub(crate) fn beside<T: Send + 'static>(
        self: &Arc<Self>,
        name: &'static str,
        task: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> JoinHandle<Option<T>> {
        let (shared, task) = (Arc::clone(self), self.tokio.spawn(task));
        self.tokio.spawn(async move {
            match task.await {
                Ok(Ok(outcome)) => Some(outcome),
                Ok(Err(error)) => shared.fail(error),
                Err(died) => shared.fail(Error::Worker(format!("the {name} died: {died}"))),
            }
        })
    }

    /// Whether the run has failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// Why it has.
    pub(crate) fn take_failure(&self) -> Option<Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
