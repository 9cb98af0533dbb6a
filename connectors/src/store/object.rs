//! Objects on S3 and on what speaks like it.
//!
//! The library's own tries are switched off. For conditional puts they are wrong: after a 500 that did write, its
//! second try reports our own object as another's. For the rest, one place decides how often to try, and that is
//! [`Store`](super::Store).

mod answer;
mod parts;
mod profile;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::client::ClientConfigKey;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{
    GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, RetryConfig,
};

use super::backend::Found;
use super::problem::{Failure, Problem};
use super::{Creation, Listed};
use answer::{after_create, failure};
pub(super) use parts::{Completion, Parts};
use profile::Place;

/// A store of objects behind the library's interface.
pub(super) struct Object {
    store: PrefixStore<Arc<dyn ObjectStore>>,
    parts: Option<Parts>,
}

impl Object {
    pub(super) fn new(store: Arc<dyn ObjectStore>, prefix: &str) -> Object {
        Object { store: PrefixStore::new(store, prefix), parts: None }
    }

    /// A bucket of S3, with what `variables`, the environment and the files of a profile say about how to reach it.
    pub(super) fn s3(
        bucket: &str,
        prefix: &str,
        variables: &[(&str, String)],
    ) -> Result<Object, String> {
        let mut builder = s3_builder();
        for (name, value) in variables {
            let key = name.to_ascii_lowercase().parse();
            let key = key.map_err(|_| format!("{name} says nothing about S3"))?;
            builder = builder.with_config(key, value);
        }
        let builder = with_profile(builder, &Place::of_environment())?;
        check_endpoint(&builder)?;
        let store = builder.with_bucket_name(bucket).build().map_err(|error| error.to_string())?;
        let parts = Parts::new(Arc::new(PrefixStore::new(store.clone(), prefix)));
        Ok(Object { parts: Some(parts), ..Object::new(Arc::new(store), prefix) })
    }

    /// How large objects are written, if the service takes them in parts.
    pub(super) fn parts(&self) -> Option<&Parts> {
        self.parts.as_ref()
    }

    pub(super) async fn create(&self, path: &str, bytes: Bytes) -> Result<Creation, Failure> {
        match self.store.put_opts(&parse(path)?, bytes.into(), PutMode::Create.into()).await {
            Ok(_) => Ok(Creation::Created),
            Err(error) => after_create(error),
        }
    }

    pub(super) async fn put(&self, path: &str, bytes: Bytes) -> Result<(), Failure> {
        self.store.put(&parse(path)?, bytes.into()).await.map_err(failure)?;
        Ok(())
    }

    pub(super) async fn read(
        &self,
        path: &str,
        range: Option<GetRange>,
    ) -> Result<Option<Found>, Failure> {
        let options = GetOptions { range, ..GetOptions::default() };
        let answer = match self.store.get_opts(&parse(path)?, options).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            answer => answer.map_err(failure)?,
        };
        let (object, from) = (listed(&answer.meta), answer.range.start);
        let bytes = answer.bytes().await.map_err(failure)?;
        Ok(Some(Found { object, from, bytes }))
    }

    pub(super) async fn head(&self, path: &str) -> Result<Option<Listed>, Failure> {
        match self.store.head(&parse(path)?).await {
            // The library names the object by its whole key here, unlike in a listing.
            Ok(meta) => Ok(Some(Listed { path: path.to_owned(), ..listed(&meta) })),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failure(error)),
        }
    }

    pub(super) async fn list(&self, prefix: &str, after: &str) -> Result<Vec<Listed>, Failure> {
        let prefix = parse(prefix)?;
        let metas: Vec<ObjectMeta> = match after {
            "" => self.store.list(Some(&prefix)).try_collect().await,
            after => self.store.list_with_offset(Some(&prefix), &parse(after)?).try_collect().await,
        }
        .map_err(failure)?;
        let mut found: Vec<Listed> = metas.iter().map(listed).collect();
        // Buckets of S3 Express, and some that only speak like S3, list in any order.
        found.sort();
        Ok(found)
    }

    pub(super) async fn delete(&self, path: &str) -> Result<(), Failure> {
        match self.store.delete(&parse(path)?).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failure(error)),
        }
    }
}

/// S3 as we use it, but for the bucket.
fn s3_builder() -> AmazonS3Builder {
    let client = |key, value: &str| (AmazonS3ConfigKey::Client(key), value.to_owned());
    let once =
        RetryConfig { max_retries: 0, retry_timeout: Duration::ZERO, ..RetryConfig::default() };
    // The library counts one deadline for small and large objects; ours grows with the bytes, so its must not be less.
    let settings = [
        client(ClientConfigKey::Timeout, "1 hour"),
        client(ClientConfigKey::ConnectTimeout, "5 seconds"),
    ];
    settings
        .into_iter()
        .fold(AmazonS3Builder::from_env(), |builder, (key, value)| builder.with_config(key, value))
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_retry(once)
}

/// What the environment leaves open, from the files of a profile.
fn with_profile(builder: AmazonS3Builder, place: &Place) -> Result<AmazonS3Builder, String> {
    use AmazonS3ConfigKey as Key;
    let given = |key| builder.get_config_value(&key).is_some();
    let has_keys = given(Key::AccessKeyId) || given(Key::SecretAccessKey);
    let is_anonymous = builder.get_config_value(&Key::SkipSignature).as_deref() == Some("true");
    let profile = match place.read() {
        Ok(profile) => profile.unwrap_or_default(),
        // Nothing of it is needed.
        Err(_) if has_keys || is_anonymous => return Ok(builder),
        Err(reason) => return Err(reason),
    };
    let mut settings = Vec::new();
    settings.extend(profile.region.filter(|_| !given(Key::Region)).map(|it| (Key::Region, it)));
    let has_endpoint = given(Key::Endpoint) || given(Key::S3Endpoint);
    settings.extend(profile.endpoint.filter(|_| !has_endpoint).map(|it| (Key::Endpoint, it)));
    if let Some(keys) = profile.keys.filter(|_| !has_keys) {
        settings.push((Key::AccessKeyId, keys.id));
        settings.push((Key::SecretAccessKey, keys.secret));
        settings.extend(keys.token.map(|token| (Key::Token, token)));
    } else if let Some((role, file)) = profile.web_identity.filter(|_| !has_keys) {
        settings.push((Key::RoleArn, role));
        settings.push((Key::WebIdentityTokenFile, file));
    }
    Ok(settings.into_iter().fold(builder, |builder, (key, value)| builder.with_config(key, value)))
}

/// Without this the library would fail each request, and not say why.
fn check_endpoint(builder: &AmazonS3Builder) -> Result<(), String> {
    let of = |key| builder.get_config_value(&key);
    let endpoint = of(AmazonS3ConfigKey::S3Endpoint).or_else(|| of(AmazonS3ConfigKey::Endpoint));
    let allowed = of(AmazonS3ConfigKey::Client(ClientConfigKey::AllowHttp));
    match endpoint {
        Some(endpoint) if endpoint.starts_with("http://") && allowed.as_deref() != Some("true") => {
            Err(format!(
                "its endpoint {endpoint} is not encrypted: set AWS_ALLOW_HTTP=true if that is meant, or use https"
            ))
        }
        _ => Ok(()),
    }
}

fn parse(path: &str) -> Result<Path, Failure> {
    Path::parse(path).map_err(|error| Failure::new(Problem::BadPath, error))
}

fn listed(meta: &ObjectMeta) -> Listed {
    let modified_ms = u64::try_from(meta.last_modified.timestamp_millis()).unwrap_or(0);
    Listed { path: meta.location.to_string(), size: meta.size, modified_ms }
}
