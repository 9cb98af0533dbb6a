//! A pool: jobs laid down in a directory of a store, and workers that watch it and run them.
//!
//! ```text
//! submit ─▶ jobs/NAME/job.toml          the job, created once
//! stop   ─▶ jobs/NAME/orders/NR.json    what somebody wants of it; the last one holds
//! worker ─▶ jobs/NAME/claims/NR.json    who runs it from here on: created if absent, so it is one worker
//!        ─▶ jobs/NAME/runs/NR.json      how that goes: written over by that worker alone, at each beat
//! status ◀─ all of these
//! ```
//!
//! 1. A job is run by whoever created the last claim. The next claim may be created once that run has ended in a way that
//!    asks for another, or has not changed for five of its beats by the watcher's own clock: clocks are never compared.
//! 2. Nobody writes over what another wrote: a worker that was passed over still writes its own run, which nobody reads.
//!    It finds the claim above its own at its next beat, and stops.
//! 3. What a job has committed is protected by its own log, whatever happens here: of two runs one is fenced.
//! 4. A job that fails is tried again after a pause that doubles, a bounded number of times in a row. What trying again
//!    cannot mend is not tried again. A run that committed something begins the count anew.
//!
//! *Cost*: a worker that has nothing to do lists the pool at each beat, a thousand objects a request. A job that runs costs
//! a listing and a write at each beat.

mod entry;
mod keep;
mod record;
mod rules;
mod submit;
#[cfg(test)]
mod tests;
mod watch;
mod work;

use quorate_connectors::store::{Creation, Store};

use crate::error::Error;
use entry::Traces;
pub use entry::{Entry, Stand};
pub use record::{Claim, Failure, Order, Phase, Run, Wish, Worker};
pub use submit::{Again, Submitted};
pub use work::{Options, Told, work};

/// Creations of whose outcome the store says nothing are looked up, and tried again so often.
const TRIES: usize = 8;

/// The directory of a pool.
#[derive(Clone, Debug)]
pub struct Pool {
    store: Store,
}

impl Pool {
    /// The pool at `location`: a directory, or `s3://bucket/prefix`.
    ///
    /// # Errors
    /// If that is no store.
    pub async fn open(location: &str) -> Result<Pool, Error> {
        Ok(Pool { store: Store::open(location).await? })
    }

    /// Over a store that is open.
    pub fn over(store: Store) -> Pool {
        Pool { store }
    }

    /// All jobs, by name.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn jobs(&self) -> Result<Vec<Entry>, Error> {
        let mut entries = Vec::new();
        for (name, traces) in entry::traces(&self.store.list(entry::ROOT).await?) {
            entries.extend(self.entry(name, &traces).await?);
        }
        Ok(entries)
    }

    /// The job of this name.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn job(&self, name: &str) -> Result<Option<Entry>, Error> {
        let found = self.store.list(&entry::folder(name)).await?;
        match entry::traces(&found).remove(name) {
            Some(traces) => self.entry(name.to_owned(), &traces).await,
            None => Ok(None),
        }
    }

    /// Whether the store can tell who came first: jobs and claims rest on it.
    ///
    /// # Errors
    /// If it cannot, with what to do.
    async fn check(&self) -> Result<(), Error> {
        Ok(self.store.check_conditional_create().await?)
    }

    /// Asks for the job to be stopped with everything committed; says where it stood. `None`: there is no such job.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn stop(&self, name: &str, now_ms: u64) -> Result<Option<Stand>, Error> {
        let Some(entry) = self.job(name).await? else {
            return Ok(None);
        };
        let state = entry.stand();
        if !matches!(state, Stand::Finished | Stand::Failed | Stand::Stopped | Stand::Stopping) {
            self.order(&entry, Wish::Stop, now_ms).await?;
        }
        Ok(Some(state))
    }

    /// Writes down what is wanted of a job.
    async fn order(&self, entry: &Entry, wish: Wish, now_ms: u64) -> Result<(), Error> {
        let order = Order { wish, after_claim: entry.claim_nr, at_ms: now_ms };
        // Somebody else may write down the same number: then theirs was first, and this one follows.
        for nr in (entry.order_nr + 1..).take(TRIES) {
            let path = entry::order_path(&entry.name, nr);
            if self.create(&path, &record::to_bytes(&order)).await? != Put::Other {
                return Ok(());
            }
        }
        let name = &entry.name;
        Err(Error::Pool(format!("others give orders to job {name} all the time: try again")))
    }

    /// Creates an object; whether it is there by this call, or one just like it.
    async fn create(&self, path: &str, bytes: &[u8]) -> Result<Put, Error> {
        for _ in 0..TRIES {
            if self.store.create(path, bytes.to_vec().into()).await? == Creation::Created {
                return Ok(Put::New);
            }
            // It may be ours: a lost answer looks like this.
            if let Some(found) = self.store.get(path).await? {
                return Ok(if found == bytes { Put::Same } else { Put::Other });
            }
        }
        Err(Error::Pool(format!(
            "the pool's store gives no certain answer to creating {path}: try again"
        )))
    }

    async fn entry(&self, name: String, traces: &Traces) -> Result<Option<Entry>, Error> {
        // Without it nothing was submitted: somebody removes it, or wrote something else here.
        let Some(submitted_ms) = traces.submitted_ms else {
            return Ok(None);
        };
        let (claim, order) = (traces.claim_nr, traces.order_nr);
        let claim_path = (claim > 0).then(|| entry::claim_path(&name, claim));
        let run_path = traces.run.map(|_| entry::run_path(&name, claim));
        let order_path = (order > 0).then(|| entry::order_path(&name, order));
        Ok(Some(Entry {
            submitted_ms,
            claim_nr: claim,
            claim: self.read(claim_path).await?,
            run: self.read(run_path).await?,
            order_nr: order,
            order: self.read(order_path).await?,
            name,
        }))
    }

    async fn read<T: record::Stored>(&self, path: Option<String>) -> Result<Option<T>, Error> {
        let Some(path) = path else {
            return Ok(None);
        };
        match self.store.get(&path).await? {
            Some(bytes) => record::from_bytes(&path, &bytes).map(Some),
            None => Ok(None),
        }
    }
}

/// What is there after a creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Put {
    /// What was to be created, by this call.
    New,
    /// An object with the same content: by this call or another one.
    Same,
    /// Something else.
    Other,
}
