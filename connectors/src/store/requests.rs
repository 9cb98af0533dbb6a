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

/// What went between a store and those who use it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Attempts.
    pub requests: Requests,
    /// Of those, the ones that came to nothing: the store refused, or did not answer.
    pub failures: Requests,
    /// How many attempts have failed since one last succeeded.
    pub failures_in_a_row: u64,
    /// Bytes of content that were sent, tries again included.
    pub sent_bytes: u64,
    /// Bytes of content that came back.
    pub received_bytes: u64,
}

#[derive(Default)]
pub(super) struct Counters {
    asked: ByOperation,
    failed: ByOperation,
    failed_in_a_row: AtomicU64,
    sent_bytes: AtomicU64,
    received_bytes: AtomicU64,
}

#[derive(Default)]
struct ByOperation {
    create: AtomicU64,
    put: AtomicU64,
    get: AtomicU64,
    head: AtomicU64,
    list: AtomicU64,
    delete: AtomicU64,
}

impl Counters {
    /// An attempt begins, which sends so many bytes.
    pub(super) fn count(&self, operation: Operation, bytes: usize) {
        self.asked.count(operation);
        self.sent_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// It came to something.
    pub(super) fn succeeded(&self) {
        self.failed_in_a_row.store(0, Ordering::Relaxed);
    }

    /// It came to nothing.
    pub(super) fn failed(&self, operation: Operation) {
        self.failed.count(operation);
        self.failed_in_a_row.fetch_add(1, Ordering::Relaxed);
    }

    /// So many bytes came back.
    pub(super) fn received(&self, bytes: usize) {
        self.received_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Requests {
        self.asked.read()
    }

    pub(super) fn traffic(&self) -> Traffic {
        Traffic {
            requests: self.asked.read(),
            failures: self.failed.read(),
            failures_in_a_row: self.failed_in_a_row.load(Ordering::Relaxed),
            sent_bytes: self.sent_bytes.load(Ordering::Relaxed),
            received_bytes: self.received_bytes.load(Ordering::Relaxed),
        }
    }
}

impl ByOperation {
    fn count(&self, operation: Operation) {
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

    fn read(&self) -> Requests {
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
