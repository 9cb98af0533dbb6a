//! How brokers are reached, and by whom.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rdkafka::ClientConfig;

use super::secret::Secret;
use crate::error::Error;

/// Settings of the library that are this program's, each with why: a job may set any other.
pub const OWN_PROPERTIES: &[(&str, &str)] = &[
    ("bootstrap.servers", "write `brokers`"),
    ("metadata.broker.list", "write `brokers`"),
    ("security.protocol", "it follows from [kafka.tls] and [kafka.sasl]"),
    ("ssl.ca.location", "write `ca` in [kafka.tls]"),
    ("ssl.certificate.location", "write `certificate` in [kafka.tls]"),
    ("ssl.key.location", "write `key` in [kafka.tls]"),
    ("ssl.key.password", "write `key_password` in [kafka.tls]"),
    ("sasl.mechanism", "write `mechanism` in [kafka.sasl]"),
    ("sasl.mechanisms", "write `mechanism` in [kafka.sasl]"),
    ("sasl.username", "write `username` in [kafka.sasl]"),
    ("sasl.password", "write `password` in [kafka.sasl]"),
    ("group.id", "write `group` in the source"),
    ("group.instance.id", "partitions are assigned by the job, not by the group"),
    ("client.id", "it is the job's name"),
    ("enable.auto.commit", "positions are the log's; the group is told after each commit"),
    ("enable.auto.offset.store", "positions are the log's"),
    ("auto.offset.reset", "write `start` and `gone` in the source"),
    ("enable.partition.eof", "the end of a partition is something the job needs to know"),
    ("isolation.level", "write `isolation` in the source"),
    ("transactional.id", "it is made of the job's name and its log"),
    ("enable.idempotence", "without it messages are lost or doubled"),
    ("acks", "without all of them messages are lost"),
    ("statistics.interval.ms", "lag is measured by it"),
];

/// How brokers are reached, and by whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    /// `host:port` of some brokers, by which the others are found.
    pub brokers: Vec<String>,
    /// Encrypted, and with whom.
    pub tls: Option<Tls>,
    /// By whom.
    pub sasl: Option<Sasl>,
    /// Settings of the client library, by its own names; none of [`OWN_PROPERTIES`].
    pub properties: BTreeMap<String, String>,
}

/// How brokers are known, and how they know us.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// The certificates by which brokers are known; the system's, if there are none.
    pub ca: Option<PathBuf>,
    /// How they know us, if they ask.
    pub identity: Option<Identity>,
}

/// A certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The file of the certificate, with those above it.
    pub certificate: PathBuf,
    /// The file of its key.
    pub key: PathBuf,
    /// What the key is encrypted by.
    pub key_password: Option<Secret>,
}

/// A name and how it is proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sasl {
    /// How the password is shown to know.
    pub mechanism: Mechanism,
    /// The name.
    pub username: String,
    /// The password.
    pub password: Secret,
}

/// How a client shows that it knows the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// It is sent as it is: only over TLS is it safe from who listens.
    Plain,
    /// By a challenge, with SHA-256.
    ScramSha256,
    /// By a challenge, with SHA-512.
    ScramSha512,
}

impl Mechanism {
    /// Its registered name.
    pub fn name(self) -> &'static str {
        match self {
            Mechanism::Plain => "PLAIN",
            Mechanism::ScramSha256 => "SCRAM-SHA-256",
            Mechanism::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

impl Connection {
    /// The brokers, for messages.
    pub fn address(&self) -> String {
        self.brokers.join(",")
    }

    /// The protocol's name.
    fn protocol(&self) -> &'static str {
        match (&self.tls, &self.sasl) {
            (None, None) => "plaintext",
            (Some(_), None) => "ssl",
            (None, Some(_)) => "sasl_plaintext",
            (Some(_), Some(_)) => "sasl_ssl",
        }
    }

    /// What every client of these brokers has in common. The secrets are read now.
    ///
    /// # Errors
    /// [`Error::Kafka`] if a secret or a file is not there.
    pub(crate) fn config(&self) -> Result<ClientConfig, Error> {
        let mut config = ClientConfig::new();
        // A broker that went away is looked for again soon: what waits for it is counted in seconds.
        config.set("reconnect.backoff.max.ms", "2000");
        config.set("socket.keepalive.enable", "true");
        config.set("topic.metadata.refresh.interval.ms", "30000");
        for (key, value) in &self.properties {
            config.set(key, value);
        }
        config.set("bootstrap.servers", self.address());
        config.set("security.protocol", self.protocol());
        // What the library has to say reaches us as errors; its own lines would stand in the middle of ours.
        config.set_log_level(rdkafka::config::RDKafkaLogLevel::Critical);
        if let Some(tls) = &self.tls {
            if let Some(ca) = &tls.ca {
                config.set("ssl.ca.location", self.file(ca)?);
            }
            if let Some(identity) = &tls.identity {
                config.set("ssl.certificate.location", self.file(&identity.certificate)?);
                config.set("ssl.key.location", self.file(&identity.key)?);
                if let Some(password) = &identity.key_password {
                    config.set("ssl.key.password", self.reveal(password)?);
                }
            }
        }
        if let Some(sasl) = &self.sasl {
            config.set("sasl.mechanisms", sasl.mechanism.name());
            config.set("sasl.username", &sasl.username);
            config.set("sasl.password", self.reveal(&sasl.password)?);
        }
        Ok(config)
    }

    fn file(&self, path: &Path) -> Result<String, Error> {
        match std::fs::metadata(path) {
            Ok(_) => Ok(path.display().to_string()),
            Err(error) => Err(self.misconfigured(format!("{}: {error}", path.display()))),
        }
    }

    fn reveal(&self, secret: &Secret) -> Result<String, Error> {
        secret.reveal().map_err(|reason| self.misconfigured(reason))
    }

    fn misconfigured(&self, reason: String) -> Error {
        Error::Kafka { about: format!("brokers {}", self.address()), reason, passes: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_protocol_follows_from_what_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let (ca, word) = (folder.path().join("ca.pem"), folder.path().join("word"));
        std::fs::write(&ca, "x").unwrap();
        std::fs::write(&word, "sesame\n").unwrap();
        let plain = Connection { brokers: vec!["a:1".into(), "b:2".into()], ..Default::default() };
        let config = plain.config().unwrap();
        assert_eq!(config.get("security.protocol"), Some("plaintext"));
        assert_eq!(config.get("bootstrap.servers"), Some("a:1,b:2"));
        let sasl = Sasl {
            mechanism: Mechanism::ScramSha512,
            username: "ada".into(),
            password: Secret::File(word),
        };
        let full = Connection {
            tls: Some(Tls { ca: Some(ca.clone()), identity: None }),
            sasl: Some(sasl),
            ..plain.clone()
        };
        let config = full.config().unwrap();
        assert_eq!(config.get("security.protocol"), Some("sasl_ssl"));
        assert_eq!(config.get("sasl.mechanisms"), Some("SCRAM-SHA-512"));
        assert_eq!(config.get("sasl.password"), Some("sesame"));
        std::fs::remove_file(&ca).unwrap();
        let said = full.config().unwrap_err().to_string();
        assert!(said.contains("a:1,b:2") && said.contains("ca.pem"), "{said}");
    }
}
