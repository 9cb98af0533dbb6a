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
                kept.rows.clear();
                // What was born in this checkpoint was never written: nothing is there to bury.
                kept.buried |= checkpoint_of(since) < checkpoint;
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
