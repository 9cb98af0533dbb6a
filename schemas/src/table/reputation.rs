use serde::{Deserialize, Serialize};

use super::CellKind::{Int, Real, Text, Word};
use super::{Cells, Column, TableRow};
use crate::id::Id;
use crate::time::Micros;

/// What a weight rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ReputationBasis {
    /// Nothing was seen of the agent here: the newcomer's weight.
    Prior,
    /// Agreement with decisions only. Agreement is not truth.
    Consensus,
    /// Known answers, and agreement beside them.
    Gold,
}

impl ReputationBasis {
    /// The word in the table.
    pub fn word(self) -> &'static str {
        match self {
            ReputationBasis::Prior => "prior",
            ReputationBasis::Consensus => "consensus",
            ReputationBasis::Gold => "gold",
        }
    }
}

/// What an agent's votes count in a domain from the start of an era on, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ReputationRow {
    /// When the era begins.
    pub event_time: Micros,
    /// The era.
    pub era: i64,
    /// How often the job had been reopened when this was told. Of an agent, a domain and an era the row with the
    /// greatest one counts: an input that ends closes its last era, and rows may come for it when the job is reopened.
    pub revision: i64,
    /// The agent.
    pub agent: Id,
    /// The domain.
    pub domain: Id,
    /// What its vote counts before stake and caps, in millionths of a nat; under `majority`, what it would count under
    /// `weighted`.
    pub weight_micros: i64,
    /// Estimated share of right answers, in millionths.
    pub accuracy_micros: i64,
    /// Known answers seen, decayed, in millionths of a task.
    pub gold_seen_micros: i64,
    /// Of those, right.
    pub gold_right_micros: i64,
    /// Decisions seen (without the agent's own vote), decayed, in millionths of a task.
    pub consensus_seen_micros: i64,
    /// Of those, agreed with.
    pub consensus_right_micros: i64,
    /// What the weight rests on.
    pub basis: ReputationBasis,
}

impl TableRow for ReputationRow {
    const COLUMNS: &'static [Column] = &[
        Column::new("agent_id", Text),
        Column::nullable("version", Word),
        Column::new("domain", Word),
        Column::new("era", Int),
        Column::new("weight", Real),
        Column::new("accuracy", Real),
        Column::new("gold_seen", Real),
        Column::new("gold_right", Real),
        Column::new("consensus_seen", Real),
        Column::new("consensus_right", Real),
        Column::new("basis", Word),
    ];

    fn revision(&self) -> i64 {
        self.revision
    }

    fn event_time(&self) -> Micros {
        self.event_time
    }

    fn cells(&self, to: &mut impl Cells) {
        let real = |micros: i64| Some(micros as f64 / 1e6);
        to.text(Some(self.agent.agent_id()));
        to.text(self.agent.version());
        to.text(Some(self.domain.name()));
        to.int(Some(self.era));
        to.real(real(self.weight_micros));
        to.real(real(self.accuracy_micros));
        to.real(real(self.gold_seen_micros));
        to.real(real(self.gold_right_micros));
        to.real(real(self.consensus_seen_micros));
        to.real(real(self.consensus_right_micros));
        to.text(Some(self.basis.word()));
    }
}
