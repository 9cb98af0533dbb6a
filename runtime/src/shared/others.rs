//! What the other processes of a cluster have told of the run, and what they are told.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use quorate_schemas::log::Counts;

use super::Shared;
use crate::cluster::hall::{Hall, Told};
use crate::cluster::word::Standing;

/// The others of a process; none, where it works alone.
#[derive(Default)]
pub(super) struct Others {
    hall: Option<Arc<Hall>>,
    standings: Mutex<Vec<(usize, Standing)>>,
    /// The bytes of all standings: a worker looks at them again and again.
    bytes: AtomicU64,
}

impl Others {
    /// Those that are met in `hall`.
    pub(super) fn met(hall: Arc<Hall>) -> Others {
        Others { hall: Some(hall), ..Others::default() }
    }

    /// They wait for what has just changed.
    pub(super) fn are_waiting(&self) {
        if let Some(hall) = &self.hall {
            hall.has_news();
        }
    }

    /// Bytes that they have read.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Rows that they have read, and those of them that were refused in their tasks.
    pub(super) fn rows(&self) -> (Counts, u64) {
        if self.hall.is_none() {
            return (Counts::default(), 0);
        }
        let standings = self.standings.lock().unwrap_or_else(PoisonError::into_inner);
        standings.iter().fold((Counts::default(), 0), |(rows, refused), (_, told)| {
            (rows.plus(told.rows), refused + told.refused)
        })
    }

    fn heard(&self, peer: usize, standing: Standing) {
        let mut standings = self.standings.lock().unwrap_or_else(PoisonError::into_inner);
        standings.retain(|(known, _)| *known != peer);
        standings.push((peer, standing));
        let bytes = standings.iter().map(|(_, told)| told.bytes).sum();
        self.bytes.store(bytes, Ordering::Relaxed);
    }
}

impl Told for Shared {
    fn standing(&self) -> Standing {
        Standing {
            opened: self.opened.load(Ordering::Acquire),
            bytes: self.bytes.load(Ordering::Relaxed),
            rows: self.rows.get(),
            refused: self.rows.refused.load(Ordering::Relaxed),
            committed: (
                self.committed.load(Ordering::Acquire),
                self.commits.load(Ordering::Relaxed),
            ),
            waits_ms: self.metrics.vitals().waits_ms(),
            stops: self.stop.is_given(),
        }
    }

    fn hear(&self, peer: usize, standing: Standing) {
        // Not passed on: every process tells every other.
        self.opened.fetch_max(standing.opened, Ordering::AcqRel);
        self.others.heard(peer, standing);
        self.metrics.vitals().wait_elsewhere(peer, standing.waits_ms);
        if peer == 0 {
            let (checkpoint, commits) = standing.committed;
            self.committed.fetch_max(checkpoint, Ordering::AcqRel);
            self.commits.fetch_max(commits, Ordering::Relaxed);
        }
        if standing.stops && !self.stop.is_given() {
            self.stop.stop();
            self.others.are_waiting();
        }
    }
}
