//! Retained rows in memory: as a checkpoint collects them, and as a restart or a merge adds them up.

use std::collections::{BTreeMap, HashMap};

use quorate_operators::kept::Group;
use quorate_schemas::id::Name;
use quorate_schemas::retained::{Retain, RetainedRow};

/// What one worker's operators asked to keep within one checkpoint.
#[derive(Default)]
pub(crate) struct KeptRows {
    rows: BTreeMap<RetainedRow, i64>,
    /// Of tasks: added up already, each task's changes together.
    of_tasks: Vec<Retain>,
}

impl KeptRows {
    /// Takes a change, in the order in which operators emit them.
    pub(crate) fn keep(&mut self, change: Retain) {
        match change {
            Retain::Row(row, diff) if row.group().is_none() => {
                *self.rows.entry(row).or_default() += diff;
            }
            of_task => self.of_tasks.push(of_task),
        }
    }

    /// The changes to write: burials before the rows that outlive them; what cancels out is left out.
    pub(crate) fn into_entries(self) -> Vec<Retain> {
        let mut entries = self.of_tasks;
        let alive = self.rows.into_iter().filter(|(_, diff)| *diff != 0);
        entries.extend(alive.map(|(row, diff)| Retain::Row(row, diff)));
        entries
    }
}

/// Adds up the files of a log, oldest first.
#[derive(Default)]
pub(crate) struct Adding {
    rows: BTreeMap<RetainedRow, i64>,
    groups: HashMap<Name, Group>,
}

impl Adding {
    /// Adds one file's entries.
    pub(crate) fn add(&mut self, entries: Vec<Retain>) {
        for entry in entries {
            match entry {
                Retain::Row(row, diff) => match row.group().cloned() {
                    Some(group) => self.group(group).change(row, diff),
                    None => *self.rows.entry(row).or_default() += diff,
                },
                Retain::Bury(group) => self.group(group).bury(),
            }
        }
    }

    fn group(&mut self, name: Name) -> &mut Group {
        // There may be older files than those that are added: a burial must reach them.
        self.groups.entry(name).or_insert_with(Group::of_files)
    }

    /// What is left, with burials for files that are older than all that was added.
    pub(crate) fn into_entries(self) -> Vec<Retain> {
        let mut entries = Vec::new();
        let mut groups: Vec<(Name, Group)> = self.groups.into_iter().collect();
        groups.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        for (name, mut group) in groups {
            group.save(&name, &mut entries);
        }
        let alive = self.rows.into_iter().filter(|(_, diff)| *diff != 0);
        entries.extend(alive.map(|(row, diff)| Retain::Row(row, diff)));
        entries
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
    use quorate_schemas::id::IdKey;

    use super::*;

    fn tombstone(task: &str, closed_at: i64) -> RetainedRow {
        RetainedRow::Tombstone { task: IdKey::new([1; 16]).id(task), closed_at, forget_at: 0 }
    }

    #[test]
    fn rows_of_no_task_cancel_and_those_of_tasks_stay_as_they_were_told() {
        let clock = || RetainedRow::Clock(quorate_schemas::clock::Clock::START);
        let mut kept = KeptRows::default();
        kept.keep(Retain::Row(clock(), 1));
        kept.keep(Retain::Bury("a".into()));
        kept.keep(Retain::Row(tombstone("a", 2), 1));
        kept.keep(Retain::Row(clock(), -1));
        assert_eq!(
            kept.into_entries(),
            [Retain::Bury("a".into()), Retain::Row(tombstone("a", 2), 1)]
        );
    }

    #[test]
    fn a_burial_reaches_files_that_are_older_than_those_that_are_added() {
        let mut adding = Adding::default();
        adding.add(vec![Retain::Row(tombstone("a", 1), 1)]);
        adding.add(vec![Retain::Bury("a".into()), Retain::Row(tombstone("a", 2), 1)]);
        assert_eq!(
            adding.into_entries(),
            [Retain::Bury("a".into()), Retain::Row(tombstone("a", 2), 1)]
        );
    }

    #[test]
    fn a_vote_that_was_repeated_a_billion_times_is_one_row() {
        let again = |count| RetainedRow::Duplicate { task: IdKey::new([1; 16]).id("a"), count };
        let mut adding = Adding::default();
        adding.add(vec![Retain::Row(again(1), 999_999_999)]);
        adding.add(vec![Retain::Row(again(1), 1)]);
        assert_eq!(adding.into_rows(), Ok(vec![again(1_000_000_000)]));
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
