//! A [`Store`] in the shape that libraries want.
//!
//! Deltalake and DataFusion read and write through this, so their files take the same way as ours: they are synced,
//! counted, limited in time and, in tests, met by the same faults.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use chrono::DateTime;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    Result, UploadPart,
};

use super::{Creation, Listed, Problem, Store};
use crate::error::Error;

#[derive(Clone, Debug)]
pub(super) struct View {
    store: Store,
    trouble: Trouble,
}

/// What was last in the way of the store. Libraries cut errors off from their causes; this is how one tells a store
/// that failed from a table that is damaged.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trouble {
    last: Arc<Mutex<Option<Problem>>>,
}

impl Trouble {
    pub(crate) fn last(&self) -> Option<Problem> {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, problem: Problem) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(problem);
    }

    /// The error as the library takes it.
    fn noted(&self, path: &str, error: Error) -> object_store::Error {
        let Error::Store { problem, .. } = &error else {
            return object_store::Error::Generic { store: "quorate", source: Box::new(error) };
        };
        self.note(*problem);
        match problem {
            Problem::Denied => object_store::Error::PermissionDenied {
                path: path.to_owned(),
                source: Box::new(error),
            },
            _ => object_store::Error::Generic { store: "quorate", source: Box::new(error) },
        }
    }
}

impl View {
    pub(super) fn new(store: Store, trouble: Trouble) -> View {
        View { store, trouble }
    }

    async fn write(&self, path: &Path, bytes: Bytes, mode: PutMode) -> Result<PutResult> {
        let path = path.as_ref();
        let noted = |error| self.trouble.noted(path, error);
        match mode {
            PutMode::Overwrite => self.store.put(path, bytes).await.map_err(noted)?,
            PutMode::Create => match self.store.create(path, bytes).await.map_err(noted)? {
                Creation::Created => {}
                Creation::Exists => return Err(already_exists(path)),
                Creation::Unknown => {
                    self.trouble.note(Problem::TimedOut);
                    return Err(generic(format!("no certain answer to creating {path:?}")));
                }
            },
            PutMode::Update(_) => return Err(unsupported("objects here are never changed")),
        }
        Ok(PutResult { e_tag: None, version: None })
    }

    fn stream(&self, prefix: Option<&Path>, after: &str) -> BoxStream<'static, Result<ObjectMeta>> {
        let (view, after) = (self.clone(), after.to_owned());
        let prefix = prefix.map_or(String::new(), ToString::to_string);
        let listing = async move {
            view.store
                .list_after(&prefix, &after)
                .await
                .map_err(|error| view.trouble.noted(&prefix, error))
        };
        // Names that this interface cannot express are not ours.
        let metas = |found: Vec<Listed>| {
            stream::iter(found.into_iter().filter_map(|listed| meta(&listed)).map(Ok))
        };
        listing.into_stream().map_ok(metas).try_flatten().boxed()
    }
}

#[async_trait]
impl ObjectStore for View {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        self.write(location, payload.into(), opts.mode).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let parts = Arc::new(Mutex::new(BytesMut::new()));
        Ok(Box::new(Upload { view: self.clone(), location: location.clone(), parts }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let path = location.as_ref();
        let absent = || object_store::Error::NotFound {
            path: path.to_owned(),
            source: "no such object".into(),
        };
        let noted = |error| self.trouble.noted(path, error);
        let (object, from, bytes) = if options.head {
            let object = self.store.head(path).await.map_err(noted)?.ok_or_else(absent)?;
            (object, 0, Bytes::new())
        } else {
            let range = options.range.clone();
            let found = self.store.read(path, range).await.map_err(noted)?.ok_or_else(absent)?;
            (found.object, found.from, found.bytes)
        };
        let meta = meta(&object).ok_or_else(absent)?;
        options.check_preconditions(&meta)?;
        let range: Range<u64> = from..from + bytes.len() as u64;
        let payload = GetResultPayload::Stream(stream::once(async move { Ok(bytes) }).boxed());
        Ok(GetResult { payload, meta, range, attributes: Default::default() })
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let view = self.clone();
        let delete = move |location: Result<Path>| {
            let view = view.clone();
            async move {
                let location = location?;
                let deleted = view.store.delete(location.as_ref()).await;
                deleted.map_err(|error| view.trouble.noted(location.as_ref(), error))?;
                Ok(location)
            }
        };
        locations.map(delete).buffered(DELETES_AT_ONCE).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.stream(prefix, "")
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.stream(prefix, offset.as_ref())
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let root = prefix.cloned().unwrap_or_default();
        let metas: Vec<ObjectMeta> = self.list(prefix).try_collect().await?;
        let (mut objects, mut common_prefixes) = (Vec::new(), Vec::new());
        for meta in metas {
            let mut below = meta.location.prefix_match(&root).into_iter().flatten();
            let (first, second) = (below.next(), below.next());
            match (first, second) {
                (Some(directory), Some(_)) => common_prefixes.push(root.clone().join(directory)),
                _ => objects.push(meta.clone()),
            }
        }
        common_prefixes.dedup();
        Ok(ListResult { common_prefixes, objects })
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let bytes = self.get_opts(from, GetOptions::default()).await?.bytes().await?;
        let mode = match options.mode {
            CopyMode::Overwrite => PutMode::Overwrite,
            CopyMode::Create => PutMode::Create,
        };
        self.write(to, bytes, mode).await?;
        Ok(())
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.store.name())
    }
}

const DELETES_AT_ONCE: usize = 16;

/// An upload in parts, kept until it is complete: an object here appears whole, and ours are of moderate size.
#[derive(Debug)]
struct Upload {
    view: View,
    location: Path,
    parts: Arc<Mutex<BytesMut>>,
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, part: PutPayload) -> UploadPart {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        part.iter().for_each(|bytes| parts.extend_from_slice(bytes));
        futures::future::ready(Ok(())).boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let whole = std::mem::take(&mut *self.parts.lock().unwrap_or_else(PoisonError::into_inner));
        self.view.write(&self.location, whole.freeze(), PutMode::Overwrite).await
    }

    async fn abort(&mut self) -> Result<()> {
        Ok(())
    }
}

fn meta(listed: &Listed) -> Option<ObjectMeta> {
    let last_modified = DateTime::from_timestamp_millis(i64::try_from(listed.modified_ms).ok()?)?;
    let location = Path::parse(&listed.path).ok()?;
    Some(ObjectMeta { location, last_modified, size: listed.size, e_tag: None, version: None })
}

fn already_exists(path: &str) -> object_store::Error {
    object_store::Error::AlreadyExists {
        path: path.to_owned(),
        source: "the object is there".into(),
    }
}

fn generic(reason: String) -> object_store::Error {
    object_store::Error::Generic { store: "quorate", source: reason.into() }
}

fn unsupported(reason: &'static str) -> object_store::Error {
    object_store::Error::NotSupported { source: reason.into() }
}
