//! What can go wrong when a store is asked: what, where, and what to do about it.
//!
//! What `verify` finds is no error but its result; an error here means that the question could not be answered.

use crate::near::did_you_mean;

/// This crate's results.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that asking a store fails with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store or a Delta log could not be read.
    #[error(transparent)]
    Store(#[from] quorate_connectors::error::Error),

    /// There is no log: nothing was ever committed.
    #[error("{store} holds no log: nothing has been committed there yet; is it the job's store?")]
    NoLog {
        /// The store.
        store: String,
    },

    /// A record of the log cannot be read.
    #[error("log record {path}: {reason}; `quorate verify` tells what else is wrong")]
    Record {
        /// The record.
        path: String,
        /// Why.
        reason: String,
    },

    /// A table's file cannot be read.
    #[error("{path}: {reason}; `quorate verify` tells what else is wrong")]
    File {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },

    /// No task of this name was decided by then.
    #[error("no decision on a task {task:?} is committed{}{}", as_of_text(.as_of), did_you_mean(.nearest.as_deref()))]
    UnknownTask {
        /// The name.
        task: String,
        /// The commit asked about, if not the last.
        as_of: Option<u64>,
        /// A task of a similar name.
        nearest: Option<String>,
    },

    /// The log has no such commit.
    #[error("the log has no commit {commit}: it holds commits {first} to {last}")]
    UnknownCommit {
        /// The commit asked for.
        commit: u64,
        /// The first that the log still has.
        first: u64,
        /// The last.
        last: u64,
    },

    /// A query names something that there is not.
    #[error("there is no {what} {name:?}{}: there are {known}", did_you_mean(.nearest.as_deref()))]
    UnknownName {
        /// `table` or `column`.
        what: &'static str,
        /// The name.
        name: String,
        /// The most similar one.
        nearest: Option<String>,
        /// All that there are.
        known: String,
    },

    /// A query cannot be understood, planned or run.
    #[error("{0}")]
    Query(String),

    /// The answer could not be written.
    #[error("cannot write the answer: {0}")]
    Output(#[from] std::io::Error),
}

fn as_of_text(as_of: &Option<u64>) -> String {
    as_of.map_or_else(String::new, |commit| format!(" as of commit {commit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_what_there_is_instead() {
        let task =
            Error::UnknownTask { task: "t1".into(), as_of: Some(4), nearest: Some("t10".into()) };
        let expected =
            "no decision on a task \"t1\" is committed as of commit 4 (did you mean \"t10\"?)";
        assert_eq!(task.to_string(), expected);
        let known = "votes, decisions".to_owned();
        let table = Error::UnknownName { what: "table", name: "vote".into(), nearest: None, known };
        assert_eq!(table.to_string(), "there is no table \"vote\": there are votes, decisions");
    }
}
