use serde::{Deserialize, Serialize};

use crate::id::{Id, Name};

/// One step of an agent: where it was, what it decided, how it went.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tick {
    /// Whose step.
    pub agent: Id,
    /// The run it belongs to; empty where none is given.
    pub run_id: Name,
    /// The step's number within the run.
    pub tick: i64,
    /// Where the agent was.
    pub zone: Option<Name>,
    /// What it decided.
    pub decision: Name,
    /// How the step ended, as the agent says (`ok`, `error`, …).
    pub status: Name,
    /// How long the step took, in milliseconds.
    pub duration_ms: i64,
    /// Tokens spent on the step.
    pub tokens: i64,
}
