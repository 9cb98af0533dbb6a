//! Drives the dataflow: workers, epochs, commits, recovery.

pub mod job;
pub mod observe;
