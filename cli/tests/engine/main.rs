//! The engine from outside: the built binary on generated fleets and real panels.
//!
//! Tables are read back through `quorate query`, as an analyst would, and compared without the columns that say
//! where and when a row was read and committed.

#![cfg(feature = "sql")]

mod alike;
mod bad_input;
#[cfg(target_os = "linux")]
mod chaos;
#[cfg(target_os = "linux")]
mod cluster;
mod csv;
#[cfg(feature = "failpoints")]
mod faults;
mod followed;
mod job;
#[cfg(feature = "failpoints")]
mod kills;
mod often;
mod panels;
mod parquet;
mod pool;
mod published;
mod reopened;
mod requests;
mod rotated;
mod running;
mod s3;
mod ticks;
mod topics;
mod upgraded;
mod wide;
