//! Files that are staged before a commit names them, and merged afterwards: Parquet, in two shapes.
//!
//! ```text
//! rows of one table  ─► sort by day, ids, time ─► zstd Parquet ─► TableFile      tables/<table>/…
//! retained rows      ─► in the order given     ─► zstd Parquet ─► RetainedBytes  retained/…
//! ```
//!
//! 1. A file says what it is: format version, job, log and incarnation stand in its metadata. A newer format is
//!    refused by name, never guessed at.
//! 2. A table's file holds rows of one table, in order of (UTC day of the event time, the table's ids, event time):
//!    so files can be merged by reading each of them once, front to back, and merged files are clustered by date.
//! 3. What is written is what is read: [`TableFile`] and [`RetainedBytes`] come with the digest of their bytes, which
//!    goes into the log before anyone reads them.
//! 4. Bytes from a store are decoded only if their digest is the one that was written ([`Checked`]). What is damaged,
//!    or is another's, is [`Error::Damaged`](crate::error::Error::Damaged), which names the file and, where it is
//!    known, the row.
//!
//! *Cost*: staging holds the rows of one file and its bytes; merging holds the compressed files, the result, and
//! some thousand rows of each.

mod add;
mod checked;
mod merge;
mod provenance;
mod read;
mod retained;
mod sort;
#[cfg(test)]
mod tests;
mod write;

pub use add::{Burials, Wanted, add_retained, read_added};
pub use checked::Checked;
pub use merge::merge_tables;
pub use provenance::{FORMAT, Provenance};
pub use read::{TableReader, open_table, read_table};
pub use retained::{RetainedBytes, read_retained, write_retained};
pub use write::TableFile;
