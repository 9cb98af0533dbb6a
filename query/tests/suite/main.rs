//! Stores made by the engine's own core, then asked, explained, verified and tampered with.
//!
//! ```text
//!   scenario ─► engine (booth, clock, book) ─► shelf: files, Delta tables, log ─► verify, explain, sql, commits
//!                                                 └─ tamper ─────────────────────► what does verify say?
//! ```

mod clean;
mod commits;
mod engine;
mod explain;
mod forged;
mod published;
mod report;
mod scenario;
mod shelf;
#[cfg(feature = "sql")]
mod sql;
mod tamper;
mod tampered;
mod whatif;
