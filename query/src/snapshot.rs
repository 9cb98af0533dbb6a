//! The tables as of one commit: which files hold their rows.
//!
//! ```text
//!   log        … 40   41   42   43              the newest record: up to here everything is true
//!   votes           [published…40] + 41 + 43    Delta's files, and what the log has added since
//!   decisions  [published………………42] + 43
//! ```
//!
//! 1. **All tables show the same commit**, however far each of them is published, and never half of one.
//! 2. A row is in exactly one of the files: what a merge replaced is not listed, what it wrote is.
//! 3. Only what is published can be seen by others; [`Extent::Published`] shows that alone.
//!
//! Invariant 1 rests on the order of reading. Tables are read before the log, so that no table knows of a commit that
//! the log read afterwards does not; and a table's progress is read before and after its files, and again if it moved.
//!
//! *Cost*: the newest versions of the Delta tables, the newest record, and those records since that added files.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use quorate_connectors::delta::{DeltaTables, LiveFile, live_files};
use quorate_connectors::staged::Provenance;
use quorate_connectors::store::Store;
use quorate_schemas::log::{Digest, Record, StagedFile};
use quorate_schemas::table::Table;

use crate::error::{Error, Result};
use crate::history;

/// How often a table that is being published is read again before its files are taken as they are.
const MOST_TRIES: usize = 20;

/// What of the tables is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    /// Everything that is committed: what is true.
    #[default]
    Committed,
    /// What is published as Delta tables: what other programs see.
    Published,
}

/// A file that holds rows of a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TableFile {
    /// Where it lies.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// Its rows, as far as that is on record.
    pub rows: Option<u64>,
    /// Its digest, where the log or the Delta log says; none of files that other programs have merged.
    pub sha256: Option<Digest>,
    /// Whether the table's Delta log names it.
    pub published: bool,
    /// Whether another program has masked rows of it, which cannot be read here.
    pub masked: bool,
}

/// The tables as of one commit.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The newest record.
    pub record: Record,
    /// The files of each table, by path.
    pub files: BTreeMap<Table, Vec<TableFile>>,
    /// Up to which record each table is published; none, if it is not.
    pub published: BTreeMap<Table, Option<u64>>,
}

/// A Delta table: its files, and up to which record it has everything.
#[derive(Clone, Debug, Default)]
struct Published {
    files: Vec<LiveFile>,
    upto: Option<u64>,
}

impl TableFile {
    /// Its bytes, if they are those that were written. Nothing else is decoded: damaged Parquet may hold anything.
    pub(crate) async fn read(&self, store: &Store) -> Result<Bytes> {
        let failed =
            |reason: &str| Error::File { path: self.path.clone(), reason: reason.to_owned() };
        if self.masked {
            return Err(failed("another program has masked some of its rows"));
        }
        let bytes = store.get(&self.path).await?.ok_or_else(|| failed("it is gone"))?;
        match self.sha256 {
            Some(expected) if Digest::of(&bytes) != expected => {
                Err(failed("it was changed since it was written"))
            }
            _ => Ok(bytes),
        }
    }
}

impl Snapshot {
    /// The tables on `store` as they are now.
    ///
    /// # Errors
    /// If there is no log, or the log or a Delta table cannot be read.
    pub async fn load(store: &Store, extent: Extent) -> Result<Snapshot> {
        let about = history::latest(store).await?;
        let mut tables = BTreeMap::new();
        for table in Table::ALL {
            tables.insert(table, published(store, &about, table).await?);
        }
        let record = match extent {
            Extent::Committed => history::latest(store).await?,
            Extent::Published => about,
        };
        let mut files = BTreeMap::new();
        for (table, known) in &tables {
            let mut listed: Vec<TableFile> = known.files.iter().map(live).collect();
            if extent == Extent::Committed {
                let there: BTreeSet<String> = listed.iter().map(|file| file.path.clone()).collect();
                let new = added_since(store, &record, *table, known.upto.unwrap_or(0)).await?;
                listed.extend(new.iter().map(staged).filter(|file| !there.contains(&file.path)));
            }
            listed.sort();
            files.insert(*table, listed);
        }
        let published = tables.into_iter().map(|(table, known)| (table, known.upto)).collect();
        Ok(Snapshot { record, files, published })
    }

    /// The files of a table, by path.
    pub fn files_of(&self, table: Table) -> &[TableFile] {
        self.files.get(&table).map_or(&[], Vec::as_slice)
    }
}

async fn published(store: &Store, about: &Record, table: Table) -> Result<Published> {
    let progress = || async {
        // Made anew each time: it would remember what it has read.
        let provenance = Provenance {
            job: about.job.clone(),
            log_id: about.log_id,
            incarnation: about.incarnation,
        };
        DeltaTables::new(store.clone(), provenance).progress(table).await
    };
    let mut upto = progress().await?;
    let mut files = Vec::new();
    for _ in 0..MOST_TRIES {
        files = live_files(store, table).await?;
        let now = progress().await?;
        if now == upto {
            break;
        }
        upto = now;
    }
    Ok(Published { files, upto })
}

/// The files that records after `seq`, up to `record`, have added to `table`: traced back from record to record.
async fn added_since(
    store: &Store,
    record: &Record,
    table: Table,
    seq: u64,
) -> Result<Vec<StagedFile>> {
    let mut files = Vec::new();
    let mut next = record.standing.tables.get(table.name()).map_or(0, |totals| totals.last_seq);
    while next > seq {
        let adding = history::record(store, next).await?;
        let Some(commit) = adding.commit() else { break };
        files.extend(commit.files.iter().filter(|file| file.table == table.name()).cloned());
        next = commit.before.get(table.name()).copied().unwrap_or(0);
    }
    Ok(files)
}

fn live(file: &LiveFile) -> TableFile {
    let LiveFile { path, bytes, rows, sha256, masked, .. } = file;
    TableFile {
        path: path.clone(),
        bytes: *bytes,
        rows: *rows,
        sha256: *sha256,
        published: true,
        masked: *masked,
    }
}

fn staged(file: &StagedFile) -> TableFile {
    TableFile {
        path: file.path.clone(),
        bytes: file.bytes,
        rows: Some(file.rows),
        sha256: Some(file.sha256),
        published: false,
        masked: false,
    }
}
