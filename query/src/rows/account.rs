//! Rows that say what became of input: of `conservation` and of `rejects`.

use quorate_schemas::id::Name;
use quorate_schemas::place::OriginRef;

use super::{Columns, FromTable, Origins};

/// What a commit has read of a partition.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Account {
    pub(crate) commit: i64,
    pub(crate) origin: OriginRef,
    /// The kind of record, as its sources are called: `votes`, `tasks`, …
    pub(crate) record: Name,
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) rows_in: i64,
    pub(crate) on_time: i64,
    pub(crate) late: i64,
    pub(crate) rejected: i64,
}

impl FromTable for Account {
    fn read(
        columns: &Columns<'_>,
        _: u32,
        origins: &mut Origins,
        rows: &mut Vec<Account>,
    ) -> Result<(), String> {
        let (commit, source, partition) =
            (columns.int("commit")?, columns.text("source")?, columns.text("partition")?);
        let (record, from, to) =
            (columns.text("record")?, columns.int("position")?, columns.int("position_to")?);
        let (rows_in, on_time) = (columns.int("rows_in")?, columns.int("on_time")?);
        let (late, rejected) = (columns.int("late")?, columns.int("rejected")?);
        rows.extend((0..columns.rows()).map(|row| Account {
            commit: commit.value(row),
            origin: origins.shared(source.at(row), partition.at(row)),
            record: record.name(row),
            from: from.value(row),
            to: to.value(row),
            rows_in: rows_in.value(row),
            on_time: on_time.value(row),
            late: late.value(row),
            rejected: rejected.value(row),
        }));
        Ok(())
    }
}

/// An input row that could not be used; its bytes are of no interest here.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) commit: i64,
    pub(crate) origin: OriginRef,
    pub(crate) record: Name,
    pub(crate) at_the_door: bool,
    pub(crate) late: bool,
}

impl Refusal {
    /// The columns that are read.
    pub(crate) const COLUMNS: &'static [&'static str] =
        &["commit", "source", "partition", "record", "stage", "reason"];
}

impl FromTable for Refusal {
    fn read(
        columns: &Columns<'_>,
        _: u32,
        origins: &mut Origins,
        rows: &mut Vec<Refusal>,
    ) -> Result<(), String> {
        let (commit, source, partition) =
            (columns.int("commit")?, columns.text("source")?, columns.text("partition")?);
        let (record, stage, reason) =
            (columns.text("record")?, columns.text("stage")?, columns.text("reason")?);
        rows.extend((0..columns.rows()).map(|row| Refusal {
            commit: commit.value(row),
            origin: origins.shared(source.at(row), partition.at(row)),
            record: record.name(row),
            at_the_door: stage.at(row) == "inlet",
            late: reason.at(row) == "late",
        }));
        Ok(())
    }
}
