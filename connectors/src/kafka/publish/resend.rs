//! Rows that go to a topic by hand.

use std::time::Duration;

use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use super::PublishSpec;
use super::advice::trouble;
use super::ear::Ear;
use super::topics::{brokers, look_for};
use crate::error::Error;
use crate::kafka::Connection;

const NAP: Duration = Duration::from_millis(5);
const PATIENCE: Duration = Duration::from_secs(30);
const BUFFER_BYTES: u64 = 64 << 20;

/// What is sent.
#[derive(Clone, Debug)]
pub struct Letter<'a> {
    /// By what it is put into a partition.
    pub key: String,
    /// Its bytes.
    pub value: &'a [u8],
    /// Where it is from.
    pub headers: Vec<(&'static str, String)>,
}

/// Sends `letters` to `topic`, and waits until brokers have them all. It blocks.
///
/// # Errors
/// [`Error::Kafka`] if there is no such topic, or not all of them were taken.
pub fn send_again<'a>(
    connection: &Connection,
    topic: &str,
    job: &str,
    letters: impl Iterator<Item = Letter<'a>>,
) -> Result<(), Error> {
    let spec = PublishSpec {
        connection: connection.clone(),
        topics: Default::default(),
        updates: Some(topic.to_owned()),
        progress: String::new(),
        buffer_bytes: BUFFER_BYTES,
    };
    if look_for(&spec, job)?.iter().any(|found| found.partitions.is_none()) {
        let reason = "there is no such topic".to_owned();
        return Err(Error::Kafka { about: topic.to_owned(), reason, passes: true });
    }
    let config = spec.producer(job)?;
    let producer = BaseProducer::from_config_and_context(&config, Ear::default())
        .map_err(|error| trouble(&brokers(&spec), "no client", &error, &Ear::default()))?;
    let failed = |error: &KafkaError| {
        producer.poll(NAP);
        trouble(topic, "not all rows were taken", error, producer.context())
    };
    for letter in letters {
        let headers = letter.headers.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
            headers.insert(Header { key, value: Some(value) })
        });
        let mut record =
            BaseRecord::to(topic).key(&letter.key).payload(letter.value).headers(headers);
        let mut waited = Duration::ZERO;
        while let Err((error, again)) = producer.send(record) {
            let full = error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull);
            if !full || waited > PATIENCE {
                return Err(failed(&error));
            }
            producer.poll(NAP);
            waited += NAP;
            record = again;
        }
    }
    producer.flush(PATIENCE).map_err(|error| failed(&error))?;
    match producer.context().not_delivered() {
        0 => Ok(()),
        _ => Err(failed(&KafkaError::MessageProduction(RDKafkaErrorCode::Fail))),
    }
}
