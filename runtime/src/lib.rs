//! Drives the dataflow: workers, epochs, commits, recovery.

mod assign;
mod clock;
pub mod cluster;
pub mod epoch;
pub mod error;
pub mod health;
pub mod job;
mod lots;
pub mod metrics;
pub mod observe;
mod partitions;
pub mod pool;
mod roster;
mod run;
mod seats;
mod shared;
mod survey;
mod upgrade;
mod worker;

pub use error::Error;
pub use run::{run, upgrade};
