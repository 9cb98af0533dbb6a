//! What `verify` has to say.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::finding::{Check, Finding, Findings};
use crate::grid::{counted, grouped};

/// What was checked: so that silence means something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Records of the log.
    pub records: u64,
    /// The first and the last of them.
    pub seqs: Option<(u64, u64)>,
    /// Files of tables and retained rows.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Rows of each table.
    pub rows: BTreeMap<String, u64>,
    /// Files that were merged away and whose rows were found again in others.
    pub merged_files: u64,
    /// Ranges of input positions.
    pub ranges: u64,
    /// Input rows that are accounted for.
    pub rows_in: u64,
    /// Of those, on time.
    pub on_time: u64,
    /// Late.
    pub late: u64,
    /// Rejected.
    pub rejected: u64,
    /// Votes on time that were found again: counted, abstained, quarantined, superseded, doubled, rejected or open.
    pub votes_found: u64,
    /// Of those, on tasks that are still open.
    pub votes_open: u64,
    /// Tasks that closed.
    pub tasks: u64,
    /// Their revisions, each derived from its votes.
    pub revisions: u64,
    /// Tasks whose answer an operator has set: it is taken as it is, since orders are in no table.
    pub by_hand: u64,
    /// Rows of `agent_reputation`, derived from evidence.
    pub reputations: u64,
    /// Weights of votes, derived from evidence.
    pub weights: u64,
}

/// What was found, and what was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What is wrong, in the order of checking.
    pub findings: Vec<Finding>,
    /// How many findings there were of each kind; no more than some of a kind are told.
    pub counts: BTreeMap<Check, u64>,
    /// What was checked.
    pub checked: Checked,
    /// What was not, and why.
    pub notes: Vec<String>,
}

impl Report {
    pub(super) fn new(findings: Findings, checked: Checked, notes: Vec<String>) -> Report {
        let counts = findings.counts().clone();
        Report { findings: findings.told, counts, checked, notes }
    }

    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.counts.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let checked = &self.checked;
        let span =
            checked.seqs.map_or_else(String::new, |(first, last)| format!(", {first} to {last}"));
        writeln!(f, "log           {}{span}", counted(checked.records, "record"))?;
        let merged = match checked.merged_files {
            0 => String::new(),
            merged => format!(", {} merged into others", grouped(merged)),
        };
        writeln!(
            f,
            "files         {}, {} bytes{merged}",
            counted(checked.files, "file"),
            grouped(checked.bytes)
        )?;
        let became = format!(
            "{} on time + {} late + {} rejected",
            grouped(checked.on_time),
            grouped(checked.late),
            grouped(checked.rejected)
        );
        writeln!(f, "conservation  {} = {became}", counted(checked.rows_in, "row"))?;
        let (found, open) = (counted(checked.votes_found, "vote"), grouped(checked.votes_open));
        writeln!(f, "votes         {found} on time found again, {open} of them on open tasks")?;
        let (tasks, revisions) =
            (counted(checked.tasks, "task"), counted(checked.revisions, "revision"));
        let by_hand = match checked.by_hand {
            0 => String::new(),
            by_hand => format!(", {} set by hand", grouped(by_hand)),
        };
        writeln!(f, "decisions     {revisions} of {tasks} derived from votes{by_hand}")?;
        let (weights, reputations) =
            (counted(checked.weights, "weight"), counted(checked.reputations, "row"));
        writeln!(
            f,
            "weights       {weights} of votes and {reputations} of agent_reputation derived"
        )?;
        for note in &self.notes {
            writeln!(f, "not checked   {note}")?;
        }
        if self.is_clean() {
            return writeln!(f, "nothing is wrong");
        }
        writeln!(f)?;
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        for (check, count) in &self.counts {
            let told =
                self.findings.iter().filter(|finding| finding.check == *check).count() as u64;
            if *count > told {
                writeln!(f, "{}: and {} more", check.word(), grouped(count - told))?;
            }
        }
        writeln!(f)?;
        writeln!(f, "{} found", counted(self.counts.values().sum(), "thing"))
    }
}
