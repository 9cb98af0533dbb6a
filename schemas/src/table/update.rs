use serde::{Deserialize, Serialize};

use super::CellKind::{Int, Real, Text, Word};
use super::{Cells, Column, TableRow};
use crate::id::{Id, Name};
use crate::time::Micros;

/// A provisional outcome of an open task, after some epoch of votes. How many of these there are, and what they
/// say in between, depends on how epochs were cut; what the task decides at its close does not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DecisionUpdateRow {
    /// The greatest event time among the task's votes so far.
    pub event_time: Micros,
    /// Counts the task's updates since this process took it up, from 0.
    pub revision: u32,
    /// The task.
    pub task: Id,
    /// The leading answer.
    pub answer: Option<Name>,
    /// Its posterior probability, in millionths.
    pub confidence_micros: i64,
    /// Its weight, in millionths.
    pub support_micros: i64,
    /// The weight of all votes that count so far, in millionths.
    pub total_micros: i64,
    /// How many those are.
    pub votes: u32,
    /// When the task opened.
    pub opened_at: Micros,
}

impl TableRow for DecisionUpdateRow {
    const COLUMNS: &'static [Column] = &[
        Column::new("task_id", Text),
        Column::new("state", Word),
        Column::nullable("answer", Word),
        Column::new("confidence", Real),
        Column::new("support_weight", Real),
        Column::new("total_weight", Real),
        Column::new("votes", Int),
        Column::new("opened_at", super::CellKind::Time),
    ];

    fn revision(&self) -> i64 {
        self.revision.into()
    }

    fn event_time(&self) -> Micros {
        self.event_time
    }

    fn cells(&self, to: &mut impl Cells) {
        to.text(Some(self.task.name()));
        to.text(Some("provisional"));
        to.text(self.answer.as_deref());
        to.real(Some(self.confidence_micros as f64 / 1e6));
        to.real(Some(self.support_micros as f64 / 1e6));
        to.real(Some(self.total_micros as f64 / 1e6));
        to.int(Some(self.votes.into()));
        to.time(Some(self.opened_at));
    }
}
