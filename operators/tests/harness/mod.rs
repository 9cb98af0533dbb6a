//! The pure cores, connected as the dataflow connects them, with every epoch and every cut under control.
//!
//! ```text
//!   reader ──rows, reports──► job (clockwork, booths, book) ──► rows, retained rows
//!     ▲ cuts say how far each epoch reads                        ▲ a restart goes on from these
//! ```

mod flow;
mod job;
mod reader;
mod store;

use quorate_operators::policy::Policy;
use quorate_schemas::id::IdKey;
use quorate_schemas::retained::RetainedRow;
use quorate_schemas::table::OutRow;

use crate::scenario::Row;
pub(crate) use flow::flow;
use job::Job;
pub(crate) use reader::{Reader, on_time};

/// A checkpoint ends with every so many epochs, and with one after which the job starts again.
const EPOCHS_A_CHECKPOINT: u64 = 7;

/// The key of ids in all tests.
pub(crate) fn key() -> IdKey {
    IdKey::new(*b"quorate's oracle")
}

/// How a run goes that must not matter.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    /// How many rows an epoch takes of each partition, over and over.
    pub(crate) cuts: Vec<Vec<usize>>,
    /// How many booths share the tasks.
    pub(crate) workers: usize,
    /// After which epochs the job starts again from what is retained, and with how many booths.
    pub(crate) restarts: Vec<(u64, usize)>,
}

impl Course {
    /// One booth, and everything in one epoch.
    pub(crate) fn plain() -> Course {
        Course { cuts: vec![vec![usize::MAX]], workers: 1, restarts: Vec::new() }
    }
}

/// What a run to the end of its input leaves.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// All rows but provisional ones, in the order in which they left.
    pub(crate) rows: Vec<OutRow>,
    /// What is still retained.
    pub(crate) retained: Vec<RetainedRow>,
}

/// Reads `partitions` to their end and decides everything.
pub(crate) fn run(
    policy: Policy,
    partitions: &[Vec<Row>],
    lateness: i64,
    course: &Course,
) -> Outcome {
    drive(&mut Job::new(policy, course.workers), partitions, lateness, course)
}

/// Reads `rows` to their end, reopens the job, and reads the rows that came `later`.
pub(crate) fn run_and_reopen(policy: Policy, rows: &[Row], later: &[Row]) -> (Outcome, Outcome) {
    let in_order = |rows: &[Row]| {
        let mut rows = rows.to_vec();
        rows.sort_by_key(Row::event_time);
        rows
    };
    let mut job = Job::new(policy, 1);
    let first = drive(&mut job, &[in_order(rows)], 0, &Course::plain());
    let mut job = job.reopened();
    let then = drive(&mut job, &[in_order(later)], 0, &Course::plain());
    (first, then)
}

/// Reads `partitions` to their end, from some epoch on under another policy. Gives the rows of before, and the rest;
/// nothing if the end comes first.
pub(crate) fn run_and_upgrade(
    policy: Policy,
    (after, new): (u64, Policy),
    partitions: &[Vec<Row>],
    lateness: i64,
    course: &Course,
) -> Option<(Vec<OutRow>, Outcome)> {
    let mut job = Job::new(policy, course.workers);
    let mut reader = Reader::new(partitions, lateness, &course.cuts);
    let mut before = drive_until(&mut job, &mut reader, course, Some(after));
    if reader.is_done() && !job.lags() {
        return None;
    }
    job.save();
    before.append(&mut job.rows);
    job = job.upgraded(new);
    reader.start_again();
    Some((before, drive_on(&mut job, &mut reader, course)))
}

fn drive(job: &mut Job, partitions: &[Vec<Row>], lateness: i64, course: &Course) -> Outcome {
    drive_on(job, &mut Reader::new(partitions, lateness, &course.cuts), course)
}

fn drive_on(job: &mut Job, reader: &mut Reader, course: &Course) -> Outcome {
    let mut rows = drive_until(job, reader, course, None);
    job.save();
    rows.append(&mut job.rows);
    rows.retain(|row| !matches!(row, OutRow::Update(_)));
    Outcome { rows, retained: job.retained() }
}

/// Reads to the end, or up to an epoch of the course.
fn drive_until(
    job: &mut Job,
    reader: &mut Reader,
    course: &Course,
    last: Option<u64>,
) -> Vec<OutRow> {
    let mut epoch = 0;
    let mut rows = Vec::new();
    while (!reader.is_done() || job.lags()) && last.is_none_or(|last| epoch <= last) {
        assert!(epoch < 10_000, "the job never ends");
        let (read, reports) = reader.read(job.workers());
        job.epoch(read, reports);
        rows.append(&mut job.rows);
        let restart = course.restarts.iter().find(|(after, _)| *after == epoch);
        if restart.is_some() || epoch % EPOCHS_A_CHECKPOINT == 0 {
            job.save();
        }
        if let Some((_, workers)) = restart {
            *job = job.restarted(*workers);
            reader.start_again();
        }
        epoch += 1;
    }
    rows
}
