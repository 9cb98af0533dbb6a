//! Which store a question is about.

use std::path::PathBuf;

use quorate_connectors::store::Store;
use quorate_query::error::Error;
use quorate_runtime::job::Job;

use crate::exit::Exit;

/// A store, by its job or by its address.
#[derive(Clone, Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct At {
    /// The job file whose store is asked
    #[arg(long, value_name = "JOB.toml")]
    job: Option<PathBuf>,
    /// The store: a folder, file:///path or s3://bucket/prefix
    #[arg(long, value_name = "STORE")]
    store: Option<String>,
}

impl At {
    /// Opens it. Nothing in it is ever changed.
    pub(crate) async fn open(&self) -> anyhow::Result<Store> {
        let location = match (&self.job, &self.store) {
            (Some(path), _) => Job::load(path)?.job.store,
            (None, location) => location.clone().unwrap_or_default(),
        };
        Ok(Store::open(&location).await?)
    }
}

/// Runs a question to its end.
pub(crate) fn block_on<T>(question: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(question)
}

/// An error of a question, and whether asking again could help.
pub(crate) fn failed(error: Error) -> anyhow::Error {
    let wrong = matches!(
        error,
        Error::NoLog { .. }
            | Error::UnknownTask { .. }
            | Error::UnknownCommit { .. }
            | Error::UnknownName { .. }
            | Error::Query(_)
    );
    match error {
        // As they are, so that a reader that went away is recognised.
        Error::Output(error) => error.into(),
        Error::Store(error) => error.into(),
        error if wrong => anyhow::Error::from(error).context(Exit::Misconfigured),
        error => error.into(),
    }
}
