//! Stores: where everything durable lies, as objects under relative paths.
//!
//! ```text
//!             Store            counts, deadlines, retries, errors that name store, operation and path
//!               │
//!            Backend           a closed choice; one attempt, one answer
//!   ┌───────────┼───────────┐
//! Memory      Local       Object        (and, for tests, any of them behind planned faults)
//!         temp, fsync,   S3 and what
//!         link, fsync    speaks like it
//! ```
//!
//! 1. **An object appears whole or not at all**, and once it was reported it survives a crash of the machine.
//! 2. [`Store::create`] never overwrites, and is tried exactly once. What became of a try can be unknown; then it
//!    says so ([`Creation::Unknown`]) and the caller reads the object, for nobody else can tell.
//! 3. Everything else is idempotent, so it is tried again, a bounded number of times within bounded time, when the
//!    store did not answer. What waiting does not mend (rights, a wrong path) is reported at once.
//! 4. An absent object is an answer and not an error: reading gives `None`, deleting succeeds.
//! 5. Listings are complete, sorted by path, and never show what is half written.
//!
//! *Cost*: one request each (a listing: one per thousand objects; a large object: one per part and two more);
//! [`Store::requests`] counts the attempts, their bytes and what failed.

mod attempt;
mod backend;
#[cfg(feature = "faults")]
pub mod faults;
mod local;
mod location;
mod memory;
mod object;
mod parts;
mod path;
mod problem;
mod requests;
#[cfg(test)]
mod tests;
mod view;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use object_store::{GetRange, ObjectStore};

pub use attempt::Limits;
pub use problem::{Operation, Problem};
pub use requests::{Failures, Requests};

use crate::error::{Error, Result};
use backend::Backend;
use location::Location;
use requests::Counters;
pub(crate) use view::Trouble;

/// What became of a try to create an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creation {
    /// It is there, by us.
    Created,
    /// An object of this path is there. It may be ours all the same: a lost answer looks like this the second time.
    Exists,
    /// The store did not say. The object may be there, by us or by another, or appear yet.
    Unknown,
}

/// An object in a listing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// Its path.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was written, by the store's clock, in milliseconds since 1970.
    pub modified_ms: u64,
}

/// A store; cheap to clone, all clones are one.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    name: String,
    backend: Arc<Backend>,
    limits: Limits,
    requests: Counters,
}

impl Store {
    /// The store at `location`: a path, `file:///path`, `memory://` (a new and empty one), or `s3://bucket/prefix`
    /// with credentials, region and endpoint from the usual `AWS_*` variables and the files of a profile.
    ///
    /// A directory need not exist yet. What crashed writers left half written in it is removed, if it is an hour old.
    ///
    /// # Errors
    /// If `location` is no address of a store that this build knows, or is a file.
    pub async fn open(location: &str) -> Result<Store> {
        Store::open_with(location, &[]).await
    }

    /// As [`Store::open`], with these `AWS_*` variables before those of the environment.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_with(location: &str, variables: &[(&str, String)]) -> Result<Store> {
        let parsed = Location::parse(location)?;
        let backend = match &parsed {
            Location::Memory => Backend::Memory(memory::Memory::default()),
            Location::Local(root) => {
                Backend::Local(local::Local::open(root).await.map_err(|failure| {
                    let (problem, source) = (failure.problem, failure.source);
                    let path = String::new();
                    Error::Store {
                        store: parsed.to_string(),
                        operation: Operation::Open,
                        path,
                        problem,
                        source,
                    }
                })?)
            }
            Location::S3 { bucket, prefix } => {
                let object = object::Object::s3(bucket, prefix, variables)
                    .map_err(|reason| Error::Location { location: location.into(), reason })?;
                Backend::Object(object)
            }
        };
        Ok(Store::over(parsed.to_string(), backend))
    }

    /// A new and empty store in memory.
    pub fn memory() -> Store {
        Store::over(Location::Memory.to_string(), Backend::Memory(memory::Memory::default()))
    }

    /// A store over any `object_store`, on the way that S3 goes; `name` is for messages.
    pub fn over_object_store(name: &str, store: Arc<dyn ObjectStore>) -> Store {
        Store::over(name.to_owned(), Backend::Object(object::Object::new(store, "")))
    }

    fn over(name: String, backend: Backend) -> Store {
        let (backend, limits, requests) =
            (Arc::new(backend), Limits::default(), Counters::default());
        Store { inner: Arc::new(Inner { name, backend, limits, requests }) }
    }

    /// The same objects under other limits, counted anew.
    pub fn with_limits(&self, limits: Limits) -> Store {
        let Inner { name, backend, .. } = self.inner.as_ref();
        let requests = Counters::default();
        Store {
            inner: Arc::new(Inner {
                name: name.clone(),
                backend: backend.clone(),
                limits,
                requests,
            }),
        }
    }

    /// The same objects, reached through the faults of `plan`, counted anew.
    #[cfg(feature = "faults")]
    pub fn with_faults(&self, plan: faults::FaultPlan) -> Store {
        let Inner { name, backend, limits, .. } = self.inner.as_ref();
        let backend = Arc::new(Backend::Faulty(faults::Faulty::new(backend.clone(), plan)));
        let requests = Counters::default();
        Store { inner: Arc::new(Inner { name: name.clone(), backend, limits: *limits, requests }) }
    }

    /// The store's address, for messages.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// How many requests were made so far, tries again included.
    pub fn requests(&self) -> Requests {
        self.inner.requests.read()
    }

    /// How many requests came to nothing since one last came to something.
    pub fn failures_in_a_row(&self) -> u64 {
        self.inner.requests.failures_in_a_row()
    }

    /// The store as an `object_store`, for libraries that want one. It goes through everything above.
    pub fn as_object_store(&self) -> Arc<dyn ObjectStore> {
        Arc::new(view::View::new(self.clone(), Trouble::default()))
    }

    /// As [`Store::as_object_store`], with an eye on what goes wrong behind the library's back.
    pub(crate) fn watched(&self) -> (Arc<dyn ObjectStore>, Trouble) {
        let trouble = Trouble::default();
        (Arc::new(view::View::new(self.clone(), trouble.clone())), trouble)
    }

    /// Creates the object `path` with `bytes` if there is none, trying once.
    ///
    /// # Errors
    /// If it is certain that nothing was written.
    pub async fn create(&self, path: &str, bytes: Bytes) -> Result<Creation> {
        let (operation, size) = (Operation::Create, bytes.len());
        self.checked(operation, path)?;
        let Inner { requests, limits, backend, .. } = self.inner.as_ref();
        requests.count(operation, size);
        let answer = attempt::within(limits.deadline(size), backend.create(path, bytes)).await;
        match &answer {
            Some(Ok(Creation::Created | Creation::Exists)) => requests.succeeded(),
            Some(Err(failure)) => requests.failed(failure.problem),
            Some(Ok(Creation::Unknown)) | None => requests.left_unknown(),
        }
        match answer {
            Some(answer) => answer.map_err(|failure| self.error(operation, path, failure)),
            None => {
                tracing::warn!(
                    store = self.name(),
                    path,
                    "no answer within the deadline: the object may exist"
                );
                Ok(Creation::Unknown)
            }
        }
    }

    /// Writes the object `path`, over whatever was there: large ones in parts, where the store has such.
    ///
    /// # Errors
    /// If the store refuses, or did not answer often enough.
    pub async fn put(&self, path: &str, bytes: Bytes) -> Result<()> {
        let (size, Inner { backend, limits, requests, .. }) = (bytes.len(), self.inner.as_ref());
        match backend.parts().filter(|_| size >= limits.parts_from_bytes) {
            Some(parts) => {
                self.checked(Operation::Put, path)?;
                let put = parts::put(parts, limits, requests, path, &bytes).await;
                put.map_err(|failure| self.error(Operation::Put, path, failure))
            }
            None => {
                self.tried(Operation::Put, path, size, || backend.put(path, bytes.clone())).await
            }
        }
    }

    /// The whole object `path`, if it is there.
    ///
    /// # Errors
    /// As [`Store::put`].
    pub async fn get(&self, path: &str) -> Result<Option<Bytes>> {
        Ok(self.read(path, None).await?.map(|found| found.bytes))
    }

    /// The bytes `range` of the object `path`, cut at its end, if the object is there.
    ///
    /// # Errors
    /// As [`Store::put`]; and if the range is empty or begins beyond the object.
    pub async fn get_range(&self, path: &str, range: Range<u64>) -> Result<Option<Bytes>> {
        let found = self.read(path, Some(GetRange::Bounded(range))).await?;
        Ok(found.map(|found| found.bytes))
    }

    /// Size and age of the object `path`, if it is there.
    ///
    /// # Errors
    /// As [`Store::put`].
    pub async fn head(&self, path: &str) -> Result<Option<Listed>> {
        self.tried(Operation::Head, path, 0, || self.inner.backend.head(path)).await
    }

    /// All objects below the directory `prefix` (of the whole store, if empty), sorted by path.
    ///
    /// # Errors
    /// As [`Store::put`].
    pub async fn list(&self, prefix: &str) -> Result<Vec<Listed>> {
        self.list_after(prefix, "").await
    }

    /// As [`Store::list`], but only paths greater than `after`: what is new in a long directory.
    ///
    /// # Errors
    /// As [`Store::put`].
    pub async fn list_after(&self, prefix: &str, after: &str) -> Result<Vec<Listed>> {
        let prefix = prefix.trim_end_matches('/');
        self.tried(Operation::List, prefix, 0, || self.inner.backend.list(prefix, after)).await
    }

    /// Removes the object `path`; that it is absent is fine.
    ///
    /// # Errors
    /// As [`Store::put`].
    pub async fn delete(&self, path: &str) -> Result<()> {
        self.tried(Operation::Delete, path, 0, || self.inner.backend.delete(path)).await
    }

    /// Tries whether the store keeps its promise that nothing is created twice: everything else rests on it.
    ///
    /// # Errors
    /// If it does not, or cannot be written. One that gives no certain answer for now (it is full, or overloaded) is to be
    /// asked again: that is [`retryable`](Error::retryable).
    pub async fn check_conditional_create(&self) -> Result<()> {
        let path = format!("probe/{}-{}", memory::wall_ms(), std::process::id());
        self.create_answered(&path, b"1").await?;
        let second = self.create_answered(&path, b"2").await?;
        let content = self.get(&path).await?;
        self.delete(&path).await?;
        if second == Creation::Exists && content.as_deref() == Some(b"1") {
            return Ok(());
        }
        let did = match second {
            Creation::Created => "wrote over an object that was to be created only if it is absent",
            Creation::Exists | Creation::Unknown => "says that an object is there, and not which",
        };
        let reason = format!(
            "it {did}, so two runs of a job could destroy each other's results: use a store that honours \
             `If-None-Match: *` (S3 itself, MinIO, Cloudflare R2 and others do), or a \
             directory on a disk"
        );
        Err(Error::Location { location: self.name().into(), reason })
    }

    /// Creates, again while the answer is lost; one that loses many in a row is in trouble.
    async fn create_answered(&self, path: &str, content: &'static [u8]) -> Result<Creation> {
        const TRIES: usize = 8;
        for _ in 0..TRIES {
            let answer = self.create(path, Bytes::from_static(content)).await?;
            if answer != Creation::Unknown {
                return Ok(answer);
            }
        }
        let why = "no certain answer to creating an object; a store that never gives one does not honour \
                   `If-None-Match: *`, and cannot hold a job";
        let failure = problem::Failure::new(Problem::Unreachable, why);
        Err(self.error(Operation::Create, path, failure))
    }

    async fn read(&self, path: &str, range: Option<GetRange>) -> Result<Option<backend::Found>> {
        let found = self
            .tried(Operation::Get, path, 0, || self.inner.backend.read(path, range.clone()))
            .await?;
        if let Some(found) = &found {
            self.inner.requests.received(found.bytes.len());
        }
        Ok(found)
    }

    async fn tried<T, F>(
        &self,
        operation: Operation,
        path: &str,
        size: usize,
        attempt: impl FnMut() -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T, problem::Failure>>,
    {
        self.checked(operation, path)?;
        let Inner { limits, requests, .. } = self.inner.as_ref();
        attempt::tried(limits, requests, operation, size, attempt)
            .await
            .map_err(|failure| self.error(operation, path, failure))
    }

    fn checked(&self, operation: Operation, path: &str) -> Result<()> {
        path::check(operation, path).map_err(|failure| self.error(operation, path, failure))
    }

    fn error(&self, operation: Operation, path: &str, failure: problem::Failure) -> Error {
        let problem::Failure { problem, source } = failure;
        Error::Store {
            store: self.name().to_owned(),
            operation,
            path: path.to_owned(),
            problem,
            source,
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.name())
    }
}
