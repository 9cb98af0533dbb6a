//! The files: each is there, has the length and digest that the log gives, and is a whole file of its table.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use quorate_connectors::store::Store;
use quorate_schemas::log::{Digest, ObjectName, StagedFile};
use quorate_schemas::table::Table;

use super::Step;
use super::contents::{Contents, Examined};
use super::finding::{Check, Finding, Findings};
use super::log::Log;
use super::report::Checked;
use crate::error::Result;
use crate::file::{Content, File};
use crate::snapshot::{Snapshot, TableFile};

/// What a file must be, as the log or a Delta log says.
struct Claimed<'a> {
    table: Table,
    path: &'a str,
    bytes: u64,
    rows: Option<u64>,
    sha256: Option<Digest>,
    masked: bool,
}

pub(super) async fn check(
    store: &Store,
    log: &Log,
    snapshot: &Snapshot,
    findings: &mut Findings,
    checked: &mut Checked,
    watch: &(dyn Fn(Step) + Sync),
) -> Result<Contents> {
    let staged: BTreeMap<&str, &StagedFile> =
        log.staged().map(|(_, file)| (file.path.as_str(), file)).collect();
    let mut contents = Contents::new(store.clone());
    let of = snapshot.files.values().map(|files| files.len() as u64).sum();
    for (table, files) in &snapshot.files {
        for file in files {
            watch(Step { what: "files", done: checked.files, of });
            checked.files += 1;
            let staged = staged.get(file.path.as_str()).copied();
            let claimed = claim(*table, file, staged);
            match examine(store, &claimed, &log_job(log), findings, checked).await? {
                Some(content) => {
                    contents.add(*table, Examined { path: file.path.clone(), content })
                }
                None => contents.lose(*table, &file.path),
            }
        }
    }
    retained(store, snapshot, findings, checked).await?;
    Ok(contents)
}

/// Where both name the file, the log says more and is believed.
fn claim<'a>(table: Table, file: &'a TableFile, staged: Option<&'a StagedFile>) -> Claimed<'a> {
    Claimed {
        table,
        path: &file.path,
        bytes: staged.map_or(file.bytes, |staged| staged.bytes),
        rows: staged.map(|staged| staged.rows).or(file.rows),
        sha256: staged.map(|staged| staged.sha256).or(file.sha256),
        masked: file.masked,
    }
}

fn log_job(log: &Log) -> String {
    log.last().map_or_else(String::new, |record| record.job.clone())
}

/// What the file holds, if it can be read at all.
async fn examine(
    store: &Store,
    claimed: &Claimed<'_>,
    job: &str,
    findings: &mut Findings,
    checked: &mut Checked,
) -> Result<Option<Content>> {
    let finding = |what: &str| {
        Finding::new(Check::File, what).in_table(claimed.table.name()).in_file(claimed.path)
    };
    let Some(bytes) = store.get(claimed.path).await? else {
        findings.add(finding("it is gone"));
        return Ok(None);
    };
    checked.bytes += bytes.len() as u64;
    if claimed.masked {
        findings
            .add(finding("another program has masked some of its rows, which cannot be read here"));
        return Ok(None);
    }
    // Bytes that are not those that were written are not decoded: they may hold anything.
    if let Some(what) = changed(claimed, &bytes, &finding) {
        findings.add(what);
        return Ok(None);
    }
    let opened = File::open(claimed.table, bytes);
    let rows = opened.as_ref().map_or(0, File::rows);
    let content = match opened.and_then(Content::of) {
        Ok(content) => content,
        Err(reason) => {
            findings.add(finding(&reason));
            return Ok(None);
        }
    };
    if claimed.rows.is_some_and(|expected| expected != rows) {
        findings.add(finding("its rows").differs(claimed.rows.unwrap_or(0), rows));
    }
    for at in &content.doubled {
        findings.add(finding("a row that is there twice").key("row", at));
    }
    for other in content.jobs.iter().filter(|found| *found != job) {
        findings.add(finding("the job of its rows").differs(job, other));
    }
    if let Some(ObjectName::Table { checkpoint, .. }) = ObjectName::parse(claimed.path) {
        let others = content
            .by_commit
            .keys()
            .filter(|commit| u64::try_from(**commit).ok() != Some(checkpoint));
        for other in others {
            findings.add(finding("the commit of its rows").differs(checkpoint, other));
        }
    }
    *checked.rows.entry(claimed.table.name().to_owned()).or_default() += rows;
    Ok(Some(content))
}

fn changed(
    claimed: &Claimed<'_>,
    bytes: &Bytes,
    finding: &dyn Fn(&str) -> Finding,
) -> Option<Finding> {
    if bytes.len() as u64 != claimed.bytes {
        return Some(finding("its length in bytes").differs(claimed.bytes, bytes.len()));
    }
    let (expected, found) = (claimed.sha256?, Digest::of(bytes));
    (expected != found).then(|| finding("it was changed: its SHA-256").differs(expected, found))
}

/// The retained files of the newest record; older ones may be gone.
async fn retained(
    store: &Store,
    snapshot: &Snapshot,
    findings: &mut Findings,
    checked: &mut Checked,
) -> Result<()> {
    let mut seen = BTreeSet::new();
    for file in &snapshot.record.standing.retained {
        checked.files += 1;
        let finding = |what: &str| {
            Finding::new(Check::File, what).in_record(snapshot.record.seq).in_file(&file.path)
        };
        if !seen.insert(&file.path) {
            findings.add(finding("the record names it twice"));
        }
        match store.get(&file.path).await? {
            None => findings.add(finding("it is gone")),
            Some(bytes) => {
                checked.bytes += bytes.len() as u64;
                let digest = Digest::of(&bytes);
                if digest != file.sha256 {
                    findings
                        .add(finding("it was changed: its SHA-256").differs(file.sha256, digest));
                }
            }
        }
    }
    Ok(())
}
