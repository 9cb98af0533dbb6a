//! The votes of a checkpoint on their way into its file. They are the most rows there are: each becomes columns at once,
//! while it is at hand, and what is put in order at the end are runs of rows, one for each task.

use std::collections::BTreeMap;
use std::ops::Range;

use quorate_connectors::error::Result;
use quorate_connectors::staged::TableFile;
use quorate_schemas::id::Name;
use quorate_schemas::table::{Table, TableBuilder, VoteRow};
use quorate_schemas::time::{Micros, SECOND};

use super::staging::{BATCH_ROWS, Stager};

/// Votes by task.
#[derive(Default)]
pub(crate) struct Votes {
    filled: Vec<TableBuilder>,
    runs: Vec<Run>,
}

/// Votes of one task and day, one behind the other in order of their agents' names; there is one at least.
struct Run {
    day: i64,
    task: Name,
    revision: u32,
    /// The builder that has them.
    at: usize,
    rows: Range<usize>,
}

impl Run {
    fn is_with(&self, other: &Run) -> bool {
        (self.day, &self.task) == (other.day, &other.task)
    }
}

impl Votes {
    /// Takes votes of one task and revision, in order of their agents' names.
    pub(crate) fn take(&mut self, votes: &[VoteRow], stager: &Stager, checkpoint: u64) {
        if votes.windows(2).all(|pair| day_of_vote(&pair[0]) == day_of_vote(&pair[1])) {
            return self.take_day(votes, stager, checkpoint);
        }
        let mut days: BTreeMap<i64, Vec<VoteRow>> = BTreeMap::new();
        votes.iter().for_each(|vote| days.entry(day_of_vote(vote)).or_default().push(vote.clone()));
        days.values().for_each(|votes| self.take_day(votes, stager, checkpoint));
    }

    fn take_day(&mut self, votes: &[VoteRow], stager: &Stager, checkpoint: u64) {
        // A builder is closed when it is full; only of a large task there is more than one run.
        votes.chunks(BATCH_ROWS).for_each(|run| self.take_run(run, stager, checkpoint));
    }

    fn take_run(&mut self, votes: &[VoteRow], stager: &Stager, checkpoint: u64) {
        let Some(first) = votes.first() else { return };
        let (day, revision) = (day_of_vote(first), first.revision);
        let task = first.vote.body.task.name().clone();
        let full = |filled: &TableBuilder| filled.rows() + votes.len() > BATCH_ROWS;
        if self.filled.last().is_none_or(full) {
            let new = TableBuilder::with_capacity;
            self.filled.push(new(Table::Votes, &stager.job, checkpoint, BATCH_ROWS));
        }
        let at = self.filled.len() - 1;
        let from = self.filled[at].rows();
        self.filled[at].append_votes(votes);
        self.runs.push(Run { day, task, revision, at, rows: from..self.filled[at].rows() });
    }

    /// The file of them all, if there are any.
    ///
    /// # Errors
    /// If they are too much for one.
    pub(crate) fn into_file(
        mut self,
        stager: &Stager,
        checkpoint: u64,
    ) -> Result<Option<TableFile>> {
        self.sort();
        let mut left: usize = self.runs.iter().map(|run| run.rows.len()).sum();
        if left == 0 {
            return Ok(None);
        }
        let mut runs = self.runs.into_iter();
        let batches = std::iter::from_fn(|| {
            let rows = left.min(BATCH_ROWS);
            let mut batch =
                TableBuilder::with_capacity(Table::Votes, &stager.job, checkpoint, rows);
            while batch.rows() < rows
                && let Some(run) = runs.next()
            {
                left -= run.rows.len();
                batch.append_range(&self.filled[run.at], run.rows);
            }
            (batch.rows() > 0).then(|| batch.finish())
        });
        TableFile::write_sorted(Table::Votes, batches, &stager.provenance).map(Some)
    }

    /// By day, task, agent and revision: the order of the table's files.
    fn sort(&mut self) {
        self.runs.sort_by(|a, b| a.day.cmp(&b.day).then_with(|| a.task.cmp(&b.task)));
        // A task that was revised within the checkpoint has several runs, which become runs of one row.
        if self.runs.windows(2).all(|pair| !pair[0].is_with(&pair[1])) {
            return;
        }
        let mut sorted = Vec::with_capacity(self.runs.len());
        for runs in self.runs.chunk_by(Run::is_with) {
            let from = sorted.len();
            for run in runs {
                let Run { day, ref task, revision, at, .. } = *run;
                let alone =
                    |rows: Range<usize>| Run { day, task: task.clone(), revision, at, rows };
                match runs {
                    [_] => sorted.push(alone(run.rows.clone())),
                    _ => sorted.extend(run.rows.clone().map(|row| alone(row..row + 1))),
                }
            }
            let agent = |run: &Run| {
                let text = |column| self.filled[run.at].text_of(column, run.rows.start);
                (text("agent_id"), text("version"), run.revision)
            };
            sorted[from..].sort_by(|a, b| agent(a).cmp(&agent(b)));
        }
        self.runs = sorted;
    }
}

/// The day in UTC that a time lies in.
pub(super) fn day_of(time: Micros) -> i64 {
    const DAY: Micros = 24 * 60 * 60 * SECOND;
    time.div_euclid(DAY)
}

/// The day in UTC on which a vote was cast.
fn day_of_vote(vote: &VoteRow) -> i64 {
    day_of(vote.vote.event_time)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::Config;
    use quorate_connectors::staged::Provenance;
    use quorate_schemas::id::{IdKey, Name};
    use quorate_schemas::place::{Origin, Place};
    use quorate_schemas::record::{Placed, Value, Vote};
    use quorate_schemas::table::VoteStatus;

    use super::*;

    fn stager() -> Stager {
        let log_id = quorate_schemas::log::RandomId::from_u128(7);
        let provenance = Provenance { job: "job".into(), log_id, incarnation: 1 };
        Stager { job: "job".into(), provenance, worker: 0, keeps_updates: false }
    }

    /// A task's votes as of a revision: an agent by name and version, and the hours at which each voted.
    fn votes(task: u8, revision: u32, agents: &BTreeMap<(u8, Option<u8>), i64>) -> Vec<VoteRow> {
        let key = IdKey::new([1; 16]);
        let place = Place {
            origin: Origin { source: "s".into(), partition: "p".into() }.shared(),
            position: 7,
        };
        let row = |((agent, version), hour): (&(u8, Option<u8>), &i64)| {
            // Names of which one begins with another.
            let (agent, version) =
                ("a".repeat(usize::from(*agent) + 1), version.map(|version| format!("v{version}")));
            let body = Vote {
                task: key.id(&"t".repeat(usize::from(task) + 1)),
                agent: key.agent(&agent, version.as_deref()),
                value: Value::Choice("x".into()),
            };
            let event_time = hour * 3_600 * SECOND;
            let place = place.clone();
            let vote = Placed { event_time, event_id: Name::default(), place, body };
            VoteRow { vote, revision, weight_micros: 1, status: VoteStatus::Counted, agrees: true }
        };
        let mut rows: Vec<VoteRow> = agents.iter().map(row).collect();
        rows.sort_by(|a, b| a.agent().name().cmp(b.agent().name()));
        rows
    }

    proptest! {
        #![proptest_config(Config { cases: 64, failure_persistence: None, ..Config::default() })]

        #[test]
        fn the_file_is_the_one_that_sorted_columns_make(
            chunks in prop::collection::btree_map(
                (0u8..4, 0u32..3),
                prop::collection::btree_map((0u8..3, prop::option::of(0u8..2)), -60i64..60, 0..5),
                0..8,
            ),
        ) {
            let chunks: Vec<Vec<VoteRow>> =
                chunks.iter().map(|((task, revision), agents)| votes(*task, *revision, agents)).collect();
            let mut columns = TableBuilder::new(Table::Votes, "job", 3);
            chunks.iter().rev().for_each(|votes| columns.append_votes(votes));
            let mut staged = Votes::default();
            chunks.iter().for_each(|votes| staged.take(votes, &stager(), 3));
            let file = staged.into_file(&stager(), 3).unwrap();
            let rows = columns.rows();
            let expected = TableFile::write(Table::Votes, &[columns.finish()], &stager().provenance).unwrap();
            match file {
                Some(file) => prop_assert_eq!((file.rows, file.bytes), (expected.rows, expected.bytes)),
                None => prop_assert_eq!(rows, 0),
            }
        }
    }
}
