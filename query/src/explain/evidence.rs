//! What the weights of a task's voters rest on.

use std::collections::{BTreeMap, BTreeSet};

use quorate_connectors::store::Store;
use quorate_schemas::id::Name;
use quorate_schemas::table::Table;
use serde::Serialize;

use crate::error::Result;
use crate::rows::{Decision, Reputation, Vote, agent_parts};
use crate::snapshot::TableFile;

/// The last row of `agent_reputation` that held when the task was decided. Evidence fades from era to era, so a weight
/// may be a little less than its row says where that is some eras old.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evidence {
    /// The era from which it holds.
    pub era: i64,
    /// The commit that made it true.
    pub commit: i64,
    /// What a vote then counted.
    pub weight: f64,
    /// The estimated share of right answers.
    pub accuracy: f64,
    /// What it rests on: `gold`, `consensus` or `prior`.
    pub basis: String,
    /// Known answers seen, decayed.
    pub gold_seen: f64,
    /// Of those, right.
    pub gold_right: f64,
    /// Decisions seen, decayed.
    pub consensus_seen: f64,
    /// Of those, agreed with.
    pub consensus_right: f64,
}

/// Evidence by the agent's name.
pub(super) type ByAgent = BTreeMap<Name, Evidence>;

/// The evidence of everybody who voted, as it held in the decision's era.
pub(super) async fn of(
    store: &Store,
    files: &[(u32, &TableFile)],
    decision: &Decision,
    votes: &[&Vote],
) -> Result<ByAgent> {
    let ids: BTreeSet<String> =
        votes.iter().map(|vote| agent_parts(&vote.agent).0.to_owned()).collect();
    let wanted = move |id: &str| ids.contains(id);
    let rows: Vec<Reputation> =
        super::rows_with(store, Table::AgentReputation, files, "agent_id", wanted).await?;
    let mut found = ByAgent::new();
    let held = |row: &&Reputation| row.domain == decision.domain && row.era <= decision.era;
    for row in rows.iter().filter(held) {
        if found.get(&row.agent).is_none_or(|known| known.era < row.era) {
            found.insert(row.agent.clone(), evidence(row));
        }
    }
    Ok(found)
}

fn evidence(row: &Reputation) -> Evidence {
    Evidence {
        era: row.era,
        commit: row.commit,
        weight: row.weight,
        accuracy: row.accuracy,
        basis: row.basis.to_string(),
        gold_seen: row.gold_seen,
        gold_right: row.gold_right,
        consensus_seen: row.consensus_seen,
        consensus_right: row.consensus_right,
    }
}
