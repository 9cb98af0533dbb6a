use serde::{Deserialize, Serialize};

use crate::id::{Id, Name};

/// A known answer: a hidden probe of the agents, never a vote on its own task.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Gold {
    /// The task whose answer is known.
    pub task: Id,
    /// The right label.
    pub answer: Name,
}
