//! What goes out: the rows of every table, and their columns.
//!
//! Each row type lists its columns once, in [`TableRow::COLUMNS`], and writes its cells in the same order; an
//! Arrow builder ([`TableBuilder`]), a JSON line and a test all read that one list. Every table begins with the
//! common columns `job`, `commit`, `revision`, `event_time`; the first two are the same for a whole file and are
//! filled in by the outlet, not carried by rows.

mod activity;
mod anomaly;
mod build;
mod choice;
mod conservation;
mod decision;
mod reject;
mod reputation;
mod update;
mod vote;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use serde::{Deserialize, Serialize};

pub use arrow::array::RecordBatch;

pub use activity::ActivityRow;
pub use anomaly::{AnomalyKind, AnomalyRow};
pub use build::{TableBuilder, json_line, json_row};
pub use choice::ChoiceRow;
pub use conservation::ConservationRow;
pub use decision::{
    CloseRule, DecisionRow, DecisionStatus, EligibleBasis, RevisionReason, UndecidedReason,
};
pub use reject::{RejectReason, RejectRow, RejectStage};
pub use reputation::{ReputationBasis, ReputationRow};
pub use update::DecisionUpdateRow;
pub use vote::{VoteRow, VoteStatus};

use crate::time::Micros;

/// Every table the engine writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    /// Closed tasks and their revisions.
    Decisions,
    /// Provisional outcomes, as they change.
    DecisionUpdates,
    /// The votes that stood when their task closed, with their weights.
    Votes,
    /// What an agent's votes count in a domain, from an era on.
    AgentReputation,
    /// Which rule votes are weighed by, where the job leaves that open.
    MethodChoices,
    /// Ticks by agent and minute.
    AgentActivity,
    /// Facts that came too late to change anything.
    Anomalies,
    /// Input rows that could not be used.
    Rejects,
    /// Input rows accounted for, by partition and commit.
    Conservation,
}

impl Table {
    /// Every table.
    pub const ALL: [Table; 9] = [
        Table::Decisions,
        Table::DecisionUpdates,
        Table::Votes,
        Table::AgentReputation,
        Table::MethodChoices,
        Table::AgentActivity,
        Table::Anomalies,
        Table::Rejects,
        Table::Conservation,
    ];

    /// The table's name, its folder on the store and its name in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Table::Decisions => "decisions",
            Table::DecisionUpdates => "decision_updates",
            Table::Votes => "votes",
            Table::AgentReputation => "agent_reputation",
            Table::MethodChoices => "method_choices",
            Table::AgentActivity => "agent_activity",
            Table::Anomalies => "anomalies",
            Table::Rejects => "rejects",
            Table::Conservation => "conservation",
        }
    }

    /// What a row of it is, in a line.
    pub fn about(self) -> &'static str {
        match self {
            Table::Decisions => "a revision of a task's decision",
            Table::DecisionUpdates => "a provisional outcome, if the job asks for them",
            Table::Votes => "a vote that stood when its task closed, with its weight",
            Table::AgentReputation => "what an agent's votes count in a domain, from an era on",
            Table::MethodChoices => "how a rule did on known answers, and if it weighs votes",
            Table::AgentActivity => "an agent's ticks in a minute",
            Table::Anomalies => "a fact that came after its task was final",
            Table::Rejects => "an input row that could not be used, and why",
            Table::Conservation => "a partition's rows in one commit, accounted for",
        }
    }

    /// The table of this name.
    pub fn named(name: &str) -> Option<Table> {
        Table::ALL.into_iter().find(|table| table.name() == name)
    }

    /// The columns after the common ones.
    pub fn own_columns(self) -> &'static [Column] {
        match self {
            Table::Decisions => DecisionRow::COLUMNS,
            Table::DecisionUpdates => DecisionUpdateRow::COLUMNS,
            Table::Votes => VoteRow::COLUMNS,
            Table::AgentReputation => ReputationRow::COLUMNS,
            Table::MethodChoices => ChoiceRow::COLUMNS,
            Table::AgentActivity => ActivityRow::COLUMNS,
            Table::Anomalies => AnomalyRow::COLUMNS,
            Table::Rejects => RejectRow::COLUMNS,
            Table::Conservation => ConservationRow::COLUMNS,
        }
    }

    /// All columns, the common ones first.
    pub fn columns(self) -> impl Iterator<Item = Column> {
        COMMON.iter().chain(self.own_columns()).copied()
    }

    /// The Arrow schema of the table's files.
    pub fn schema(self) -> SchemaRef {
        Arc::new(Schema::new(self.columns().map(Column::field).collect::<Vec<_>>()))
    }

    /// The columns by which rows are sorted inside a file.
    pub fn sort_columns(self) -> &'static [&'static str] {
        match self {
            Table::Decisions | Table::DecisionUpdates => &["task_id", "revision"],
            Table::Votes => &["task_id", "agent_id", "version", "revision"],
            Table::AgentReputation => &["agent_id", "version", "domain", "era"],
            Table::MethodChoices => &["era", "domain", "method"],
            Table::AgentActivity => &["agent_id", "version", "event_time"],
            Table::Anomalies => &["kind", "task_id", "event_time"],
            Table::Rejects | Table::Conservation => &["source", "partition", "position"],
        }
    }
}

/// The columns every table begins with.
pub const COMMON: &[Column] = &[
    Column::new("job", CellKind::Word),
    Column::new("commit", CellKind::Int),
    Column::new("revision", CellKind::Int),
    Column::new("event_time", CellKind::Time),
];

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellKind {
    /// Text of many values.
    Text,
    /// Text of few values, kept in a dictionary.
    Word,
    /// A signed 64-bit integer.
    Int,
    /// A double.
    Real,
    /// True or false.
    Flag,
    /// Microseconds in UTC.
    Time,
    /// Bytes as they came.
    Bytes,
}

/// One column: name, kind, and whether it may be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name, in snake case, with its unit.
    pub name: &'static str,
    /// What it holds.
    pub kind: CellKind,
    /// Whether a row may leave it out.
    pub nullable: bool,
}

impl Column {
    /// A column that is always there.
    pub const fn new(name: &'static str, kind: CellKind) -> Column {
        Column { name, kind, nullable: false }
    }

    /// A column that may be null.
    pub const fn nullable(name: &'static str, kind: CellKind) -> Column {
        Column { name, kind, nullable: true }
    }

    /// The Arrow field. Words are plain strings on the outside: the dictionary is an encoding, not a type.
    pub fn field(self) -> Field {
        let kind = match self.kind {
            CellKind::Text | CellKind::Word => DataType::Utf8,
            CellKind::Int => DataType::Int64,
            CellKind::Real => DataType::Float64,
            CellKind::Flag => DataType::Boolean,
            CellKind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            CellKind::Bytes => DataType::Binary,
        };
        Field::new(self.name, kind, self.nullable)
    }
}

/// Takes one row's cells, in the order of its columns.
pub trait Cells {
    /// Text or a word.
    fn text(&mut self, value: Option<&str>);
    /// An integer.
    fn int(&mut self, value: Option<i64>);
    /// A double.
    fn real(&mut self, value: Option<f64>);
    /// A flag.
    fn flag(&mut self, value: Option<bool>);
    /// A time.
    fn time(&mut self, value: Option<Micros>);
    /// Bytes.
    fn bytes(&mut self, value: Option<&[u8]>);
}

/// One row of one table.
pub trait TableRow {
    /// The columns after the common ones, in order.
    const COLUMNS: &'static [Column];
    /// Which revision of its key this is, from 0.
    fn revision(&self) -> i64;
    /// The row's event time.
    fn event_time(&self) -> Micros;
    /// Writes the cells of [`TableRow::COLUMNS`], in order.
    fn cells(&self, to: &mut impl Cells);
}

/// A row of any table, as it travels to an outlet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum OutRow {
    /// To `decisions`.
    Decision(Arc<DecisionRow>),
    /// To `decision_updates`.
    Update(Box<DecisionUpdateRow>),
    /// To `votes`: of one task and revision, in order of their agents' names.
    Votes(Arc<Vec<VoteRow>>),
    /// To `agent_reputation`.
    Reputation(Box<ReputationRow>),
    /// To `method_choices`.
    Choice(Box<ChoiceRow>),
    /// To `agent_activity`.
    Activity(Box<ActivityRow>),
    /// To `anomalies`.
    Anomaly(Box<AnomalyRow>),
    /// To `rejects`.
    Reject(Box<RejectRow>),
    /// To `conservation`.
    Conservation(Box<ConservationRow>),
}

impl OutRow {
    /// The table it goes to.
    pub fn table(&self) -> Table {
        match self {
            OutRow::Decision(_) => Table::Decisions,
            OutRow::Update(_) => Table::DecisionUpdates,
            OutRow::Votes(_) => Table::Votes,
            OutRow::Reputation(_) => Table::AgentReputation,
            OutRow::Choice(_) => Table::MethodChoices,
            OutRow::Activity(_) => Table::AgentActivity,
            OutRow::Anomaly(_) => Table::Anomalies,
            OutRow::Reject(_) => Table::Rejects,
            OutRow::Conservation(_) => Table::Conservation,
        }
    }
}
