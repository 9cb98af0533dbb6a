use bytes::Bytes;
use object_store::GetRange;

use super::local::Local;
use super::memory::Memory;
use super::object::{Object, Parts};
use super::problem::Failure;
use super::{Creation, Listed};

/// What reading found.
pub(super) struct Found {
    /// The object as a whole.
    pub(super) object: Listed,
    /// Where the bytes begin in it.
    pub(super) from: u64,
    /// The bytes asked for.
    pub(super) bytes: Bytes,
}

/// The kinds of store there are. One call is one attempt; paths have been checked.
///
/// Calls into a faulty store are boxed, since it holds a backend again.
pub(super) enum Backend {
    Memory(Memory),
    Local(Local),
    Object(Object),
    #[cfg(feature = "faults")]
    Faulty(super::faults::Faulty),
}

impl Backend {
    pub(super) async fn create(&self, path: &str, bytes: Bytes) -> Result<Creation, Failure> {
        match self {
            Backend::Memory(store) => store.create(path, bytes),
            Backend::Local(store) => store.create(path, bytes).await,
            Backend::Object(store) => store.create(path, bytes).await,
            #[cfg(feature = "faults")]
            Backend::Faulty(store) => store.create(path, bytes).await,
        }
    }

    pub(super) async fn put(&self, path: &str, bytes: Bytes) -> Result<(), Failure> {
        match self {
            Backend::Memory(store) => store.put(path, bytes),
            Backend::Local(store) => store.put(path, bytes).await,
            Backend::Object(store) => store.put(path, bytes).await,
            #[cfg(feature = "faults")]
            Backend::Faulty(store) => Box::pin(store.put(path, bytes)).await,
        }
    }

    /// How large objects are written in parts, where that is possible. Planned faults are those of whole objects.
    pub(super) fn parts(&self) -> Option<&Parts> {
        match self {
            Backend::Object(store) => store.parts(),
            Backend::Memory(_) | Backend::Local(_) => None,
            #[cfg(feature = "faults")]
            Backend::Faulty(_) => None,
        }
    }

    pub(super) async fn read(
        &self,
        path: &str,
        range: Option<GetRange>,
    ) -> Result<Option<Found>, Failure> {
        match self {
            Backend::Memory(store) => store.read(path, range),
            Backend::Local(store) => store.read(path, range).await,
            Backend::Object(store) => store.read(path, range).await,
            #[cfg(feature = "faults")]
            Backend::Faulty(store) => Box::pin(store.read(path, range)).await,
        }
    }

    pub(super) async fn head(&self, path: &str) -> Result<Option<Listed>, Failure> {
        match self {
            Backend::Memory(store) => store.head(path),
            Backend::Local(store) => store.head(path).await,
            Backend::Object(store) => store.head(path).await,
            #[cfg(feature = "faults")]
            Backend::Faulty(store) => Box::pin(store.head(path)).await,
        }
    }

    /// What lies below the directory `prefix` and sorts after `after`.
    pub(super) async fn list(&self, prefix: &str, after: &str) -> Result<Vec<Listed>, Failure> {
        match self {
            Backend::Memory(store) => store.list(prefix, after),
            Backend::Local(store) => store.list(prefix, after).await,
            Backend::Object(store) => store.list(prefix, after).await,
            #[cfg(feature = "faults")]
            Backend::Faulty(store) => Box::pin(store.list(prefix, after)).await,
        }
    }

    pub(super) async fn delete(&self, path: &str) -> Result<(), Failure> {
        match self {
            Backend::Memory(store) => store.delete(path),
            Backend::Local(store) => store.delete(path).await,
            Backend::Object(store) => store.delete(path).await,
            #[cfg(feature = "faults")]
            Backend::Faulty(store) => Box::pin(store.delete(path)).await,
        }
    }
}
