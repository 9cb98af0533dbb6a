//! Tells topics what is committed: each row once, in the order of commits.
//!
//! ```text
//!  fence ──► how far are the topics? ──► rows of the commits they lack ──► commit, with how far they are
//!    ▲                                          │
//!    └────────────── any trouble ◄──────────────┘
//! ```
//!
//! Brokers that are away hold up no commit: telling lags and says so, and what it needs of the log stays. At the end of a
//! run they are waited for as long as the job says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use quorate_connectors::error::Error as Trouble;
use quorate_connectors::kafka::publish::{Progress, Told, TopicOutlet};
use quorate_connectors::staged::{Checked, Provenance, open_table};
use quorate_schemas::log::StagedFile;
use quorate_schemas::table::Table;
use tokio::sync::watch;
use tokio::task::block_in_place;

use super::failpoint::{Step, reach};
use super::lacking::{Lacking, Traced, trace};
use super::ledger::Committed;
use super::marks::TopicMarks;
use crate::clock::Stopwatch;
use crate::error::Error;
use crate::job::Topics;
use crate::shared::Shared;

/// Commits are told together until they have so many rows: a transaction costs brokers as much as thousands of them.
const ENOUGH_ROWS: u64 = 10_000;

/// A transaction is ended after so many rows, in the middle of a commit if need be: readers wait for its end.
const MOST_ROWS: u64 = 50_000;

/// Pauses before brokers are tried again: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// Tells topics.
pub(crate) struct TopicPublisher {
    /// Which, and how long they are waited for.
    pub(crate) topics: Topics,
    /// Whose rows they get.
    pub(crate) provenance: Provenance,
    /// Where it is noted how far they are.
    pub(crate) marks: Arc<TopicMarks>,
    /// What the run shares.
    pub(crate) shared: Arc<Shared>,
}

/// The one producer, and how far its topics are.
struct Telling {
    outlet: TopicOutlet,
    progress: Progress,
    /// Rows that were sent and are not committed.
    open_rows: u64,
    /// Tables of which the topics lack rows.
    lacking: BTreeSet<Table>,
}

impl TopicPublisher {
    /// Tells each commit until there are no more, then the rest.
    ///
    /// # Errors
    /// If settings are wrong, or the log does not have what topics lack.
    pub(crate) async fn run(self, mut committed: watch::Receiver<Committed>) -> Result<(), Error> {
        let (mut telling, mut has_told) = (None, false);
        let (mut said, mut pause) = (String::new(), PAUSES.0);
        let mut over: Option<Stopwatch> = None;
        // How far topics are from there is known once brokers say so; from now on it counts.
        let first = committed.borrow().record().seq;
        self.topics.spec.topics.keys().for_each(|table| self.is_at(*table, first));
        loop {
            let latest = committed.borrow_and_update().clone();
            match self.tell(&latest, &mut telling).await {
                Ok(()) => {
                    if !said.is_empty() {
                        self.shared.observer.note("topics: brokers have taken all that waited");
                        said.clear();
                    }
                    (has_told, pause) = (true, PAUSES.0);
                    if committed.changed().await.is_err() {
                        break;
                    }
                }
                Err(Error::Connector(trouble)) if may_pass(&trouble, has_told) => {
                    let ended = committed.has_changed().is_err();
                    if self.shared.has_failed() {
                        return Ok(());
                    }
                    let trouble = trouble.to_string();
                    if trouble != said {
                        self.shared.observer.note(&format!("topics lag, trying again: {trouble}"));
                        said = trouble;
                    }
                    if ended
                        && over.get_or_insert_with(Stopwatch::start).elapsed() >= self.patience()
                    {
                        self.give_up(&latest);
                        break;
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSES.1);
                }
                Err(error) => return Err(error),
            }
        }
        if let Some(Telling { outlet, .. }) = telling {
            outlet.close();
        }
        Ok(())
    }

    /// How long brokers are waited for at the end. Who was asked to stop is not to be waited for as long.
    fn patience(&self) -> Duration {
        const WHEN_STOPPED: Duration = Duration::from_secs(10);
        match self.shared.stop.is_given() {
            true => self.topics.patience.min(WHEN_STOPPED),
            false => self.topics.patience,
        }
    }

    fn give_up(&self, latest: &Committed) {
        if let Some(lacking) = self.marks.lacking(latest) {
            self.shared.observer.note(&format!(
                "topics were not told of {lacking}: run the job again when brokers are back, it goes on from there"
            ));
        }
    }

    async fn tell(&self, latest: &Committed, telling: &mut Option<Telling>) -> Result<(), Error> {
        let mut now = match telling.take() {
            Some(telling) => telling,
            None => self.begin().await?,
        };
        match self.tell_rest(latest, &mut now).await {
            Ok(()) => {
                *telling = Some(now);
                Ok(())
            }
            Err(error) => {
                now.outlet.close();
                Err(error)
            }
        }
    }

    async fn begin(&self) -> Result<Telling, Error> {
        let outlet = TopicOutlet::fence(&self.topics.spec, &self.provenance).await?;
        reach(Step::Fence);
        let progress = outlet.progress()?;
        self.marks.set(&progress);
        Ok(Telling { outlet, progress, open_rows: 0, lacking: BTreeSet::new() })
    }

    async fn tell_rest(&self, latest: &Committed, telling: &mut Telling) -> Result<(), Error> {
        let mut lacking: BTreeMap<(u64, Table), Vec<StagedFile>> = BTreeMap::new();
        for (table, topic) in &self.topics.spec.topics {
            let found = self.lacking(*table, topic, latest, &mut telling.progress).await?;
            lacking.extend(found.into_iter().map(|(seq, files)| ((seq, *table), files)));
        }
        telling.lacking = lacking.keys().map(|(_, table)| *table).collect();
        self.are_at(telling);
        let mut last = None;
        for ((seq, table), files) in lacking {
            // Rows of one commit are seen together, as far as they fit.
            if last.is_some_and(|last| last != seq) && telling.open_rows >= ENOUGH_ROWS {
                self.commit(telling)?;
            }
            last = Some(seq);
            reach(Step::Send);
            self.send(seq, table, &files, telling).await?;
        }
        if last.is_some() {
            self.commit(telling)?;
        }
        let seq = latest.record().seq;
        self.topics.spec.topics.keys().for_each(|table| self.is_at(*table, seq));
        Ok(())
    }

    /// Metrics hear how far the topics are that lack something.
    fn are_at(&self, telling: &Telling) {
        for table in &telling.lacking {
            let told = telling.progress.tables.get(table);
            self.is_at(*table, told.map_or(0, |told| told.commit));
        }
    }

    fn is_at(&self, table: Table, seq: u64) {
        self.shared.metrics.published("kafka", table.name(), seq);
    }

    /// The commits with rows of `table` that its topic lacks.
    async fn lacking(
        &self,
        table: Table,
        topic: &str,
        latest: &Committed,
        progress: &mut Progress,
    ) -> Result<Lacking, Error> {
        let (name, known) = (format!("topic {topic}"), progress.of(table, topic).is_some());
        if !known {
            let told = Told { topic: topic.to_owned(), commit: 0, rows: 0 };
            progress.tables.insert(table, told);
        }
        let Some(told) = progress.tables.get_mut(&table) else { return Ok(Vec::new()) };
        loop {
            match trace(&name, table, told.commit, latest, &self.shared).await? {
                Traced::Whole(lacking) => return Ok(lacking),
                Traced::Gone { seq } if !known && seq > told.commit => {
                    let (table, store) = (table.name(), "the store");
                    self.shared.observer.note(&format!(
                        "{name} begins after commit {seq}: earlier records are trimmed, and table {table} on {store} has \
                         their rows"
                    ));
                    told.commit = seq;
                }
                Traced::Gone { seq } => {
                    return Err(Error::Damaged(format!(
                        "record {seq} is gone, and {name} does not have its rows: name another topic for {}, which \
                         begins with what is there",
                        table.name()
                    )));
                }
            }
        }
    }

    /// Sends the rows of one commit and table that were not sent before.
    async fn send(
        &self,
        seq: u64,
        table: Table,
        files: &[StagedFile],
        telling: &mut Telling,
    ) -> Result<(), Error> {
        let before = telling.progress.tables.get(&table).map_or(0, |told| told.rows);
        let mut passed = 0;
        for file in files {
            if passed + file.rows <= before {
                passed += file.rows;
                continue;
            }
            let bytes = self.shared.store.get(&file.path).await?.ok_or_else(|| {
                Error::Damaged(format!("{} is gone, and its rows were not told yet", file.path))
            })?;
            let checked = Checked::new(&file.path, bytes, &file.sha256)?;
            for batch in block_in_place(|| open_table(checked))? {
                let batch = batch?;
                let rows = batch.num_rows() as u64;
                let from = before.saturating_sub(passed).min(rows);
                let wanted = usize::try_from(from).unwrap_or(usize::MAX)..batch.num_rows();
                telling.outlet.send(table, &batch, wanted)?;
                passed += rows;
                telling.open_rows += rows - from;
                if telling.open_rows >= MOST_ROWS {
                    if let Some(told) = telling.progress.tables.get_mut(&table) {
                        told.rows = passed.max(before);
                    }
                    self.commit(telling)?;
                }
            }
        }
        if let Some(told) = telling.progress.tables.get_mut(&table) {
            (told.commit, told.rows) = (seq, 0);
        }
        Ok(())
    }

    fn commit(&self, telling: &mut Telling) -> Result<(), Error> {
        reach(Step::Sent);
        telling.outlet.commit(&telling.progress)?;
        telling.open_rows = 0;
        self.marks.set(&telling.progress);
        self.are_at(telling);
        reach(Step::Told);
        Ok(())
    }
}

/// Whether to try again: what brokers say may pass, and so may what a store says. Wrong settings are told at once, but
/// not of a run that has worked with them: whoever changes a password changes it in two places.
fn may_pass(trouble: &Trouble, has_told: bool) -> bool {
    trouble.retryable() || (has_told && matches!(trouble, Trouble::Kafka { .. }))
}
