//! One thing that is wrong, so that a person finds it.

use std::collections::BTreeMap;
use std::fmt;

use quorate_schemas::table::Table;
use serde::Serialize;

use crate::grid::cut;
use crate::rows::agent_parts;

/// What was checked when something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The chain of records.
    Log,
    /// The text of the job that a record was written under.
    Job,
    /// A file: there, unchanged, whole, its rows all different.
    File,
    /// Delta's files against the log's.
    Published,
    /// Input rows against what became of them.
    Conservation,
    /// A decision against its votes.
    Decision,
    /// A vote's row.
    Vote,
    /// Revisions in order, one of them final, none after it.
    Finality,
    /// A row of `agent_reputation` against the evidence.
    Reputation,
    /// A row of `method_choices` against the known answers.
    Choice,
    /// What a vote counts against the evidence.
    Weight,
}

impl Check {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Check::Log => "log",
            Check::Job => "job",
            Check::File => "file",
            Check::Published => "published",
            Check::Conservation => "conservation",
            Check::Decision => "decision",
            Check::Vote => "vote",
            Check::Finality => "finality",
            Check::Reputation => "reputation",
            Check::Choice => "choice",
            Check::Weight => "weight",
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was checked.
    pub check: Check,
    /// The log record it is about, by number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<u64>,
    /// The table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<&'static str>,
    /// The file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The row, by the columns that tell it from others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub row: Vec<(&'static str, String)>,
    /// What is wrong, or the column that is.
    pub what: String,
    /// What it should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// The file by its number among the table's, until somebody who knows the files puts its name in.
    #[serde(skip)]
    pub(crate) numbered: Option<(Table, u32)>,
}

impl Finding {
    pub(crate) fn new(check: Check, what: impl Into<String>) -> Finding {
        let (record, table, file, row) = (None, None, None, Vec::new());
        let (expected, found, numbered) = (None, None, None);
        Finding { check, record, table, file, row, what: what.into(), expected, found, numbered }
    }

    /// In this log record.
    pub(crate) fn in_record(mut self, seq: u64) -> Finding {
        self.record = Some(seq);
        self
    }

    /// In this table.
    pub(crate) fn in_table(mut self, table: &'static str) -> Finding {
        self.table = Some(table);
        self
    }

    /// In this file.
    pub(crate) fn in_file(mut self, path: &str) -> Finding {
        self.file = Some(path.to_owned());
        self
    }

    /// In a row that was read from file number `nr` of this table.
    pub(crate) fn in_row_of(mut self, table: Table, nr: u32) -> Finding {
        self.numbered = Some((table, nr));
        self.in_table(table.name())
    }

    /// In the row with this value in this column.
    pub(crate) fn key(mut self, column: &'static str, value: impl fmt::Display) -> Finding {
        self.row.push((column, value.to_string()));
        self
    }

    /// In the row of this agent.
    pub(crate) fn agent(self, name: &str) -> Finding {
        let (id, version) = agent_parts(name);
        let with_id = self.key("agent_id", id);
        match version {
            Some(version) => with_id.key("version", version),
            None => with_id,
        }
    }

    /// It should be `expected` and is `found`.
    pub(crate) fn differs(
        mut self,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) -> Finding {
        (self.expected, self.found) = (Some(expected.to_string()), Some(found.to_string()));
        self
    }
}

/// Ids come from strangers: what of one is shown to a person.
const SHOWN_CHARS: usize = 64;

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.check.word())?;
        if let Some(seq) = self.record {
            write!(f, " log record {seq}")?;
        }
        if let Some(table) = self.table {
            write!(f, " {table}")?;
        }
        for (column, value) in &self.row {
            write!(f, " {column}={}", cut(value, SHOWN_CHARS))?;
        }
        write!(
            f,
            "{}{}",
            if self.row.is_empty() && self.table.is_none() && self.record.is_none() {
                " "
            } else {
                ": "
            },
            self.what
        )?;
        if let Some((expected, found)) = self.expected.as_ref().zip(self.found.as_ref()) {
            write!(
                f,
                ": expected {}, found {}",
                cut(expected, SHOWN_CHARS),
                cut(found, SHOWN_CHARS)
            )?;
        }
        match &self.file {
            Some(file) => write!(f, "\n    in {file}"),
            None => Ok(()),
        }
    }
}

/// What was found so far: so many of each kind, and how many more there were.
#[derive(Debug)]
pub(crate) struct Findings {
    of_a_kind: usize,
    pub(crate) told: Vec<Finding>,
    counts: BTreeMap<Check, u64>,
}

impl Findings {
    pub(crate) fn new(of_a_kind: usize) -> Findings {
        Findings { of_a_kind, told: Vec::new(), counts: BTreeMap::new() }
    }

    pub(crate) fn add(&mut self, finding: Finding) {
        let count = self.counts.entry(finding.check).or_default();
        *count += 1;
        if *count <= self.of_a_kind as u64 {
            self.told.push(finding);
        }
    }

    /// Puts names in place of files' numbers.
    pub(crate) fn name_files<'a>(&mut self, name: impl Fn(Table, u32) -> &'a str) {
        for finding in &mut self.told {
            if let Some((table, nr)) = finding.numbered.take() {
                finding.file = Some(name(table, nr).to_owned());
            }
        }
    }

    /// How many there were of each kind.
    pub(crate) fn counts(&self) -> &BTreeMap<Check, u64> {
        &self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_names_table_row_and_file() {
        let finding = Finding::new(Check::Weight, "weight")
            .in_table("votes")
            .in_file("tables/votes/1-2-0-0.parquet")
            .key("task_id", "t1")
            .agent("gpt\u{1f}4")
            .differs(0.5, 0.7);
        let text = "weight: votes task_id=t1 agent_id=gpt version=4: weight: expected 0.5, found 0.7\n    \
                    in tables/votes/1-2-0-0.parquet";
        assert_eq!(finding.to_string(), text);
    }

    #[test]
    fn a_flood_of_one_kind_does_not_hide_another() {
        let mut findings = Findings::new(2);
        (0..5).for_each(|nr| findings.add(Finding::new(Check::Weight, nr.to_string())));
        findings.add(Finding::new(Check::Log, "broken"));
        assert_eq!(
            findings.told.iter().map(|finding| finding.what.as_str()).collect::<Vec<_>>(),
            ["0", "1", "broken"]
        );
        assert_eq!(findings.counts()[&Check::Weight], 5);
    }
}
