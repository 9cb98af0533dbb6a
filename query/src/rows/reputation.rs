use quorate_schemas::id::Name;
use quorate_schemas::time::Micros;

use super::{Columns, FromTable, Origins, agent_name};

/// What an agent's votes count in a domain from an era on, and what that rests on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reputation {
    /// The file it was read from, by number.
    pub(crate) file: u32,
    pub(crate) commit: i64,
    pub(crate) revision: i64,
    pub(crate) event_time: Micros,
    /// Whose, with the version.
    pub(crate) agent: Name,
    pub(crate) domain: Name,
    pub(crate) era: i64,
    pub(crate) weight: f64,
    pub(crate) accuracy: f64,
    pub(crate) gold_seen: f64,
    pub(crate) gold_right: f64,
    pub(crate) consensus_seen: f64,
    pub(crate) consensus_right: f64,
    pub(crate) basis: Name,
}

impl FromTable for Reputation {
    fn read(
        columns: &Columns<'_>,
        file: u32,
        _: &mut Origins,
        rows: &mut Vec<Reputation>,
    ) -> Result<(), String> {
        let (commit, event_time) = (columns.int("commit")?, columns.time("event_time")?);
        let revision = columns.int("revision")?;
        let (agent, version, domain) =
            (columns.text("agent_id")?, columns.text("version")?, columns.text("domain")?);
        let (era, weight, accuracy) =
            (columns.int("era")?, columns.real("weight")?, columns.real("accuracy")?);
        let (gold_seen, gold_right) = (columns.real("gold_seen")?, columns.real("gold_right")?);
        let (seen, right) = (columns.real("consensus_seen")?, columns.real("consensus_right")?);
        let basis = columns.text("basis")?;
        rows.extend((0..columns.rows()).map(|row| Reputation {
            file,
            commit: commit.value(row),
            revision: revision.value(row),
            event_time: event_time[row],
            agent: agent_name(agent.at(row), version.option(row).as_deref()),
            domain: domain.name(row),
            era: era.value(row),
            weight: weight.value(row),
            accuracy: accuracy.value(row),
            gold_seen: gold_seen.value(row),
            gold_right: gold_right.value(row),
            consensus_seen: seen.value(row),
            consensus_right: right.value(row),
            basis: basis.name(row),
        }));
        Ok(())
    }
}
