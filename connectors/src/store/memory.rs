use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use object_store::GetRange;

use super::backend::Found;
use super::problem::{Failure, Problem};
use super::{Creation, Listed};

/// A store in this process.
#[derive(Default)]
pub(super) struct Memory {
    objects: Mutex<BTreeMap<String, Kept>>,
}

struct Kept {
    bytes: Bytes,
    modified_ms: u64,
}

impl Kept {
    fn new(bytes: Bytes) -> Kept {
        // A slice of some larger buffer would keep all of it alive.
        Kept { bytes: Bytes::copy_from_slice(&bytes), modified_ms: wall_ms() }
    }

    fn listed(&self, path: &str) -> Listed {
        Listed {
            path: path.to_owned(),
            size: self.bytes.len() as u64,
            modified_ms: self.modified_ms,
        }
    }
}

impl Memory {
    pub(super) fn create(&self, path: &str, bytes: Bytes) -> Result<Creation, Failure> {
        match self.objects().entry(path.to_owned()) {
            Entry::Occupied(_) => Ok(Creation::Exists),
            Entry::Vacant(free) => {
                free.insert(Kept::new(bytes));
                Ok(Creation::Created)
            }
        }
    }

    pub(super) fn put(&self, path: &str, bytes: Bytes) -> Result<(), Failure> {
        self.objects().insert(path.to_owned(), Kept::new(bytes));
        Ok(())
    }

    pub(super) fn read(
        &self,
        path: &str,
        range: Option<GetRange>,
    ) -> Result<Option<Found>, Failure> {
        let objects = self.objects();
        let Some(kept) = objects.get(path) else { return Ok(None) };
        let size = kept.bytes.len() as u64;
        let range = match range {
            None => 0..size,
            Some(range) => range
                .as_range(size)
                .map_err(|error| Failure::new(Problem::Other, error.to_string()))?,
        };
        let bytes = kept.bytes.slice(range.start as usize..range.end as usize);
        Ok(Some(Found { object: kept.listed(path), from: range.start, bytes }))
    }

    pub(super) fn head(&self, path: &str) -> Result<Option<Listed>, Failure> {
        Ok(self.objects().get(path).map(|kept| kept.listed(path)))
    }

    pub(super) fn list(&self, prefix: &str, after: &str) -> Result<Vec<Listed>, Failure> {
        let below = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        let start = Bound::Excluded(after.max(below.as_str()));
        let objects = self.objects();
        let found = objects.range::<str, _>((start, Bound::Unbounded));
        Ok(found
            .take_while(|(path, _)| path.starts_with(&below))
            .map(|(path, kept)| kept.listed(path))
            .collect())
    }

    pub(super) fn delete(&self, path: &str) -> Result<(), Failure> {
        self.objects().remove(path);
        Ok(())
    }

    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, Kept>> {
        // No operation leaves the map half changed, so a panic elsewhere does not spoil it.
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The machine's time, by which a store stamps its objects and knows old ones.
#[expect(
    clippy::disallowed_methods,
    reason = "a store stamps its objects, as a file system does; no row depends on it"
)]
pub(super) fn wall_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_millis() as u64)
}
