//! What time it is, for what a person asks now.

use std::time::{SystemTime, UNIX_EPOCH};

/// The time, for what is written down for people.
#[expect(
    clippy::disallowed_methods,
    reason = "no result depends on when somebody ordered or answered something"
)]
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(0)
}
