//! What the weights of a task's voters rest on.

use std::collections::{BTreeMap, BTreeSet};

use quorate_connectors::store::Store;
use quorate_schemas::id::Name;
use quorate_schemas::table::Table;
use serde::Serialize;

use crate::error::Result;
use crate::read::rows_with;
use crate::rows::{Decision, Reputation, Vote, agent_parts};
use crate::snapshot::TableFile;

/// What an agent had shown by the era of a decision, by its last rows of `agent_reputation` until then. Evidence fades
/// from era to era, so a weight may be a little less than its row says where that is some eras old.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Evidence {
    /// In the task's domain; nothing, if it has not voted there.
    pub here: Option<Shown>,
    /// Known answers seen in all other domains, decayed: they count where they proved to predict this domain's.
    pub gold_seen_elsewhere: f64,
    /// Of those, right.
    pub gold_right_elsewhere: f64,
}

/// What an agent had shown in one domain.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shown {
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
        rows_with(store, Table::AgentReputation, files, "agent_id", wanted).await?;
    let mut last: BTreeMap<(&Name, &Name), &Reputation> = BTreeMap::new();
    let held = |row: &&Reputation| row.era <= decision.era && row.commit <= decision.commit;
    for row in rows.iter().filter(held) {
        let known = last.entry((&row.agent, &row.domain)).or_insert(row);
        if (known.era, known.revision) < (row.era, row.revision) {
            *known = row;
        }
    }
    let mut found = ByAgent::new();
    for ((agent, domain), row) in last {
        let evidence = found.entry(agent.clone()).or_default();
        if *domain == decision.domain {
            evidence.here = Some(shown(row));
        } else {
            evidence.gold_seen_elsewhere += row.gold_seen;
            evidence.gold_right_elsewhere += row.gold_right;
        }
    }
    Ok(found)
}

fn shown(row: &Reputation) -> Shown {
    Shown {
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
