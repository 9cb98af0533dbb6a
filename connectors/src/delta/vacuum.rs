use std::collections::{BTreeMap, BTreeSet};

use deltalake_core::table::state::DeltaTableState;
use futures::{StreamExt, TryStreamExt};
use quorate_schemas::table::Table;

use super::files::files_of;
use super::log::{Snapshot, load};
use super::{DeltaTables, folder};
use crate::error::Result;

/// How long a file that no version names any more is kept: 7 days.
pub const FILE_AGE_MS: u64 = 7 * 24 * 60 * 60 * 1_000;

/// How the names of merged files begin. Those of staged files never do, and what becomes of those is the log's matter.
pub(super) const MERGED_PREFIX: &str = "merged-";

const DELETES_AT_ONCE: usize = 16;

impl DeltaTables {
    /// Deletes the files of `table` that were removed from it at least `min_age_ms` ago, and merged files of that age
    /// that never became part of it. Gives the number of files deleted.
    ///
    /// # Errors
    /// If the store fails; deleting again is always safe.
    pub async fn vacuum(&self, table: Table, now_ms: u64, min_age_ms: u64) -> Result<u64> {
        let Some(snapshot) = load(&self.store, table, "looking for removed files").await? else {
            return Ok(0);
        };
        let old = |at_ms: u64| at_ms.saturating_add(min_age_ms) <= now_ms;
        let removed = tombstones(&snapshot).await?;
        let live: BTreeSet<String> =
            files_of(&snapshot).into_iter().map(|file| file.path).collect();
        let prefix = folder(table);
        let merged_prefix = format!("{prefix}/{MERGED_PREFIX}");
        let listed = self.store.list(&prefix).await?;
        let doomed = listed.into_iter().filter(|listed| {
            let removal = removed.get(&listed.path).copied();
            // A merged file that is in no version: its merge was overtaken, or crashed.
            let unnamed = || listed.path.starts_with(&merged_prefix).then_some(listed.modified_ms);
            !live.contains(&listed.path) && removal.or_else(unnamed).is_some_and(old)
        });
        let deletes = doomed.map(|listed| async move { self.store.delete(&listed.path).await });
        let deleted: Vec<()> =
            futures::stream::iter(deletes).buffer_unordered(DELETES_AT_ONCE).try_collect().await?;
        Ok(deleted.len() as u64)
    }
}

/// The files that were removed from the table, and when that happened last.
async fn tombstones(snapshot: &Snapshot) -> Result<BTreeMap<String, u64>> {
    let state = DeltaTableState::new(snapshot.files.clone());
    let views = state.all_tombstones(snapshot.log.store.as_ref());
    let views: Vec<_> = views
        .try_collect()
        .await
        .map_err(|error| snapshot.log.failed("looking for removed files", error))?;
    let mut removed = BTreeMap::new();
    for view in views {
        // One without a time cannot be known to be old.
        let at_ms =
            view.deletion_timestamp().and_then(|at| u64::try_from(at).ok()).filter(|at| *at > 0);
        if let Some(at_ms) = at_ms {
            let last = removed
                .entry(format!("{}/{}", folder(snapshot.log.table), view.path()))
                .or_insert(at_ms);
            *last = at_ms.max(*last);
        }
    }
    Ok(removed)
}
