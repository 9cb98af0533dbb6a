//! The rules of the log, by the ways to break them.

use crate::place::Origin;

use super::Digest;

/// A rule of the log that a record breaks.
///
/// Made by a writer it is a bug, and the writer must stop rather than write; found in a stored record it is damage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Breach {
    /// The format is not one that this build writes.
    #[error("format {found} is unknown")]
    Format {
        /// The record's format.
        found: u32,
    },
    /// A number lies outside its range.
    #[error("{what} is {found}, outside its range")]
    Range {
        /// The number's name.
        what: &'static str,
        /// The number.
        found: u64,
    },
    /// A list is not in its order, or has an entry twice.
    #[error("{what} is out of order or doubled at {at}")]
    Order {
        /// The list's name.
        what: &'static str,
        /// The entry.
        at: String,
    },
    /// A list or value is longer than its bound.
    #[error("{what} has length {found}, the bound is {bound}")]
    TooLong {
        /// The list's name.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The bound.
        bound: usize,
    },
    /// A path is not the name of such an object, or the name says something else than the record.
    #[error("the path {path} is not the name of {what}")]
    Name {
        /// What it should name.
        what: &'static str,
        /// The path.
        path: String,
    },
    /// A range is empty or runs backwards.
    #[error("the range of {origin} is [{from}, {to})", origin = show(origin))]
    EmptyRange {
        /// The partition.
        origin: Origin,
        /// Its start.
        from: u64,
        /// Its end.
        to: u64,
    },
    /// Rows of a partition were lost or made between reading and committing.
    #[error("of {rows_in} rows of {origin}, {accounted} are on time, late or rejected", origin = show(origin))]
    Conservation {
        /// The partition.
        origin: Origin,
        /// Rows read.
        rows_in: u64,
        /// Rows accounted for.
        accounted: u64,
    },
    /// A field of the record must be what it was in the record before, or what follows from it.
    #[error("{what} is {found}, after the record before it must be {expected}")]
    Follows {
        /// The field.
        what: &'static str,
        /// What follows.
        expected: String,
        /// What is there.
        found: String,
    },
    /// The record does not follow this one but another of the same number.
    #[error("the record before has digest {expected}, this one follows {found}")]
    Previous {
        /// The digest of the record before.
        expected: Digest,
        /// The digest in the record.
        found: Digest,
    },
    /// A partition's range does not begin where the one before ended, or its position is not the range's end.
    #[error("{what} of {origin} is {found}, the chain demands {expected}", origin = show(origin))]
    Chain {
        /// The partition.
        origin: Origin,
        /// Which end.
        what: &'static str,
        /// What the chain demands.
        expected: u64,
        /// What is there.
        found: u64,
    },
    /// Something of a partition went backwards, or was forgotten before its end.
    #[error("{origin}: {what}", origin = show(origin))]
    Partition {
        /// The partition.
        origin: Origin,
        /// What happened.
        what: &'static str,
    },
    /// A claim or heartbeat moved something, or a commit moved it otherwise than it says.
    #[error("{what} is not what the record before and this one's body give")]
    Moved {
        /// The part of the standing.
        what: &'static str,
    },
    /// A merge names files that are not neighbours among the live ones, or makes rows.
    #[error("the merge of {first}: {what}")]
    Merge {
        /// The first of the files merged.
        first: String,
        /// What is wrong.
        what: &'static str,
    },
}

fn show(origin: &Origin) -> String {
    format!("{}/{}", origin.source, origin.partition)
}
