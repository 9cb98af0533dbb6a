//! The votes of a checkpoint on their way into its file: the most rows there are, put in order before they become
//! columns. (The rows of other tables are put in order afterwards, as columns, which costs more a row.)

use std::collections::BTreeMap;

use quorate_connectors::error::Result;
use quorate_connectors::staged::TableFile;
use quorate_schemas::table::{OutRow, Table, TableBuilder, VoteRow};
use quorate_schemas::time::{Micros, SECOND};

use super::staging::{BATCH_ROWS, Stager};

/// Votes by task.
#[derive(Default)]
pub(crate) struct Votes {
    /// Of one task and day each, in order of their agents' names. None is empty.
    chunks: Vec<Vec<VoteRow>>,
}

impl Votes {
    /// Takes votes of one task and revision, in order of their agents' names.
    pub(crate) fn take(&mut self, votes: Vec<VoteRow>) {
        if votes.windows(2).all(|pair| day_of(&pair[0]) == day_of(&pair[1])) {
            self.chunks.extend(Some(votes).filter(|votes| !votes.is_empty()));
            return;
        }
        let mut days: BTreeMap<i64, Vec<VoteRow>> = BTreeMap::new();
        votes.into_iter().for_each(|vote| days.entry(day_of(&vote)).or_default().push(vote));
        self.chunks.extend(days.into_values());
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
        let mut left: usize = self.chunks.iter().map(Vec::len).sum();
        if left == 0 {
            return Ok(None);
        }
        let mut chunks = self.chunks.into_iter();
        let batches = std::iter::from_fn(|| {
            let rows = left.min(BATCH_ROWS);
            let mut batch =
                TableBuilder::with_capacity(Table::Votes, &stager.job, checkpoint, rows);
            while batch.rows() < rows
                && let Some(votes) = chunks.next()
            {
                left -= votes.len();
                batch.append(&OutRow::Votes(votes));
            }
            (batch.rows() > 0).then(|| batch.finish())
        });
        TableFile::write_sorted(Table::Votes, batches, &stager.provenance).map(Some)
    }

    /// By day, task, agent and revision: the order of the table's files.
    fn sort(&mut self) {
        let key = |votes: &Vec<VoteRow>| {
            votes.first().map(|vote| (day_of(vote), vote.vote.body.task.name().clone()))
        };
        self.chunks.sort_by_cached_key(key);
        // A task that was revised within the checkpoint has several chunks: they become one.
        self.chunks.dedup_by(|later, kept| {
            let one_task = key(later) == key(kept);
            if one_task {
                kept.append(later);
            }
            one_task
        });
        let order = |a: &VoteRow, b: &VoteRow| {
            let agents = a.agent().name().cmp(b.agent().name());
            agents.then_with(|| a.revision.cmp(&b.revision))
        };
        for votes in &mut self.chunks {
            if !votes.is_sorted_by(|a, b| order(a, b).is_le()) {
                votes.sort_by(order);
            }
        }
    }
}

/// The day in UTC on which a vote was cast.
fn day_of(vote: &VoteRow) -> i64 {
    const DAY: Micros = 24 * 60 * 60 * SECOND;
    vote.vote.event_time.div_euclid(DAY)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

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
            let vote = Arc::new(Placed {
                event_time,
                event_id: Name::default(),
                place: place.clone(),
                body,
            });
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
            chunks.iter().rev().for_each(|votes| columns.append(&OutRow::Votes(votes.clone())));
            let mut staged = Votes::default();
            chunks.into_iter().for_each(|votes| staged.take(votes));
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
