//! A job is put into a pool.

use std::path::Path;

use quorate_connectors::kafka::Secret;

use super::entry::{Stand, job_path};
use super::record::Wish;
use super::{Pool, Put};
use crate::error::Error;
use crate::job::{Input, Job, Source};

/// What became of a job that was submitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// It was put there.
    New,
    /// The same file was there already, and stands so.
    There(Stand),
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
        self.check().await?;
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
        let state = entry.stand();
        if again == Again::Yes && matches!(state, Stand::Stopped | Stand::Failed) {
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
    for source in &bare.job.sources {
        if let Some(path) = paths(source).into_iter().find(|path| here(path)) {
            return Err(Error::Pool(format!(
                "{}: source {} names {path:?}, a path that is relative to this job file; a worker elsewhere has no such \
                 folder: give the whole path, as the workers see it",
                job.file.display(),
                source.name
            )));
        }
    }
    Ok(())
}

/// Every file that a source names.
fn paths(source: &Source) -> Vec<String> {
    let connection = match &source.input {
        Input::Files(patterns) => return patterns.clone(),
        Input::Topics(spec) => &spec.connection,
    };
    let tls = connection.tls.as_ref();
    let identity = tls.and_then(|tls| tls.identity.as_ref());
    let secrets = [
        identity.and_then(|identity| identity.key_password.as_ref()),
        connection.sasl.as_ref().map(|sasl| &sasl.password),
    ];
    let secrets = secrets.into_iter().flatten().filter_map(|secret| match secret {
        Secret::File(path) => Some(path),
        Secret::Environment(_) => None,
    });
    let files = tls.and_then(|tls| tls.ca.as_ref()).into_iter();
    let files = files.chain(identity.into_iter().flat_map(|it| [&it.certificate, &it.key]));
    files.chain(secrets).map(|path| path.display().to_string()).collect()
}
