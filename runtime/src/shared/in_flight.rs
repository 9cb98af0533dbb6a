//! Input that was read here and is not committed: what bounds the memory of a run whose store, or whose dataflow, is
//! slower than its sources.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use quorate_operators::rows::Epoch;

use crate::epoch::number::checkpoint_of;

/// So many checkpoints' worth of input: of the open one, and of two that are on their way into the log.
const CHECKPOINTS: u64 = 3;

/// A row counts as so many bytes at least: in memory it takes more than that, however few it has in its file.
const ROW_BYTES: u64 = 64;

/// What the workers of one process have in flight.
pub(crate) struct InFlight {
    limit: u64,
    by_checkpoint: Mutex<BTreeMap<u64, u64>>,
    /// What they come to together.
    bytes: AtomicU64,
    /// All before this checkpoint is committed.
    committed_before: AtomicU64,
}

impl InFlight {
    /// Nothing, of a job whose checkpoints hold so many bytes.
    pub(crate) fn of(checkpoint_bytes: u64) -> InFlight {
        InFlight {
            limit: checkpoint_bytes.saturating_mul(CHECKPOINTS),
            by_checkpoint: Mutex::default(),
            bytes: AtomicU64::new(0),
            committed_before: AtomicU64::new(0),
        }
    }

    /// What so many rows, with so many bytes, count as.
    pub(crate) fn weight(bytes: u64, rows: u64) -> u64 {
        bytes.max(rows.saturating_mul(ROW_BYTES))
    }

    /// So much was read in `epoch`.
    pub(crate) fn read(&self, epoch: Epoch, bytes: u64) {
        let mut by_checkpoint = self.by_checkpoint.lock().unwrap_or_else(PoisonError::into_inner);
        *by_checkpoint.entry(checkpoint_of(epoch)).or_default() += bytes;
        self.bytes.fetch_add(bytes, Ordering::AcqRel);
    }

    /// Every epoch before this one is committed.
    pub(crate) fn committed_before(&self, epoch: Epoch) {
        let checkpoint = checkpoint_of(epoch);
        // Asked again and again; most often nothing has changed.
        if self.committed_before.fetch_max(checkpoint, Ordering::AcqRel) >= checkpoint {
            return;
        }
        let mut by_checkpoint = self.by_checkpoint.lock().unwrap_or_else(PoisonError::into_inner);
        let open = by_checkpoint.split_off(&checkpoint);
        let done: u64 = std::mem::replace(&mut *by_checkpoint, open).into_values().sum();
        self.bytes.fetch_sub(done, Ordering::AcqRel);
    }

    /// Whether more may be read. What a worker is about to read comes on top, which is little.
    pub(crate) fn has_room(&self) -> bool {
        self.bytes() < self.limit
    }

    /// How much there is.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epoch::number::{after, first_epoch};

    #[test]
    fn there_is_room_again_once_what_was_read_is_committed() {
        let flight = InFlight::of(100);
        let check = |bytes: u64, has_room: bool| {
            assert_eq!((flight.bytes(), flight.has_room()), (bytes, has_room));
        };
        check(0, true);
        flight.read(first_epoch(7), 150);
        flight.read(after(first_epoch(7)), 100);
        flight.read(first_epoch(9), 40);
        check(290, true);
        flight.read(first_epoch(9), 20);
        check(310, false);
        // Some epochs of a checkpoint are none of it.
        flight.committed_before(after(first_epoch(7)));
        check(310, false);
        flight.committed_before(first_epoch(8));
        check(60, true);
        flight.committed_before(first_epoch(8));
        flight.committed_before(first_epoch(7));
        check(60, true);
        flight.committed_before(first_epoch(10));
        check(0, true);
    }

    #[test]
    fn many_short_rows_are_not_little() {
        assert_eq!(InFlight::weight(1_000, 10), 1_000);
        assert_eq!(InFlight::weight(1_000, 100), 6_400);
        assert_eq!(InFlight::weight(1_000, u64::MAX), u64::MAX);
    }
}
