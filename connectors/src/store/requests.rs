use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use super::problem::Operation;

/// How many requests were made of a store, by operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requests {
    /// Objects created, or tried to.
    pub create: u64,
    /// Objects written.
    pub put: u64,
    /// Objects or parts of them read.
    pub get: u64,
    /// Objects looked up.
    pub head: u64,
    /// Listings.
    pub list: u64,
    /// Objects removed.
    pub delete: u64,
}

impl Requests {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.create + self.put + self.get + self.head + self.list + self.delete
    }
}

#[derive(Default)]
pub(super) struct Counters {
    create: AtomicU64,
    put: AtomicU64,
    get: AtomicU64,
    head: AtomicU64,
    list: AtomicU64,
    delete: AtomicU64,
}

impl Counters {
    pub(super) fn count(&self, operation: Operation) {
        let counter = match operation {
            Operation::Create => &self.create,
            Operation::Put => &self.put,
            Operation::Get => &self.get,
            Operation::Head => &self.head,
            Operation::List => &self.list,
            Operation::Delete => &self.delete,
            Operation::Open => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Requests {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Requests {
            create: read(&self.create),
            put: read(&self.put),
            get: read(&self.get),
            head: read(&self.head),
            list: read(&self.list),
            delete: read(&self.delete),
        }
    }
}
