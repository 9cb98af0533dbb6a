//! Whether a store adds up: the log's chain, the files it names, every input row, every decision, every weight.
//!
//! ```text
//!   log ──────► chain of digests, ranges, totals              [log]
//!    │
//!    ├────────► files: there, unchanged, whole                [files]
//!    │             └── Delta's files hold the same rows       [published]
//!    ├────────► rows in = on time + late + rejected           [accounts]
//!    │             └── every vote on time is somewhere        [votes]
//!    └─ tables ► each revision follows from its votes         [tasks]
//!                  └── evidence, era by era ──► weights       [weights]
//! ```
//!
//! 1. Nothing is believed because something else of the same origin says so: digests are computed, rows are counted,
//!    decisions and weights are derived anew, by code that the engine does not use.
//! 2. It goes on after a finding, with what can still be read, and each finding names a record, file or row. What
//!    rests on rows that cannot be read is left unchecked, and that is said: it would all look wrong.
//! 3. Weights are taken as the votes' rows give them when decisions are checked, and are checked themselves against
//!    the evidence of earlier decisions. So a wrong number is reported where it stands, and as few others as possible.
//!
//! What it cannot know: what the input said. A log and tables made up together, from input that never was, add up.
//! Nor what is in no table: where a job reads declarations of tasks, a task's own quorum, options and number of votes
//! are taken from its decision; where it reads orders, so is an answer that only an operator can have set, and the
//! report says how many these are.
//!
//! *Cost*: every file is read twice; where there are more votes and decisions than may be in memory at once, twice for
//! each part of the tasks, of other parts only their names. All input rows' accounts and all weights are in memory.

mod accounts;
mod choices;
mod contents;
mod decision;
mod files;
mod finding;
mod life;
mod log;
mod openings;
mod published;
mod report;
mod tasks;
mod terms;
mod votes;
mod weights;

use quorate_connectors::error::Error as ConnectorError;
use quorate_connectors::store::Store;
use quorate_schemas::table::Table;

use crate::error::{Error, Result};
use crate::snapshot::{Extent, Snapshot};

pub use finding::{Check, Finding};
pub use report::{Checked, Report};

pub(crate) use decision::Known;
pub(crate) use finding::Findings;
pub(crate) use life::{Life, by_task, check_life, lives_of};

/// How much to say, and how much to hold.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The most findings of one kind that are told; the others are only counted. A wrong vote makes every later
    /// weight of its agent wrong, and the first of them say as much as all.
    pub findings_of_a_kind: usize,
    /// How many decisions and votes are in memory at once; what there is beyond that is read in parts.
    pub rows_at_once: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options { findings_of_a_kind: 20, rows_at_once: 1_000_000 }
    }
}

/// What is being checked, for whoever waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What.
    pub what: &'static str,
    /// How much of it is done.
    pub done: u64,
    /// How much of it there is.
    pub of: u64,
}

/// Checks everything on `store`, telling `watch` how far it is.
///
/// # Errors
/// If there is no log at all, or the store or a Delta log cannot be read. What is wrong with what can be read is in
/// the report.
pub async fn verify(
    store: &Store,
    options: Options,
    watch: &(dyn Fn(Step) + Sync),
) -> Result<Report> {
    let mut findings = Findings::new(options.findings_of_a_kind);
    let mut checked = Checked::default();
    let snapshot = match Snapshot::load(store, Extent::Committed).await {
        // The log check says what is wrong with the record, and where else to look.
        Err(Error::Record { .. }) => None,
        Err(Error::Store(error @ ConnectorError::Delta { .. })) if !error.retryable() => {
            findings.add(Finding::new(Check::Published, error.to_string()));
            None
        }
        loaded => Some(loaded?),
    };
    let mut log = log::check(store, &mut findings, &mut checked, watch).await?;
    let Some(snapshot) = snapshot else {
        return Ok(Report::new(
            findings,
            checked,
            vec!["tables: what they rest on cannot be read".to_owned()],
        ));
    };
    // What was committed meanwhile is left for the next time.
    log.truncate(snapshot.record.seq);
    let last = snapshot.record.clone();
    let mut notes = Vec::new();
    if let Some(first) =
        log.records.first().filter(|record| record.seq > quorate_schemas::log::FIRST_SEQ)
    {
        notes.push(format!("log: it begins at record {}, older ones were trimmed", first.seq));
    }
    let terms = terms::load(store, &log, &mut findings).await?;
    let contents = files::check(store, &log, &snapshot, &mut findings, &mut checked, watch).await?;
    published::check(store, &log, &snapshot, &contents, &mut findings, &mut checked).await?;
    let accounts = accounts::check(&contents, &log, &mut findings, &mut checked).await?;
    let (most, known) = (options.rows_at_once, &terms);
    let tasks =
        tasks::check(&contents, known, &last, most, &mut findings, &mut checked, watch).await?;
    if contents.are_whole(&[Table::Decisions, Table::Votes]) {
        if contents.are_whole(&[Table::Conservation, Table::Rejects]) {
            votes::check(store, &last, &accounts, &tasks, &mut findings, &mut checked).await?;
        }
        weights::check(&contents, &terms, tasks, &mut findings, &mut checked, &mut notes).await?;
    } else {
        notes.push(
            "tasks of which rows cannot be read, and all weights: they rest on every vote"
                .to_owned(),
        );
    }
    Ok(Report::new(findings, checked, notes))
}
