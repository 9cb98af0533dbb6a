use serde::{Deserialize, Serialize};

use crate::id::{Id, Name};

/// What an operator orders.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlAction {
    /// The agent's votes stop counting.
    Quarantine {
        /// Whose.
        agent: Id,
    },
    /// The agent's votes count again.
    Release {
        /// Whose.
        agent: Id,
    },
    /// The task's answer is this, whatever the votes say.
    Override {
        /// Which task's.
        task: Id,
        /// The answer.
        answer: Name,
    },
}

/// An operator's word, kept as it came.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Control {
    /// What is ordered.
    pub action: ControlAction,
    /// Who ordered it.
    pub operator: Name,
    /// Why, in the operator's words.
    pub reason: Name,
}
