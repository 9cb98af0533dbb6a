//! What each worker is handed: partitions to read, and what it is fed back at the start. Who reads what is the
//! [roster](crate::roster)'s; no result depends on it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use quorate_schemas::retained::RetainedRow;

use crate::partitions::Errand;
use crate::seats::Seats;

/// What the workers have not taken yet.
pub(crate) struct Assignments {
    queues: Vec<Queue>,
    complete: bool,
}

/// One worker's. Bounded by the partitions: none is handed out again before its owner has laid it down.
#[derive(Default)]
struct Queue {
    errands: Mutex<Vec<Errand>>,
    has_news: AtomicBool,
    restored: Mutex<Vec<RetainedRow>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Assignments {
    /// No errands yet, for the workers of a process. `complete`: no partition will come that is not there at the start.
    /// `restored` are this process's rows: those of a task are fed back by the worker that will hold them, the others by
    /// one after the other.
    pub(crate) fn new(seats: Seats, complete: bool, restored: Vec<RetainedRow>) -> Assignments {
        let mut rows: Vec<Vec<RetainedRow>> = (0..seats.threads).map(|_| Vec::new()).collect();
        for (at, row) in restored.into_iter().enumerate() {
            let thread = row.task().and_then(|task| seats.restores(task.route()));
            rows[thread.unwrap_or(at % seats.threads)].push(row);
        }
        let of = |restored| Queue { restored: Mutex::new(restored), ..Queue::default() };
        Assignments { queues: rows.into_iter().map(of).collect(), complete }
    }

    /// Hands `errand` to `worker`.
    pub(crate) fn hand(&self, worker: usize, errand: Errand) {
        let queue = &self.queues[worker];
        lock(&queue.errands).push(errand);
        queue.has_news.store(true, Ordering::Release);
    }

    /// The errands that `worker` has not taken yet.
    pub(crate) fn take(&self, worker: usize) -> Vec<Errand> {
        self.queues[worker].has_news.store(false, Ordering::Release);
        std::mem::take(&mut *lock(&self.queues[worker].errands))
    }

    /// Whether there are any.
    pub(crate) fn has_news(&self, worker: usize) -> bool {
        self.queues[worker].has_news.load(Ordering::Acquire)
    }

    /// The rows that `worker` feeds back at the start.
    pub(crate) fn take_restored(&self, worker: usize) -> Vec<RetainedRow> {
        std::mem::take(&mut *lock(&self.queues[worker].restored))
    }

    /// Whether no more partitions can come.
    pub(crate) fn is_complete(&self) -> bool {
        self.complete
    }
}
