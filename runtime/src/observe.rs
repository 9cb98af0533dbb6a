//! What a run is asked for and what it tells: the seam between the engine and whoever watches it.
//!
//! The engine calls an [`Observer`] from its own threads and waits for it. So an observer takes a call and returns: it
//! neither blocks nor panics. Nothing it does or fails to do changes a result.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use quorate_connectors::store::Requests;
use quorate_schemas::log::Counts;
use quorate_schemas::table::{DecisionRow, DecisionUpdateRow};

use crate::cluster::Cluster;
use crate::metrics::Metrics;

/// How to run a job: what may differ from run to run without changing a result.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// How many workers, at least one.
    pub workers: usize,
    /// Take the job from another owner without waiting for its heartbeats to stop.
    pub takeover: bool,
    /// Go on with a finished job: read files that came since.
    pub reopen: bool,
    /// Compute provisional outcomes and tell them to the observer, whether or not the job keeps them as a table.
    pub follow: bool,
    /// Serialise what workers send each other, as between machines: slower, and a test of the codecs.
    pub serialised: bool,
    /// The cluster that this process is one of, if it is.
    pub cluster: Option<Cluster>,
    /// Asks the run to end.
    pub stop: StopSignal,
    /// Where the run tells machines of itself.
    pub metrics: Metrics,
}

impl RunOptions {
    /// A run with this many workers and nothing out of the ordinary.
    pub fn new(workers: usize) -> RunOptions {
        RunOptions {
            workers: workers.max(1),
            takeover: false,
            reopen: false,
            follow: false,
            serialised: false,
            cluster: None,
            stop: StopSignal::new(),
            metrics: Metrics::new(),
        }
    }
}

/// Asks a run to seal what it has read, commit it and return. Once given it cannot be taken back.
#[derive(Clone, Debug, Default)]
pub struct StopSignal {
    /// By whoever started the run.
    asked: Arc<AtomicBool>,
    /// By the run itself, or by another process of its cluster. Apart: the first signal of a person must not be taken for
    /// the second.
    decided: Arc<AtomicBool>,
}

impl StopSignal {
    /// A signal that has not been given.
    pub fn new() -> StopSignal {
        StopSignal::default()
    }

    /// Gives the signal.
    pub fn stop(&self) {
        self.decided.store(true, Ordering::Release);
    }

    /// Whether it has been given.
    pub fn is_given(&self) -> bool {
        self.asked.load(Ordering::Acquire) || self.decided.load(Ordering::Acquire)
    }

    /// The flag itself, for what can only set a flag: a signal of the operating system.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.asked)
    }
}

/// Where a run stands, about once a second. Counts are of this run alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows read so far, and what became of them.
    pub rows: Counts,
    /// Rows read in a second, over the last few.
    pub rows_per_s: u64,
    /// Tasks closed with a quorum.
    pub decided: u64,
    /// Tasks closed without one.
    pub undecided: u64,
    /// Epochs that some worker may still add to, or whose results are not committed.
    pub open_epochs: u64,
    /// How old the oldest row is that was read and is not committed.
    pub checkpoint_age_ms: u64,
    /// Commits so far.
    pub commits: u64,
}

/// A commit: what it names is true from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Its place in the log.
    pub seq: u64,
    /// The checkpoint it made true.
    pub checkpoint: u64,
    /// Rows read since the commit before.
    pub rows: Counts,
    /// How long staging and committing took.
    pub took_ms: u64,
    /// What was asked of the store since the run began, by all of its parts.
    pub requests: Requests,
}

/// A run leads, has recovered, and begins to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Started {
    /// Which of the job's runs this is: each claim of the log counts one up.
    pub incarnation: u64,
    /// The last checkpoint of those before; 0 if there is none.
    pub checkpoint: u64,
    /// Threads that share the work.
    pub workers: usize,
    /// Rows that were retained for it: for the workers of this process.
    pub retained_rows: usize,
    /// How long claiming and recovering took.
    pub took_ms: u64,
}

/// Watches a run. Every method has a default that does nothing.
pub trait Observer: Send + Sync {
    /// The run begins to read.
    fn started(&self, _started: &Started) {}

    /// The run goes on.
    fn progress(&self, _progress: &Progress) {}

    /// A checkpoint has become true.
    fn committed(&self, _commit: &Committed) {}

    /// A provisional outcome of an open task. Only with [`RunOptions::follow`].
    fn update(&self, _update: &DecisionUpdateRow) {}

    /// A task has closed, or its decision was revised; not committed yet. Only with [`RunOptions::follow`].
    fn decided(&self, _decision: &DecisionRow) {}

    /// What was told of outcomes and decisions until now should be seen: it may be a while until there are more.
    fn told(&self) {}

    /// Something a person would want to know: the store is slow, a file has vanished, another run leads.
    fn note(&self, _text: &str) {}
}

/// Nobody watches.
impl Observer for () {}

/// How a run ended, if it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The input was bounded and everything in it is committed.
    Finished(Totals),
    /// It was asked to stop; everything read is committed and a later run goes on from there.
    Stopped(Totals),
    /// An earlier run had finished: there was nothing to do.
    AlreadyFinished,
}

/// What a run has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Rows read, and what became of them.
    pub rows: Counts,
    /// Tasks closed with a quorum.
    pub decided: u64,
    /// Tasks closed without one.
    pub undecided: u64,
    /// Well-formed rows that could not count: a vote after its task's close, from an unknown agent, …
    pub refused: u64,
    /// Commits.
    pub commits: u64,
    /// What was asked of the store.
    pub requests: Requests,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Outcome::Finished(_) => "finished",
            Outcome::Stopped(_) => "stopped",
            Outcome::AlreadyFinished => "already finished",
        })
    }
}

/// What a failure of a run means for whoever would start it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// Something outside failed; starting again may help.
    Failed,
    /// The job, its files or its store are not as they should be; starting again cannot help.
    Misconfigured,
    /// Another run leads this job now; starting again would take it back.
    Fenced,
    /// More rows were refused than the job allows.
    RejectLimit,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_reaches_every_clone_of_its_signal() {
        let signal = StopSignal::new();
        let (clone, flag) = (signal.clone(), signal.flag());
        assert!(!clone.is_given());
        flag.store(true, Ordering::SeqCst);
        assert!(signal.is_given() && clone.is_given());
        let signal = StopSignal::new();
        signal.stop();
        assert!(signal.is_given() && !signal.flag().load(Ordering::SeqCst), "nobody asked for it");
    }
}
