//! How far the job is, by its log: what anybody who asks the store is told.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

/// A log in a directory that a store of tests serves.
pub(super) struct Log {
    folder: PathBuf,
    /// The last record that was seen.
    seen: AtomicU64,
}

/// Where a log stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reached {
    pub(super) record: u64,
    pub(super) incarnation: u64,
    /// Rows read, and accounted for, by all commits so far.
    pub(super) rows: u64,
    /// Those of topics among them: where their partitions are gone on with.
    pub(super) of_topics: u64,
}

impl Log {
    pub(super) fn of(folder: PathBuf) -> Log {
        Log { folder, seen: AtomicU64::new(0) }
    }

    fn record(&self, nr: u64) -> Option<Value> {
        // One that is being written is not there yet.
        let bytes = fs::read(self.folder.join(format!("{nr:020}.json"))).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Where it stands now.
    pub(super) fn reached(&self) -> Reached {
        let mut record = self.seen.load(Ordering::Relaxed);
        while self.record(record + 1).is_some() {
            record += 1;
        }
        self.seen.store(record, Ordering::Relaxed);
        let Some(last) = self.record(record) else { return Reached::default() };
        let number = |value: &Value| value.as_u64().unwrap();
        let positions = last["standing"]["positions"].as_array().unwrap();
        let topics = positions.iter().filter(|position| {
            // Of files, positions are bytes.
            ["votes", "ticks"].map(Value::from).contains(&position["origin"]["source"])
        });
        Reached {
            record,
            incarnation: number(&last["incarnation"]),
            rows: number(&last["standing"]["totals"]["rows_in"]),
            of_topics: topics.map(|position| number(&position["next"])).sum(),
        }
    }
}
