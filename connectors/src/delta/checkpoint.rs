use deltalake_core::DeltaTable;
use deltalake_core::checkpoints::{cleanup_metadata, create_checkpoint};
use quorate_schemas::table::Table;

use super::log::TableLog;
use super::vacuum::FILE_AGE_MS;
use super::{CHECKPOINT_EVERY, DeltaTables};
use crate::error::Result;

impl DeltaTables {
    /// Checkpoints the table's Delta log if `version`, just created, is one for it. A checkpoint only saves work, so
    /// that one failed is logged and the next one makes up for it.
    pub(super) async fn checkpoint_if_due(&self, table: Table, version: u64, now_ms: u64) {
        if !version.is_multiple_of(CHECKPOINT_EVERY) {
            return;
        }
        if let Err(error) = self.checkpoint(table, now_ms).await {
            tracing::warn!(table = table.name(), version, %error, "cannot checkpoint the Delta log");
        }
    }

    /// Writes a checkpoint of the table's newest version, from which readers begin, and deletes versions older than a
    /// week that it makes superfluous.
    ///
    /// # Errors
    /// If the log cannot be read or the store fails.
    pub async fn checkpoint(&self, table: Table, now_ms: u64) -> Result<()> {
        // A checkpoint forgets files that were removed long ago. So they are deleted while they are known.
        self.vacuum(table, now_ms, FILE_AGE_MS).await?;
        let log = TableLog::of(&self.store, table);
        let mut loaded = DeltaTable::new(log.store.clone());
        loaded.load().await.map_err(|error| log.failed("reading its log", error))?;
        create_checkpoint(&loaded, None)
            .await
            .map_err(|error| log.failed("writing a checkpoint", error))?;
        let deleted = cleanup_metadata(&loaded, None)
            .await
            .map_err(|error| log.failed("deleting old versions", error))?;
        tracing::debug!(
            table = table.name(),
            version = loaded.version(),
            deleted,
            "checkpointed the Delta log"
        );
        Ok(())
    }
}
