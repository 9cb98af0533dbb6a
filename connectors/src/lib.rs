//! Sources, stores and publishers.
//!
//! This crate owns the words of the outside: object stores, Parquet, the Delta log, files and their formats. Inside
//! it speaks in `quorate-schemas`.

pub mod delta;
pub mod error;
pub mod generate;
pub mod staged;
pub mod store;
