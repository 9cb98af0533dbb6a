//! The lines of a version of a Delta log.

use std::collections::HashMap;

use bytes::Bytes;
use deltalake_core::kernel::{Action, Add, CommitInfo, Remove, Transaction};
use quorate_schemas::log::StagedFile;
use serde_json::{Value, json};

use super::files::LiveFile;
use super::stats::stats_json;

/// What kind of version it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Create,
    Publish,
    Merge,
}

/// The tag under which a file's digest stands beside it. Files without one are others', and are not merged.
pub(super) const DIGEST_TAG: &str = "quorate.sha256";

/// The first line: who did what, for people and for other writers' conflict checks.
pub(super) fn info(operation: Operation, read_version: Option<u64>, now_ms: u64) -> Action {
    let (name, parameters, blind) = match operation {
        Operation::Create => ("CREATE TABLE", json!({}), false),
        Operation::Publish => ("WRITE", json!({ "mode": "Append", "partitionBy": "[]" }), true),
        Operation::Merge => ("OPTIMIZE", json!({ "predicate": "[]" }), false),
    };
    let parameters: Option<HashMap<String, Value>> = serde_json::from_value(parameters).ok();
    Action::CommitInfo(CommitInfo {
        timestamp: Some(millis(now_ms)),
        operation: Some(name.to_owned()),
        operation_parameters: parameters,
        read_version,
        is_blind_append: Some(blind),
        engine_info: Some(concat!("quorate/", env!("CARGO_PKG_VERSION")).to_owned()),
        ..CommitInfo::default()
    })
}

/// A file that becomes part of the table; `path` is relative to its folder.
pub(super) fn add(path: String, file: &StagedFile, operation: Operation, now_ms: u64) -> Action {
    let digest = (DIGEST_TAG.to_owned(), Some(file.sha256.to_string()));
    Action::Add(Add {
        path,
        size: i64::try_from(file.bytes).unwrap_or(i64::MAX),
        modification_time: millis(now_ms),
        data_change: operation == Operation::Publish,
        stats: Some(stats_json(file)),
        tags: Some(HashMap::from([digest])),
        ..Add::default()
    })
}

/// A file that leaves the table, its rows being in another.
pub(super) fn remove(path: String, file: &LiveFile, now_ms: u64) -> Action {
    Action::Remove(Remove {
        path,
        data_change: false,
        deletion_timestamp: Some(millis(now_ms)),
        extended_file_metadata: Some(true),
        partition_values: Some(HashMap::new()),
        size: Some(i64::try_from(file.bytes).unwrap_or(i64::MAX)),
        ..Remove::default()
    })
}

/// Up to which commit the application has told the table everything. It never expires, so it says no time.
pub(super) fn transaction(app_id: &str, commit: u64) -> Action {
    Action::Txn(Transaction::new(app_id, i64::try_from(commit).unwrap_or(i64::MAX)))
}

/// The version as it is stored. By way of a [`Value`], which sorts its keys: the library keeps some in hash tables.
pub(super) fn version_bytes(actions: &[Action]) -> Bytes {
    let line = |action| serde_json::to_value(action).expect("actions are plain JSON").to_string();
    actions.iter().map(line).collect::<Vec<_>>().join("\n").into()
}

fn millis(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}
