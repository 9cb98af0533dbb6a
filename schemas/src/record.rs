//! What comes in: one typed record per line or message.
//!
//! Decoding (names, casts, units) happens at the edge; a record here is already well formed: ids are within
//! bounds, numbers are finite, event times lie in the years 1 to 9999.

mod agent;
mod control;
mod gold;
mod task;
mod tick;
mod vote;

use serde::{Deserialize, Serialize};

pub use agent::{Agent, AgentAction};
pub use control::{Control, ControlAction};
pub use gold::Gold;
pub use task::{Task, TaskKind};
pub use tick::Tick;
pub use vote::{Number, Value, Vote};

use crate::id::Name;
use crate::place::Place;
use crate::time::Micros;

/// The kinds of record a source can hold, one kind a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordKind {
    /// A question to decide.
    Task,
    /// An identity and what is known of it.
    Agent,
    /// An agent's choice on a task.
    Vote,
    /// A known answer.
    Gold,
    /// An operator's word.
    Control,
    /// One step of an agent.
    Tick,
}

impl RecordKind {
    /// Every kind.
    pub const ALL: [RecordKind; 6] = [
        RecordKind::Task,
        RecordKind::Agent,
        RecordKind::Vote,
        RecordKind::Gold,
        RecordKind::Control,
        RecordKind::Tick,
    ];

    /// The key of this kind's sources in a job file: `[source.votes]`.
    pub fn source_key(self) -> &'static str {
        match self {
            RecordKind::Task => "tasks",
            RecordKind::Agent => "agents",
            RecordKind::Vote => "votes",
            RecordKind::Gold => "gold",
            RecordKind::Control => "control",
            RecordKind::Tick => "ticks",
        }
    }
}

/// What every record carries around its own fields.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Placed<T> {
    /// When it happened, by its own word.
    pub event_time: Micros,
    /// The producer's id of this record, empty where it gave none.
    pub event_id: Name,
    /// Where it was read.
    pub place: Place,
    /// The record itself.
    pub body: T,
}

/// One decoded record. As small as a vote, of which there are most: what is larger is boxed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// A task.
    Task(Box<Task>),
    /// An agent.
    Agent(Box<Agent>),
    /// A vote.
    Vote(Vote),
    /// A gold answer.
    Gold(Gold),
    /// An operator's word.
    Control(Box<Control>),
    /// A tick.
    Tick(Box<Tick>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_no_larger_than_a_vote() {
        assert_eq!(size_of::<Record>(), size_of::<Vote>());
    }
}
