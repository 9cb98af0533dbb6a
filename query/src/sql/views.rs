//! Views that most questions begin with. Their text is plain SQL, so that it can be used wherever tables are read.

use quorate_schemas::table::{Column, Table};

/// A view: its name, what it shows, and its text.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// The name.
    pub name: &'static str,
    /// What it shows, in a line.
    pub about: &'static str,
    /// The table whose columns it has.
    table: Table,
    body: &'static str,
}

impl View {
    /// Its columns.
    pub fn columns(&self) -> impl Iterator<Item = Column> {
        self.table.columns()
    }

    /// Its text.
    pub fn sql(&self) -> String {
        let columns: Vec<String> =
            self.table.columns().map(|column| format!("v.\"{}\"", column.name)).collect();
        self.body.replace("{columns}", &columns.join(", "))
    }
}

/// All views, each only over tables and the ones before it.
pub const VIEWS: &[View] = &[
    View {
        name: "decisions_current",
        about: "the last revision of each task",
        table: Table::Decisions,
        body: "SELECT {columns} FROM (SELECT *, row_number() OVER (PARTITION BY \"task_id\" \
               ORDER BY \"closed_at\" DESC, \"revision\" DESC) AS nth FROM decisions) AS v WHERE nth = 1",
    },
    View {
        name: "decisions_final",
        about: "decisions that no revision will follow",
        table: Table::Decisions,
        body: "SELECT {columns} FROM decisions AS v WHERE v.\"is_final\"",
    },
    View {
        name: "votes_current",
        about: "the votes that stand in the last revision of each task",
        table: Table::Votes,
        // A task's name can be used again once it is forgotten: its votes are those of the time it was open.
        body: "SELECT {columns} FROM (SELECT b.*, row_number() OVER (PARTITION BY b.\"task_id\", b.\"agent_id\", \
               b.\"version\" ORDER BY b.\"revision\" DESC) AS nth FROM votes AS b JOIN decisions_current AS d \
               ON b.\"task_id\" = d.\"task_id\" AND b.\"event_time\" BETWEEN d.\"opened_at\" AND d.\"closed_at\") AS v \
               WHERE nth = 1",
    },
];
