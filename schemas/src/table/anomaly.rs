use serde::{Deserialize, Serialize};

use super::CellKind::{Int, Text, Word};
use super::{Cells, Column, TableRow};
use crate::id::Id;
use crate::place::Place;
use crate::time::Micros;

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AnomalyKind {
    /// A gold answer or an override came after its task was final: nothing changes, but it is on record.
    Disputed,
}

impl AnomalyKind {
    /// The word in the table.
    pub fn word(self) -> &'static str {
        match self {
            AnomalyKind::Disputed => "disputed",
        }
    }
}

/// A fact worth a person's look.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AnomalyRow {
    /// When the fact happened.
    pub event_time: Micros,
    /// Its kind.
    pub kind: AnomalyKind,
    /// The task it is about.
    pub task: Id,
    /// What the fact says.
    pub detail: String,
    /// Where it was read.
    pub place: Place,
}

impl TableRow for AnomalyRow {
    const COLUMNS: &'static [Column] = &[
        Column::new("kind", Word),
        Column::new("task_id", Text),
        Column::new("detail", Text),
        Column::new("source", Word),
        Column::new("partition", Word),
        Column::new("position", Int),
    ];

    fn revision(&self) -> i64 {
        0
    }

    fn event_time(&self) -> Micros {
        self.event_time
    }

    fn cells(&self, to: &mut impl Cells) {
        to.text(Some(self.kind.word()));
        to.text(Some(self.task.name()));
        to.text(Some(&self.detail));
        to.text(Some(&self.place.origin.source));
        to.text(Some(&self.place.origin.partition));
        to.int(Some(i64::try_from(self.place.position).unwrap_or(i64::MAX)));
    }
}
