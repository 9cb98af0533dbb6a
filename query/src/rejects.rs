//! Rows that could not be used, as they came: to be mended and fed back.

use std::collections::BTreeSet;

use quorate_connectors::store::Store;
use quorate_schemas::table::Table;
use quorate_schemas::time::Micros;

use crate::error::{Error, Result};
use crate::file::File;
use crate::read::files_until;
use crate::rows::Columns;
use crate::snapshot::{Extent, Snapshot};

/// Which of them are asked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Only these reasons; all, if there are none.
    pub reasons: BTreeSet<String>,
    /// Only of these sources; of all, if there are none.
    pub sources: BTreeSet<String>,
    /// Only of commits from here on.
    pub since: Option<u64>,
    /// Only of commits up to this one.
    pub until: Option<u64>,
}

/// An input row that could not be used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reject {
    /// Its time; where none can be read, the greatest before it in its partition.
    pub event_time: Micros,
    /// The source.
    pub source: String,
    /// The partition.
    pub partition: String,
    /// Where it stood there.
    pub position: i64,
    /// The checkpoint that committed it.
    pub commit: i64,
    /// Why it could not be used, in a word.
    pub reason: String,
    /// Which field, what was expected, what stood there.
    pub detail: String,
    /// What is kept of it.
    pub bytes: Vec<u8>,
    /// How many bytes it had.
    pub bytes_total: i64,
}

impl Reject {
    /// Whether the end of it was not kept.
    pub fn is_cut(&self) -> bool {
        (self.bytes.len() as i64) < self.bytes_total
    }
}

impl Wanted {
    fn has(&self, reject: &Reject) -> bool {
        let among =
            |words: &BTreeSet<String>, word: &String| words.is_empty() || words.contains(word);
        let commit = u64::try_from(reject.commit).unwrap_or(0);
        among(&self.reasons, &reject.reason)
            && among(&self.sources, &reject.source)
            && self.since.is_none_or(|since| commit >= since)
            && self.until.is_none_or(|until| commit <= until)
    }
}

/// The rejects that are wanted, in order of event time: fed back in another order, more of them would be late.
///
/// # Errors
/// If the store cannot be read.
pub async fn rejects(store: &Store, wanted: &Wanted) -> Result<Vec<Reject>> {
    let snapshot = Snapshot::load(store, Extent::Committed).await?;
    let commit = snapshot.record.standing.checkpoint;
    let mut found = Vec::new();
    for (_, file) in files_until(snapshot.files_of(Table::Rejects), commit) {
        let failed = |reason: String| Error::File { path: file.path.clone(), reason };
        let bytes = file.read(store).await?;
        let batches = File::open(Table::Rejects, bytes).and_then(File::all).map_err(failed)?;
        for batch in batches {
            let batch = batch.map_err(failed)?;
            let rows = read(&Columns(&batch)).map_err(failed)?;
            found.extend(rows.into_iter().filter(|reject| wanted.has(reject)));
        }
    }
    found.sort();
    Ok(found)
}

fn read(columns: &Columns<'_>) -> Result<Vec<Reject>, String> {
    let (times, commit) = (columns.time("event_time")?, columns.int("commit")?);
    let (source, partition) = (columns.text("source")?, columns.text("partition")?);
    let (position, reason) = (columns.int("position")?, columns.text("reason")?);
    let (detail, bytes) = (columns.text("detail")?, columns.bytes("bytes")?);
    let total = columns.int("bytes_total")?;
    let rows = (0..columns.rows()).map(|row| Reject {
        event_time: times[row],
        source: source.at(row).to_owned(),
        partition: partition.at(row).to_owned(),
        position: position.value(row),
        commit: commit.value(row),
        reason: reason.at(row).to_owned(),
        detail: detail.at(row).to_owned(),
        bytes: bytes.value(row).to_vec(),
        bytes_total: total.value(row),
    });
    Ok(rows.collect())
}
