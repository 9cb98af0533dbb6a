//! A registry of schemas that speaks as Confluent's does, asked beside the readers.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use reqwest::{Client, StatusCode};
use serde::Deserialize;

use super::Codec;
use super::avro::Avro;
use super::framing::SchemaId;
use super::protobuf::Protobuf;
use crate::kafka::secret::Secret;

const PATIENCE: Duration = Duration::from_secs(5);
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// So many other schemas may stand behind one.
const REFERENCES_MAX: usize = 256;

/// Where schemas are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrySpec {
    /// Its address: `http://host:port`, with a path where it has one.
    pub url: String,
    /// How it lets us in, if it asks.
    pub login: Option<Login>,
    /// The certificates by which it is known; the system's, if there are none.
    pub ca: Option<PathBuf>,
}

/// A name and a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub username: String,
    /// The password.
    pub password: Secret,
}

/// What is known of a schema.
pub(crate) enum Lookup {
    /// It is here.
    Here(Arc<Codec>),
    /// There is none, or none that is read here: why.
    Unknown(String),
    /// It is asked for; with what is in the way, if something is.
    Coming(Option<String>),
}

enum Slot {
    Here(Arc<Codec>),
    Unknown(String),
    Coming(Option<String>),
}

#[derive(Default)]
struct Slots(Mutex<BTreeMap<SchemaId, Slot>>);

impl Slots {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<SchemaId, Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A registry, and what it has said.
pub(crate) struct Registry {
    spec: RegistrySpec,
    slots: Arc<Slots>,
}

/// What a registry says of a schema.
#[derive(Debug, Deserialize)]
struct Told {
    schema: String,
    #[serde(rename = "schemaType")]
    kind: Option<String>,
    #[serde(default)]
    references: Vec<Reference>,
}

#[derive(Debug, Deserialize)]
struct Reference {
    name: String,
    subject: String,
    version: i64,
}

enum Failure {
    /// Asking again is of no use.
    Unknown(String),
    /// It may come.
    Passes(String),
}

impl Registry {
    pub(crate) fn new(spec: RegistrySpec) -> Registry {
        Registry { spec, slots: Arc::default() }
    }

    /// What is known of a schema. One that is not known is asked for, until there is an answer.
    pub(crate) fn look_up(&self, id: &SchemaId) -> Lookup {
        let mut slots = self.slots.lock();
        match slots.get(id) {
            Some(Slot::Here(codec)) => Lookup::Here(Arc::clone(codec)),
            Some(Slot::Unknown(why)) => Lookup::Unknown(why.clone()),
            Some(Slot::Coming(trouble)) => Lookup::Coming(trouble.clone()),
            None => {
                slots.insert(id.clone(), Slot::Coming(None));
                let (spec, id, weak) = (self.spec.clone(), id.clone(), Arc::downgrade(&self.slots));
                thread::spawn(move || ask(&spec, &id, &weak));
                Lookup::Coming(None)
            }
        }
    }
}

/// Asks until there is an answer, or nobody is left who waits for it.
fn ask(spec: &RegistrySpec, id: &SchemaId, slots: &Weak<Slots>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    while let Some(slots) = slots.upgrade() {
        let told = match &runtime {
            Ok(runtime) => runtime.block_on(fetch(spec, id)),
            Err(error) => Err(Failure::Unknown(error.to_string())),
        };
        let (slot, over) = match told {
            Ok(codec) => (Slot::Here(Arc::new(codec)), true),
            Err(Failure::Unknown(why)) => (Slot::Unknown(format!("{id} {why}")), true),
            Err(Failure::Passes(why)) => (Slot::Coming(Some(why)), false),
        };
        slots.lock().insert(id.clone(), slot);
        if over {
            return;
        }
        drop(slots);
        thread::sleep(ASK_AGAIN_AFTER);
    }
}

async fn fetch(spec: &RegistrySpec, id: &SchemaId) -> Result<Codec, Failure> {
    let client = client(spec)?;
    let told = get(
        spec,
        &client,
        &match id {
            SchemaId::Number(number) => vec!["schemas".into(), "ids".into(), number.to_string()],
            SchemaId::Guid(guid) => vec!["schemas".into(), "guids".into(), guid.clone()],
        },
    )
    .await?;
    let mut imports: BTreeMap<String, String> = BTreeMap::new();
    // In the order in which they can be read: what others refer to comes first.
    let mut order: Vec<String> = Vec::new();
    let mut waiting = told.references;
    while let Some(reference) = waiting.pop() {
        if imports.contains_key(&reference.name) {
            continue;
        }
        if imports.len() >= REFERENCES_MAX {
            return Err(Failure::Unknown(format!("refers to more than {REFERENCES_MAX} others")));
        }
        let Reference { name, subject, version } = reference;
        let path = ["subjects".into(), subject, "versions".into(), version.to_string()];
        let other = get(spec, &client, &path).await?;
        waiting.extend(other.references);
        order.insert(0, other.schema.clone());
        imports.insert(name, other.schema);
    }
    let codec = match told.kind.as_deref().unwrap_or("AVRO") {
        "AVRO" => Avro::new(&told.schema, &order).map(Codec::Avro),
        "PROTOBUF" => Protobuf::new(&told.schema, imports).map(Codec::Protobuf),
        "JSON" => Ok(Codec::Json),
        other => Err(format!("is of the kind {other}, which is not read")),
    };
    codec.map_err(Failure::Unknown)
}

fn client(spec: &RegistrySpec) -> Result<Client, Failure> {
    let passes = |error: String| Failure::Passes(error);
    let mut client = Client::builder().timeout(PATIENCE);
    if let Some(ca) = &spec.ca {
        let pem =
            std::fs::read(ca).map_err(|error| passes(format!("{}: {error}", ca.display())))?;
        let bundle = reqwest::Certificate::from_pem_bundle(&pem);
        for certificate in bundle.map_err(|error| passes(format!("{}: {error}", ca.display())))? {
            client = client.add_root_certificate(certificate);
        }
    }
    client.build().map_err(|error| passes(error.to_string()))
}

async fn get(spec: &RegistrySpec, client: &Client, path: &[String]) -> Result<Told, Failure> {
    let at = &spec.url;
    let passes = |what: String| Failure::Passes(format!("the schema registry {at}: {what}"));
    let mut url = reqwest::Url::parse(at).map_err(|error| passes(error.to_string()))?;
    match url.path_segments_mut() {
        // Names of subjects may have anything in them.
        Ok(mut segments) => drop(segments.pop_if_empty().extend(path)),
        Err(()) => return Err(passes("is no address of a registry".to_owned())),
    }
    let mut request = client.get(url).header("Accept", "application/vnd.schemaregistry.v1+json");
    if let Some(login) = &spec.login {
        request =
            request.basic_auth(&login.username, Some(login.password.reveal().map_err(passes)?));
    }
    let answer = request.send().await.map_err(|error| passes(cause(&error)))?;
    match answer.status() {
        StatusCode::NOT_FOUND => Err(Failure::Unknown("is not known to the registry".to_owned())),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Err(passes("does not let us in: check [kafka.registry]".to_owned()))
        }
        status if !status.is_success() => Err(passes(format!("answers {status}"))),
        _ => answer
            .json()
            .await
            .map_err(|error| passes(format!("answers what is no schema: {error}"))),
    }
}

/// What is at the bottom of it: the library's own words say only where.
fn cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    format!("cannot be reached: {cause}")
}
