//! What comes out: decisions, commits, what they cost, and who has heard of them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::histogram::Histogram;
use quorate_schemas::log::Standing;
use quorate_schemas::retained::RetainedRow;

use super::catalogue::Catalogue;
use super::series::{Amount, Known, Maybe, Named, show};

/// Bounds of a checkpoint's steps, in seconds: from a local disk to a store that is in trouble.
const STEPS_S: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// What a checkpoint spends time with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CheckpointStep {
    /// A worker closes its files and uploads them.
    Staging,
    /// The lead writes the record.
    Committing,
}

/// What staged bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StagedAs {
    /// Rows of tables.
    Tables,
    /// What a restart goes on from.
    Retained,
}

#[derive(Clone, Debug)]
struct Steps;

impl MetricConstructor<Histogram> for Steps {
    fn new_metric(&self) -> Histogram {
        Histogram::new(STEPS_S)
    }
}

/// Counters of what comes out.
pub(super) struct Output {
    decisions: Family<Known<1>, Counter>,
    commits: Counter,
    committed_rows: Counter,
    steps: Family<Known<1>, Histogram, Steps>,
    staged: Family<Known<1>, Counter>,
    seq: Amount,
    committed_at: Maybe,
    behind: Family<Named<2>, Amount>,
    /// Up to which record each destination has everything, by publisher and table.
    published: Mutex<BTreeMap<(&'static str, String), u64>>,
    retained_rows: Amount,
    retained_bytes: Amount,
    retained_files: Amount,
    restored: Family<Known<1>, Amount>,
}

impl Output {
    pub(super) fn of(catalogue: &mut Catalogue) -> Output {
        let output = Output {
            decisions: catalogue.counter(
                ("decisions", &["outcome"], "Tasks closed and committed: quorate or undecided"),
                Family::default(),
            ),
            commits: catalogue.counter(("commits", &[], "Checkpoints committed"), Counter::default()),
            committed_rows: catalogue
                .counter(("committed_rows", &[], "Rows read and committed"), Counter::default()),
            steps: catalogue.histogram(
                (
                    "checkpoint_duration_seconds",
                    &["step"],
                    "How long a checkpoint takes: staging (closing and uploading files, each worker), committing",
                ),
                Family::new_with_constructor(Steps),
            ),
            staged: catalogue.counter(
                ("staged_bytes", &["kind"], "Bytes staged by checkpoints: of tables, of retained rows"),
                Family::default(),
            ),
            seq: catalogue
                .gauge(("log_seq", &[], "Number of the last commit's record in the log"), Amount::default()),
            committed_at: catalogue.gauge(
                (
                    "last_commit_timestamp_seconds",
                    &[],
                    "When the last commit of this program was made, in seconds since 1970",
                ),
                Maybe::default(),
            ),
            behind: catalogue.gauge(
                (
                    "publish_lag_commits",
                    &["publisher", "table"],
                    "Log records between the last commit and the last one of which a destination has everything",
                ),
                Family::default(),
            ),
            published: Mutex::default(),
            retained_rows: catalogue.gauge(
                ("retained_rows", &[], "Entries in the live files of retained rows, at most twice the live rows"),
                Amount::default(),
            ),
            retained_bytes: catalogue
                .gauge(("retained_bytes", &[], "Bytes of the live files of retained rows"), Amount::default()),
            retained_files: catalogue
                .gauge(("retained_files", &[], "Live files of retained rows"), Amount::default()),
            restored: catalogue.gauge(
                (
                    "restored_rows",
                    &["collection"],
                    "Live rows that the last start has read back for the workers of this process, by collection",
                ),
                Family::default(),
            ),
        };
        for outcome in ["quorate", "undecided"] {
            output.decisions.get_or_create(&[("outcome", outcome)]).inc_by(0);
        }
        for kind in ["tables", "retained"] {
            output.staged.get_or_create(&[("kind", kind)]).inc_by(0);
        }
        output
    }

    /// A checkpoint's step has taken so long.
    pub(super) fn step(&self, step: CheckpointStep, took: Duration) {
        let word = match step {
            CheckpointStep::Staging => "staging",
            CheckpointStep::Committing => "committing",
        };
        self.steps.get_or_create(&[("step", word)]).observe(took.as_secs_f64());
    }

    /// A file was staged.
    pub(super) fn stage(&self, kind: StagedAs, bytes: usize) {
        let word = match kind {
            StagedAs::Tables => "tables",
            StagedAs::Retained => "retained",
        };
        self.staged.get_or_create(&[("kind", word)]).inc_by(bytes as u64);
    }

    /// A checkpoint is committed, with so many rows.
    pub(super) fn commit(&self, seq: u64, rows: u64, at_ms: u64) {
        self.commits.inc();
        self.committed_rows.inc_by(rows);
        self.seq.set(seq);
        show(&self.committed_at, Some(at_ms as f64 / 1_000.0));
    }

    /// Tasks were closed.
    pub(super) fn decide(&self, quorate: u64, undecided: u64) {
        self.decisions.get_or_create(&[("outcome", "quorate")]).inc_by(quorate);
        self.decisions.get_or_create(&[("outcome", "undecided")]).inc_by(undecided);
    }

    /// The log stands so.
    pub(super) fn standing(&self, standing: &Standing) {
        let files = &standing.retained;
        self.retained_files.set(files.len() as u64);
        self.retained_rows.set(files.iter().map(|file| file.rows).sum());
        self.retained_bytes.set(files.iter().map(|file| file.bytes).sum());
    }

    /// These rows were read back.
    pub(super) fn restore(&self, rows: &[RetainedRow]) {
        let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
        rows.iter().for_each(|row| *counts.entry(collection(row)).or_default() += 1);
        self.restored.clear();
        for (collection, rows) in counts {
            self.restored.get_or_create(&[("collection", collection)]).set(rows);
        }
    }

    /// A destination has everything up to record `seq`.
    pub(super) fn publish(&self, publisher: &'static str, table: &str, seq: u64) {
        let mut published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        published.insert((publisher, table.to_owned()), seq);
    }

    /// Nothing is published any more.
    pub(super) fn forget(&self) {
        self.published.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Shows what is known now.
    pub(super) fn show(&self) {
        let published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        self.behind.clear();
        let head = self.seq.get();
        for ((publisher, table), seq) in published.iter() {
            let labels = [("publisher", (*publisher).to_owned()), ("table", table.clone())];
            self.behind.get_or_create(&labels).set(head.saturating_sub(*seq));
        }
    }
}

/// The collection that a retained row is of.
fn collection(row: &RetainedRow) -> &'static str {
    match row {
        RetainedRow::Clock(_) => "clock",
        RetainedRow::Task(_) => "tasks",
        RetainedRow::Vote(_) => "votes",
        RetainedRow::Gold(_) => "gold",
        RetainedRow::Override(_) => "overrides",
        RetainedRow::Closed(_) => "closed",
        RetainedRow::Tombstone { .. } => "tombstones",
        RetainedRow::Agent(_) => "agents",
        RetainedRow::Control(_) => "controls",
        RetainedRow::Standing(_) => "standings",
        RetainedRow::Domain(_) => "domains",
        RetainedRow::Fresh(_) => "fresh",
        RetainedRow::Weight(_) => "weights",
        RetainedRow::Duplicate { .. } => "duplicates",
        RetainedRow::Tick(_) => "ticks",
        RetainedRow::Exam(_) => "exams",
    }
}
