//! Whom to trust, and whom not: what agents have shown, over all domains.

use std::collections::BTreeMap;

use quorate_connectors::store::Store;
use quorate_schemas::id::Name;
use quorate_schemas::table::Table;
use serde::Serialize;

use crate::error::Result;
use crate::read::{files_until, rows_with};
use crate::rows::{Reputation, agent_parts};
use crate::snapshot::{Extent, Snapshot};

/// What an agent has shown: sums over its domains, of the last era of each. Evidence fades from era to era, so these
/// are no whole numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Record {
    /// The agent.
    pub agent_id: String,
    /// In which version.
    pub version: Option<String>,
    /// Known answers seen.
    pub gold_seen: f64,
    /// Of them, right.
    pub gold_right: f64,
    /// Decisions of others seen.
    pub consensus_seen: f64,
    /// Of them, agreed with.
    pub consensus_right: f64,
    /// What a vote counts, by domain.
    pub weights: BTreeMap<String, f64>,
}

impl Record {
    /// The share of known answers that it got right, as if it had been right in one of two before.
    pub fn accuracy(&self) -> f64 {
        (self.gold_right + 1.0) / (self.gold_seen + 2.0)
    }
}

/// All agents that have seen known answers, the least accurate first.
///
/// # Errors
/// If the store cannot be read.
pub async fn by_accuracy(store: &Store) -> Result<Vec<Record>> {
    let rows = reputations(store).await?;
    let mut records: BTreeMap<Name, Record> = BTreeMap::new();
    for ((agent, domain), row) in last_of_each(rows) {
        let record = records.entry(agent.clone()).or_insert_with(|| {
            let (agent_id, version) = agent_parts(&agent);
            let (agent_id, version) = (agent_id.to_owned(), version.map(str::to_owned));
            Record { agent_id, version, ..Record::default() }
        });
        record.gold_seen += row.gold_seen;
        record.gold_right += row.gold_right;
        record.consensus_seen += row.consensus_seen;
        record.consensus_right += row.consensus_right;
        record.weights.insert(domain.to_string(), row.weight);
    }
    let mut records: Vec<Record> = records.into_values().collect();
    records.retain(|record| record.gold_seen > 0.0);
    records.sort_by(|a, b| a.accuracy().total_cmp(&b.accuracy()));
    Ok(records)
}

/// What votes counted, era by era: of each agent that had shown something lately, on average over its domains.
///
/// # Errors
/// If the store cannot be read.
pub async fn weights_by_era(store: &Store) -> Result<BTreeMap<i64, BTreeMap<String, f64>>> {
    let rows = reputations(store).await?;
    let mut sums: BTreeMap<i64, BTreeMap<String, (f64, u32)>> = BTreeMap::new();
    for row in rows {
        let (agent_id, _) = agent_parts(&row.agent);
        let sum = sums.entry(row.era).or_default().entry(agent_id.to_owned()).or_default();
        *sum = (sum.0 + row.weight, sum.1 + 1);
    }
    let mean = |(agent, (sum, count)): (String, (f64, u32))| (agent, sum / f64::from(count));
    Ok(sums.into_iter().map(|(era, of)| (era, of.into_iter().map(mean).collect())).collect())
}

async fn reputations(store: &Store) -> Result<Vec<Reputation>> {
    let snapshot = Snapshot::load(store, Extent::Committed).await?;
    let commit = snapshot.record.standing.checkpoint;
    let files = files_until(snapshot.files_of(Table::AgentReputation), commit);
    rows_with(store, Table::AgentReputation, &files, "agent_id", |_| true).await
}

/// The last row of each agent in each domain. Where a job was reopened, what it has told since counts.
pub(crate) fn last_of_each(
    rows: impl IntoIterator<Item = Reputation>,
) -> BTreeMap<(Name, Name), Reputation> {
    let mut last: BTreeMap<(Name, Name), Reputation> = BTreeMap::new();
    for row in rows {
        let key = (row.agent.clone(), row.domain.clone());
        if last.get(&key).is_none_or(|known| (known.revision, known.era) < (row.revision, row.era))
        {
            last.insert(key, row);
        }
    }
    last
}
