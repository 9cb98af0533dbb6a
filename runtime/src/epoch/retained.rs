//! Retained rows in memory: as a checkpoint collects them, and as a restart finds them.

use std::collections::BTreeMap;

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

/// Each row as often as files that were added up hold it.
///
/// # Errors
/// A row that is there less than zero times: more was taken away than was ever kept.
pub(crate) fn alive(rows: Vec<(RetainedRow, i64)>) -> Result<Vec<RetainedRow>, Box<RetainedRow>> {
    let mut alive = Vec::with_capacity(rows.len());
    for (row, times) in rows {
        match row {
            row if times < 0 => return Err(Box::new(row)),
            // However often somebody repeats a vote: it is one row that counts.
            RetainedRow::Duplicate { task, count } => {
                let times = u32::try_from(times).unwrap_or(u32::MAX);
                alive.push(RetainedRow::Duplicate { task, count: count.saturating_mul(times) });
            }
            row => {
                alive.extend((1..times).map(|_| row.clone()));
                alive.push(row);
            }
        }
    }
    Ok(alive)
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
    fn a_vote_that_was_repeated_a_billion_times_is_one_row() {
        let again = |count| RetainedRow::Duplicate { task: IdKey::new([1; 16]).id("a"), count };
        assert_eq!(alive(vec![(again(1), 1_000_000_000)]), Ok(vec![again(1_000_000_000)]));
    }

    #[test]
    fn what_is_there_less_than_zero_times_is_damage() {
        let twice = vec![(tombstone("a", 1), 2), (tombstone("b", 1), 1)];
        let rows = [tombstone("a", 1), tombstone("a", 1), tombstone("b", 1)];
        assert_eq!(alive(twice), Ok(rows.to_vec()));
        assert!(alive(vec![(tombstone("b", 1), -1)]).is_err());
    }
}
