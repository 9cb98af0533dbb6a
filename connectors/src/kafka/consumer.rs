//! A client of the brokers that reads, and what it hears of them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::spec::TopicSpec;
use crate::error::Error;

/// So much of a partition is fetched ahead of what was read of it, unless the job says otherwise.
const PREFETCH_KIB: u32 = 8 << 10;

/// The queue of one partition.
pub(super) type Queue = rdkafka::consumer::base_consumer::PartitionQueue<Heard>;

/// What the client tells beside messages.
#[derive(Default)]
pub(super) struct Heard {
    said: Mutex<Said>,
}

#[derive(Default)]
struct Said {
    /// What is in the way now, as it was last told.
    trouble: Option<Trouble>,
    /// What nobody has been told yet.
    untold: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Trouble {
    code: RDKafkaErrorCode,
    reason: String,
}

impl ClientContext for Heard {
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(facility, message, "the client of Kafka");
    }

    fn stats(&self, _statistics: Statistics) {}

    fn stats_raw(&self, _statistics: &[u8]) {}

    fn error(&self, error: KafkaError, reason: &str) {
        if let Some(code) = error.rdkafka_error_code() {
            self.hear(code, reason);
        }
    }
}

impl ConsumerContext for Heard {}

impl Heard {
    fn lock(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what is in the way; the same is said once until it is over.
    fn hear(&self, code: RDKafkaErrorCode, reason: &str) {
        let code = sharpened(code, reason);
        let Some(what) = meaning(code) else { return };
        let mut said = self.lock();
        // That all are down says less than why the last of them is.
        if code == RDKafkaErrorCode::AllBrokersDown && said.trouble.is_some() {
            return;
        }
        if said.trouble.as_ref().is_none_or(|before| meaning(before.code) != Some(what)) {
            said.untold.push(format!("{what} ({reason}); it is tried again until it works"));
        }
        said.trouble = Some(Trouble { code, reason: reason.to_owned() });
    }

    /// Brokers answer.
    fn works(&self) {
        let mut said = self.lock();
        if said.trouble.take().is_some() {
            said.untold.push("brokers answer again".to_owned());
        }
    }

    fn trouble(&self) -> Option<Trouble> {
        self.lock().trouble.clone()
    }

    fn take_untold(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().untold)
    }
}

/// A broker that does not trust our certificate hangs up: only the text says why.
fn sharpened(code: RDKafkaErrorCode, reason: &str) -> RDKafkaErrorCode {
    let is_distrust = reason.contains("SSL routines") && reason.contains("alert");
    match code {
        RDKafkaErrorCode::BrokerTransportFailure if is_distrust => RDKafkaErrorCode::SSL,
        code => code,
    }
}

/// What a person makes of it, where it is something that persons can mend.
fn meaning(code: RDKafkaErrorCode) -> Option<&'static str> {
    use RDKafkaErrorCode as Code;
    match code {
        Code::Authentication | Code::SaslAuthenticationFailed => {
            Some("brokers refuse who we are: check [kafka.sasl] and [kafka.tls]")
        }
        Code::TopicAuthorizationFailed => {
            Some("brokers do not let us read the topic: grant Read and Describe on it")
        }
        Code::GroupAuthorizationFailed => {
            Some("brokers do not let us use the group: grant Read on it, or name another `group`")
        }
        Code::ClusterAuthorizationFailed => Some("brokers do not let us in"),
        Code::SSL => Some("no trust between us and brokers: check [kafka.tls]"),
        Code::AllBrokersDown | Code::BrokerTransportFailure | Code::Resolve => {
            Some("no broker can be reached: is the address right, and do they run?")
        }
        _ => None,
    }
}

/// Whether waiting is of no use.
fn is_for_good(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::TopicAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::SSL
    )
}

/// A client that reads.
pub(super) struct Consumer {
    client: Arc<BaseConsumer<Heard>>,
    address: String,
}

impl Consumer {
    /// A client that has nothing to read yet. It connects when it is asked for something.
    ///
    /// # Errors
    /// [`Error::Kafka`] if its settings are wrong.
    pub(super) fn new(spec: &TopicSpec, client_id: &str) -> Result<Consumer, Error> {
        let address = spec.connection.address();
        let mut config = spec.connection.config()?;
        config
            .set("group.id", &spec.group)
            .set("client.id", client_id)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "error")
            .set("isolation.level", spec.isolation.name())
            .set("allow.auto.create.topics", "false");
        if config.get("queued.max.messages.kbytes").is_none() {
            config.set("queued.max.messages.kbytes", PREFETCH_KIB.to_string());
        }
        let client = BaseConsumer::from_config_and_context(&config, Heard::default());
        let client = client.map_err(|error| Error::Kafka {
            about: format!("brokers {address}"),
            reason: format!("the client cannot be made: {error}"),
            passes: false,
        })?;
        Ok(Consumer { client: Arc::new(client), address })
    }

    /// Hears what the client has to say; gives what is new of it.
    pub(super) fn serve(&self) -> Vec<String> {
        while self.client.poll(Duration::ZERO).is_some() {}
        self.client.context().take_untold()
    }

    /// Brokers were heard of just now.
    pub(super) fn works(&self) {
        self.client.context().works();
    }

    /// Whether something is in the way of hearing from brokers.
    pub(super) fn is_in_trouble(&self) -> bool {
        self.client.context().trouble().is_some()
    }

    /// Begins to fetch a partition from `offset` on.
    ///
    /// # Errors
    /// [`Error::Kafka`] if the client does not take it.
    pub(super) fn assign(&self, topic: &str, number: i32, offset: u64) -> Result<Queue, Error> {
        let wrong = |reason: String| Error::Kafka {
            about: format!("{topic}/{number}"),
            reason,
            passes: false,
        };
        // Before it is assigned, or its first messages would go to the client's own queue.
        let queue = self.client.split_partition_queue(topic, number);
        let queue = queue.ok_or_else(|| wrong("the client knows no such partition".to_owned()))?;
        let assignment = one(topic, number, offset).map_err(|error| wrong(error.to_string()))?;
        self.client.incremental_assign(&assignment).map_err(|error| wrong(error.to_string()))?;
        Ok(queue)
    }

    /// Fetches it no more.
    pub(super) fn unassign(&self, topic: &str, number: i32) {
        let mut gone = TopicPartitionList::new();
        gone.add_partition(topic, number);
        // One that is not assigned any more is what was wanted.
        let _ = self.client.incremental_unassign(&gone);
    }

    /// Goes on fetching an assigned partition at another offset.
    pub(super) fn seek(&self, topic: &str, number: i32, offset: u64) -> Result<(), Error> {
        let offset = Offset::Offset(i64::try_from(offset).unwrap_or(i64::MAX));
        self.client
            .seek(topic, number, offset, Duration::from_secs(10))
            .map_err(|error| self.failed(&format!("{topic}/{number}"), &error))
    }

    /// The first offset that brokers have of a partition, and the one after the last. Waits for them, though not long.
    ///
    /// # Errors
    /// [`Error::Kafka`] if they do not say.
    pub(super) fn offsets(&self, topic: &str, number: i32) -> Result<(u64, u64), Error> {
        let (first, end) = self
            .client
            .fetch_watermarks(topic, number, Duration::from_secs(5))
            .map_err(|error| self.failed(&format!("{topic}/{number}"), &error))?;
        Ok((u64::try_from(first).unwrap_or(0), u64::try_from(end).unwrap_or(0)))
    }

    /// The client itself, to ask brokers about topics.
    pub(super) fn client(&self) -> &BaseConsumer<Heard> {
        &self.client
    }

    /// Why something that brokers were asked for did not come.
    pub(super) fn failed(&self, about: &str, error: &KafkaError) -> Error {
        let _ = self.client.poll(Duration::ZERO);
        let heard = self.client.context().trouble();
        let code = heard.as_ref().map(|trouble| trouble.code).or(error.rdkafka_error_code());
        let what = code.and_then(meaning);
        let reason = match (what, heard) {
            (Some(what), Some(heard)) => format!("{what} ({})", heard.reason),
            (Some(what), None) => format!("{what} ({error})"),
            (None, _) => error.to_string(),
        };
        let about = match about {
            "" => format!("brokers {}", self.address),
            about => format!("{about} at {}", self.address),
        };
        Error::Kafka { about, reason, passes: !code.is_some_and(is_for_good) }
    }

    /// Tells the group how far this is. For those who watch: nothing depends on it.
    ///
    /// # Errors
    /// [`Error::Kafka`] if the client does not take it.
    pub(super) fn tell_group(&self, positions: &[(String, i32, u64)]) -> Result<(), Error> {
        let mut list = TopicPartitionList::with_capacity(positions.len());
        for (topic, number, next) in positions {
            let offset = Offset::Offset(i64::try_from(*next).unwrap_or(i64::MAX));
            list.add_partition_offset(topic, *number, offset)
                .map_err(|error| self.failed("the group", &error))?;
        }
        self.client
            .commit(&list, rdkafka::consumer::CommitMode::Async)
            .map_err(|error| self.failed("the group", &error))
    }
}

fn one(topic: &str, number: i32, offset: u64) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::new();
    let offset = Offset::Offset(i64::try_from(offset).unwrap_or(i64::MAX));
    list.add_partition_offset(topic, number, offset)?;
    Ok(list)
}
