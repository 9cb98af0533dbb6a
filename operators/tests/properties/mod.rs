//! What must hold of every job, however it ran.

mod census;
mod equal;
mod forgotten;
mod independent;
mod lives;
mod restart;
mod upgrade;
mod wired;

use proptest::test_runner::Config;

/// `times` the usual number of cases. Failing inputs become tests of their own, so none are stored.
pub(crate) fn cases(times: u32) -> Config {
    let usual = Config::default();
    Config {
        cases: usual.cases * times,
        failure_persistence: None,
        max_shrink_iters: 200_000,
        ..usual
    }
}
