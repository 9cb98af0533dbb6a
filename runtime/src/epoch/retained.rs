//! Retained rows in memory: as a checkpoint collects them, and as a restart or a merge adds them up.

use std::collections::BTreeMap;

use quorate_operators::effects::Keep;
use quorate_schemas::id::Name;
use quorate_schemas::retained::{Retain, RetainedRow};

use super::number::checkpoint_of;

/// What one worker's operators asked to keep within one checkpoint.
#[derive(Default)]
pub(crate) struct KeptRows {
    rows: BTreeMap<RetainedRow, i64>,
    groups: BTreeMap<Name, Group>,
}

#[derive(Default)]
struct Group {
    buried: bool,
    rows: Vec<(RetainedRow, i64)>,
}

impl KeptRows {
    /// Takes a change, in the order in which operators emit them.
    pub(crate) fn keep(&mut self, change: Keep, checkpoint: u64) {
        match change {
            Keep::Row(row, diff) => match row.group().cloned() {
                Some(group) => self.groups.entry(group).or_default().rows.push((row, diff)),
                None => *self.rows.entry(row).or_default() += diff,
            },
            Keep::Bury { group, since } => {
                let kept = self.groups.entry(group).or_default();
                // What was born in this checkpoint was never written: nothing is there to bury. But a name may have had
                // another life before, and what was taken away from that one is in an older file.
                kept.buried |=
                    checkpoint_of(since) < checkpoint || takes_from_before(&mut kept.rows);
                kept.rows.clear();
            }
        }
    }

    /// The changes to write: burials before the rows that outlive them; what cancels out is left out.
    pub(crate) fn into_entries(self) -> Vec<Retain> {
        let mut entries = Vec::new();
        for (name, group) in self.groups {
            if group.buried {
                entries.push(Retain::Bury(name));
            }
            let mut rows = group.rows;
            consolidate(&mut rows);
            entries.extend(rows.into_iter().map(|(row, diff)| Retain::Row(row, diff)));
        }
        let alive = self.rows.into_iter().filter(|(_, diff)| *diff != 0);
        entries.extend(alive.map(|(row, diff)| Retain::Row(row, diff)));
        entries
    }
}

/// Whether `changes`, in the order in which they came, take away a row that they have not added before.
fn takes_from_before(changes: &mut [(RetainedRow, i64)]) -> bool {
    // Stable: the changes of one row stay in their order.
    changes.sort_by(|(a, _), (b, _)| a.cmp(b));
    changes.chunk_by(|(a, _), (b, _)| a == b).any(|of_one_row| {
        let sums = of_one_row.iter().scan(0, |sum, (_, diff)| {
            *sum += diff;
            Some(*sum)
        });
        sums.into_iter().any(|sum| sum < 0)
    })
}

/// Adds up equal rows, and drops what cancels.
fn consolidate(rows: &mut Vec<(RetainedRow, i64)>) {
    rows.sort();
    rows.dedup_by(|(row, diff), (kept, sum)| {
        let equal = row == kept;
        if equal {
            *sum += *diff;
        }
        equal
    });
    rows.retain(|(_, diff)| *diff != 0);
}

/// Adds up the files of a log, oldest first.
#[derive(Default)]
pub(crate) struct Adding {
    kept: KeptRows,
}

impl Adding {
    /// Adds one file's entries.
    pub(crate) fn add(&mut self, entries: Vec<Retain>) {
        for entry in entries {
            match entry {
                Retain::Row(row, diff) => self.kept.keep(Keep::Row(row, diff), u64::MAX),
                Retain::Bury(group) => self.kept.keep(Keep::Bury { group, since: 0 }, u64::MAX),
            }
        }
    }

    /// What is left, with burials for files that are older than all that was added.
    pub(crate) fn into_entries(self) -> Vec<Retain> {
        self.kept.into_entries()
    }

    /// What is alive; nothing is older.
    ///
    /// # Errors
    /// A row that is there less than zero times: more was taken away than was ever kept.
    pub(crate) fn into_rows(self) -> Result<Vec<RetainedRow>, Box<RetainedRow>> {
        let mut alive = Vec::new();
        for entry in self.into_entries() {
            match entry {
                Retain::Bury(_) => {}
                Retain::Row(row, diff) if diff < 0 => return Err(Box::new(row)),
                // However often somebody repeats a vote: it is one row that counts.
                Retain::Row(RetainedRow::Duplicate { task, count }, diff) => {
                    let times = u32::try_from(diff).unwrap_or(u32::MAX);
                    alive.push(RetainedRow::Duplicate { task, count: count.saturating_mul(times) });
                }
                Retain::Row(row, diff) => alive.extend((0..diff).map(|_| row.clone())),
            }
        }
        Ok(alive)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::Config;
    use quorate_schemas::id::IdKey;

    use super::*;
    use crate::epoch::number::first_epoch;

    fn tombstone(task: &str, closed_at: i64) -> RetainedRow {
        RetainedRow::Tombstone { task: IdKey::new([1; 16]).id(task), closed_at, forget_at: 0 }
    }

    #[test]
    fn a_burial_ends_what_stands_before_it_and_not_what_follows() {
        let mut kept = KeptRows::default();
        kept.keep(Keep::Row(tombstone("a", 1), 1), 5);
        kept.keep(Keep::Bury { group: "a".into(), since: first_epoch(4) }, 5);
        kept.keep(Keep::Row(tombstone("a", 2), 1), 5);
        kept.keep(Keep::Row(tombstone("b", 1), 1), 5);
        kept.keep(Keep::Bury { group: "b".into(), since: first_epoch(5) }, 5);
        assert_eq!(
            kept.into_entries(),
            [Retain::Bury("a".into()), Retain::Row(tombstone("a", 2), 1)]
        );
    }

    #[test]
    fn a_burial_does_not_bring_back_what_an_earlier_life_has_given_up() {
        let mut kept = KeptRows::default();
        kept.keep(Keep::Row(tombstone("a", 1), -1), 5);
        kept.keep(Keep::Row(tombstone("a", 2), 1), 5);
        kept.keep(Keep::Bury { group: "a".into(), since: first_epoch(5) }, 5);
        let mut adding = Adding::default();
        adding.add(vec![Retain::Row(tombstone("a", 1), 1)]);
        adding.add(kept.into_entries());
        assert_eq!(adding.into_rows(), Ok(vec![]));
    }

    #[test]
    fn a_vote_that_was_repeated_a_billion_times_is_one_row() {
        let again = |count| RetainedRow::Duplicate { task: IdKey::new([1; 16]).id("a"), count };
        let mut adding = Adding::default();
        adding.add(vec![Retain::Row(again(1), 999_999_999)]);
        adding.add(vec![Retain::Row(again(1), 1)]);
        assert_eq!(adding.into_rows(), Ok(vec![again(1_000_000_000)]));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Keep(i64),
        Drop(prop::sample::Index),
        Bury,
        Checkpoint,
    }

    fn any_step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..6i64).prop_map(Step::Keep),
            3 => any::<prop::sample::Index>().prop_map(Step::Drop),
            2 => Just(Step::Bury),
            2 => Just(Step::Checkpoint),
        ]
    }

    proptest! {
        #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

        /// One task's name and its lives, whatever checkpoint each step falls into.
        #[test]
        fn files_hold_what_was_kept_wherever_checkpoints_are_cut(steps in proptest::collection::vec(any_step(), 0..40)) {
            let (mut checkpoint, mut kept, mut adding) = (1, KeptRows::default(), Adding::default());
            let (mut alive, mut since): (Vec<i64>, Option<u64>) = (Vec::new(), None);
            for step in steps.into_iter().chain([Step::Checkpoint]) {
                match step {
                    Step::Keep(at) => {
                        since.get_or_insert(first_epoch(checkpoint));
                        alive.push(at);
                        kept.keep(Keep::Row(tombstone("a", at), 1), checkpoint);
                    }
                    Step::Drop(index) if !alive.is_empty() => {
                        let at = alive.remove(index.index(alive.len()));
                        kept.keep(Keep::Row(tombstone("a", at), -1), checkpoint);
                        // Nothing is left of this life: the next row is the first of another one.
                        since = since.filter(|_| !alive.is_empty());
                    }
                    Step::Drop(_) => {}
                    Step::Bury => {
                        let first = since.take().unwrap_or(first_epoch(checkpoint));
                        alive.clear();
                        kept.keep(Keep::Bury { group: "a".into(), since: first }, checkpoint);
                    }
                    Step::Checkpoint => {
                        adding.add(std::mem::take(&mut kept).into_entries());
                        checkpoint += 1;
                    }
                }
            }
            alive.sort_unstable();
            let expected: Vec<RetainedRow> = alive.iter().map(|at| tombstone("a", *at)).collect();
            prop_assert_eq!(adding.into_rows(), Ok(expected));
        }
    }

    #[test]
    fn files_add_up_to_what_is_alive() {
        let mut adding = Adding::default();
        adding.add(vec![Retain::Row(tombstone("a", 1), 1), Retain::Row(tombstone("b", 1), 2)]);
        adding.add(vec![Retain::Bury("a".into()), Retain::Row(tombstone("b", 1), -1)]);
        assert_eq!(adding.into_rows(), Ok(vec![tombstone("b", 1)]));
        let mut adding = Adding::default();
        adding.add(vec![Retain::Row(tombstone("b", 1), -1)]);
        assert!(adding.into_rows().is_err());
    }
}
