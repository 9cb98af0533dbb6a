//! What a store can be asked: its tables in SQL, why a task was decided as it was, whether all of it adds up, and
//! the log as history.
//!
//! ```text
//!           log/…            tables/…, _delta_log/…
//!             │                      │
//!             └──────► Snapshot ◄────┘   one commit, the same for every table
//!                         │
//!        ┌────────┬───────┴──┬──────────┬──────────┐
//!       sql    explain    verify     whatif     commits
//!              └───── rows, derive ─────┘           by arithmetic of its own
//! ```
//!
//! 1. Nothing here writes to a store, and nothing needs a running job.
//! 2. The log says what is true. Delta tables say where its rows lie now, since merging moves them.
//! 3. [`verify`] and [`explain`] derive decisions, evidence and weights by code that shares nothing with the engine's
//!    operators: two programs have to agree before a table is called right.

pub mod agents;
pub mod commits;
pub mod error;
pub mod explain;
pub mod label;
pub mod rejects;
pub mod report;
pub mod snapshot;
#[cfg(feature = "sql")]
pub mod sql;
pub mod terms;
pub mod verify;
pub mod whatif;

mod derive;
mod file;
mod grid;
mod history;
mod near;
mod read;
mod rows;
