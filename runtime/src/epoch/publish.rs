//! Tells the outside what is committed: Delta tables, each by its own progress.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use quorate_connectors::delta::{CommitFiles, DeltaTables, FILE_AGE_MS, MergePolicy};
use quorate_schemas::table::Table;
use tokio::sync::watch;

use super::failpoint::{Step, reach};
use super::hands::drive;
use super::lacking::{Lacking, Traced, trace};
use super::ledger::{Committed, Terms, Trim};
use super::marks::TopicMarks;
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
    /// How far topics are, which need records and files, too.
    pub(crate) topics: Arc<TopicMarks>,
    /// What the run shares.
    pub(crate) shared: Arc<Shared>,
}

impl Publisher {
    /// Publishes what is committed, at most so often, until the lead is over; then the rest.
    ///
    /// # Errors
    /// If a table is not what this job published, or the store fails for good.
    pub(crate) async fn run(self, mut committed: watch::Receiver<Committed>) -> Result<(), Error> {
        let mut upkeep = Stopwatch::start();
        let mut before = committed.borrow().clone();
        loop {
            let latest = committed.borrow_and_update().clone();
            self.tell(&latest).await?;
            if upkeep.elapsed() >= UPKEEP_EVERY {
                upkeep = Stopwatch::start();
                self.clear(&latest, &before).await?;
                before = latest;
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
    async fn clear(&self, latest: &Committed, before: &Committed) -> Result<(), Error> {
        match self.clear_once(latest, before).await {
            Err(Error::Connector(error)) if error.retryable() => {
                self.shared.observer.note(&format!("old files stay for now: {error}"));
                Ok(())
            }
            done => done,
        }
    }

    async fn clear_once(&self, latest: &Committed, before: &Committed) -> Result<(), Error> {
        self.trim(latest).await?;
        for table in Table::ALL {
            // A merged file that a topic has not been told of yet is still to be read, be it a week old. What came since
            // the last time is not.
            if self.topics.lacks(table, before) {
                continue;
            }
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
            let name = format!("table {}", table.name());
            let seq = match trace(&name, table, progress, latest, &self.shared).await? {
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

    async fn trim(&self, latest: &Committed) -> Result<(), Error> {
        let mut progress = BTreeMap::new();
        for table in Table::ALL {
            let published = self.tables.progress(table).await?.unwrap_or(0);
            let published = self.topics.at(table).map_or(published, |told| published.min(told));
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
