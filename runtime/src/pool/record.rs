//! What is written down in a pool, as JSON.

use quorate_schemas::log::Counts;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Who runs a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worker {
    /// The machine.
    pub host: String,
    /// The process on it.
    pub pid: u32,
    /// Told apart from all others, of the same number too.
    pub instance: String,
}

/// A worker has taken a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Who.
    pub worker: Worker,
    /// Its run changes at least so often; after five times that without a change it counts as dead.
    pub beat_ms: u64,
    /// When, by its clock.
    pub at_ms: u64,
}

/// How a run goes, or how it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Where it stands.
    pub phase: Phase,
    /// When it began, by its worker's clock.
    pub started_at_ms: u64,
    /// When this was written, by its worker's clock.
    pub updated_at_ms: u64,
    /// Whether the lead in the job's log is the pool's: by this run or one before.
    pub led: bool,
    /// Rows read by this run, and what became of them.
    pub rows: Counts,
    /// Tasks that closed with a quorum in this run.
    pub decided: u64,
    /// Tasks that closed without one in this run.
    pub undecided: u64,
    /// Commits of this run.
    pub commits: u64,
    /// Runs in a row that failed without a commit, this one included.
    pub failures: u32,
    /// Why the last of them failed.
    pub failure: Option<Failure>,
    /// Why the first one ever failed.
    pub first_failure: Option<Failure>,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It goes on.
    #[default]
    Running,
    /// It commits what it has read, and ends.
    Stopping,
    /// It ended since its worker did: another one goes on.
    Released,
    /// It ended as somebody asked.
    Stopped,
    /// It came to the end of its input.
    Finished,
    /// It failed, and will be tried again.
    Failing,
    /// It failed, and is not tried again.
    Failed,
}

/// Why a run failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// When, by its worker's clock.
    pub at_ms: u64,
    /// What kind: `failed`, `misconfigured`, `fenced`, `reject_limit` or `died`.
    pub kind: String,
    /// What it said.
    pub message: String,
}

/// What somebody wants of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// What.
    pub wish: Wish,
    /// Said when so many claims were there.
    pub after_claim: u64,
    /// When, by the clock of who said it.
    pub at_ms: u64,
}

/// What may be wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// To be stopped.
    Stop,
    /// To go on after a stop or a failure.
    Go,
}

/// What is kept as one JSON object.
pub(super) trait Stored: Serialize + DeserializeOwned {}
impl Stored for Claim {}
impl Stored for Run {}
impl Stored for Order {}

pub(super) fn to_bytes(stored: &impl Stored) -> Vec<u8> {
    // Plain fields and no maps: there is nothing that could not be written.
    serde_json::to_vec(stored).unwrap_or_default()
}

pub(super) fn from_bytes<T: Stored>(path: &str, bytes: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|error| {
        Error::Pool(format!(
            "{path} in the pool cannot be read ({error}): a newer quorate wrote it, or something else; remove it"
        ))
    })
}
