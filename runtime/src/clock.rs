//! The only place that looks at clocks. Results never depend on them: they pace epochs and checkpoints, date
//! records for people, and bound how far ahead a row's event time may lie.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use quorate_schemas::time::Micros;

use crate::epoch::failpoint::clock_ahead_us;

/// Wall time in microseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub(crate) fn now_us() -> Micros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Micros::try_from(since.as_micros()).unwrap_or(Micros::MAX).saturating_add(clock_ahead_us())
}

/// Wall time in milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    u64::try_from(now_us() / 1_000).unwrap_or(0)
}

/// Measures time that only goes forward, also while the machine sleeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub(crate) fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }

    pub(crate) fn elapsed_ms(self) -> u64 {
        u64::try_from(self.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Milliseconds since the machine started, asleep or awake: what the ledger's rules measure silence with.
pub(crate) fn boot_ms() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let (seconds, nanos) =
        (u64::try_from(now.tv_sec).unwrap_or(0), u64::try_from(now.tv_nsec).unwrap_or(0));
    seconds * 1_000 + nanos / 1_000_000
}
