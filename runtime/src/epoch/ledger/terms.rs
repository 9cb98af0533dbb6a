//! The numbers of the protocol.

use quorate_schemas::log::MAX_RETAINED_FILES;

/// The numbers of the protocol. All who share a log must use the same heartbeat and trim age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// A record is due when none was written for so long.
    pub heartbeat_ms: u64,
    /// After so many heartbeats without a record another owner may claim.
    pub missed_heartbeats: u64,
    /// A commit that took longer looks for a higher record before it counts.
    pub slow_commit_ms: u64,
    /// Records are kept at least so long. Must be far longer than any listing lags behind.
    pub trim_age_ms: u64,
    /// More live retained files than these are merged.
    pub merge_at_files: usize,
    /// A commit that would leave more live retained files has to wait for a merge.
    pub most_retained_files: usize,
    /// So many rows may be dead before anything is merged for them.
    pub merge_slack_rows: u64,
    /// One record in so many is written down as the hint.
    pub hint_every: u64,
}

impl Default for Terms {
    fn default() -> Self {
        Terms {
            heartbeat_ms: 60_000,
            missed_heartbeats: 3,
            slow_commit_ms: 30_000,
            trim_age_ms: 7 * 24 * 3_600_000,
            merge_at_files: 32,
            most_retained_files: MAX_RETAINED_FILES,
            merge_slack_rows: 4_096,
            hint_every: 16,
        }
    }
}

impl Terms {
    /// The silence after which an owner counts as gone.
    pub fn silence_ms(&self) -> u64 {
        self.heartbeat_ms.saturating_mul(self.missed_heartbeats)
    }
}
