use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use super::problem::{Operation, Problem};

/// What was asked of a store: how often, by operation, how many bytes, and what went wrong.
///
/// Of an upload in parts its beginning, each part and its completion are a `put` each, as they are billed; that it was
/// given up is a `delete`.
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
    /// Bytes of objects sent, tries again included.
    pub sent_bytes: u64,
    /// Bytes of objects received.
    pub received_bytes: u64,
    /// Attempts that failed, by what was in the way.
    pub failures: Failures,
}

/// Attempts that failed, whether or not another one worked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failures {
    /// No answer within the deadline.
    pub timed_out: u64,
    /// The store was out of reach, overloaded or broken.
    pub unreachable: u64,
    /// Creations without a certain answer.
    pub unknown: u64,
    /// Rights or credentials were missing.
    pub denied: u64,
    /// No space was left.
    pub full: u64,
    /// Anything else.
    pub other: u64,
}

impl Requests {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.create + self.put + self.get + self.head + self.list + self.delete
    }
}

impl Failures {
    /// All of them.
    pub fn total(&self) -> u64 {
        let Failures { timed_out, unreachable, unknown, denied, full, other } = self;
        timed_out + unreachable + unknown + denied + full + other
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
    sent_bytes: AtomicU64,
    received_bytes: AtomicU64,
    timed_out: AtomicU64,
    unreachable: AtomicU64,
    unknown: AtomicU64,
    denied: AtomicU64,
    full: AtomicU64,
    other: AtomicU64,
    in_a_row: AtomicU64,
}

impl Counters {
    /// An attempt begins, which sends so many bytes.
    pub(super) fn count(&self, operation: Operation, bytes: usize) {
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
        self.sent_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn received(&self, bytes: usize) {
        self.received_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// An attempt came to something.
    pub(super) fn succeeded(&self) {
        self.in_a_row.store(0, Ordering::Relaxed);
    }

    /// How many have failed since.
    pub(super) fn failures_in_a_row(&self) -> u64 {
        self.in_a_row.load(Ordering::Relaxed)
    }

    pub(super) fn failed(&self, problem: Problem) {
        self.in_a_row.fetch_add(1, Ordering::Relaxed);
        let counter = match problem {
            Problem::TimedOut => &self.timed_out,
            Problem::Unreachable => &self.unreachable,
            Problem::Denied | Problem::Unauthenticated | Problem::ReadOnly => &self.denied,
            Problem::NoSpace => &self.full,
            _ => &self.other,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn left_unknown(&self) {
        self.in_a_row.fetch_add(1, Ordering::Relaxed);
        self.unknown.fetch_add(1, Ordering::Relaxed);
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
            sent_bytes: read(&self.sent_bytes),
            received_bytes: read(&self.received_bytes),
            failures: Failures {
                timed_out: read(&self.timed_out),
                unreachable: read(&self.unreachable),
                unknown: read(&self.unknown),
                denied: read(&self.denied),
                full: read(&self.full),
                other: read(&self.other),
            },
        }
    }
}
