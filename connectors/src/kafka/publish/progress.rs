use std::collections::BTreeMap;

use quorate_schemas::table::Table;
use serde::{Deserialize, Serialize};

/// How far the topics of a log are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The job, for people.
    pub job: String,
    /// Of each table, where it was told to.
    pub tables: BTreeMap<Table, Told>,
}

/// How far the topic of one table is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The topic.
    pub topic: String,
    /// The last commit of which it has all rows of the table.
    pub commit: u64,
    /// How many rows it has of the commit after that one; a large commit takes several transactions.
    pub rows: u64,
}

impl Progress {
    /// How far `topic` is with `table`; nothing if it has never been told of it, or the table went elsewhere before.
    pub fn of(&self, table: Table, topic: &str) -> Option<&Told> {
        self.tables.get(&table).filter(|told| told.topic == topic)
    }

    /// As it is written.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("words and numbers have a text")
    }

    /// What was written; `None` if it is something else.
    pub(super) fn read(bytes: &[u8]) -> Option<Progress> {
        serde_json::from_slice(bytes).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_counts_for_the_topic_that_it_was_made_in() {
        let told = Told { topic: "panel.votes".into(), commit: 7, rows: 2 };
        let progress =
            Progress { job: "panel".into(), tables: [(Table::Votes, told.clone())].into() };
        let text =
            r#"{"job":"panel","tables":{"votes":{"topic":"panel.votes","commit":7,"rows":2}}}"#;
        assert_eq!(String::from_utf8(progress.to_bytes()).unwrap(), text);
        let read = Progress::read(text.as_bytes()).unwrap();
        assert_eq!(read.of(Table::Votes, "panel.votes"), Some(&told));
        assert_eq!(read.of(Table::Votes, "elsewhere"), None);
        assert_eq!(read.of(Table::Decisions, "panel.votes"), None);
        assert_eq!(Progress::read(b"7"), None);
    }
}
