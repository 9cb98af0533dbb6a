//! `[kafka]`: the brokers, and how they are reached; `kafka = { … }` in a source: which topics, and how they are read.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use quorate_connectors::kafka::{
    Connection, Encoding, Gone, Identity, Isolation, Login, Mechanism, OWN_PROPERTIES,
    RegistrySpec, Sasl, Secret, Start, Tls, Tombstones, TopicPattern, TopicSpec,
};
use toml::Spanned;
use toml::de::DeValue;

use super::brokers::{RawBrokers, texts};
use super::finding::quoted;
use super::section::{Findings, Given, Section, Wrong, kind_of};
use super::shape::{Reader, Shape};
use super::value;

const SECRETS: &str =
    "write { env = \"NAME\" } for a variable of the environment, or { file = \"path\" }";

/// `[kafka]` as the file has it.
pub(super) struct RawKafka {
    /// `brokers`: `host:port` of some brokers, in a list or with commas between them; a source may name others.
    brokers: RawBrokers,
    /// Whether there is a table at all.
    is_given: bool,
    tls: RawTls,
    sasl: RawSasl,
    registry: RawRegistry,
    /// `properties`: settings of the client library, by its own names.
    properties: BTreeMap<String, String>,
}

/// `[kafka.tls]`: that it is there is enough for TLS.
struct RawTls {
    is_given: bool,
    /// `ca`: the certificates by which brokers are known; default the system's.
    ca: Given<String>,
    /// `certificate`: how brokers know us, if they ask.
    certificate: Given<String>,
    /// `key`: of the certificate.
    key: Given<String>,
    /// `key_password`: what the key is encrypted by.
    key_password: Given<Secret>,
}

/// `[kafka.registry]`: where the schemas of messages are found.
struct RawRegistry {
    span: Option<Range<usize>>,
    /// `url`: `http://host:port`. Required.
    url: Given<String>,
    /// `username`.
    username: Given<String>,
    /// `password`: where it is found.
    password: Given<Secret>,
    /// `ca`: the certificates by which it is known; default the system's.
    ca: Given<String>,
}

/// `[kafka.sasl]`.
struct RawSasl {
    is_given: bool,
    /// `mechanism`: `"plain"`, `"scram-sha-256"` or `"scram-sha-512"`.
    mechanism: Given<Mechanism>,
    /// `username`.
    username: Given<String>,
    /// `password`: where it is found.
    password: Given<Secret>,
}

impl RawKafka {
    pub(super) fn read(mut section: Section<'_>, found: &mut Findings<'_>) -> RawKafka {
        let properties = match section.value("properties", Shape::Free) {
            None => BTreeMap::new(),
            Some(given) => section
                .table_of("properties", given, found)
                .map(|table| read_properties(&table, found))
                .unwrap_or_default(),
        };
        let raw = RawKafka {
            properties,
            is_given: section.span.is_some(),
            brokers: RawBrokers::read(&mut section, found),
            tls: RawTls::read(section.section("tls", found), found),
            sasl: RawSasl::read(section.section("sasl", found), found),
            registry: RawRegistry::read(section.section("registry", found), found),
        };
        section.close(found);
        raw
    }

    /// How brokers are reached.
    pub(super) fn resolve(self, folder: &Path, found: &mut Findings<'_>) -> Kafka {
        let RawKafka { brokers, is_given, tls, sasl, registry, properties } = self;
        let tls = tls.resolve(folder, found);
        let sasl = sasl.resolve(folder, found);
        let connection = is_given.then(|| Connection {
            brokers: brokers.given.map(Spanned::into_inner).unwrap_or_default(),
            tls,
            sasl,
            properties,
        });
        let registry = registry.resolve(folder, found);
        Kafka { connection, names_brokers: brokers.are_named, registry }
    }
}

impl RawRegistry {
    fn read(mut section: Section<'_>, found: &mut Findings<'_>) -> RawRegistry {
        let raw = RawRegistry {
            span: section.span.clone(),
            url: section.take("url", found, url()),
            username: section.take("username", found, filled()),
            password: section.take("password", found, secret()),
            ca: section.take("ca", found, file()),
        };
        if raw.span.is_some() && !section.has("url") {
            let remedy = "add url = \"http://localhost:8081\"";
            found.error(raw.span.as_ref(), &section.key("url"), "is missing", remedy);
        }
        section.close(found);
        raw
    }

    fn resolve(self, folder: &Path, found: &mut Findings<'_>) -> Option<RegistrySpec> {
        let login = match (self.username, self.password) {
            (Some(username), Some(password)) => Some(Login {
                username: username.into_inner(),
                password: below(folder, password.into_inner()),
            }),
            (None, None) => None,
            (username, password) => {
                let span = username.map(|u| u.span()).or(password.map(|p| p.span()));
                let message = "a username and a password go together";
                let remedy = "write both, or none";
                found.error(span.as_ref(), "kafka.registry", message, remedy);
                None
            }
        };
        let ca = self.ca.map(|ca| folder.join(ca.into_inner()));
        Some(RegistrySpec { url: self.url?.into_inner(), login, ca })
    }
}

impl RawTls {
    fn read(mut section: Section<'_>, found: &mut Findings<'_>) -> RawTls {
        let raw = RawTls {
            is_given: section.span.is_some(),
            ca: section.take("ca", found, file()),
            certificate: section.take("certificate", found, file()),
            key: section.take("key", found, file()),
            key_password: section.take("key_password", found, secret()),
        };
        section.close(found);
        raw
    }

    fn resolve(self, folder: &Path, found: &mut Findings<'_>) -> Option<Tls> {
        let path = |given: String| folder.join(given);
        let identity = match (self.certificate, self.key) {
            (Some(certificate), Some(key)) => Some(Identity {
                certificate: path(certificate.into_inner()),
                key: path(key.into_inner()),
                key_password: self.key_password.map(|secret| below(folder, secret.into_inner())),
            }),
            (None, None) => None,
            (certificate, key) => {
                let (given, lacks) = if certificate.is_some() {
                    ("certificate", "key")
                } else {
                    ("key", "certificate")
                };
                let span = certificate.or(key).map(|given| given.span());
                let message = format!("is of no use without `{lacks}`");
                let remedy = format!("name the file of the {lacks}, too");
                found.error(span.as_ref(), &format!("kafka.tls.{given}"), message, remedy);
                None
            }
        };
        let ca = self.ca.map(|ca| path(ca.into_inner()));
        self.is_given.then_some(Tls { ca, identity })
    }
}

impl RawSasl {
    fn read(mut section: Section<'_>, found: &mut Findings<'_>) -> RawSasl {
        const MECHANISMS: &[(&str, Mechanism)] = &[
            ("plain", Mechanism::Plain),
            ("scram-sha-256", Mechanism::ScramSha256),
            ("scram-sha-512", Mechanism::ScramSha512),
        ];
        let raw = RawSasl {
            is_given: section.span.is_some(),
            mechanism: section.take("mechanism", found, value::word(MECHANISMS)),
            username: section.take("username", found, filled()),
            password: section.take("password", found, secret()),
        };
        if raw.is_given {
            for (key, remedy) in [
                ("mechanism", "add mechanism = \"scram-sha-512\""),
                ("username", "add username = \"…\""),
                ("password", "add password = { env = \"KAFKA_PASSWORD\" }"),
            ] {
                if !section.has(key) {
                    found.error(section.span.as_ref(), &section.key(key), "is missing", remedy);
                }
            }
        }
        section.close(found);
        raw
    }

    fn resolve(self, folder: &Path, _found: &mut Findings<'_>) -> Option<Sasl> {
        Some(Sasl {
            mechanism: self.mechanism?.into_inner(),
            username: self.username?.into_inner(),
            password: below(folder, self.password?.into_inner()),
        })
    }
}

/// What a job says of brokers.
#[derive(Default)]
pub(super) struct Kafka {
    /// How they are reached; `None` where the job has no table of them.
    pub(super) connection: Option<Connection>,
    /// Whether that names some, rightly or not.
    pub(super) names_brokers: bool,
    /// Where schemas are found.
    registry: Option<RegistrySpec>,
}

/// `kafka = { … }` of a source, as the file has it.
pub(super) struct RawTopics {
    /// `brokers`: other ones than those of `[kafka]`.
    brokers: RawBrokers,
    /// `topic`: a name, or a pattern that begins with `^`, or a list of them. Required.
    topic: Given<Vec<TopicPattern>>,
    /// `start`: where a partition begins that the log does not know: `"earliest"`, the default, or `"latest"`.
    start: Given<Start>,
    /// `gone`: what happens where rows are gone before they were read: `"fail"`, the default, or to go on with the
    /// `"earliest"` there are or with the `"latest"`.
    gone: Given<Gone>,
    /// `tombstones`: messages without a value: `"reject"`, the default, or `"skip"`.
    tombstones: Given<Tombstones>,
    /// `isolation`: `"read_committed"`, the default, or `"read_uncommitted"`.
    isolation: Given<Isolation>,
    /// `group`: the consumer group that is told how far the job is; default `"quorate-NAME"`, after the job.
    group: Given<String>,
}

impl RawTopics {
    pub(super) fn read(mut section: Section<'_>, found: &mut Findings<'_>) -> RawTopics {
        const STARTS: &[(&str, Start)] =
            &[("earliest", Start::Earliest), ("latest", Start::Latest)];
        const GONE: &[(&str, Gone)] =
            &[("fail", Gone::Fail), ("earliest", Gone::Earliest), ("latest", Gone::Latest)];
        const TOMBSTONES: &[(&str, Tombstones)] =
            &[("reject", Tombstones::Reject), ("skip", Tombstones::Skip)];
        const ISOLATION: &[(&str, Isolation)] = &[
            ("read_committed", Isolation::Committed),
            ("read_uncommitted", Isolation::Uncommitted),
        ];
        let raw = RawTopics {
            brokers: RawBrokers::read(&mut section, found),
            topic: section.take("topic", found, topics()),
            start: section.take("start", found, value::word(STARTS)),
            gone: section.take("gone", found, value::word(GONE)),
            tombstones: section.take("tombstones", found, value::word(TOMBSTONES)),
            isolation: section.take("isolation", found, value::word(ISOLATION)),
            group: section.take("group", found, value::name()),
        };
        if section.span.is_some() && !section.requires("topic") {
            let remedy = "add topic = \"votes\", or a pattern such as \"^votes-.*\"";
            found.error(section.span.as_ref(), &section.key("topic"), "is missing", remedy);
        }
        section.close(found);
        raw
    }

    /// The topics, where brokers are known.
    pub(super) fn resolve(
        self,
        kafka: &Kafka,
        job: &str,
        path: &str,
        span: Option<&Range<usize>>,
        encoding: Encoding,
        found: &mut Findings<'_>,
    ) -> TopicSpec {
        if !self.brokers.are_named && !kafka.names_brokers {
            let remedy = "add [kafka] with brokers = \"localhost:9092\", or brokers to this table";
            found.error(span, &format!("{path}.kafka.brokers"), "is missing", remedy);
        }
        if encoding != Encoding::Json && kafka.registry.is_none() {
            let message = format!("is needed to read {}", encoding.word());
            let remedy = "add [kafka.registry] with url = \"http://localhost:8081\"";
            found.error(span, "kafka.registry", message, remedy);
        }
        TopicSpec {
            encoding,
            registry: kafka.registry.clone(),
            connection: self.brokers.connection(kafka),
            topics: self.topic.map(Spanned::into_inner).unwrap_or_default(),
            start: self.start.map_or(Start::Earliest, Spanned::into_inner),
            gone: self.gone.map_or(Gone::Fail, Spanned::into_inner),
            tombstones: self.tombstones.map_or(Tombstones::Reject, Spanned::into_inner),
            isolation: self.isolation.map_or(Isolation::Committed, Spanned::into_inner),
            group: self.group.map_or_else(|| format!("quorate-{job}"), Spanned::into_inner),
        }
    }
}

/// A secret's file is found from the job's folder.
fn below(folder: &Path, secret: Secret) -> Secret {
    match secret {
        Secret::File(path) => Secret::File(folder.join(path)),
        other => other,
    }
}

fn filled() -> Reader<impl Fn(&Spanned<DeValue<'_>>) -> Result<String, Wrong>> {
    Reader::new(Shape::Text(value::FILLED), |given| value::filled(given).map(str::to_owned))
}

fn file() -> Reader<impl Fn(&Spanned<DeValue<'_>>) -> Result<String, Wrong>> {
    Reader::new(Shape::Text(value::FILLED), |given| {
        let text = value::filled(given)?;
        if text.contains("-----BEGIN") {
            return Err(Wrong::new(
                "is a key or certificate itself",
                "write it to a file, and name that",
            ));
        }
        Ok(text.to_owned())
    })
}

fn url() -> Reader<impl Fn(&Spanned<DeValue<'_>>) -> Result<String, Wrong>> {
    Reader::new(Shape::Text("^https?://[^@]+$"), |given| {
        let text = value::filled(given)?;
        let rest = text.strip_prefix("http://").or(text.strip_prefix("https://"));
        match rest {
            Some(rest) if rest.contains('@') => Err(Wrong::new(
                "has a name or password in it",
                "write `username` and `password` beside it",
            )),
            Some(rest) if !rest.is_empty() => Ok(text.to_owned()),
            _ => Err(Wrong::new(
                format!("{} is not an address", quoted(text)),
                "write http://host:port or https://host:port",
            )),
        }
    })
}

fn topics() -> Reader<impl Fn(&Spanned<DeValue<'_>>) -> Result<Vec<TopicPattern>, Wrong>> {
    let one = Shape::Text(r"^(\^.+|[A-Za-z0-9._-]{1,249})$");
    Reader::new(Shape::AnyOf(vec![one.clone(), Shape::List(1, Box::new(one))]), |given| {
        texts(given)?
            .iter()
            .map(|text| {
                TopicPattern::parse(text).map_err(|reason| {
                    Wrong::new(
                        format!("{} {reason}", quoted(text)),
                        "write a topic's name, or a regular expression that begins with ^",
                    )
                })
            })
            .collect()
    })
}

/// Where a secret is found. The secret itself is refused: job files are shown, sent and kept.
fn secret() -> Reader<impl Fn(&Spanned<DeValue<'_>>) -> Result<Secret, Wrong>> {
    Reader::new(Shape::Reference, |given| match given.get_ref() {
        DeValue::Table(table) if table.len() == 1 => {
            let (key, value) =
                table.iter().next().ok_or_else(|| Wrong::new("is empty", SECRETS))?;
            let text = value::filled(value).map_err(|wrong| wrong.at(value.span()))?;
            match key.get_ref().as_ref() {
                "env" => Ok(Secret::Environment(text.to_owned())),
                "file" => Ok(Secret::File(text.into())),
                other => Err(Wrong::new(format!("{} is not known here", quoted(other)), SECRETS)),
            }
        }
        DeValue::Table(_) => Err(Wrong::new("says more than where it is found", SECRETS)),
        DeValue::String(_) => Err(Wrong::new("stands in the job file itself", SECRETS)),
        other => Err(Wrong::new(format!("is {}", kind_of(other)), SECRETS)),
    })
}

fn read_properties(section: &Section<'_>, found: &mut Findings<'_>) -> BTreeMap<String, String> {
    let mut properties = BTreeMap::new();
    for (key, span, given) in section.entries() {
        let path = section.key(key);
        if let Some((_, instead)) = OWN_PROPERTIES.iter().find(|(own, _)| *own == key) {
            found.error(Some(&span), &path, "is not set here", *instead);
            continue;
        }
        let text = match given.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.as_str().to_owned(),
            DeValue::Boolean(flag) => flag.to_string(),
            other => {
                let message =
                    format!("is {}, should be text, a number, true or false", kind_of(other));
                found.error(
                    Some(&given.span()),
                    &path,
                    message,
                    "write it as the library's manual does",
                );
                continue;
            }
        };
        if key.contains("password") || key.contains("secret") {
            let message = "may hold a secret, which has no place in a job file";
            found.error(Some(&span), &path, message, "say it in [kafka.sasl] or [kafka.tls]");
            continue;
        }
        properties.insert(key.to_owned(), text);
    }
    properties
}
