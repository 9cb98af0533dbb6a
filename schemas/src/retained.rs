//! The only durable state of the dataflow: rows that operators asked to have fed back after a restart.
//!
//! A retained row is written as `(row, diff)`. What belongs to one task dies together: a *burial* of the task's
//! group removes every row of that group written before it, so that a task with a million votes costs one row to
//! forget. Rows without a group cancel by their diffs, as everywhere in this engine.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::id::{Id, Name};
use crate::record::{Agent, Control, ControlAction, Gold, Placed, Task, Tick, Vote};
use crate::table::DecisionRow;
use crate::time::Micros;

/// What an agent has shown in a domain, decayed, in millionths of a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Evidence {
    /// Known answers it voted on.
    pub gold_seen: i64,
    /// Of those, right.
    pub gold_right: i64,
    /// Of those, how many a guess would have been right on.
    pub gold_chance: i64,
    /// Decisions it voted on, its own vote left out.
    pub consensus_seen: i64,
    /// Of those, agreed with.
    pub consensus_right: i64,
    /// Of those, how many a guess would have agreed with.
    pub consensus_chance: i64,
}

impl Evidence {
    /// Both together.
    pub fn plus(self, other: Evidence) -> Evidence {
        Evidence {
            gold_seen: self.gold_seen + other.gold_seen,
            gold_right: self.gold_right + other.gold_right,
            gold_chance: self.gold_chance + other.gold_chance,
            consensus_seen: self.consensus_seen + other.consensus_seen,
            consensus_right: self.consensus_right + other.consensus_right,
            consensus_chance: self.consensus_chance + other.consensus_chance,
        }
    }
}

/// How a domain's decisions did on its known answers, decayed, in millionths of a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DomainRecord {
    /// Known answers.
    pub gold_tasks: i64,
    /// Of those, decided right.
    pub gold_hits: i64,
}

impl DomainRecord {
    /// Both together.
    pub fn plus(self, other: DomainRecord) -> DomainRecord {
        DomainRecord {
            gold_tasks: self.gold_tasks + other.gold_tasks,
            gold_hits: self.gold_hits + other.gold_hits,
        }
    }
}

/// What an agent has shown in a domain by the start of an era.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Standing {
    /// The agent.
    pub agent: Id,
    /// The domain.
    pub domain: Id,
    /// The era up to whose start the evidence is decayed.
    pub era: i64,
    /// The evidence.
    pub evidence: Evidence,
}

/// How a domain's decisions did by the start of an era.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DomainStanding {
    /// The domain.
    pub domain: Id,
    /// The era up to whose start the record is decayed.
    pub era: i64,
    /// The record.
    pub record: DomainRecord,
}

/// What closed tasks show of one agent, or of how their domain decides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shown {
    /// The agent; none where it is about the domain.
    pub agent: Option<Id>,
    /// The tasks' domain.
    pub domain: Id,
    /// The era in which it became known.
    pub era: i64,
    /// What it shows of the agent. All zero: only that it voted.
    pub evidence: Evidence,
    /// What it shows of the domain.
    pub record: DomainRecord,
}

/// From `era` on, a vote of `agent` in `domain` counts `weight_micros`. Where weights are fitted to all domains together it
/// counts so much in the domain that stands for all of them, and so much more or less than that in any other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WeightChange {
    /// The agent.
    pub agent: Id,
    /// The domain.
    pub domain: Id,
    /// The first era it holds in.
    pub era: i64,
    /// The weight, in millionths.
    pub weight_micros: i64,
    /// Whether the agent voted in the domain in the era before.
    pub voted: bool,
}

/// A task whose answer became known, and who said what on it: what votes are weighed by together. By names, in whose
/// order exams are taken: no secret decides what follows from them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Exam {
    /// The era in which the answer became known.
    pub era: i64,
    /// When it did, in event time: tasks of one name are told apart by it.
    pub known_at: Micros,
    /// The task's domain.
    pub domain: Name,
    /// The task.
    pub task: Name,
    /// The known answer.
    pub answer: Name,
    /// The votes that counted: agent and label, in order of agents.
    pub votes: Vec<(Name, Name)>,
}

/// A row of durable state. Closed: what is not here cannot survive a restart. Small, since there are many of the small
/// ones: what is large is boxed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RetainedRow {
    /// The clock at the end of a checkpoint.
    Clock(Clock),
    /// A declaration of a task that is not forgotten. Group: the task.
    Task(Box<Placed<Task>>),
    /// A vote on an open task, or on a closed one that is not final. Group: the task.
    Vote(Box<Placed<Vote>>),
    /// A known answer. Group: the task.
    Gold(Box<Placed<Gold>>),
    /// An override. Group: the task.
    Override(Box<Placed<Control>>),
    /// The last revision of a closed task that is not final. Group: the task.
    Closed(Arc<DecisionRow>),
    /// A task that is final: votes on it are late until `forget_at`. Group: the task.
    Tombstone {
        /// The task.
        task: Id,
        /// When it closed.
        closed_at: Micros,
        /// When its name may be used again.
        forget_at: Micros,
    },
    /// A registration that an open task may still need.
    Agent(Box<Placed<Agent>>),
    /// A quarantine or release that an open task may still need.
    Control(Box<Placed<Control>>),
    /// What an agent has shown in a domain by the start of an era.
    Standing(Box<Standing>),
    /// How a domain's decisions did by the start of an era.
    Domain(Box<DomainStanding>),
    /// Evidence of the era that has not ended, which no weight rests on yet.
    Fresh(Box<Shown>),
    /// What an agent's votes count in a domain from an era on, exactly as it was used.
    Weight(Box<WeightChange>),
    /// Votes equal to one that is kept, which were dropped. Group: the task.
    Duplicate {
        /// The task.
        task: Id,
        /// How many.
        count: u32,
    },
    /// A tick of a minute that is not over.
    Tick(Box<Placed<Tick>>),
    /// An exam that weights rest on, or will in the next era.
    Exam(Box<Exam>),
}

impl RetainedRow {
    /// The task the row belongs to, if it belongs to one.
    pub fn task(&self) -> Option<&Id> {
        match self {
            RetainedRow::Task(row) => Some(&row.body.task),
            RetainedRow::Vote(row) => Some(&row.body.task),
            RetainedRow::Gold(row) => Some(&row.body.task),
            RetainedRow::Override(row) => match &row.body.action {
                ControlAction::Override { task, .. } => Some(task),
                ControlAction::Quarantine { .. } | ControlAction::Release { .. } => None,
            },
            RetainedRow::Closed(row) => Some(&row.task),
            RetainedRow::Tombstone { task, .. } | RetainedRow::Duplicate { task, .. } => Some(task),
            RetainedRow::Clock(_)
            | RetainedRow::Agent(_)
            | RetainedRow::Control(_)
            | RetainedRow::Standing(_)
            | RetainedRow::Domain(_)
            | RetainedRow::Fresh(_)
            | RetainedRow::Weight(_)
            | RetainedRow::Tick(_)
            | RetainedRow::Exam(_) => None,
        }
    }

    /// The group that dies together, if the row has one: its task's name.
    pub fn group(&self) -> Option<&Name> {
        self.task().map(Id::name)
    }
}

/// A change of durable state.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Retain {
    /// `diff` more of this row.
    Row(RetainedRow, i64),
    /// Nothing that was written of this task before is needed any more.
    Bury(Name),
}
