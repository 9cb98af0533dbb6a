//! Every vote that entered the dataflow is somewhere: among the votes that stood at a close, superseded, doubled,
//! rejected in its task, or kept for a task that is still open.

use std::collections::BTreeMap;

use quorate_connectors::staged::{Checked, read_retained};
use quorate_connectors::store::Store;
use quorate_schemas::id::Name;
use quorate_schemas::log::{Digest, Record};
use quorate_schemas::retained::{Retain, RetainedRow};
use quorate_schemas::table::Table;
use quorate_schemas::time::Micros;

use super::accounts::Votes;
use super::finding::{Check, Finding, Findings};
use super::report;
use super::tasks::Tasks;
use crate::error::Result;

pub(super) async fn check(
    store: &Store,
    last: &Record,
    accounts: &Votes,
    tasks: &Tasks,
    findings: &mut Findings,
    checked: &mut report::Checked,
) -> Result<()> {
    let Some(open) = open_votes(store, last, findings).await? else { return Ok(()) };
    let found = tasks.votes + accounts.refused + open;
    checked.votes_found = u64::try_from(found).unwrap_or(0);
    checked.votes_open = u64::try_from(open).unwrap_or(0);
    if found != accounts.on_time {
        let what = format!(
            "votes on time: {} at closes (superseded and doubled ones too) + {} rejected in tasks + {open} on open tasks",
            tasks.votes, accounts.refused
        );
        let finding = Finding::new(Check::Conservation, what).in_table(Table::Votes.name());
        findings.add(finding.differs(accounts.on_time, found));
    }
    Ok(())
}

/// What is kept of one task.
#[derive(Debug, Default)]
struct Kept {
    /// By the time at which they were cast.
    votes: BTreeMap<Micros, i64>,
    duplicates: i64,
    /// By the time of the close.
    closed: BTreeMap<Micros, i64>,
}

/// How many votes are kept for tasks that have not closed; `None` if that cannot be read, which was reported.
async fn open_votes(store: &Store, last: &Record, findings: &mut Findings) -> Result<Option<i64>> {
    let mut kept: BTreeMap<Name, Kept> = BTreeMap::new();
    // In this order: a burial ends what was written before it.
    for file in &last.standing.retained {
        let Some(bytes) = store.get(&file.path).await? else { return Ok(None) };
        if Digest::of(&bytes) != file.sha256 {
            return Ok(None);
        }
        let entries = match Checked::new(&file.path, bytes, &file.sha256).and_then(read_retained) {
            Ok(entries) => entries,
            Err(error) => {
                findings.add(
                    Finding::new(Check::File, error.to_string())
                        .in_record(last.seq)
                        .in_file(&file.path),
                );
                return Ok(None);
            }
        };
        if entries.len() as u64 != file.rows {
            let finding =
                Finding::new(Check::File, "its entries").in_record(last.seq).in_file(&file.path);
            findings.add(finding.differs(file.rows, entries.len()));
        }
        entries.into_iter().for_each(|entry| take(entry, &mut kept));
    }
    Ok(Some(kept.values().map(Kept::open).sum()))
}

impl Kept {
    /// Votes that no close has counted yet. Those of a task that has closed are among its rows; but votes from after
    /// its name is forgotten, which the next task of that name waits for, may have come already.
    fn open(&self) -> i64 {
        let closed_at = self
            .closed
            .iter()
            .filter(|(_, diff)| **diff > 0)
            .map(|(closed_at, _)| *closed_at)
            .max();
        let waiting = |cast_at: &Micros| closed_at.is_none_or(|closed_at| *cast_at > closed_at);
        let votes: i64 =
            self.votes.iter().filter(|(cast_at, _)| waiting(cast_at)).map(|(_, diff)| *diff).sum();
        votes + if closed_at.is_none() { self.duplicates } else { 0 }
    }
}

fn take(entry: Retain, kept: &mut BTreeMap<Name, Kept>) {
    let (row, diff) = match entry {
        Retain::Bury(task) => {
            kept.remove(&task);
            return;
        }
        Retain::Row(row, diff) => (row, diff),
    };
    let Some(task) = row.group() else { return };
    let task = kept.entry(task.clone()).or_default();
    match row {
        RetainedRow::Vote(vote) => *task.votes.entry(vote.event_time).or_default() += diff,
        RetainedRow::Duplicate { count, .. } => task.duplicates += diff * i64::from(count),
        RetainedRow::Closed(row) => *task.closed.entry(row.closed_at).or_default() += diff,
        _ => {}
    }
}
