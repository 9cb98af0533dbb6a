//! SQL over the tables of one commit.
//!
//! ```text
//!   Snapshot ──► one table each, its files known beforehand     decisions, votes, …
//!                └──► views over them                           decisions_current, decisions_final, votes_current
//! ```
//!
//! 1. A query sees one commit of all tables, also while a run goes on.
//! 2. A table without a row has its columns all the same.
//! 3. Nothing can be written: a statement that would is refused before it is run.
//!
//! *Cost*: no listing and no request before the query asks for a file; of a file only the columns that it asks for.

mod answer;
mod chart;
mod layout;
mod table;
mod trouble;
mod views;

use std::sync::Arc;

use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::prelude::{SQLOptions, SessionConfig, SessionContext};
use quorate_connectors::store::Store;
use quorate_schemas::table::Table;

use crate::error::{Error, Result};
use crate::snapshot::{Extent, Snapshot};

pub use answer::{Answer, Format, ROWS_SHOWN, Screen, Written};
pub use views::{VIEWS, View};

/// The name under which the engine knows the store. It only needs one.
const STORE_URL: &str = "quorate://store/";

/// The tables of one commit, to be asked.
pub struct Session {
    context: SessionContext,
    commit: u64,
}

impl Session {
    /// The tables on `store` as of its newest commit.
    ///
    /// # Errors
    /// If there is no log, or it or a Delta log cannot be read.
    pub async fn open(store: &Store, extent: Extent) -> Result<Session> {
        let snapshot = Snapshot::load(store, extent).await?;
        let config = SessionConfig::new().with_information_schema(true);
        let context = SessionContext::new_with_config(config);
        let url =
            ObjectStoreUrl::parse(STORE_URL).map_err(|error| Error::Query(error.to_string()))?;
        context.register_object_store(url.as_ref(), store.as_object_store());
        for table in Table::ALL {
            let files = snapshot.files_of(table);
            if let Some(masked) = files.iter().find(|file| file.masked) {
                let reason = "another program has masked some of its rows: read it with one that knows deletion vectors";
                return Err(Error::File { path: masked.path.clone(), reason: reason.to_owned() });
            }
            let provider = Arc::new(table::FilesOf::new(table, files, url.clone()));
            context
                .register_table(table.name(), provider)
                .map_err(|error| trouble::told(&error))?;
        }
        for view in VIEWS {
            let created =
                context.sql(&format!("CREATE VIEW {} AS {}", view.name, view.sql())).await;
            created.map_err(|error| trouble::told(&error))?;
        }
        Ok(Session { context, commit: snapshot.record.standing.checkpoint })
    }

    /// The commit that is seen.
    pub fn commit(&self) -> u64 {
        self.commit
    }

    /// Asks one question.
    ///
    /// # Errors
    /// If it is not understood, names a table or column that there is not, or would write.
    pub async fn ask(&self, sql: &str) -> Result<Answer> {
        trouble::check_tables(&self.context, sql)?;
        let only_reading = SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false);
        let planned = self.context.sql_with_options(sql, only_reading).await;
        let frame = planned.map_err(|error| trouble::told(&error))?;
        let stream = frame.execute_stream().await.map_err(|error| trouble::told(&error))?;
        Ok(Answer::new(stream))
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session(commit {})", self.commit)
    }
}
