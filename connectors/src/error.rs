//! What can go wrong outside of this program: what, where, and what to do about it.
//!
//! A bad input row is no error but a reject. An error here is the environment's: a disk, a service, a file that was
//! changed behind our back. [`Error::retryable`] tells whether waiting can help.

use crate::store::{Operation, Problem};

/// The cause that a library below gave.
pub type Cause = Box<dyn std::error::Error + Send + Sync + 'static>;

/// This crate's results.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that connectors fail with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address of a store is none, or one that this build cannot use.
    #[error("store {location:?}: {reason}")]
    Location {
        /// The address as it was given.
        location: String,
        /// What is wrong with it, and what would be right.
        reason: String,
    },

    /// An operation on a store failed. It had no effect, or one that doing it again does not change.
    #[error("{store}: cannot {operation} {path:?}: {problem}: {}", .problem.advice())]
    Store {
        /// The store's address.
        store: String,
        /// What was tried.
        operation: Operation,
        /// On which object.
        path: String,
        /// What is in the way.
        problem: Problem,
        /// What the library below says.
        source: Option<Cause>,
    },

    /// A stored file is not what it should be.
    #[error("{file}: {reason}")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong, and in which row where that is known.
        reason: String,
    },

    /// A stored file was written in a form that this build does not know.
    #[error(
        "{file}: written in format {found}, this build reads formats up to {known}: use a newer build"
    )]
    NewerFormat {
        /// The file.
        file: String,
        /// Its format.
        found: u32,
        /// The newest that this build reads.
        known: u32,
    },

    /// A Delta table's log could not be read or prepared.
    #[error("Delta table {table}: {doing}: {source}")]
    Delta {
        /// The table's name.
        table: &'static str,
        /// What was being done.
        doing: &'static str,
        /// What was in the way of the store, if that was it.
        problem: Option<Problem>,
        /// What the library below says.
        source: Cause,
    },

    /// A Delta table exists but is none that this build may write to.
    #[error("Delta table {table}: {reason}")]
    Incompatible {
        /// The table's name.
        table: &'static str,
        /// In what it differs, and what to do.
        reason: String,
    },

    /// Others committed to a Delta table each time that we tried to.
    #[error(
        "Delta table {table}: lost {tries} races for the next version in a row: is something else writing to it?"
    )]
    Contended {
        /// The table's name.
        table: &'static str,
        /// How often it was tried.
        tries: u32,
    },

    /// There can be no such synthetic fleet.
    #[error("fleet: {setting} {problem}")]
    Fleet {
        /// The setting.
        setting: &'static str,
        /// What is wrong with it, and what would be right.
        problem: String,
    },

    /// A generated file cannot be written.
    #[error("cannot {doing} {}: {source}", .path.display())]
    Generate {
        /// What was tried.
        doing: &'static str,
        /// On which file or folder.
        path: std::path::PathBuf,
        /// What the system says.
        source: std::io::Error,
    },

    /// A fleet is not written over other files.
    #[error("{} is not empty: name a new folder for the fleet, or empty this one", .path.display())]
    Occupied {
        /// The folder.
        path: std::path::PathBuf,
    },

    /// A source's file is missing, or is not what the job or the log says that it is.
    #[error("{path}: {problem}: {advice}")]
    SourceFile {
        /// The file or pattern.
        path: String,
        /// What is wrong.
        problem: String,
        /// What to do.
        advice: String,
    },

    /// A source's file could not be read.
    #[error("{path}: cannot read it: {source}")]
    Reading {
        /// The file.
        path: String,
        /// What the operating system says.
        source: std::io::Error,
    },

    /// Something between us and brokers of Kafka.
    #[error("{about}: {reason}")]
    Kafka {
        /// The topic, the partition or the brokers.
        about: String,
        /// What is wrong and what to do.
        reason: String,
        /// Whether waiting may mend it.
        passes: bool,
    },

    /// A source's `map` can't be followed.
    #[error("map: `{field}` {problem}")]
    Map {
        /// The field of the record.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl Error {
    /// Whether the same operation may succeed later without anybody changing anything here.
    pub fn retryable(&self) -> bool {
        match self {
            Error::Store { problem, .. } => problem.passes(),
            Error::Delta { problem, .. } => problem.is_some_and(Problem::passes),
            Error::Contended { .. } | Error::Reading { .. } => true,
            Error::Kafka { passes, .. } => *passes,
            Error::Location { .. }
            | Error::Damaged { .. }
            | Error::NewerFormat { .. }
            | Error::Incompatible { .. }
            | Error::Fleet { .. }
            | Error::Generate { .. }
            | Error::Occupied { .. }
            | Error::SourceFile { .. }
            | Error::Map { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Error {
        Error::Store {
            store: "/srv".into(),
            operation: Operation::Put,
            path: "log/1.json".into(),
            problem: Problem::NoSpace,
            source: None,
        }
    }

    #[test]
    fn a_message_says_what_where_and_what_to_do() {
        let text = full().to_string();
        for part in ["/srv", "write", "log/1.json", "no space", "free space"] {
            assert!(text.contains(part), "{part:?} is missing from: {text}");
        }
    }

    #[test]
    fn a_delta_table_can_be_waited_for_if_its_store_can() {
        let delta = |problem| Error::Delta {
            table: "votes",
            doing: "reading its log",
            problem,
            source: "x".into(),
        };
        assert!(delta(Some(Problem::Unreachable)).retryable());
        assert!(!delta(Some(Problem::Denied)).retryable());
        assert!(!delta(None).retryable(), "a damaged log does not mend by waiting");
    }
}
