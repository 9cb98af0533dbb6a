//! Where an input row came from, exactly.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A source of the job and one of its partitions (a file, a topic's partition).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// The source's name in the job: `votes`, `tasks`, …
    pub source: String,
    /// The partition's name within the source, for a file its path as matched.
    pub partition: String,
}

/// The place of one row: its partition and its position there (for a file: the byte its line begins at).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The partition, shared by all of its rows.
    pub origin: Arc<Origin>,
    /// The position of the row in its partition.
    pub position: u64,
}
