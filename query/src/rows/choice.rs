use quorate_schemas::id::Name;

use super::{Columns, FromTable, Origins};

/// How a rule did on known answers, and whether votes are weighed by it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Choice {
    /// The file it was read from, by number.
    pub(crate) file: u32,
    pub(crate) commit: i64,
    pub(crate) revision: i64,
    pub(crate) era: i64,
    pub(crate) domain: Option<Name>,
    pub(crate) method: Name,
    pub(crate) chosen: bool,
    pub(crate) reason: Option<Name>,
    pub(crate) gold_tasks: i64,
    pub(crate) log_likelihood: f64,
    pub(crate) advantage: f64,
    pub(crate) advantage_error: f64,
}

impl FromTable for Choice {
    fn read(
        columns: &Columns<'_>,
        file: u32,
        _: &mut Origins,
        rows: &mut Vec<Choice>,
    ) -> Result<(), String> {
        let commit = columns.int("commit")?;
        let (revision, era) = (columns.int("revision")?, columns.int("era")?);
        let (domain, method) = (columns.text("domain")?, columns.text("method")?);
        let (chosen, reason) = (columns.flag("chosen")?, columns.text("reason")?);
        let (tasks, likelihood) = (columns.int("gold_tasks")?, columns.real("log_likelihood")?);
        let (advantage, error) = (columns.real("advantage")?, columns.real("advantage_error")?);
        rows.extend((0..columns.rows()).map(|row| Choice {
            file,
            commit: commit.value(row),
            revision: revision.value(row),
            era: era.value(row),
            domain: domain.option(row),
            method: method.name(row),
            chosen: chosen.value(row),
            reason: reason.option(row),
            gold_tasks: tasks.value(row),
            log_likelihood: likelihood.value(row),
            advantage: advantage.value(row),
            advantage_error: error.value(row),
        }));
        Ok(())
    }
}
