//! A worker of a pool: it looks through the jobs there, takes what nobody has, and runs so many at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::entry::{self, claim_path};
use super::keep::Keeper;
use super::record::{self, Claim, Run, Worker};
use super::rules::{Next, next};
use super::watch::Watch;
use super::{Pool, Put};
use crate::clock::{Stopwatch, now_ms};
use crate::error::Error;
use crate::observe::StopSignal;

/// How a worker works.
#[derive(Clone, Debug)]
pub struct Options {
    /// So many jobs run at once.
    pub at_once: usize,
    /// The pool is looked through, and each job's progress written, so often.
    pub beat: Duration,
    /// A job that failed is tried again so often in a row.
    pub restarts: u32,
    /// Threads for each job; `None`: as the job says, or one per core.
    pub workers: Option<usize>,
    /// Asks the worker to end: its jobs commit what they have read, and are left to others.
    pub stop: StopSignal,
}

/// Hears what a worker does.
pub trait Told: Send + Sync {
    /// A line for people.
    fn tell(&self, text: &str);
}

/// Works until it is asked to stop.
///
/// # Errors
/// If the pool's store refuses. One that does not answer is waited for.
pub fn work(pool: &str, options: &Options, told: &Arc<dyn Told>) -> Result<(), Error> {
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let tokio = tokio.map_err(|error| {
        Error::Worker(format!("the asynchronous runtime does not start: {error}"))
    })?;
    tokio.block_on(async {
        let pool = open(pool, options, told.as_ref()).await?;
        let worker = Works {
            us: us(),
            pool,
            options: options.clone(),
            told: Arc::clone(told),
            jobs: JoinSet::new(),
            watch: Watch::default(),
            since: Stopwatch::start(),
        };
        worker.work().await
    })
}

/// Waits for a store that does not answer: a worker may be started before it.
async fn open(location: &str, options: &Options, told: &dyn Told) -> Result<Pool, Error> {
    let mut said = None;
    loop {
        let opened = async {
            let pool = Pool::open(location).await?;
            pool.check().await?;
            Ok(pool)
        };
        match opened.await {
            Err(Error::Connector(error)) if error.retryable() && !options.stop.is_given() => {
                let text = format!("the pool waits, trying again: {error}");
                if said.replace(()).is_none() {
                    told.tell(&text);
                }
                tokio::time::sleep(options.beat).await;
            }
            done => return done,
        }
    }
}

struct Works {
    us: Worker,
    pool: Pool,
    options: Options,
    told: Arc<dyn Told>,
    jobs: JoinSet<()>,
    watch: Watch,
    since: Stopwatch,
}

impl Works {
    async fn work(mut self) -> Result<(), Error> {
        let mut waiting = None;
        let result = loop {
            if self.options.stop.is_given() {
                break Ok(());
            }
            match self.look().await {
                Ok(()) => waiting = None,
                Err(Error::Connector(error)) if error.retryable() => {
                    if waiting.replace(()).is_none() {
                        self.told.tell(&format!("the pool waits, trying again: {error}"));
                    }
                }
                Err(error) => break Err(error),
            }
            self.rest().await;
        };
        // The jobs see the same signal; if the pool is lost, they end as well.
        self.options.stop.stop();
        while self.jobs.join_next().await.is_some() {}
        result
    }

    /// Until the next beat, or a job has ended, or somebody asks to stop.
    async fn rest(&mut self) {
        const NAP: Duration = Duration::from_millis(100);
        let mut left = self.options.beat;
        while !left.is_zero() && !self.options.stop.is_given() {
            let nap = left.min(NAP);
            left -= nap;
            tokio::select! {
                Some(_) = self.jobs.join_next() => return,
                () = tokio::time::sleep(nap) => {}
            }
        }
    }

    async fn look(&mut self) -> Result<(), Error> {
        if self.jobs.len() >= self.options.at_once {
            return Ok(());
        }
        let found = entry::traces(&self.pool.store.list(entry::ROOT).await?);
        let now = self.since.elapsed();
        for name in self.watch.look(found, now) {
            if self.jobs.len() >= self.options.at_once || self.options.stop.is_given() {
                break;
            }
            match self.watch.entry(&name, &self.pool, now).await {
                Ok(Some((entry, still))) => {
                    let next = next(&entry, still, self.options.restarts, now_ms());
                    self.act(&name, entry.claim_nr + 1, next).await?;
                }
                Ok(None) => {}
                // One job's trouble is not that of the others.
                Err(Error::Pool(message)) => tracing::warn!(name, message, "a job is left alone"),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn act(&mut self, name: &str, nr: u64, next: Next) -> Result<(), Error> {
        let run = match &next {
            Next::Nothing => return Ok(()),
            Next::Take(run) | Next::Close(run) => run.clone(),
        };
        self.watch.forget(name);
        let beat_ms = u64::try_from(self.options.beat.as_millis()).unwrap_or(u64::MAX);
        let claim = Claim { worker: self.us.clone(), beat_ms, at_ms: now_ms() };
        let bytes = record::to_bytes(&claim);
        if self.pool.create(&claim_path(name, nr), &bytes).await? == Put::Other {
            // Another worker was first.
            return Ok(());
        }
        match next {
            Next::Close(_) => {
                let run = Run { updated_at_ms: now_ms(), ..run };
                let path = entry::run_path(name, nr);
                self.pool.store.put(&path, record::to_bytes(&run).into()).await?;
                self.told.tell(&format!("{name}: its run ended without a word, and is closed"));
            }
            _ => self.take(name, nr, run),
        }
        Ok(())
    }

    fn take(&mut self, name: &str, nr: u64, run: Run) {
        let how = if nr == 1 { "taken" } else { "taken over, to go on where it was" };
        self.told.tell(&format!("{name}: {how}"));
        let keeper = Keeper {
            pool: self.pool.clone(),
            name: name.to_owned(),
            nr,
            run,
            options: self.options.clone(),
            told: Arc::clone(&self.told),
        };
        self.jobs.spawn(keeper.keep());
    }
}

fn us() -> Worker {
    let owner = crate::run::owner();
    Worker { host: owner.host, pid: owner.pid, instance: owner.instance.to_string() }
}
