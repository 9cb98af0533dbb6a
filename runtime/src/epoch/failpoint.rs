//! Moments at which a test can end the process, as a power cut would.
//!
//! Built only with the feature `failpoints`. `QUORATE_FAILPOINT` asks for one:
//!
//! - `<step>:<n>`: when the step is reached for the n-th time;
//! - `<step>:<n>!`: when it is reached for the n-th time with rows in flight;
//! - `rows:<n>+<us>`: so many microseconds after the n-th row was read, at whatever step that is, once rows are in
//!   flight;
//! - `hang:<n>`: the worker that makes the n-th turn of all in the process makes no other; the process goes on.
//!
//! The step and the rows in flight go to standard error first; then the process gets SIGKILL.
//! `QUORATE_CLOCK_AHEAD_S` has the process live so many seconds ahead of its machine, or behind.

#[cfg(feature = "failpoints")]
mod armed;

#[cfg(feature = "failpoints")]
pub(crate) use armed::{clock_ahead_us, faults, reach, rows_committed, rows_read, turn};

/// The steps of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A worker is about to seal an epoch.
    Seal,
    /// A checkpoint's files are about to be uploaded.
    Upload,
    /// They have been.
    Uploaded,
    /// A record is about to be created.
    Create,
    /// It has been, and nobody knows.
    Created,
    /// A committed record is about to be published.
    Publish,
    /// It has been.
    Published,
    /// Whoever told topics before cannot any more, and it is not known yet how far they are.
    Fence,
    /// Rows are about to be sent to topics.
    Send,
    /// They have been, and nobody sees them.
    Sent,
    /// They are seen.
    Told,
    /// Retained files are about to be merged.
    Merge,
    /// They have been, and no record names the outcome.
    Merged,
    /// Orphans are about to be looked for.
    Sweep,
    /// An object that nobody needs is about to be removed.
    Remove,
    /// A claim has been made, nothing is recovered yet.
    Claimed,
    /// The retained rows have been read, nothing is fed back yet.
    Recovered,
}

/// The process has reached `step`.
#[cfg(not(feature = "failpoints"))]
pub(crate) fn reach(_step: Step) {}

/// How far ahead the clock of this process is to be.
#[cfg(not(feature = "failpoints"))]
pub(crate) fn clock_ahead_us() -> quorate_schemas::time::Micros {
    0
}

/// A worker goes through its loop.
#[cfg(not(feature = "failpoints"))]
pub(crate) fn turn() {}

/// So many rows were read.
#[cfg(not(feature = "failpoints"))]
pub(crate) fn rows_read(_rows: u64) {}

/// So many of the rows that were read are committed.
#[cfg(not(feature = "failpoints"))]
pub(crate) fn rows_committed(_rows: u64) {}
