use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use futures::{StreamExt, TryStreamExt};
use quorate_schemas::log::StagedFile;
use quorate_schemas::table::Table;

use super::action::{Operation, add, info, remove, version_bytes};
use super::choose::{MergePolicy, choose};
use super::files::LiveFile;
use super::vacuum::MERGED_PREFIX;
use super::{DeltaTables, Head, MAX_RACES, folder, relative, version_path};
use crate::error::{Error, Result};
use crate::staged::{Checked, TableFile, merge_tables};
use crate::store::{Creation, Problem};

const READS_AT_ONCE: usize = 4;

/// What merging did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// Files that were replaced.
    pub replaced: usize,
    /// Files that replaced them.
    pub written: usize,
    /// Merges given up, because others replaced their files first, or one of them is gone or not ours to read.
    pub given_up: usize,
}

/// What became of the try to put a merged file in the place of others.
enum Replacement {
    Done,
    /// Others replaced some of them first; the merged file is in no version and never will be.
    Overtaken,
}

impl DeltaTables {
    /// Merges small files of `table` into larger ones, as `policy` says; one merge at a time is in memory.
    ///
    /// # Errors
    /// If the store fails. What was merged until then stays merged.
    pub async fn merge_small(
        &self,
        table: Table,
        policy: &MergePolicy,
        now_ms: u64,
    ) -> Result<Merged> {
        let mut done = Merged::default();
        let Some(runs) = self.known(table).await?.as_ref().map(|head| choose(&head.files, policy))
        else {
            return Ok(done);
        };
        for run in runs {
            let merged = match self.merge_run(&run).await {
                Err(error @ (Error::Damaged { .. } | Error::NewerFormat { .. })) => {
                    tracing::warn!(table = table.name(), %error, "not merging files that this build cannot read");
                    done.given_up += 1;
                    // Others may have taken it away: what is known of the table is in doubt.
                    *self.head(table).lock().await = None;
                    continue;
                }
                merged => merged?,
            };
            let path = self.store_merged(table, &merged, now_ms).await?;
            match self.replace(table, &run, &merged, &path, now_ms).await? {
                Replacement::Done => {
                    done.replaced += run.len();
                    done.written += 1;
                }
                Replacement::Overtaken => {
                    self.store.delete(&path).await?;
                    done.given_up += 1;
                }
            }
        }
        Ok(done)
    }

    async fn merge_run(&self, run: &[LiveFile]) -> Result<TableFile> {
        let read = |file: LiveFile| async move {
            let damaged = |reason: &str| Error::Damaged {
                file: file.path.clone(),
                reason: reason.to_owned(),
            };
            let sha256 = file.sha256.ok_or_else(|| damaged("the table does not say its digest"))?;
            let bytes = self
                .store
                .get(&file.path)
                .await?
                .ok_or_else(|| damaged("the table names it, but it is gone"))?;
            Checked::new(&file.path, bytes, &sha256)
        };
        let files: Vec<Checked> = futures::stream::iter(run.to_vec())
            .map(read)
            .buffered(READS_AT_ONCE)
            .try_collect()
            .await?;
        let provenance = self.provenance.clone();
        // Merging is work for a processor, not for a thread that serves requests.
        match tokio::task::spawn_blocking(move || merge_tables(files, &provenance)).await {
            Ok(merged) => merged,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is going down, and this task with it.
                Err(_) => std::future::pending().await,
            },
        }
    }

    /// Stores a merged file under a name that nobody else has; where that is in doubt, under another.
    async fn store_merged(&self, table: Table, merged: &TableFile, now_ms: u64) -> Result<String> {
        let (folder, incarnation) = (folder(table), self.provenance.incarnation);
        let mut doubts = 0;
        while doubts < MAX_RACES {
            // Another process with our incarnation (there should be none) may have begun in the same
            // millisecond: then the name is taken, and the next one is tried.
            let nr = self.merges.fetch_add(1, Ordering::Relaxed);
            let path = format!("{folder}/{MERGED_PREFIX}{incarnation}-{now_ms}-{nr}.parquet");
            match self.store.create(&path, merged.bytes.clone()).await? {
                Creation::Created => return Ok(path),
                Creation::Exists => {}
                Creation::Unknown => doubts += 1,
            }
        }
        Err(Error::Delta {
            table: table.name(),
            doing: "storing a merged file",
            problem: Some(Problem::TimedOut),
            source: "no certain answer, however often it was tried".into(),
        })
    }

    /// Commits that the file at `path` takes the place of `run`.
    async fn replace(
        &self,
        table: Table,
        run: &[LiveFile],
        merged: &TableFile,
        path: &str,
        now_ms: u64,
    ) -> Result<Replacement> {
        // Publishing waits meanwhile, so that only other processes can come in between.
        let mut slot = self.known(table).await?;
        for _ in 0..MAX_RACES {
            // Taken out for as long as it is in doubt: whatever goes wrong, the next one reads anew.
            let Some(head) = slot.take() else { break };
            if head.files.iter().any(|file| file.path == path) {
                *slot = Some(head);
                return Ok(Replacement::Done);
            }
            if !head.holds(run) {
                *slot = Some(head);
                return Ok(Replacement::Overtaken);
            }
            let version = head.version + 1;
            let mut actions = vec![info(Operation::Merge, Some(head.version), now_ms)];
            actions
                .extend(run.iter().map(|file| remove(relative(table, &file.path), file, now_ms)));
            let staged = merged.staged(path);
            actions.push(add(relative(table, path), &staged, Operation::Merge, now_ms));
            let bytes = version_bytes(&actions);
            if self.store.create(&version_path(table, version), bytes).await? == Creation::Created {
                *slot = Some(head.with(version, run, &staged));
                self.checkpoint_if_due(table, version, now_ms).await;
                return Ok(Replacement::Done);
            }
            // Somebody was faster, or the answer got lost: what the table holds now decides.
            self.look(table, &mut slot).await?;
        }
        Err(Error::Contended { table: table.name(), tries: MAX_RACES })
    }
}

impl Head {
    /// Whether all of `run` is live, as it was written.
    fn holds(&self, run: &[LiveFile]) -> bool {
        let whole = self.files.iter().filter(|file| !file.masked);
        let live: BTreeSet<&str> = whole.map(|file| file.path.as_str()).collect();
        run.iter().all(|file| live.contains(file.path.as_str()))
    }

    /// After a merge that made `version`, with `merged` in the place of `run`.
    fn with(self, version: u64, run: &[LiveFile], merged: &StagedFile) -> Head {
        let gone: BTreeSet<&str> = run.iter().map(|file| file.path.as_str()).collect();
        let mut files = self.files;
        files.retain(|file| !gone.contains(file.path.as_str()));
        files.push(LiveFile::of(merged));
        Head { version, progress: self.progress, files }
    }
}
