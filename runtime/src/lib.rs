//! Drives the dataflow: workers, epochs, commits, recovery.

mod assign;
mod clock;
pub mod epoch;
pub mod error;
pub mod health;
pub mod job;
pub mod metrics;
pub mod observe;
mod partitions;
pub mod pool;
mod roster;
mod run;
mod shared;
mod survey;
mod upgrade;
mod worker;

pub use error::Error;
pub use run::{run, upgrade};
