use serde::{Deserialize, Serialize};

use super::CellKind::{Int, Text, Word};
use super::{Cells, Column, TableRow};
use crate::id::{Id, Name};
use crate::time::Micros;

/// One agent's ticks within one minute, and the last of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ActivityRow {
    /// When the minute begins.
    pub event_time: Micros,
    /// The agent.
    pub agent: Id,
    /// Distinct ticks in the minute.
    pub ticks: i64,
    /// Of those, how many ended in another status than `ok`.
    pub failed: i64,
    /// Time spent, in milliseconds.
    pub duration_ms: i64,
    /// Tokens spent.
    pub tokens: i64,
    /// When the last tick happened.
    pub last_at: Micros,
    /// Its number.
    pub last_tick: i64,
    /// Where the agent was then.
    pub last_zone: Option<Name>,
    /// What it decided.
    pub last_decision: Name,
    /// How it ended.
    pub last_status: Name,
}

impl TableRow for ActivityRow {
    const COLUMNS: &'static [Column] = &[
        Column::new("agent_id", Text),
        Column::nullable("version", Word),
        Column::new("ticks", Int),
        Column::new("failed", Int),
        Column::new("duration_ms", Int),
        Column::new("tokens", Int),
        Column::new("last_at", super::CellKind::Time),
        Column::new("last_tick", Int),
        Column::nullable("last_zone", Word),
        Column::new("last_decision", Text),
        Column::new("last_status", Word),
    ];

    fn revision(&self) -> i64 {
        0
    }

    fn event_time(&self) -> Micros {
        self.event_time
    }

    fn cells(&self, to: &mut impl Cells) {
        to.text(Some(self.agent.agent_id()));
        to.text(self.agent.version());
        to.int(Some(self.ticks));
        to.int(Some(self.failed));
        to.int(Some(self.duration_ms));
        to.int(Some(self.tokens));
        to.time(Some(self.last_at));
        to.int(Some(self.last_tick));
        to.text(self.last_zone.as_deref());
        to.text(Some(&self.last_decision));
        to.text(Some(&self.last_status));
    }
}
