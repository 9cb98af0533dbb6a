use std::sync::Arc;

use bytes::Bytes;
use object_store::multipart::{MultipartStore, PartId};

use super::answer::failure;
use super::parse;
use crate::store::problem::Failure;

/// What came of completing an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Completion {
    /// The object is there.
    Done,
    /// The service knows no such upload: it was completed before, or removed.
    Gone,
}

/// The steps of an upload in parts, one attempt each.
pub(in crate::store) struct Parts {
    store: Arc<dyn MultipartStore>,
}

impl Parts {
    pub(super) fn new(store: Arc<dyn MultipartStore>) -> Parts {
        Parts { store }
    }

    /// Its name.
    pub(in crate::store) async fn begin(&self, path: &str) -> Result<String, Failure> {
        self.store.create_multipart(&parse(path)?).await.map_err(failure)
    }

    pub(in crate::store) async fn part(
        &self,
        path: &str,
        id: &String,
        at: usize,
        bytes: Bytes,
    ) -> Result<PartId, Failure> {
        self.store.put_part(&parse(path)?, id, at, bytes.into()).await.map_err(failure)
    }

    pub(in crate::store) async fn complete(
        &self,
        path: &str,
        id: &String,
        parts: Vec<PartId>,
    ) -> Result<Completion, Failure> {
        match self.store.complete_multipart(&parse(path)?, id, parts).await {
            Ok(_) => Ok(Completion::Done),
            Err(object_store::Error::NotFound { .. }) => Ok(Completion::Gone),
            Err(error) => Err(failure(error)),
        }
    }

    pub(in crate::store) async fn abort(&self, path: &str, id: &String) -> Result<(), Failure> {
        self.store.abort_multipart(&parse(path)?, id).await.map_err(failure)
    }
}
