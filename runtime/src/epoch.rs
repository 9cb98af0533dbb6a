//! Epochs, checkpoints, commits: the one protocol by which input becomes true.
//!
//! ```text
//!  worker:  poll ─► push ─► seal ──────────┐ positions, as data
//!                                          ▼
//!  dataflow:  operators ─► stage ──(upload)──► receipts ─► commit ─► probe
//!                           holds the checkpoint's          (worker 0)  └─ bounds what is in flight
//!                           capability
//!  lead:      draft ─► create log/<seq> if absent ─► committed ─► publish, merge, sweep
//! ```
//!
//! 1. Nothing is true until the log names it; start-up is recovery, of an empty log at first.
//! 2. A held capability is an open promise: the frontier passes a checkpoint when every worker has staged it.
//! 3. Only polling is ever held back. Sealing, stepping, staging and committing go on, or nothing would drain.
//! 4. What an incarnation stages carries its number; what it did not commit is swept by a later one.

pub(crate) mod commit;
mod decisions;
pub(crate) mod failpoint;
pub(crate) mod hands;
mod lacking;
pub(crate) mod lead;
pub mod ledger;
pub(crate) mod marks;
pub(crate) mod number;
pub(crate) mod patience;
pub(crate) mod publish;
pub(crate) mod publishers;
pub(crate) mod recover;
pub(crate) mod retained;
pub(crate) mod stage;
pub(crate) mod staging;
pub(crate) mod topics;
pub(crate) mod votes;
