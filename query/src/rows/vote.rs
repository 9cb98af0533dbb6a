use quorate_schemas::id::Name;
use quorate_schemas::place::OriginRef;
use quorate_schemas::table::VoteStatus;
use quorate_schemas::time::Micros;

use super::{Columns, FromTable, Origins, agent_name};

/// Whether a vote counted.
pub(crate) type Status = VoteStatus;

/// The vote of an agent that stood at a task's close, from a revision on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Vote {
    /// The file it was read from, by number.
    pub(crate) file: u32,
    pub(crate) commit: i64,
    pub(crate) revision: i64,
    pub(crate) event_time: Micros,
    pub(crate) task: Name,
    /// Who voted, with the version.
    pub(crate) agent: Name,
    /// What it is tallied as; none for an abstention.
    pub(crate) label: Option<Name>,
    pub(crate) weight: f64,
    pub(crate) status: Status,
    pub(crate) agrees: bool,
    pub(crate) origin: OriginRef,
    pub(crate) position: i64,
}

impl FromTable for Vote {
    fn read(
        columns: &Columns<'_>,
        file: u32,
        origins: &mut Origins,
        rows: &mut Vec<Vote>,
    ) -> Result<(), String> {
        let (commit, revision) = (columns.int("commit")?, columns.int("revision")?);
        let (event_time, task) = (columns.time("event_time")?, columns.text("task_id")?);
        let (agent, version, choice) =
            (columns.text("agent_id")?, columns.text("version")?, columns.text("choice")?);
        let (weight, status, agrees) =
            (columns.real("weight")?, columns.text("status")?, columns.flag("agrees")?);
        let (source, partition) = (columns.text("source")?, columns.text("partition")?);
        let position = columns.int("position")?;
        for (row, event_time) in event_time.iter().enumerate() {
            rows.push(Vote {
                file,
                commit: commit.value(row),
                revision: revision.value(row),
                event_time: *event_time,
                task: task.name(row),
                agent: agent_name(agent.at(row), version.option(row).as_deref()),
                label: choice.option(row),
                weight: weight.value(row),
                status: status_of(status.at(row))?,
                agrees: agrees.value(row),
                origin: origins.shared(source.at(row), partition.at(row)),
                position: position.value(row),
            });
        }
        Ok(())
    }
}

fn status_of(word: &str) -> Result<Status, String> {
    let all = [Status::Counted, Status::Abstained, Status::Quarantined];
    all.into_iter()
        .find(|status| status.word() == word)
        .ok_or_else(|| format!("{word:?} is no status of a vote"))
}
