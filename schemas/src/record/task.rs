use serde::{Deserialize, Serialize};

use crate::id::{Id, Name};
use crate::ratio::Ratio;
use crate::time::Micros;

/// What kind of answer a task asks for.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum TaskKind {
    /// One label of several.
    #[default]
    Choice,
    /// A number.
    Number,
    /// Free text with a canonical answer.
    Text,
    /// Which of two.
    Pairwise,
    /// A score for each response.
    Score,
}

/// A question to decide.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Task {
    /// The task's identity.
    pub task: Id,
    /// The domain it belongs to; the empty name where none is given.
    pub domain: Id,
    /// The kind of answer it asks for.
    pub kind: TaskKind,
    /// The labels that count as answers; empty where any does.
    pub options: Vec<Name>,
    /// Votes with a greater event time come too late, whatever the job's rule.
    pub deadline: Option<Micros>,
    /// Fewer counted votes than this leave the task undecided.
    pub min_votes: Option<u32>,
    /// This task's quorum, in place of the job's.
    pub quorum: Option<Ratio>,
    /// What a right answer is worth, in millionths of the unit of account.
    pub reward_microunits: Option<u64>,
}

impl TaskKind {
    /// The word in records and tables.
    pub fn word(self) -> &'static str {
        match self {
            TaskKind::Choice => "choice",
            TaskKind::Number => "number",
            TaskKind::Text => "text",
            TaskKind::Pairwise => "pairwise",
            TaskKind::Score => "score",
        }
    }
}
