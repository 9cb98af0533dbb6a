//! What an outlet would have written of the retained rows.

use std::collections::BTreeMap;

use quorate_operators::effects::Keep;
use quorate_schemas::id::Name;
use quorate_schemas::retained::RetainedRow;

/// The retained rows, consolidated.
#[derive(Clone, Default)]
pub(crate) struct Store {
    rows: BTreeMap<RetainedRow, i64>,
    /// The epoch in which the oldest row of each group was written.
    since: BTreeMap<Name, u64>,
}

impl Store {
    /// Writes what was asked for in `epoch`, in order.
    pub(crate) fn write(&mut self, epoch: u64, changes: Vec<Keep>) {
        for change in changes {
            match change {
                Keep::Row(row, diff) => {
                    if let Some(group) = row.group() {
                        self.since.entry(group.clone()).or_insert(epoch);
                    }
                    *self.rows.entry(row).or_default() += diff;
                }
                Keep::Bury { group, since } => {
                    let first = self.since.remove(&group);
                    assert!(
                        first.is_none_or(|first| since <= first),
                        "{group} was kept before epoch {since}"
                    );
                    self.rows.retain(|row, _| row.group() != Some(&group));
                }
            }
        }
        self.rows.retain(|_, diff| *diff != 0);
        for (row, diff) in &self.rows {
            assert!(*diff > 0, "dropped without having been kept: {row:?}");
            let counted = matches!(row, RetainedRow::Duplicate { .. });
            assert!(counted || *diff == 1, "kept {diff} times: {row:?}");
        }
        self.since.retain(|group, _| self.rows.keys().any(|row| row.group() == Some(group)));
    }

    /// Every row, as often as it is there.
    pub(crate) fn rows(&self) -> Vec<RetainedRow> {
        let times = |diff: i64| usize::try_from(diff).expect("no row is there less than once");
        self.rows
            .iter()
            .flat_map(|(row, diff)| std::iter::repeat_n(row.clone(), times(*diff)))
            .collect()
    }
}
