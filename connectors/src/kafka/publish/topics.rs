//! The topics that are published to: whether they are there, and as they should be.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::{FromClientConfig, FromClientConfigAndContext};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::PublishSpec;
use super::advice::{advice, trouble};
use super::ear::{Ear, lasting};
use super::outlet::ANSWER;
use crate::error::Error;

const NAP: Duration = Duration::from_millis(20);

/// How many events are looked at for what is in the way. There may be no end of them.
const EVENTS: u32 = 10;

/// A topic as its brokers have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicFound {
    /// Its name.
    pub name: String,
    /// How many partitions it has; none, if there is no such topic.
    pub partitions: Option<usize>,
}

/// Looks for every topic that has to be there. It blocks for some seconds where brokers do not answer.
///
/// # Errors
/// [`Error::Kafka`] if settings are wrong, or brokers do not answer.
pub fn look_for(spec: &PublishSpec, job: &str) -> Result<Vec<TopicFound>, Error> {
    let reader = reader(spec, job, "read_committed")?;
    spec.wanted()
        .map(|name| {
            let partitions = partitions(&reader, spec, name)?;
            Ok(TopicFound { name: name.to_owned(), partitions })
        })
        .collect()
}

/// Sees to it that every topic is there; the one of the progress is made if it is not.
///
/// # Errors
/// [`Error::Kafka`] if one is missing or not as it should be, or brokers do not answer.
pub(super) async fn prepare(spec: &PublishSpec, job: &str) -> Result<(), Error> {
    let reader = reader(spec, job, "read_committed")?;
    let there = tokio::task::block_in_place(|| {
        for topic in spec.topics.values() {
            if partitions(&reader, spec, topic)?.is_none() {
                let code = RDKafkaErrorCode::UnknownTopicOrPartition;
                let reason = format!("there is no such topic{}", advice(code));
                return Err(Error::Kafka { about: topic.clone(), reason, passes: true });
            }
        }
        partitions(&reader, spec, &spec.progress)
    })?;
    match there {
        None => make_progress_topic(spec).await,
        Some(_) => check_progress_topic(spec).await,
    }
}

/// How many partitions a topic has; `None` if there is no such topic. Asked by a reader: where brokers make what a
/// writer asks for, the answer would always be that it is there, and of whatever kind they make.
fn partitions(
    reader: &BaseConsumer<Hears>,
    spec: &PublishSpec,
    topic: &str,
) -> Result<Option<usize>, Error> {
    let found = reader.fetch_metadata(Some(topic), ANSWER).map_err(|error| {
        // What is in the way is told as events, which somebody has to fetch.
        for _ in 0..EVENTS {
            let _ = reader.poll(NAP);
        }
        let said = reader.context().0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
        let (code, reason) = said.unwrap_or_else(|| (code, error.to_string()));
        Error::Kafka {
            about: brokers(spec),
            reason: format!("no answer: {reason}{}", advice(code)),
            passes: true,
        }
    })?;
    let found = found.topics().iter().find(|found| found.name() == topic);
    match found.map(|found| (found.partitions().len(), found.error().map(RDKafkaErrorCode::from))) {
        None | Some((0, None)) => Ok(None),
        Some((_, Some(RDKafkaErrorCode::UnknownTopicOrPartition))) => Ok(None),
        Some((_, Some(code))) => Err(Error::Kafka {
            about: topic.to_owned(),
            reason: format!("{code}{}", advice(code)),
            passes: true,
        }),
        Some((partitions, None)) => Ok(Some(partitions)),
    }
}

/// Makes the topic of the progress: one partition, of which the last of each log stays for ever.
async fn make_progress_topic(spec: &PublishSpec) -> Result<(), Error> {
    let wrong = |error: &KafkaError| {
        let doing = "it is not there, and cannot be made by us (make it with one partition and cleanup.policy=compact)";
        trouble(&spec.progress, doing, error, &Ear::default())
    };
    // As many copies as brokers make by default. Short segments: what is replaced goes within the hour.
    let topic = NewTopic::new(&spec.progress, 1, TopicReplication::Fixed(-1))
        .set("cleanup.policy", "compact")
        .set("segment.ms", "3600000")
        .set("segment.bytes", "16777216")
        .set("min.cleanable.dirty.ratio", "0.1");
    let made = admin(spec)?.create_topics([&topic], &options()).await;
    match made.map_err(|error| wrong(&error))?.into_iter().next() {
        // Another run of the job may have been there at the same time.
        None | Some(Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(()),
        Some(Err((_, code))) => Err(wrong(&KafkaError::AdminOp(code))),
    }
}

/// Sees to it that the topic of the progress forgets nothing, as far as we may ask.
async fn check_progress_topic(spec: &PublishSpec) -> Result<(), Error> {
    let topic = ResourceSpecifier::Topic(&spec.progress);
    let described = admin(spec)?.describe_configs([&topic], &options()).await;
    let Some(Ok(settings)) = described.ok().and_then(|found| found.into_iter().next()) else {
        return Ok(());
    };
    let policy = settings.get("cleanup.policy").and_then(|entry| entry.value.as_deref());
    match policy {
        Some(policy) if policy != "compact" => Err(Error::Kafka {
            about: spec.progress.clone(),
            reason: format!(
                "its cleanup.policy is {policy}, so that it would forget how far the topics are, and rows would be \
                 published twice: set it to compact"
            ),
            passes: true,
        }),
        _ => Ok(()),
    }
}

fn admin(spec: &PublishSpec) -> Result<AdminClient<DefaultClientContext>, Error> {
    AdminClient::from_config(&spec.connection.config()?)
        .map_err(|error| trouble(&brokers(spec), "no client", &error, &Ear::default()))
}

fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(ANSWER)).request_timeout(Some(ANSWER))
}

/// The brokers, for messages.
pub(super) fn brokers(spec: &PublishSpec) -> String {
    format!("brokers {}", spec.connection.address())
}

/// Remembers what is in the way.
#[derive(Default)]
pub(super) struct Hears(Mutex<Option<(RDKafkaErrorCode, String)>>);

impl ClientContext for Hears {
    fn error(&self, error: KafkaError, reason: &str) {
        let Some(code) = error.rdkafka_error_code() else { return };
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // That none of them is left says less than why.
        if code != RDKafkaErrorCode::AllBrokersDown || said.is_none() {
            *said = Some((code, lasting(reason)));
        }
    }
}

impl ConsumerContext for Hears {}

/// A client that reads, which nothing is assigned to.
pub(super) fn reader(
    spec: &PublishSpec,
    job: &str,
    isolation: &str,
) -> Result<BaseConsumer<Hears>, Error> {
    let mut config = spec.connection.config()?;
    config
        .set("client.id", format!("quorate-{job}"))
        // It is never joined nor told anything, but there is no reading without one.
        .set("group.id", format!("quorate-{job}"))
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "earliest")
        .set("allow.auto.create.topics", "false")
        .set("isolation.level", isolation);
    BaseConsumer::from_config_and_context(&config, Hears::default())
        .map_err(|error| trouble(&brokers(spec), "no client", &error, &Ear::default()))
}
