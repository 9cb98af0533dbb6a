//! Sources, stores and publishers.
//!
//! This crate owns the words of the outside: object stores, Parquet, the Delta log, files and their formats. Inside
//! it speaks in `quorate-schemas`.

pub mod decode;
pub mod delta;
pub mod error;
pub mod generate;
pub mod inlet;
pub mod kafka;
pub mod source;
pub mod staged;
pub mod store;
