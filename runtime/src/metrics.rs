//! Numbers by which machines watch a run, in the text format of Prometheus.
//!
//! ```text
//!   workers, lead, publishers ──(as things happen)──► counters ──┐
//!   store, vitals, kernel     ──(when somebody asks)─► gauges  ──┴──► Metrics::render
//! ```
//!
//! 1. Nothing in here is read by the engine: no result depends on it.
//! 2. Series are few: labels are words of the code, names in the job, or partitions up to a bound.
//! 3. Counters begin at 0 with each start of the program. They count what was read, committed or not: what a run that
//!    died had not committed is read, and counted, again.
//! 4. A series whose labels are known beforehand is there from the start, so that its first step is seen.
//!
//! `deploy/METRICS.md` lists all of them; a test holds it against [`Metrics::catalogue`].

mod catalogue;
mod input;
mod lag;
mod memory;
mod now;
mod output;
mod series;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::prometheus_text;
use prometheus_client::registry::Registry;
use quorate_connectors::store::Store;
use quorate_schemas::log::Standing;
use quorate_schemas::retained::RetainedRow;
use quorate_schemas::table::{RejectReason, RejectStage};

pub use catalogue::{Described, MetricKind};
pub(crate) use input::Piece;
pub use lag::Lag;
pub(crate) use output::{CheckpointStep, StagedAs};

use self::catalogue::Catalogue;
use self::input::Input;
use self::lag::Lags;
use self::now::Now;
use self::output::Output;
use crate::clock::now_ms;
use crate::epoch::staging::Decided;
use crate::health::{Facts, Stage, Vitals};
use crate::job::Job;
use crate::observe::StopSignal;
use crate::shared::InFlight;

/// The media type of what [`Metrics::render`] gives.
pub const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// What a program that runs jobs tells of itself; cheap to clone, all clones are one. It outlives the runs.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Registry,
    described: Vec<Described>,
    input: Input,
    lags: Lags,
    output: Output,
    now: Now,
    vitals: Vitals,
    store: Mutex<Option<Store>>,
    in_flight: Mutex<Option<Arc<InFlight>>>,
    /// Held while gauges are set and told: each answer is of one moment.
    asked: Mutex<()>,
}

impl Default for Metrics {
    fn default() -> Metrics {
        let mut catalogue = Catalogue::default();
        let input = Input::of(&mut catalogue);
        let lags = Lags::of(&mut catalogue);
        let output = Output::of(&mut catalogue);
        let now = Now::of(&mut catalogue, now_ms());
        let (registry, described) = catalogue.close();
        let inner = Inner {
            registry,
            described,
            input,
            lags,
            output,
            now,
            vitals: Vitals::new(),
            store: Mutex::default(),
            in_flight: Mutex::default(),
            asked: Mutex::default(),
        };
        Metrics { inner: Arc::new(inner) }
    }
}

impl Metrics {
    /// Of a program that has just been started.
    pub fn new() -> Metrics {
        Metrics::default()
    }

    /// Every metric there is, whether or not it has a series now.
    pub fn catalogue(&self) -> &[Described] {
        &self.inner.described
    }

    /// Everything as it is now, as text of the type [`CONTENT_TYPE`].
    pub fn render(&self) -> String {
        let inner = self.inner.as_ref();
        let _one_at_a_time = inner.asked.lock().unwrap_or_else(PoisonError::into_inner);
        inner.now.show(&self.facts(), inner.vitals.watermark_lag_us());
        inner.now.show_store(&self.store().map(|store| store.requests()).unwrap_or_default());
        inner.now.show_memory();
        inner.now.in_flight(self.bytes_in_flight());
        inner.lags.show();
        inner.output.show();
        let mut text = String::new();
        prometheus_text::encode(&mut text, &inner.registry).expect("a string takes any text");
        text
    }

    /// What there is to know of the run's health now.
    pub fn facts(&self) -> Facts {
        let store = self.store();
        self.inner.vitals.facts(store.as_ref().map_or(0, Store::failures_in_a_row))
    }

    /// A supervisor has started the run again, so many times, for this first cause (a word or two: `worker-died`).
    pub fn restarted(&self, cause: &str, times: u64) {
        self.inner.now.restart(cause, times);
    }

    /// A partition of a stream is so far behind its end; `None`: it is not read here any more.
    pub fn set_lag(&self, source: &str, partition: &str, lag: Option<Lag>) {
        self.inner.lags.set(source, partition, lag);
    }

    /// A run of `job` begins.
    pub(crate) fn begins(&self, job: &Job, stop: &StopSignal) {
        self.inner.vitals.begins(stop, job.checkpoint.every);
        self.inner.now.job(&job.name);
        job.sources.iter().for_each(|source| self.inner.input.announce(&source.name, source.kind));
    }

    /// It has come so far.
    pub(crate) fn has_come_to(&self, stage: Stage) {
        self.inner.vitals.has_come_to(stage);
        if stage == Stage::Idle {
            self.inner.lags.forget();
            *self.inner.in_flight.lock().unwrap_or_else(PoisonError::into_inner) = None;
            self.inner.output.forget();
        }
    }

    /// What its threads leave.
    pub(crate) fn vitals(&self) -> &Vitals {
        &self.inner.vitals
    }

    /// Its store is this one.
    pub(crate) fn watch(&self, store: &Store) {
        *self.inner.store.lock().unwrap_or_else(PoisonError::into_inner) = Some(store.clone());
    }

    fn store(&self) -> Option<Store> {
        self.inner.store.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// It leads, as this incarnation, and goes on from there.
    pub(crate) fn leads(&self, incarnation: u64, standing: &Standing) {
        self.inner.now.incarnation(incarnation);
        self.inner.output.standing(standing);
    }

    /// These retained rows were read back.
    pub(crate) fn restored(&self, rows: &[RetainedRow]) {
        self.inner.output.restore(rows);
    }

    /// Rows were read.
    pub(crate) fn read(&self, piece: &Piece) {
        self.inner.input.take(piece);
    }

    /// A row was refused.
    pub(crate) fn refused(&self, stage: RejectStage, reason: RejectReason) {
        self.inner.input.refuse(stage, reason);
    }

    /// So many bytes of a source's files were not read.
    pub(crate) fn set_bytes_left(&self, source: &str, bytes: u64) {
        self.inner.lags.set_bytes(source, bytes);
    }

    /// This is what its run has in flight.
    pub(crate) fn in_flight(&self, in_flight: &Arc<InFlight>) {
        *self.inner.in_flight.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Arc::clone(in_flight));
    }

    fn bytes_in_flight(&self) -> u64 {
        let run = self.inner.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        run.as_ref().map_or(0, |run| run.bytes())
    }

    /// So many epochs are not committed.
    pub(crate) fn open_epochs(&self, epochs: u64) {
        self.inner.now.open_epochs(epochs);
    }

    /// A checkpoint's step has taken so long.
    pub(crate) fn took(&self, step: CheckpointStep, time: Duration) {
        self.inner.output.step(step, time);
    }

    /// A file was staged.
    pub(crate) fn staged(&self, kind: StagedAs, bytes: usize) {
        self.inner.output.stage(kind, bytes);
    }

    /// A checkpoint is true now.
    pub(crate) fn committed(&self, seq: u64, rows: u64, decided: Decided, standing: &Standing) {
        self.inner.output.commit(seq, rows, now_ms());
        self.inner.output.decide(decided.quorate, decided.undecided);
        self.inner.output.standing(standing);
    }

    /// A destination of committed rows has everything of a table up to record `seq`.
    pub(crate) fn published(&self, publisher: &'static str, table: &str, seq: u64) {
        self.inner.output.publish(publisher, table, seq);
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Metrics({} of them)", self.inner.described.len())
    }
}
