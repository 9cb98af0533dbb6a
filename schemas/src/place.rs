//! Where an input row came from, exactly.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A source of the job and one of its partitions (a file, a topic's partition).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// The source's name in the job: `votes`, `tasks`, …
    pub source: String,
    /// The partition's name within the source, for a file its path as matched.
    pub partition: String,
}

impl Origin {
    /// This origin, to be shared by all rows of the partition.
    pub fn shared(self) -> OriginRef {
        static SEEN: Mutex<BTreeSet<&'static Origin>> = Mutex::new(BTreeSet::new());
        let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = seen.get(&self) {
            return OriginRef(known);
        }
        let kept: &'static Origin = Box::leak(Box::new(self));
        seen.insert(kept);
        OriginRef(kept)
    }
}

/// An [`Origin`] that lives as long as the process: some hundred bytes a partition, once. Every row has one, and workers
/// drop each other's rows: a count of references would be what they all wait for.
#[derive(Clone, Copy)]
pub struct OriginRef(&'static Origin);

impl Deref for OriginRef {
    type Target = Origin;

    fn deref(&self) -> &Origin {
        self.0
    }
}

impl AsRef<Origin> for OriginRef {
    fn as_ref(&self) -> &Origin {
        self.0
    }
}

impl PartialEq for OriginRef {
    fn eq(&self, other: &Self) -> bool {
        // There is one of each.
        std::ptr::eq(self.0, other.0)
    }
}

impl Eq for OriginRef {}

impl PartialOrd for OriginRef {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for OriginRef {
    fn cmp(&self, other: &Self) -> Ordering {
        if self == other { Ordering::Equal } else { self.0.cmp(other.0) }
    }
}

impl Hash for OriginRef {
    fn hash<H: Hasher>(&self, into: &mut H) {
        self.0.hash(into);
    }
}

impl fmt::Debug for OriginRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for OriginRef {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl<'de> Deserialize<'de> for OriginRef {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Origin::deserialize(from).map(Origin::shared)
    }
}

/// The place of one row: its partition and its position there (for a file: the byte its line begins at, of Parquet the
/// number of the row). Rows that are members of one line share its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The partition, shared by all of its rows.
    pub origin: OriginRef,
    /// The position of the row in its partition.
    pub position: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_origins_are_one_and_others_are_ordered_by_what_they_say() {
        let origin =
            |partition: &str| Origin { source: "votes".into(), partition: partition.into() };
        let (a, b) = (origin("a").shared(), origin("b").shared());
        assert_eq!(a, origin("a").shared());
        assert_eq!(*a, origin("a"));
        assert!(a < b && a != b);
    }
}
