//! What an outlet would have written of the retained rows.

use std::collections::BTreeMap;

use quorate_schemas::retained::{Retain, RetainedRow};

/// The retained rows, consolidated.
#[derive(Clone, Default)]
pub(crate) struct Store {
    rows: BTreeMap<RetainedRow, i64>,
}

impl Store {
    /// Writes what was asked for, in order.
    pub(crate) fn write(&mut self, changes: Vec<Retain>) {
        for change in changes {
            match change {
                Retain::Row(row, diff) => *self.rows.entry(row).or_default() += diff,
                Retain::Bury(group) => {
                    let before = self.rows.len();
                    self.rows.retain(|row, _| row.group() != Some(&group));
                    assert!(self.rows.len() < before, "{group} was buried and never written");
                }
            }
        }
        self.rows.retain(|_, diff| *diff != 0);
        for (row, diff) in &self.rows {
            assert!(*diff > 0, "dropped without having been kept: {row:?}");
            let counted = matches!(row, RetainedRow::Duplicate { .. });
            assert!(counted || *diff == 1, "kept {diff} times: {row:?}");
        }
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
