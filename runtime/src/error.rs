//! Why a run failed.

use quorate_operators::booth::Mismatch;
use quorate_schemas::log::Breach;

use crate::epoch::ledger::{Damage, Fenced};
use crate::observe::FailureKind;

/// Why a run failed, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A source or the store failed.
    #[error(transparent)]
    Connector(#[from] quorate_connectors::error::Error),

    /// Another run leads this job.
    #[error("{0}; this one stops. Nothing is lost: whoever leads goes on from the log")]
    Fenced(Fenced),

    /// Another machine or directory leads this job and is alive.
    #[error(
        "{by} leads this job (log record {seq}). Stop it first, wait until it has missed three heartbeats, or take \
         over with --takeover"
    )]
    Held {
        /// Who leads.
        by: String,
        /// The last record seen of it.
        seq: u64,
    },

    /// The log belongs to another job.
    #[error("the store's log is that of job {found:?}: give this job a store of its own")]
    OtherJob {
        /// The job.
        found: String,
    },

    /// The job has changed since the log was written.
    #[error(
        "the job has changed in ways that change results since its log was written. Put the old settings back, give \
         the job a new store, or run `quorate upgrade`, which goes on with the new settings and says so in the log"
    )]
    OtherFingerprint,

    /// A setting has changed that the log cannot follow.
    #[error(
        "{setting} went from {then} to {now}, which no upgrade follows: {why}. Put it back, or give the job a new store"
    )]
    NotUpgradable {
        /// The setting, as the job's settings are kept beside the log.
        setting: &'static str,
        /// What it was.
        then: String,
        /// What it is.
        now: String,
        /// Why not.
        why: &'static str,
    },

    /// The log is damaged.
    #[error("the log is damaged: {0}. `quorate verify` names everything that is wrong")]
    Damaged(String),

    /// What was restored does not follow from the retained rows.
    #[error(
        "task {:?} was decided as {:?} and would now be decided as {:?}: this build decides otherwise than the one \
         that wrote the log. Go on with that build, give the job a new store, or run `quorate upgrade`, which revises \
         what is not final",
        .0.written.task, .0.written.answer, .0.derived.answer
    )]
    Mismatch(Box<Mismatch>),

    /// A broken invariant of the log.
    #[error("the next record would break the log: {0}. This is a bug; nothing was written")]
    Breach(#[from] Breach),

    /// More rows were rejected than the job allows.
    #[error(
        "{rejected} of {rows_in} rows were rejected, more than limits.rejects allows; the table `rejects` says why. \
         Mend the input or the job's map, or raise the limit"
    )]
    TooManyRejects {
        /// Rejected rows.
        rejected: u64,
        /// Rows read.
        rows_in: u64,
    },

    /// What was asked of a pool of workers cannot be done.
    #[error("{0}")]
    Pool(String),
    /// Another process of the cluster is gone.
    #[error(
        "{who} was lost: {why}. The generation is over for all; the next one goes on from the log"
    )]
    Lost {
        /// Which.
        who: String,
        /// Why it is taken for lost.
        why: String,
    },

    /// A worker of this process does nothing any more.
    #[error(
        "a worker has not gone through its loop for {seconds} s: it hangs, and this process ends. If it was only slow, give \
         it more time with --hangs-after"
    )]
    Hung {
        /// For how long.
        seconds: u64,
    },

    /// Another process has ended the run for all.
    #[error("another process has ended the run: {why}")]
    Led {
        /// What it means.
        kind: FailureKind,
        /// In its own words.
        why: String,
    },

    /// Nobody can be met.
    #[error(
        "this process cannot listen at {at}: {why}. Say where with --bind, if it is not met at its own address"
    )]
    Listen {
        /// Where.
        at: String,
        /// Why not.
        why: String,
    },

    /// Certificates that are none.
    #[error(
        "{path}: {why}. A cluster's TLS needs PEM files: the authority, this process's certificate, its key"
    )]
    Certificates {
        /// The file.
        path: String,
        /// What is wrong.
        why: String,
    },

    /// A thread of the engine died.
    #[error("a worker stopped: {0}")]
    Worker(String),
}

impl Error {
    /// What it means for whoever would start the job again.
    pub fn kind(&self) -> FailureKind {
        match self {
            Error::Fenced(_) => FailureKind::Fenced,
            Error::TooManyRejects { .. } => FailureKind::RejectLimit,
            Error::Connector(error) if error.retryable() => FailureKind::Failed,
            // Whoever leads may be gone the next time: a run that stands by is started again and again.
            Error::Worker(_)
            | Error::Breach(_)
            | Error::Held { .. }
            | Error::Lost { .. }
            | Error::Hung { .. }
            | Error::Listen { .. } => FailureKind::Failed,
            Error::Led { kind, .. } => *kind,
            Error::Connector(_)
            | Error::Pool(_)
            | Error::OtherJob { .. }
            | Error::OtherFingerprint
            | Error::NotUpgradable { .. }
            | Error::Certificates { .. }
            | Error::Damaged(_)
            | Error::Mismatch(_) => FailureKind::Misconfigured,
        }
    }
}

impl From<Damage> for Error {
    fn from(damage: Damage) -> Error {
        Error::Damaged(damage.to_string())
    }
}
