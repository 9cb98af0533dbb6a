//! What a new table says of itself.

use deltalake_core::DeltaTableError;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake_core::kernel::{Action, Metadata, Protocol, StructType};
use quorate_schemas::log::Digest;
use quorate_schemas::table::Table;
use serde_json::json;

use super::action::{Operation, info};
use super::{CHECKPOINT_EVERY, stats};

/// The actions of a table's version 0, for readers and writers of any age.
pub(super) fn creation(
    table: Table,
    app_id: &str,
    now_ms: u64,
) -> Result<Vec<Action>, DeltaTableError> {
    let schema: StructType = table.schema().as_ref().try_into_kernel()?;
    let protocol: Protocol =
        serde_json::from_value(json!({ "minReaderVersion": 1, "minWriterVersion": 2 }))?;
    let metadata: Metadata = serde_json::from_value(json!({
        "id": table_id(table, app_id),
        "name": table.name(),
        "description": null,
        "format": { "provider": "parquet", "options": {} },
        "schemaString": serde_json::to_string(&schema)?,
        "partitionColumns": [],
        "createdTime": now_ms,
        "configuration": {
            // Nobody may delete or change rows here; merging, which does neither, is allowed.
            "delta.appendOnly": "true",
            "delta.checkpointInterval": CHECKPOINT_EVERY.to_string(),
            "delta.dataSkippingStatsColumns": stats::COLUMN,
            "delta.logRetentionDuration": "interval 7 days",
            // A day longer than removed files are kept, so that no checkpoint forgets one that is still there.
            "delta.deletedFileRetentionDuration": "interval 8 days",
        },
    }))?;
    Ok(vec![
        info(Operation::Create, None, now_ms),
        Action::Protocol(protocol),
        Action::Metadata(metadata),
    ])
}

/// An id for the table, in the shape of a UUID: the same each time, so that creating twice creates the same.
fn table_id(table: Table, app_id: &str) -> String {
    let digest = Digest::of(format!("{app_id}/{}", table.name()).as_bytes()).to_string();
    let (a, rest) = digest.split_at(8);
    let (b, rest) = rest.split_at(4);
    let (c, rest) = rest.split_at(4);
    let (d, rest) = rest.split_at(4);
    format!("{a}-{b}-{c}-{d}-{}", &rest[..12])
}
