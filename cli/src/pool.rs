//! Jobs in a pool of workers: `quorate submit`, `jobs`, `status`, `stop`, and the worker that runs them.

pub(crate) mod jobs;
mod show;
pub(crate) mod status;
pub(crate) mod stop;
pub(crate) mod submit;
pub(crate) mod worker;

use std::time::Duration;

use quorate_runtime::error::Error;
use quorate_runtime::pool::{Entry, Pool, Stand};

use crate::console::Console;
use crate::exit::Exit;
use crate::run::exit_of;

/// How often somebody who waits looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Which pool.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Where {
    /// The pool: a folder or s3://bucket/prefix that its workers watch
    #[arg(long, value_name = "URL")]
    pool: String,
}

/// Which job of it.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Which {
    /// The job's name
    name: String,
    #[command(flatten)]
    at: Where,
}

impl Where {
    async fn open(&self) -> anyhow::Result<Pool> {
        Pool::open(&self.pool).await.map_err(failed)
    }

    /// The job, or what to do where there is none.
    async fn job(&self, pool: &Pool, name: &str) -> anyhow::Result<Entry> {
        let found = pool.job(name).await.map_err(failed)?;
        found.ok_or_else(|| {
            let message = format!(
                "there is no job {name} in the pool {}: `quorate jobs` lists those there",
                self.pool
            );
            anyhow::Error::msg(message).context(Exit::Misconfigured)
        })
    }

    /// Waits until the job stays as it is.
    async fn settled(&self, pool: &Pool, name: &str, console: &Console) -> anyhow::Result<Entry> {
        loop {
            let entry = self.job(pool, name).await?;
            if entry.stand().is_final() {
                console.clear();
                return Ok(entry);
            }
            console.status(&show::line(&entry));
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// An error, and what it means for whoever started this.
fn failed(error: Error) -> anyhow::Error {
    let exit = exit_of(error.kind());
    anyhow::Error::from(error).context(exit)
}

/// How a command ends that was told to wait for a job.
fn exit_for(entry: &Entry) -> Exit {
    let kind = entry.run.as_ref().and_then(|run| run.failure.as_ref()).map(|it| it.kind.as_str());
    match (entry.stand(), kind) {
        (Stand::Failed, Some("misconfigured")) => Exit::Misconfigured,
        (Stand::Failed, Some("reject_limit")) => Exit::RejectLimit,
        (Stand::Failed, _) => Exit::Failed,
        _ => Exit::Done,
    }
}
