//! Tells the outside what is committed: Delta tables, each by its own progress.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use quorate_connectors::delta::{CommitFiles, DeltaTables, FILE_AGE_MS, MergePolicy};
use quorate_schemas::log::StagedFile;
use quorate_schemas::table::Table;
use tokio::sync::watch;

use super::failpoint::{Step, reach};
use super::hands::drive;
use super::ledger::{Committed, Follow, Followed, Terms, Trim};
use super::patience::{Attempts, Outlasted};
use crate::clock::{Stopwatch, now_ms};
use crate::error::Error;
use crate::job::Publish;
use crate::shared::Shared;

/// Old files and records are looked for this often.
const UPKEEP_EVERY: Duration = Duration::from_secs(600);

/// Publishes to Delta tables.
pub(crate) struct Publisher {
    /// The tables.
    pub(crate) tables: DeltaTables,
    /// How often, and how files are merged.
    pub(crate) publish: Publish,
    /// The protocol's numbers.
    pub(crate) terms: Terms,
    /// What the run shares.
    pub(crate) shared: Arc<Shared>,
}

/// Commits and their files for one table, oldest first.
type Lacking = Vec<(u64, Vec<StagedFile>)>;

/// What the log says that a table lacks.
enum Traced {
    /// All of it.
    Whole(Lacking),
    /// A record on the way is not there any more.
    Gone { seq: u64 },
}

impl Publisher {
    /// Publishes what is committed, at most so often, until the lead is over; then the rest.
    ///
    /// # Errors
    /// If a table is not what this job published, or the store fails for good.
    pub(crate) async fn run(self, mut committed: watch::Receiver<Committed>) -> Result<(), Error> {
        let mut upkeep = Stopwatch::start();
        loop {
            let latest = committed.borrow_and_update().clone();
            self.tell(&latest).await?;
            if upkeep.elapsed() >= UPKEEP_EVERY {
                upkeep = Stopwatch::start();
                self.clear(&latest).await?;
            }
            if committed.changed().await.is_err() {
                let latest = committed.borrow().clone();
                return self.tell(&latest).await;
            }
            // Until then more commits may come: readers list fewer versions. The end of the run waits for nobody.
            let over = async { while committed.changed().await.is_ok() {} };
            let _ = tokio::time::timeout(self.publish.every, over).await;
        }
    }

    async fn tell(&self, latest: &Committed) -> Result<(), Error> {
        let mut attempts = Attempts::at("publishing", &self.shared);
        loop {
            match attempts.outlast(self.tell_once(latest).await).await? {
                Outlasted::Done(()) | Outlasted::Over => return Ok(()),
                Outlasted::Again => {}
            }
        }
    }

    /// Removes what nobody needs any more. What could not be removed is found again the next time.
    async fn clear(&self, latest: &Committed) -> Result<(), Error> {
        match self.clear_once(latest).await {
            Err(Error::Connector(error)) if error.retryable() => {
                self.shared.observer.note(&format!("old files stay for now: {error}"));
                Ok(())
            }
            done => done,
        }
    }

    async fn clear_once(&self, latest: &Committed) -> Result<(), Error> {
        self.trim(latest).await?;
        for table in Table::ALL {
            let age_ms = FILE_AGE_MS.max(millis(self.publish.keep_removed));
            self.tables.vacuum(table, now_ms(), age_ms).await?;
        }
        Ok(())
    }

    async fn tell_once(&self, latest: &Committed) -> Result<(), Error> {
        self.tables.create_missing(now_ms()).await?;
        for table in Table::ALL {
            let commits = self.lacking_now(table, latest).await?;
            if commits.is_empty() {
                self.is_at(table, latest);
                continue;
            }
            reach(Step::Publish);
            let commits: Vec<CommitFiles<'_>> =
                commits.iter().map(|(seq, files)| CommitFiles { seq: *seq, files }).collect();
            self.tables.publish(table, &commits, now_ms()).await?;
            reach(Step::Published);
            self.is_at(table, latest);
            let policy = MergePolicy {
                target_bytes: self.publish.merge_bytes,
                fan_in: self.publish.merge_files,
                ..MergePolicy::default()
            };
            self.tables.merge_small(table, &policy, now_ms()).await?;
        }
        Ok(())
    }

    fn is_at(&self, table: Table, latest: &Committed) {
        self.shared.metrics.published("delta", table.name(), latest.record().seq);
    }

    /// The commits that have files for `table` which it does not have yet.
    async fn lacking_now(&self, table: Table, latest: &Committed) -> Result<Lacking, Error> {
        let mut progress = self.tables.progress(table).await?.unwrap_or(0);
        loop {
            let seq = match self.lacking(table, progress, latest).await? {
                Traced::Whole(commits) => return Ok(commits),
                Traced::Gone { seq } => seq,
            };
            // Records are trimmed once every table has their files: somebody else may have published them meanwhile.
            let now = self.tables.progress(table).await?.unwrap_or(0);
            if now == progress {
                return Err(Error::Damaged(format!(
                    "record {seq} is gone, and table {} does not have its files yet",
                    table.name()
                )));
            }
            progress = now;
        }
    }

    async fn lacking(
        &self,
        table: Table,
        progress: u64,
        latest: &Committed,
    ) -> Result<Traced, Error> {
        let note = |text: &str| self.shared.observer.note(text);
        let mut lacking = Vec::new();
        let mut follow = Follow::from(table.name(), progress, latest);
        loop {
            match drive(follow, &self.shared.store, &note).await? {
                Followed::Next(committed, rest) => {
                    if let Some(found) = committed.files_for(table.name()) {
                        lacking.push((found.seq, found.files.into_iter().cloned().collect()));
                    }
                    follow = rest;
                }
                Followed::End => return Ok(Traced::Whole(lacking)),
                Followed::Missing { seq } => return Ok(Traced::Gone { seq }),
                Followed::Strayed { progress, expected } => {
                    return Err(Error::Damaged(format!(
                        "table {} says that it has everything up to record {progress}, but its last files came with \
                         record {expected}: it is the table of another log",
                        table.name()
                    )));
                }
                Followed::Damaged(damage) => return Err(damage.into()),
            }
        }
    }

    async fn trim(&self, latest: &Committed) -> Result<(), Error> {
        let mut progress = BTreeMap::new();
        for table in Table::ALL {
            let published = self.tables.progress(table).await?.unwrap_or(0);
            progress.insert(table.name().to_owned(), published);
        }
        let note = |text: &str| self.shared.observer.note(text);
        drive(Trim::below(latest, &progress, &self.terms), &self.shared.store, &note).await?;
        Ok(())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
