//! Delta's files against the log's: merging moves rows from file to file and must neither change, lose nor double any.
//!
//! A merged file has no digest in the log. So its rows are compared with those of the files that it replaced, commit by
//! commit: how many, and the sum of their digests. Once these files are swept, a week later, the numbers of rows are
//! still in the log; and once the records are trimmed, the total is.

use std::collections::BTreeMap;

use quorate_connectors::store::Store;
use quorate_schemas::log::{Digest, ObjectName, StagedFile};
use quorate_schemas::table::Table;

use super::contents::Contents;
use super::finding::{Check, Finding, Findings};
use super::log::Log;
use super::report::Checked;
use crate::error::Result;
use crate::file::{Content, File, Multiset};
use crate::snapshot::Snapshot;

/// What the log says of a table's rows of one commit.
#[derive(Debug, Default)]
struct Claimed<'a> {
    rows: u64,
    /// The files that hold them, or held them until they were merged.
    files: Vec<&'a StagedFile>,
}

pub(super) async fn check(
    store: &Store,
    log: &Log,
    snapshot: &Snapshot,
    contents: &Contents,
    findings: &mut Findings,
    checked: &mut Checked,
) -> Result<()> {
    for table in Table::ALL {
        if !contents.are_whole(&[table]) {
            // A file that cannot be read was reported; that its rows are missing says nothing new.
            continue;
        }
        let found = found(contents, table);
        check_total(snapshot, table, &found, findings);
        let claimed = claimed(log, table);
        let horizon = i64::try_from(log.horizon()).unwrap_or(i64::MAX);
        for (commit, multiset) in found.iter().filter(|(commit, _)| **commit > horizon) {
            if !claimed.contains_key(commit) {
                let finding =
                    Finding::new(Check::Published, "rows of a commit that no record gives any");
                findings.add(
                    finding.in_table(table.name()).key("commit", commit).differs(0, multiset.rows),
                );
            }
        }
        for (commit, claimed) in &claimed {
            let multiset = found.get(commit).copied().unwrap_or_default();
            let merged =
                check_commit(store, contents, (table, *commit), claimed, multiset, findings)
                    .await?;
            checked.merged_files += merged;
        }
    }
    Ok(())
}

fn found(contents: &Contents, table: Table) -> BTreeMap<i64, Multiset> {
    let mut found: BTreeMap<i64, Multiset> = BTreeMap::new();
    for (commit, multiset) in contents.of(table).iter().flat_map(|file| &file.content.by_commit) {
        let sum = found.entry(*commit).or_default();
        *sum = sum.plus(*multiset);
    }
    found
}

fn claimed(log: &Log, table: Table) -> BTreeMap<i64, Claimed<'_>> {
    let mut claimed: BTreeMap<i64, Claimed<'_>> = BTreeMap::new();
    for (_, file) in log.staged().filter(|(_, file)| file.table == table.name()) {
        let Some(ObjectName::Table { checkpoint, .. }) = ObjectName::parse(&file.path) else {
            continue;
        };
        let of = claimed.entry(i64::try_from(checkpoint).unwrap_or(i64::MAX)).or_default();
        of.rows += file.rows;
        of.files.push(file);
    }
    claimed
}

fn check_total(
    snapshot: &Snapshot,
    table: Table,
    found: &BTreeMap<i64, Multiset>,
    findings: &mut Findings,
) {
    let expected =
        snapshot.record.standing.tables.get(table.name()).map_or(0, |totals| totals.rows);
    let rows: u64 = found.values().map(|multiset| multiset.rows).sum();
    if rows != expected {
        let finding = Finding::new(Check::Published, "all of its rows").in_table(table.name());
        findings.add(finding.in_record(snapshot.record.seq).differs(expected, rows));
    }
}

/// Whether the rows of a commit are those that the log's files held; how many of these were merged away.
async fn check_commit(
    store: &Store,
    contents: &Contents,
    (table, commit): (Table, i64),
    claimed: &Claimed<'_>,
    found: Multiset,
    findings: &mut Findings,
) -> Result<u64> {
    let live = |path: &str| contents.of(table).iter().find(|file| file.path == path);
    let gone: Vec<&StagedFile> =
        claimed.files.iter().copied().filter(|file| live(&file.path).is_none()).collect();
    if gone.is_empty() {
        return Ok(0);
    }
    let finding = |what: &str| {
        let about =
            Finding::new(Check::Published, what).in_table(table.name()).key("commit", commit);
        about.in_file(&gone[0].path)
    };
    if found.rows != claimed.rows {
        findings.add(
            finding("the rows of this commit in the files that replaced its own")
                .differs(claimed.rows, found.rows),
        );
        return Ok(gone.len() as u64);
    }
    let mut expected = Multiset::default();
    for file in &claimed.files {
        let multiset = match live(&file.path) {
            Some(live) => live.content.by_commit.get(&commit).copied(),
            None => original(store, table, file, commit).await?,
        };
        match multiset {
            Some(multiset) => expected = expected.plus(multiset),
            // Swept, or no longer what was merged: the number of rows must do.
            None => return Ok(gone.len() as u64),
        }
    }
    if expected != found {
        findings.add(finding("merging changed rows of this commit"));
    }
    Ok(gone.len() as u64)
}

/// The rows of a file that was merged away, if it is still what the log says.
async fn original(
    store: &Store,
    table: Table,
    file: &StagedFile,
    commit: i64,
) -> Result<Option<Multiset>> {
    let Some(bytes) = store.get(&file.path).await? else { return Ok(None) };
    if Digest::of(&bytes) != file.sha256 {
        return Ok(None);
    }
    let content = File::open(table, bytes).and_then(Content::of).ok();
    Ok(content.map(|content| content.by_commit.get(&commit).copied().unwrap_or_default()))
}
