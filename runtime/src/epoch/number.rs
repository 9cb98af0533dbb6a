//! Epochs are numbers; their high bits number the checkpoint.

use quorate_operators::rows::Epoch;

/// So many epochs make a checkpoint, at most.
const EPOCHS_BITS: u32 = 20;

/// The checkpoint that `epoch` belongs to.
pub(crate) fn checkpoint_of(epoch: Epoch) -> u64 {
    epoch >> EPOCHS_BITS
}

/// The first epoch of `checkpoint`.
pub(crate) fn first_epoch(checkpoint: u64) -> Epoch {
    checkpoint << EPOCHS_BITS
}

/// The last epoch of `checkpoint`: receipts are given there.
pub(crate) fn last_epoch(checkpoint: u64) -> Epoch {
    first_epoch(checkpoint + 1) - 1
}

/// The epoch after `epoch`.
pub(crate) fn after(epoch: Epoch) -> Epoch {
    epoch + 1
}
