//! Whether a run is alive and whether it does its work: facts that its threads leave, and what follows from them.
//!
//! Alive are the loops of its workers. Ready is a run that reads, and whose commits come: one whose store is away is
//! alive, since starting it again would mend nothing, and not ready. Of a cluster all processes are ready or none: rows
//! that wait in one of them wait for a commit of all.
//!
//! *Cost*: two stores and a look at the machine's clock a turn of a worker's loop.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quorate_schemas::clock::{Clock, Phase};
use quorate_schemas::time::Micros;
use serde::Serialize;

use crate::clock::{Stopwatch, now_us};
use crate::epoch::number::checkpoint_of;
use crate::observe::StopSignal;

/// A worker that has not gone through its loop for so long hangs.
const HANGS_AFTER: Duration = Duration::from_secs(60);

/// Rows wait for their commit so many checkpoints at most, …
const CHECKPOINTS: u32 = 3;

/// … or so long, where checkpoints are short.
const LEAST_PATIENCE: Duration = Duration::from_secs(10);

/// So many requests in a row that came to nothing are no accident: each is tried a few times.
const FAILURES_IN_A_ROW: u64 = 8;

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// It has not begun, or a supervisor is about to start it again.
    Idle,
    /// It waits for the other processes of its cluster.
    Meeting,
    /// It opens its store and takes the lead.
    Claiming,
    /// It leads, and reads what was retained.
    Recovering,
    /// It reads.
    Reading,
    /// It was asked to stop, and commits what it has read.
    Stopping,
}

/// What there is to know of a run's health.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// How far it has come.
    pub stage: Stage,
    /// Its worker threads in this process.
    pub workers: usize,
    /// How long ago the one that is furthest behind has gone through its loop.
    pub turn_age_ms: u64,
    /// How long rows have been waiting without any commit; of a cluster, those of any process.
    pub checkpoint_age_ms: u64,
    /// How long they may.
    pub checkpoint_age_bound_ms: u64,
    /// Requests to the store that failed since one last succeeded.
    pub store_failures_in_a_row: u64,
}

impl Facts {
    /// What says that the run is dead; nothing if it is alive.
    pub fn liveness(&self) -> Vec<String> {
        let hangs = self.turn_age_ms >= millis(HANGS_AFTER);
        let text = || {
            format!(
                "a worker has not gone through its loop for {} s (at most {} s)",
                self.turn_age_ms / 1_000,
                HANGS_AFTER.as_secs()
            )
        };
        hangs.then(text).into_iter().collect()
    }

    /// What says that the run does not do its work; nothing if it does.
    pub fn readiness(&self) -> Vec<String> {
        let mut why = Vec::new();
        match self.stage {
            Stage::Idle => why.push("no run has begun".to_owned()),
            Stage::Meeting => why.push("the run waits for the other processes".to_owned()),
            Stage::Claiming => why.push("the run is taking the lead".to_owned()),
            Stage::Recovering => why.push("the run reads what was retained".to_owned()),
            Stage::Stopping => why.push("the run was asked to stop".to_owned()),
            Stage::Reading => {}
        }
        if self.checkpoint_age_ms > self.checkpoint_age_bound_ms {
            why.push(format!(
                "rows wait, and nothing was committed for {} s (at most {} s)",
                self.checkpoint_age_ms / 1_000,
                self.checkpoint_age_bound_ms / 1_000
            ));
        }
        if self.store_failures_in_a_row >= FAILURES_IN_A_ROW {
            why.push(format!(
                "the store fails: the last {} requests came to nothing",
                self.store_failures_in_a_row
            ));
        }
        why.extend(self.liveness());
        why
    }
}

/// Where the threads of a run leave what they know.
pub(crate) struct Vitals {
    since: Stopwatch,
    run: Mutex<Run>,
    /// The event-time watermark; the least and the greatest number stand for none.
    watermark: AtomicI64,
}

struct Run {
    stage: Stage,
    stop: Option<StopSignal>,
    bound: Duration,
    pulses: Vec<Arc<Pulse>>,
    /// Since when rows of other processes wait, as these have told.
    elsewhere: BTreeMap<usize, u64>,
}

impl Run {
    fn new(stage: Stage, stop: Option<StopSignal>, bound: Duration) -> Run {
        Run { stage, stop, bound, pulses: Vec::new(), elsewhere: BTreeMap::new() }
    }
}

/// One worker's.
struct Pulse {
    turned_ms: AtomicU64,
    /// Since when its rows wait; 0 if none do.
    waits_since_ms: AtomicU64,
}

impl Run {
    fn turn_age_ms(&self, now_ms: u64) -> u64 {
        let turned = self.pulses.iter().map(|pulse| pulse.turned_ms.load(Ordering::Relaxed));
        turned.min().map_or(0, |turned| now_ms.saturating_sub(turned))
    }

    /// Since when rows of this process wait.
    fn waits_since(&self) -> Option<u64> {
        let waits = self.pulses.iter().map(|pulse| pulse.waits_since_ms.load(Ordering::Relaxed));
        waits.filter(|since| *since > 0).min()
    }
}

/// What a worker leaves its traces with.
pub(crate) struct Beat {
    since: Stopwatch,
    pulse: Arc<Pulse>,
    /// The first checkpoint that is not committed, when it last looked.
    open: Option<u64>,
}

impl Vitals {
    pub(crate) fn new() -> Vitals {
        Vitals {
            since: Stopwatch::start(),
            run: Mutex::new(Run::new(Stage::Idle, None, LEAST_PATIENCE)),
            watermark: AtomicI64::new(Micros::MIN),
        }
    }

    /// A run begins, which `stop` would end and whose checkpoints are so far apart.
    pub(crate) fn begins(&self, stop: &StopSignal, every: Duration) {
        let bound = every.saturating_mul(CHECKPOINTS).max(LEAST_PATIENCE);
        *self.lock() = Run::new(Stage::Claiming, Some(stop.clone()), bound);
        self.watermark.store(Micros::MIN, Ordering::Relaxed);
    }

    /// The run has come so far.
    pub(crate) fn has_come_to(&self, stage: Stage) {
        let mut run = self.lock();
        run.stage = stage;
        if stage == Stage::Idle {
            run.pulses.clear();
            run.elsewhere.clear();
        }
    }

    /// How long rows of this process have been waiting without any commit.
    pub(crate) fn waits_ms(&self) -> u64 {
        let (run, now) = (self.lock(), self.now_ms());
        run.waits_since().map_or(0, |since| now.saturating_sub(since))
    }

    /// Rows of process `peer` have been waiting for so long.
    pub(crate) fn wait_elsewhere(&self, peer: usize, waits_ms: u64) {
        let mut run = self.lock();
        match waits_ms {
            0 => run.elsewhere.remove(&peer),
            _ => run.elsewhere.insert(peer, self.now_ms().saturating_sub(waits_ms)),
        };
    }

    /// How long ago the worker that is furthest behind has gone through its loop.
    pub(crate) fn turn_age(&self) -> Duration {
        Duration::from_millis(self.lock().turn_age_ms(self.now_ms()))
    }

    /// A worker begins.
    pub(crate) fn worker(&self) -> Beat {
        let pulse =
            Pulse { turned_ms: AtomicU64::new(self.now_ms()), waits_since_ms: AtomicU64::new(0) };
        let pulse = Arc::new(pulse);
        self.lock().pulses.push(Arc::clone(&pulse));
        Beat { since: self.since, pulse, open: None }
    }

    /// The dataflow's clock stands so.
    pub(crate) fn clock(&self, clock: Clock) {
        let watermark = match clock.phase {
            Phase::Running => clock.watermark,
            Phase::EndOfGold | Phase::End => Micros::MAX,
        };
        self.watermark.store(watermark, Ordering::Relaxed);
    }

    /// How far the watermark lies behind the machine's clock, if there is one.
    pub(crate) fn watermark_lag_us(&self) -> Option<Micros> {
        let watermark = self.watermark.load(Ordering::Relaxed);
        let is_set = watermark > Micros::MIN && watermark < Micros::MAX;
        is_set.then(|| now_us().saturating_sub(watermark))
    }

    /// What there is to know now.
    pub(crate) fn facts(&self, store_failures_in_a_row: u64) -> Facts {
        let (run, now) = (self.lock(), self.now_ms());
        let stops = run.stop.as_ref().is_some_and(StopSignal::is_given);
        let stage = if stops && run.stage != Stage::Idle { Stage::Stopping } else { run.stage };
        let waits = run.waits_since().into_iter().chain(run.elsewhere.values().copied()).min();
        Facts {
            stage,
            workers: run.pulses.len(),
            turn_age_ms: run.turn_age_ms(now),
            checkpoint_age_ms: waits.map_or(0, |since| now.saturating_sub(since)),
            checkpoint_age_bound_ms: millis(run.bound),
            store_failures_in_a_row,
        }
    }

    fn now_ms(&self) -> u64 {
        self.since.elapsed_ms()
    }

    fn lock(&self) -> MutexGuard<'_, Run> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Beat {
    /// The worker goes through its loop. `uncommitted` is the first epoch that is not committed, and `rows_at` the last
    /// one in which this worker has read rows.
    pub(crate) fn turn(&mut self, uncommitted: Option<u64>, rows_at: Option<u64>) {
        let now = self.since.elapsed_ms().max(1);
        self.pulse.turned_ms.store(now, Ordering::Relaxed);
        let open = uncommitted.map(checkpoint_of);
        let waits = open.is_some_and(|open| rows_at.is_some_and(|at| open <= checkpoint_of(at)));
        let since = &self.pulse.waits_since_ms;
        if !waits {
            since.store(0, Ordering::Relaxed);
        } else if open != self.open || since.load(Ordering::Relaxed) == 0 {
            since.store(now, Ordering::Relaxed);
        }
        self.open = open;
    }

    /// The worker has committed everything, and ends.
    pub(crate) fn end(self) {
        self.pulse.turned_ms.store(u64::MAX, Ordering::Relaxed);
        self.pulse.waits_since_ms.store(0, Ordering::Relaxed);
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epoch::number::first_epoch;

    fn good() -> Facts {
        Facts {
            stage: Stage::Reading,
            workers: 2,
            turn_age_ms: 5,
            checkpoint_age_ms: 900,
            checkpoint_age_bound_ms: 15_000,
            store_failures_in_a_row: 7,
        }
    }

    #[test]
    fn a_run_that_reads_and_commits_is_ready_and_each_trouble_says_so() {
        assert_eq!((good().liveness(), good().readiness()), (vec![], vec![]));
        let troubles = [
            (Facts { stage: Stage::Claiming, ..good() }, "taking the lead"),
            (Facts { stage: Stage::Meeting, ..good() }, "waits for the other processes"),
            (Facts { stage: Stage::Stopping, ..good() }, "asked to stop"),
            (Facts { checkpoint_age_ms: 15_001, ..good() }, "nothing was committed for 15 s"),
            (Facts { store_failures_in_a_row: 8, ..good() }, "the last 8 requests"),
        ];
        for (facts, says) in troubles {
            let why = facts.readiness();
            assert!(why.len() == 1 && why[0].contains(says), "{why:?}");
            assert_eq!(facts.liveness(), Vec::<String>::new(), "{says}");
        }
        let hung = Facts { turn_age_ms: 61_000, ..good() };
        assert!(hung.liveness()[0].contains("61 s"), "{:?}", hung.liveness());
        assert_eq!(hung.readiness(), hung.liveness());
    }

    #[test]
    fn rows_wait_until_the_checkpoint_they_were_read_in_is_committed() {
        let vitals = Vitals::new();
        vitals.begins(&StopSignal::new(), Duration::from_secs(5));
        let mut beat = vitals.worker();
        let waits = |beat: &Beat| beat.pulse.waits_since_ms.load(Ordering::Relaxed) > 0;
        let (first, second) = (first_epoch(3), first_epoch(4));
        beat.turn(Some(first), None);
        assert!(!waits(&beat), "nothing was read");
        beat.turn(Some(first + 9), Some(first + 2));
        assert!(waits(&beat), "epochs pass, and the checkpoint is open");
        beat.turn(Some(second), Some(first + 2));
        assert!(!waits(&beat), "it is committed");
        beat.turn(Some(second), Some(second + 1));
        assert!(waits(&beat));
        beat.turn(None, Some(second + 1));
        assert!(!waits(&beat), "all is committed");
    }

    #[test]
    fn a_commit_of_other_rows_starts_the_wait_anew() {
        let vitals = Vitals::new();
        let mut beat = vitals.worker();
        beat.turn(Some(first_epoch(3)), Some(first_epoch(5)));
        beat.pulse.waits_since_ms.store(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(5));
        beat.turn(Some(first_epoch(3)), Some(first_epoch(5)));
        assert_eq!(beat.pulse.waits_since_ms.load(Ordering::Relaxed), 1, "no commit, no news");
        beat.turn(Some(first_epoch(4)), Some(first_epoch(5)));
        assert!(beat.pulse.waits_since_ms.load(Ordering::Relaxed) > 1);
    }

    #[test]
    fn rows_that_wait_in_another_process_wait_here_too_until_it_says_that_they_do_not() {
        let vitals = Vitals::new();
        vitals.begins(&StopSignal::new(), Duration::from_secs(5));
        std::thread::sleep(Duration::from_millis(30));
        vitals.wait_elsewhere(2, 20);
        let age = || vitals.facts(0).checkpoint_age_ms;
        assert!((20..1_000).contains(&age()), "{}", age());
        assert_eq!(vitals.waits_ms(), 0, "what others wait for is told by themselves");
        std::thread::sleep(Duration::from_millis(20));
        assert!(age() >= 40, "it goes on while nothing is heard: {}", age());
        vitals.wait_elsewhere(1, 1);
        vitals.wait_elsewhere(2, 0);
        assert!(age() < 20, "{}", age());
        let mut beat = vitals.worker();
        beat.turn(Some(first_epoch(3)), Some(first_epoch(5)));
        std::thread::sleep(Duration::from_millis(20));
        assert!(vitals.waits_ms() >= 20);
        vitals.begins(&StopSignal::new(), Duration::from_secs(5));
        assert_eq!(age(), 0, "another run");
    }

    #[test]
    fn patience_follows_the_jobs_checkpoints() {
        let vitals = Vitals::new();
        let bound = |every| {
            vitals.begins(&StopSignal::new(), Duration::from_secs(every));
            vitals.facts(0).checkpoint_age_bound_ms
        };
        assert_eq!((bound(1), bound(5), bound(60)), (10_000, 15_000, 180_000));
    }

    #[test]
    fn a_stop_is_seen_at_once_and_a_worker_that_has_ended_is_not_missed() {
        let (vitals, stop) = (Vitals::new(), StopSignal::new());
        vitals.begins(&stop, Duration::from_secs(5));
        vitals.has_come_to(Stage::Reading);
        let beat = vitals.worker();
        assert_eq!(vitals.facts(0).stage, Stage::Reading);
        stop.stop();
        assert_eq!(vitals.facts(0).stage, Stage::Stopping);
        beat.end();
        assert_eq!(vitals.facts(0).turn_age_ms, 0);
        vitals.has_come_to(Stage::Idle);
        assert_eq!((vitals.facts(0).stage, vitals.facts(0).workers), (Stage::Idle, 0));
    }
}
