use std::time::Duration;

use quorate_schemas::log::StagedFile;
use quorate_schemas::table::Table;

use super::action::{Operation, add, info, transaction, version_bytes};
use super::{DeltaTables, Head, LiveFile, MAX_RACES, relative, version_path};
use crate::error::{Error, Result};
use crate::store::Creation;

/// A table without new rows is told about commits this often all the same, so that its progress holds up neither
/// trimming of the log nor the next start.
const MARK_EVERY: u64 = 256;

/// The files that one commit of the log adds, to whatever tables.
#[derive(Clone, Copy, Debug)]
pub struct CommitFiles<'a> {
    /// The commit: its record's `seq`.
    pub seq: u64,
    /// Its files.
    pub files: &'a [StagedFile],
}

/// What publishing did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// The table gained this many files with a new version.
    Added {
        /// The version.
        version: u64,
        /// The files.
        files: usize,
    },
    /// No rows were new, but the table was told up to where that is so.
    Marked {
        /// The version.
        version: u64,
    },
    /// Nothing: the table had it all, or there was nothing new for it.
    Nothing,
}

impl DeltaTables {
    /// Tells `table` about `commits`, in order of `seq`: adds those of their files that are its and that it lacks, all
    /// in one version.
    ///
    /// The caller gives every commit after [`DeltaTables::progress`], or at least every one that has files for the
    /// table. Giving older ones again is fine.
    ///
    /// # Errors
    /// If the table is there but not as this build writes it, or the store fails. Publishing again is always safe.
    pub async fn publish(
        &self,
        table: Table,
        commits: &[CommitFiles<'_>],
        now_ms: u64,
    ) -> Result<Published> {
        let Some(last) = commits.iter().map(|commit| commit.seq).max() else {
            return Ok(Published::Nothing);
        };
        self.all_made.get_or_try_init(|| self.create_missing(now_ms)).await?;
        let mut slot = self.head(table).lock().await;
        for race in 0..MAX_RACES {
            // Taken out for as long as it is in doubt: whatever goes wrong, the next one reads anew.
            let head = match slot.take() {
                Some(head) => head,
                None => self.load_or_create(table, now_ms).await?,
            };
            let is_new = |commit: &&CommitFiles<'_>| {
                head.progress.is_none_or(|progress| commit.seq > progress)
            };
            let new = commits.iter().filter(is_new).flat_map(|commit| commit.files);
            let files: Vec<&StagedFile> = new.filter(|file| file.table == table.name()).collect();
            if files.is_empty() && last < head.progress.unwrap_or(0) + MARK_EVERY {
                *slot = Some(head);
                return Ok(Published::Nothing);
            }
            let version = head.version + 1;
            let mut actions = vec![info(Operation::Publish, Some(head.version), now_ms)];
            actions.extend(
                files
                    .iter()
                    .map(|file| add(relative(table, &file.path), file, Operation::Publish, now_ms)),
            );
            actions.push(transaction(&self.app_id(), last));
            let bytes = version_bytes(&actions);
            if self.store.create(&version_path(table, version), bytes).await? == Creation::Created {
                let mut live = head.files;
                live.extend(files.iter().map(|file| LiveFile::of(file)));
                *slot = Some(Head { version, progress: Some(last), files: live });
                self.checkpoint_if_due(table, version, now_ms).await;
                return Ok(match files.len() {
                    0 => Published::Marked { version },
                    files => Published::Added { version, files },
                });
            }
            tracing::debug!(
                table = table.name(),
                version,
                race,
                "the version is taken or in doubt: reading again"
            );
            tokio::time::sleep(Duration::from_millis(10 << race.min(6))).await;
        }
        Err(Error::Contended { table: table.name(), tries: MAX_RACES })
    }
}
