//! A job that this worker has taken: it runs on a thread of its own, and says at each beat how that goes.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::Pool;
use super::entry::{self, Traces};
use super::record::{self, Failure, Order, Phase, Run, Wish};
use super::rules::{Hope, failed};
use super::work::{Options, Told};
use crate::clock::now_ms;
use crate::error::Error;
use crate::job::Job;
use crate::observe::{
    Committed, FailureKind, Observer, Outcome, Progress, RunOptions, Started, StopSignal,
};

/// How often the end of a run is written down, if the store does not answer. After that it looks as if it had died.
const LAST_WORDS: u32 = 20;

/// A job, the claim of it, and the run that begins.
pub(super) struct Keeper {
    pub(super) pool: Pool,
    pub(super) name: String,
    pub(super) nr: u64,
    pub(super) run: Run,
    pub(super) options: Options,
    pub(super) told: Arc<dyn Told>,
}

/// How a run ended.
type Ended = Result<Outcome, (FailureKind, String)>;

impl Keeper {
    /// Runs the job to its end, or until it is asked to stop, or another worker has it.
    pub(super) async fn keep(mut self) {
        self.run.started_at_ms = now_ms();
        let stop = StopSignal::new();
        let report = Arc::new(Report::new(&self));
        let (ending, mut ended) = oneshot::channel();
        match self.read().await {
            Ok(job) => {
                let (stop, report, led) = (stop.clone(), Arc::clone(&report), self.run.led);
                let workers = self.options.workers.or(job.workers);
                std::thread::spawn(move || {
                    let _ = ending.send(perform(&job, workers, led, stop, report));
                });
            }
            Err(failure) => {
                let _ = ending.send(Err(failure));
            }
        }
        let mut ordered_to_stop = Ordered::No;
        let ended = loop {
            self.write(&report, &stop).await;
            tokio::select! {
                ended = &mut ended => {
                    let died = |_| Err((FailureKind::Failed, "the thread of its run died".to_owned()));
                    break ended.unwrap_or_else(died);
                }
                () = tokio::time::sleep(self.options.beat) => {}
            }
            if self.options.stop.is_given() {
                stop.stop();
            }
            match self.look().await {
                Seen::Nothing => {}
                Seen::Stop => {
                    ordered_to_stop = Ordered::Yes;
                    stop.stop();
                }
                Seen::PassedOver => {
                    self.say("another worker has taken it: this run ends");
                    stop.stop();
                    // What it comes to is the other's to say.
                    let _ = ended.await;
                    return;
                }
            }
        };
        report.fill(&mut self.run);
        self.run = self.end(ended, ordered_to_stop);
        self.say(&format!("{}", Says(&self.run)));
        self.last_words().await;
    }

    async fn read(&self) -> Result<Job, (FailureKind, String)> {
        let path = entry::job_path(&self.name);
        let bytes = self.pool.store.get(&path).await.map_err(|error| {
            let error = Error::from(error);
            (error.kind(), error.to_string())
        })?;
        let wrong = |message: String| (FailureKind::Misconfigured, message);
        let bytes = bytes.ok_or_else(|| wrong(format!("{path} is not in the pool any more")))?;
        let text = String::from_utf8_lossy(&bytes);
        let at = PathBuf::from(self.pool.store.name()).join(&path);
        let loaded = Job::parse(&text, &at).map_err(|refused| wrong(refused.to_string()))?;
        Ok(loaded.job)
    }

    /// What others did since the last beat.
    async fn look(&self) -> Seen {
        let Ok(found) = self.pool.store.list(&entry::folder(&self.name)).await else {
            // The run itself knows what to do without a store.
            return Seen::Nothing;
        };
        let traces: Traces = entry::traces(&found).remove(&self.name).unwrap_or_default();
        if traces.claim_nr > self.nr {
            return Seen::PassedOver;
        }
        let path = (traces.order_nr > 0).then(|| entry::order_path(&self.name, traces.order_nr));
        match self.pool.read::<Order>(path).await {
            Ok(Some(Order { wish: Wish::Stop, .. })) => Seen::Stop,
            _ => Seen::Nothing,
        }
    }

    async fn write(&mut self, report: &Report, stop: &StopSignal) {
        report.fill(&mut self.run);
        self.run.phase = if stop.is_given() { Phase::Stopping } else { Phase::Running };
        // The next beat is another chance.
        let _ = self.put().await;
    }

    async fn last_words(&mut self) {
        for _ in 0..LAST_WORDS {
            if self.put().await.is_ok() {
                return;
            }
            tokio::time::sleep(self.options.beat).await;
        }
    }

    async fn put(&mut self) -> Result<(), Error> {
        self.run.updated_at_ms = now_ms();
        let path = entry::run_path(&self.name, self.nr);
        Ok(self.pool.store.put(&path, record::to_bytes(&self.run).into()).await?)
    }

    fn end(&self, ended: Ended, ordered_to_stop: Ordered) -> Run {
        let run = self.run.clone();
        match ended {
            Ok(Outcome::Finished(_) | Outcome::AlreadyFinished) => {
                Run { phase: Phase::Finished, failure: None, failures: 0, ..run }
            }
            Ok(Outcome::Stopped(_)) => {
                let phase = match ordered_to_stop {
                    Ordered::Yes => Phase::Stopped,
                    Ordered::No => Phase::Released,
                };
                Run { phase, failure: None, failures: 0, ..run }
            }
            Err((kind, message)) => {
                let (hope, word) = match kind {
                    FailureKind::Failed => (Hope::Some, "failed"),
                    FailureKind::Fenced => (Hope::Some, "fenced"),
                    FailureKind::Misconfigured => (Hope::None, "misconfigured"),
                    FailureKind::RejectLimit => (Hope::None, "reject_limit"),
                };
                // Who was fenced does not take the lead back by force: somebody outside of the pool has it.
                let led = run.led && kind != FailureKind::Fenced;
                let failure = Failure { at_ms: now_ms(), kind: word.to_owned(), message };
                failed(Run { led, ..run }, failure, hope, self.options.restarts)
            }
        }
    }

    fn say(&self, text: &str) {
        self.told.tell(&format!("{}: {text}", self.name));
    }
}

/// What a keeper saw of others.
enum Seen {
    Nothing,
    Stop,
    PassedOver,
}

/// Whether somebody ordered the job to stop, and not only its worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ordered {
    Yes,
    No,
}

/// A run's end, in a line.
struct Says<'a>(&'a Run);

impl std::fmt::Display for Says<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Run { phase, failure, failures, .. } = self.0;
        let why = failure.as_ref().map_or("", |failure| failure.message.as_str());
        match phase {
            Phase::Finished => f.write_str("finished"),
            Phase::Stopped => f.write_str("stopped, as it was asked to"),
            Phase::Released => f.write_str("left to another worker"),
            Phase::Failing => {
                write!(f, "failed ({failures} in a row), and will be tried again: {why}")
            }
            Phase::Running | Phase::Stopping | Phase::Failed => write!(f, "failed: {why}"),
        }
    }
}

fn perform(
    job: &Job,
    workers: Option<usize>,
    led: bool,
    stop: StopSignal,
    report: Arc<Report>,
) -> Ended {
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let options = RunOptions {
        // The claim has been decided in the pool: whoever led there before does not any more.
        takeover: led,
        stop,
        ..RunOptions::new(workers.unwrap_or_else(cores))
    };
    crate::run(job, options, report).map_err(|error| (error.kind(), with_causes(&error)))
}

/// An error and what it comes from: of a store that refuses, only the system below knows why.
fn with_causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text} ({said})");
        }
        next = cause.source();
    }
    text
}

/// What the run has told so far.
struct Report {
    name: String,
    told: Arc<dyn Told>,
    facts: Mutex<Facts>,
}

#[derive(Clone, Copy, Default)]
struct Facts {
    led: bool,
    progress: Progress,
    commits: u64,
}

impl Report {
    fn new(keeper: &Keeper) -> Report {
        let facts = Facts { led: keeper.run.led, ..Facts::default() };
        let (name, told) = (keeper.name.clone(), Arc::clone(&keeper.told));
        Report { name, told, facts: Mutex::new(facts) }
    }

    fn with(&self, change: impl FnOnce(&mut Facts)) {
        change(&mut self.facts.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn fill(&self, run: &mut Run) {
        self.with(|Facts { led, progress, commits }| {
            run.led = *led;
            (run.decided, run.undecided) = (progress.decided, progress.undecided);
            (run.rows, run.commits) = (progress.rows, *commits);
        });
    }
}

impl Observer for Report {
    fn started(&self, _: &Started) {
        self.with(|facts| facts.led = true);
    }

    fn progress(&self, progress: &Progress) {
        self.with(|facts| facts.progress = *progress);
    }

    fn committed(&self, _: &Committed) {
        self.with(|facts| facts.commits += 1);
    }

    fn note(&self, text: &str) {
        self.told.tell(&format!("{}: {text}", self.name));
    }
}
