use deltalake_core::kernel::LogicalFileView;
use quorate_schemas::log::{Digest, StagedFile};
use quorate_schemas::table::Table;
use quorate_schemas::time::{Micros, parse_rfc3339};
use serde_json::Value;

use super::action::DIGEST_TAG;
use super::folder;
use super::log::{Snapshot, load};
use crate::error::Result;
use crate::store::Store;

/// A file of a table's newest version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LiveFile {
    /// Where it lies in the store.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// Its rows, where the Delta log says.
    pub rows: Option<u64>,
    /// The least event time in it; as a Delta log has it, rounded down to milliseconds.
    pub min_event_time_us: Option<Micros>,
    /// The greatest event time in it; as a Delta log has it, rounded up to milliseconds.
    pub max_event_time_us: Option<Micros>,
    /// The digest of its bytes, if it is a file of ours.
    pub sha256: Option<Digest>,
    /// Whether another program has masked rows of it by a deletion vector: then it must be read by one that knows
    /// these, and is never merged here.
    pub masked: bool,
}

impl LiveFile {
    /// A file of ours, which a version has just added.
    pub(super) fn of(file: &StagedFile) -> LiveFile {
        LiveFile {
            path: file.path.clone(),
            bytes: file.bytes,
            rows: Some(file.rows),
            min_event_time_us: file.min_event_time_us,
            max_event_time_us: file.max_event_time_us,
            sha256: Some(file.sha256),
            masked: false,
        }
    }
}

/// The files of the newest version of `table`, sorted by path; none, if there is no such table.
///
/// # Errors
/// If the table's log cannot be read.
pub async fn live_files(store: &Store, table: Table) -> Result<Vec<LiveFile>> {
    let snapshot = load(store, table, "listing its files").await?;
    Ok(snapshot.as_ref().map_or_else(Vec::new, files_of))
}

#[expect(deprecated, reason = "the only way to a file's tags")]
fn digest(view: &LogicalFileView) -> Option<Digest> {
    view.add_action().tags?.remove(DIGEST_TAG)??.parse().ok()
}

pub(super) fn files_of(snapshot: &Snapshot) -> Vec<LiveFile> {
    let views = snapshot.files.log_data();
    let mut files: Vec<LiveFile> = views
        .iter()
        .map(|view| {
            let stats: Value =
                view.stats().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
            let time = |bound: &str| stats[bound]["event_time"].as_str().and_then(parse_rfc3339);
            LiveFile {
                path: format!("{}/{}", folder(snapshot.log.table), view.path()),
                bytes: u64::try_from(view.size()).unwrap_or(0),
                rows: stats["numRecords"].as_u64(),
                min_event_time_us: time("minValues"),
                max_event_time_us: time("maxValues"),
                sha256: digest(&view),
                masked: view.deletion_vector_descriptor().is_some(),
            }
        })
        .collect();
    files.sort();
    files
}
