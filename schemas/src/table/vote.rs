use serde::{Deserialize, Serialize};

use super::CellKind::{Flag, Int, Real, Text, Word};
use super::{Cells, Column, TableRow};
use crate::id::{Id, Name};
use crate::record::{Placed, Value, Vote};
use crate::time::Micros;

/// Whether a vote that stood at the close counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum VoteStatus {
    /// It counted with its weight.
    Counted,
    /// It was no answer.
    Abstained,
    /// Its agent was in quarantine.
    Quarantined,
}

impl VoteStatus {
    /// The word in the table.
    pub fn word(self) -> &'static str {
        match self {
            VoteStatus::Counted => "counted",
            VoteStatus::Abstained => "abstained",
            VoteStatus::Quarantined => "quarantined",
        }
    }
}

/// The vote of one agent that stood when its task closed, as of one revision of the decision.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct VoteRow {
    /// The vote.
    pub vote: Placed<Vote>,
    /// The revision of the decision from which this row holds.
    pub revision: u32,
    /// What it counts, in millionths.
    pub weight_micros: i64,
    /// Whether it counted.
    pub status: VoteStatus,
    /// Whether it is for the decision's answer.
    pub agrees: bool,
}

impl VoteRow {
    /// Who voted.
    pub fn agent(&self) -> &Id {
        &self.vote.body.agent
    }

    /// What was said.
    pub fn value(&self) -> &Value {
        &self.vote.body.value
    }
}

impl TableRow for VoteRow {
    const COLUMNS: &'static [Column] = &[
        Column::new("task_id", Text),
        Column::new("agent_id", Text),
        Column::nullable("version", Word),
        Column::nullable("choice", Word),
        Column::nullable("number", Real),
        Column::new("weight", Real),
        Column::new("status", Word),
        Column::new("agrees", Flag),
        Column::nullable("event_id", Text),
        Column::new("source", Word),
        Column::new("partition", Word),
        Column::new("position", Int),
    ];

    fn revision(&self) -> i64 {
        self.revision.into()
    }

    fn event_time(&self) -> Micros {
        self.vote.event_time
    }

    fn cells(&self, to: &mut impl Cells) {
        let Placed { event_id, place, body: Vote { task, agent, value }, .. } = &self.vote;
        let number = match value {
            Value::Number(number) => Some(number.get()),
            _ => None,
        };
        to.text(Some(task.name()));
        to.text(Some(agent.agent_id()));
        to.text(agent.version());
        to.text(value.said().as_deref().map(Name::as_str));
        to.real(number);
        to.real(Some(self.weight_micros as f64 / 1e6));
        to.text(Some(self.status.word()));
        to.flag(Some(self.agrees));
        to.text(Some(event_id.as_str()).filter(|id| !id.is_empty()));
        to.text(Some(&place.origin.source));
        to.text(Some(&place.origin.partition));
        to.int(Some(i64::try_from(place.position).unwrap_or(i64::MAX)));
    }
}
