//! What only running a job would show, without running it: are the files there and do their rows decode, can the
//! store be written, and does it hold this job's log.
//!
//! A trial reads the first rows of each source's files, of many only some (and all agents, where a cap depends on how many there are). It writes
//! one probe into the store and removes it.

mod cap;
mod memory;
mod sample;
mod sniff;
mod store;
mod topics;

use quorate_connectors::inlet::Counts;
use quorate_connectors::source::Format;
use quorate_schemas::record::RecordKind;
use quorate_schemas::table::RejectRow;

use super::{Job, Severity};
use crate::clock::now_us;

/// What a trial has found.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The sources, as the job has them.
    pub sources: Vec<SourceTrial>,
    /// What the store holds; `None` if that could not be found out.
    pub store: Option<StoreContents>,
    /// What is wrong, or may be.
    pub problems: Vec<Problem>,
}

/// One source's files and first rows.
#[derive(Clone, Debug)]
pub struct SourceTrial {
    /// The source's name.
    pub name: String,
    /// What its rows are.
    pub kind: RecordKind,
    /// How they are written.
    pub format: Format,
    /// How many files, or partitions of topics, it has now.
    pub files: u64,
    /// Whether its rows are messages of a topic.
    pub is_topic: bool,
    /// The first rows of its files: of each at least a hundred, or all there are.
    pub rows: Counts,
    /// Those of them that cannot be used, in order.
    pub rejects: Vec<RejectRow>,
}

/// What is in the store already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreContents {
    /// No log: the first run begins one.
    Empty,
    /// This job's log: a run goes on with it.
    Log {
        /// Its latest record.
        seq: u64,
        /// Whether everything is done.
        finished: bool,
    },
    /// A log that this job cannot go on with; a problem says why.
    Foreign,
}

/// Something that would keep a run from going well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// What it is about: a source, the store, a key.
    pub about: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl Problem {
    fn error(about: impl Into<String>, message: impl Into<String>) -> Problem {
        Problem { severity: Severity::Error, about: about.into(), message: message.into() }
    }

    fn warning(about: impl Into<String>, message: impl Into<String>) -> Problem {
        Problem { severity: Severity::Warning, about: about.into(), message: message.into() }
    }
}

impl Trial {
    /// Whether the job can run.
    pub fn is_good(&self) -> bool {
        self.problems.iter().all(|problem| problem.severity == Severity::Warning)
    }
}

impl Job {
    /// Tries what can be tried without running.
    pub async fn try_out(&self) -> Trial {
        let (now_us, mut problems) = (now_us(), Vec::new());
        let sources = sample::of_all(self, now_us, &mut problems);
        cap::check(self, now_us, &mut problems);
        memory::check(self, &mut problems);
        topics::check(self, &mut problems);
        let store = store::contents(self, &mut problems).await;
        Trial { sources, store, problems }
    }
}
