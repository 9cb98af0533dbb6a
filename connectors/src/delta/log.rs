//! Reading a table's Delta log.

use std::sync::Arc;

use deltalake_core::DeltaTableError;
use deltalake_core::kernel::EagerSnapshot;
use deltalake_core::kernel::transaction::PROTOCOL;
use deltalake_core::logstore::{LogStoreRef, StorageConfig, default_logstore};
use object_store::prefix::PrefixStore;
use quorate_schemas::table::Table;
use url::Url;

use super::action::version_bytes;
use super::files::files_of;
use super::{DeltaTables, Head, MAX_RACES, folder, folder_path, metadata, version_path};
use crate::error::{Error, Result};
use crate::store::{Creation, Store, Trouble};

/// A version of a table, with its live files.
pub(super) struct Snapshot {
    pub(super) log: TableLog,
    pub(super) files: EagerSnapshot,
}

impl Snapshot {
    pub(super) fn version(&self) -> u64 {
        self.files.version()
    }

    /// The version, its files, and what `app_id` has told the table by then.
    pub(super) async fn head(&self, app_id: &str) -> Result<Head> {
        let progress = self
            .files
            .transaction_version(self.log.store.as_ref(), app_id)
            .await
            .map_err(|error| self.log.failed("reading its progress", error))?;
        Ok(Head {
            version: self.version(),
            progress: progress.and_then(|commit| u64::try_from(commit).ok()),
            files: files_of(self),
        })
    }
}

/// The newest version of `table`; `None` if there is no such table.
pub(super) async fn load(
    store: &Store,
    table: Table,
    doing: &'static str,
) -> Result<Option<Snapshot>> {
    let log = TableLog::of(store, table);
    match EagerSnapshot::try_new(log.store.as_ref(), None).await {
        Ok(files) => Ok(Some(Snapshot { log, files })),
        Err(DeltaTableError::NotATable(_)) => Ok(None),
        Err(error) => Err(log.failed(doing, error)),
    }
}

/// The library's way to a table's log, over our store.
pub(super) struct TableLog {
    pub(super) table: Table,
    pub(super) store: LogStoreRef,
    trouble: Trouble,
}

impl TableLog {
    /// The address that the library is given is not the store's: it only needs one under which paths are what they
    /// are in the store, and one of a scheme for which listings are known to be sorted.
    pub(super) fn of(store: &Store, table: Table) -> TableLog {
        let (root, trouble) = store.watched();
        let location =
            Url::parse(&format!("memory:///{}/", folder(table))).expect("tables have plain names");
        let prefixed = Arc::new(PrefixStore::new(root.clone(), folder_path(table)));
        let store = default_logstore(prefixed, root, &location, &StorageConfig::default());
        TableLog { table, store, trouble }
    }

    pub(super) fn failed(&self, doing: &'static str, error: DeltaTableError) -> Error {
        Error::Delta {
            table: self.table.name(),
            doing,
            problem: self.trouble.last(),
            source: Box::new(error),
        }
    }
}

impl DeltaTables {
    /// The newest version of `table`, which is created if it is not there; checked to be one that we may write to.
    pub(super) async fn load_or_create(&self, table: Table, now_ms: u64) -> Result<Head> {
        for _ in 0..MAX_RACES {
            if let Some(snapshot) = load(&self.store, table, "reading its log").await? {
                check_writable(&snapshot)?;
                return snapshot.head(&self.app_id()).await;
            }
            let actions = metadata::creation(table, &self.app_id(), now_ms)
                .map_err(|error| TableLog::of(&self.store, table).failed("describing it", error))?;
            if self.store.create(&version_path(table, 0), version_bytes(&actions)).await?
                == Creation::Created
            {
                return Ok(Head { version: 0, progress: None, files: Vec::new() });
            }
        }
        Err(Error::Contended { table: table.name(), tries: MAX_RACES })
    }
}

/// Whether the table is as this build would have made it, and asks no more of writers than the library can do.
fn check_writable(snapshot: &Snapshot) -> Result<()> {
    let table = snapshot.log.table;
    let incompatible = |reason: String| Error::Incompatible { table: table.name(), reason };
    PROTOCOL.can_write_to(&snapshot.files).map_err(|error| {
        incompatible(format!("it was given features that this build cannot write: {error}"))
    })?;
    let found = snapshot.files.arrow_schema();
    let ours = table.schema();
    let same = found.fields().len() == ours.fields().len()
        && found.fields().iter().zip(ours.fields()).all(|(found, ours)| {
            (found.name(), found.data_type(), found.is_nullable())
                == (ours.name(), ours.data_type(), ours.is_nullable())
        });
    if same {
        return Ok(());
    }
    let names = |schema: &arrow::datatypes::Schema| {
        let fields =
            schema.fields().iter().map(|field| format!("{}: {}", field.name(), field.data_type()));
        fields.collect::<Vec<_>>().join(", ")
    };
    Err(incompatible(format!(
        "it has columns ({}), this build writes ({}): use the build that made it, or another store",
        names(&found),
        names(&ours)
    )))
}
