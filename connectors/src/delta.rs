//! Publishing: telling the outside, through Delta tables, what the log has made true.
//!
//! ```text
//!  log            commit 7            commit 8            commit 9
//!                 3 files of votes    none of votes       2 files of votes
//!                      └────────────┬─────────────────────────┘
//!  tables/votes/_delta_log     version 4: Add ×5, Txn("quorate/<job>/<log>", 9)
//! ```
//!
//! 1. Files lie at their final path before they are published; publishing moves nothing.
//! 2. **A commit's files are added exactly once.** A version of a Delta log is created like a record of ours: under
//!    the number after the one it builds on, if there is none of that number. The Delta transaction in it says up to
//!    which commit the table has everything, and it is read from the very version built on. So any answer but
//!    *created* (a conflict, or no answer) leads to reading that number again, and to leaving out what is there.
//! 3. What we know of a table (its version, our progress in it) is used without asking again: had it changed, the
//!    number would be taken. So publishing costs one request, as long as nobody else writes to the table.
//! 4. Merging moves rows between files and never changes them: sources are removed and the merged file is added in
//!    one version, both with `dataChange = false`. It counts only if all sources are still live in that version.
//! 5. A file that a version has removed is deleted no sooner than [`FILE_AGE_MS`] later, so that readers of older
//!    versions finish. A merged file that no version ever named goes the same way.
//! 6. The Delta log is bounded: a checkpoint each [`CHECKPOINT_EVERY`] versions, after which versions older than a
//!    week are deleted.
//!
//! *Cost*: one put per table with new rows; a merge reads and writes its files; loading a table (at the start, after
//! a conflict, to checkpoint) reads its latest checkpoint and the versions since, of which there are more the more
//! files were removed within a week.
//!
//! *State*: what is known of each table: its live files.

mod action;
mod checkpoint;
mod choose;
mod files;
mod log;
mod merge;
mod metadata;
mod publish;
mod stats;
#[cfg(test)]
mod tests;
mod vacuum;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use object_store::path::Path;
use quorate_schemas::log::TABLES_PREFIX;
use quorate_schemas::table::Table;
use tokio::sync::{Mutex, MutexGuard, OnceCell};

pub use choose::MergePolicy;
pub use files::{LiveFile, live_files};
pub use merge::Merged;
pub use publish::{CommitFiles, Published};
pub use vacuum::FILE_AGE_MS;

use crate::error::Result;
use crate::staged::Provenance;
use crate::store::Store;

/// How many versions of a Delta log lie between two checkpoints of it.
pub const CHECKPOINT_EVERY: u64 = 100;

/// How often a lost race for a version is run again.
const MAX_RACES: u32 = 10;

/// The Delta tables of one job on one store.
pub struct DeltaTables {
    store: Store,
    provenance: Provenance,
    /// What is known of each table; nothing, for as long as it is in doubt.
    heads: BTreeMap<Table, Mutex<Option<Head>>>,
    all_made: OnceCell<()>,
    /// How many merged files were named so far.
    merges: AtomicU64,
}

/// What is known of a table's newest version.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Head {
    version: u64,
    /// Up to which commit the table has everything; none yet.
    progress: Option<u64>,
    /// Its live files.
    files: Vec<LiveFile>,
}

impl DeltaTables {
    /// The tables below `tables/` on `store`, as `provenance` publishes to them. Nothing is read or written yet.
    pub fn new(store: Store, provenance: Provenance) -> DeltaTables {
        let heads = Table::ALL.into_iter().map(|table| (table, Mutex::new(None))).collect();
        DeltaTables {
            store,
            provenance,
            heads,
            all_made: OnceCell::new(),
            merges: AtomicU64::new(0),
        }
    }

    /// The name of our transactions in Delta logs: the job's and its log's.
    pub fn app_id(&self) -> String {
        format!("quorate/{}/{}", self.provenance.job, self.provenance.log_id)
    }

    /// Up to which commit `table` has everything; `None` before the first.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub async fn progress(&self, table: Table) -> Result<Option<u64>> {
        Ok(self.known(table).await?.as_ref().and_then(|head| head.progress))
    }

    /// Creates every table that is not there yet, without rows, so that readers find them all. The first publication
    /// does that too.
    ///
    /// # Errors
    /// If a table is there but not as this build writes it, or the store fails.
    pub async fn create_missing(&self, now_ms: u64) -> Result<()> {
        for table in Table::ALL {
            let mut head = self.head(table).lock().await;
            if head.is_none() {
                *head = Some(self.load_or_create(table, now_ms).await?);
            }
        }
        Ok(())
    }

    /// What is known of the table, which is looked up if it is in doubt; nothing, if there is no such table.
    async fn known(&self, table: Table) -> Result<MutexGuard<'_, Option<Head>>> {
        let mut slot = self.head(table).lock().await;
        if slot.is_none() {
            self.look(table, &mut slot).await?;
        }
        Ok(slot)
    }

    async fn look(&self, table: Table, slot: &mut Option<Head>) -> Result<()> {
        let snapshot = log::load(&self.store, table, "reading its newest version").await?;
        *slot = match snapshot {
            Some(snapshot) => Some(snapshot.head(&self.app_id()).await?),
            None => None,
        };
        Ok(())
    }

    fn head(&self, table: Table) -> &Mutex<Option<Head>> {
        &self.heads[&table]
    }
}

/// The folder of `table` in the store.
fn folder(table: Table) -> String {
    format!("{TABLES_PREFIX}{}", table.name())
}

/// The object of a version of the table's Delta log.
fn version_path(table: Table, version: u64) -> String {
    format!("{}/_delta_log/{version:020}.json", folder(table))
}

/// A path below the table's folder, as Delta names files; the whole path for one that lies elsewhere.
fn relative(table: Table, path: &str) -> String {
    let below = path.strip_prefix(&folder(table)).and_then(|path| path.strip_prefix('/'));
    below.unwrap_or(path).to_owned()
}

/// The folder as the library names paths.
fn folder_path(table: Table) -> Path {
    Path::from(folder(table))
}
