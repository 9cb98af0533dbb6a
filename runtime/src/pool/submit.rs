//! A job is put into a pool.

use std::path::Path;

use super::entry::{State, job_path};
use super::record::Wish;
use super::{Pool, Put};
use crate::error::Error;
use crate::job::Job;

/// What became of a job that was submitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// It was put there.
    New,
    /// The same file was there already, and stands so.
    There(State),
    /// It was there, had stopped or failed, and goes on.
    Again,
}

impl Pool {
    /// Puts the job file `text` there, once. `again`: one that has stopped or failed shall go on.
    ///
    /// # Errors
    /// If another file is there under its name, or it could not run elsewhere than here, or the store fails.
    pub async fn submit(
        &self,
        job: &Job,
        text: &str,
        again: Again,
        now_ms: u64,
    ) -> Result<Submitted, Error> {
        check_portable(job, text)?;
        let name = &job.name;
        match self.create(&job_path(name), text.as_bytes()).await? {
            Put::New => return Ok(Submitted::New),
            Put::Same => {}
            Put::Other => {
                let pool = self.store.name();
                return Err(Error::Pool(format!(
                    "job {name} is in the pool with another file: submit this one under another `name`; or end that one \
                     (`quorate stop {name} --pool {pool}`), remove {pool}/{}, and submit again",
                    super::entry::folder(name)
                )));
            }
        }
        let Some(entry) = self.job(name).await? else {
            return Ok(Submitted::New);
        };
        let state = entry.state();
        if again == Again::Yes && matches!(state, State::Stopped | State::Failed) {
            self.order(&entry, Wish::Go, now_ms).await?;
            return Ok(Submitted::Again);
        }
        Ok(Submitted::There(state))
    }
}

/// Whether a job that has stopped or failed shall go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// It shall.
    Yes,
    /// It stays as it is.
    No,
}

/// A worker elsewhere has no such folder: what a job names must be the same everywhere.
fn check_portable(job: &Job, text: &str) -> Result<(), Error> {
    // In no folder, paths stay as they are written.
    let Ok(bare) = Job::parse(text, Path::new("job.toml")) else {
        return Ok(());
    };
    let here = |path: &str| !path.contains("://") && !Path::new(path).is_absolute();
    let store = &bare.job.store;
    if store.starts_with("memory:") || here(store) {
        return Err(Error::Pool(format!(
            "{}: the store {store:?} means something else to each worker: give the whole path, or s3://bucket/prefix",
            job.file.display()
        )));
    }
    let files = bare
        .job
        .sources
        .iter()
        .flat_map(|source| source.files.iter().map(move |file| (source, file)));
    for (source, file) in files {
        if here(file) {
            return Err(Error::Pool(format!(
                "{}: source {} reads {file:?}, a path that is relative to this job file; a worker elsewhere has no such \
                 folder: give the whole path, as the workers see it",
                job.file.display(),
                source.name
            )));
        }
    }
    Ok(())
}
