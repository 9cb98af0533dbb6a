use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use quorate_connectors::kafka::publish::{Progress, PublishSpec};
use quorate_schemas::table::Table;

use super::ledger::Committed;

/// How far topics are, for whoever removes what they still need. As long as it is not known, they need everything.
#[derive(Debug, Default)]
pub(crate) struct TopicMarks(Mutex<BTreeMap<Table, u64>>);

impl TopicMarks {
    /// Of the tables that go to topics, none of which has been told of anything.
    pub(crate) fn of(spec: Option<&PublishSpec>) -> TopicMarks {
        let tables = spec.into_iter().flat_map(|spec| spec.topics.keys());
        TopicMarks(Mutex::new(tables.map(|table| (*table, 0)).collect()))
    }

    /// They are so far.
    pub(super) fn set(&self, progress: &Progress) {
        let mut marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (table, mark) in marks.iter_mut() {
            *mark = progress.tables.get(table).map_or(0, |told| told.commit);
        }
    }

    /// Up to which commit a table's topic has everything; `None` if it goes to none.
    pub(super) fn at(&self, table: Table) -> Option<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&table).copied()
    }

    /// Whether a table's topic lacks rows that were committed by `then`.
    pub(super) fn lacks(&self, table: Table, then: &Committed) -> bool {
        self.at(table).is_some_and(|at| at < last_of(table, then))
    }

    /// In words, what topics lack of what was committed by `then`; `None` if they have it all.
    pub(super) fn lacking(&self, then: &Committed) -> Option<String> {
        let lacking: Vec<String> = Table::ALL
            .into_iter()
            .filter(|table| self.lacks(*table, then))
            .filter_map(|table| {
                let (name, last) = (table.name(), last_of(table, then));
                Some(format!("{name} after commit {} up to {last}", self.at(table)?))
            })
            .collect();
        (!lacking.is_empty()).then(|| lacking.join(", "))
    }
}

/// The last commit that had rows of `table`.
fn last_of(table: Table, then: &Committed) -> u64 {
    then.record().standing.tables.get(table.name()).map_or(0, |table| table.last_seq)
}
