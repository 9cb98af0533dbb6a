use std::fmt;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

/// The longest that a broker may be away from who writes to it.
const PATIENCE: Duration = Duration::from_secs(300);
const NAP: Duration = Duration::from_millis(10);

/// Writes to a topic again and again, whatever becomes of the broker in between: each value once.
pub struct Writer {
    topic: String,
    producer: BaseProducer,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Writer({})", self.topic)
    }
}

impl Writer {
    pub(crate) fn of(topic: &str, mut client: ClientConfig) -> Writer {
        // Sent again until it is there, and there once.
        client
            .set("enable.idempotence", "true")
            .set("message.timeout.ms", "0")
            .set("socket.timeout.ms", "10000")
            .set("reconnect.backoff.max.ms", "500")
            .set("linger.ms", "0");
        Writer { topic: topic.to_owned(), producer: client.create().expect("a producer") }
    }

    /// Writes values to partitions, and waits until the broker has them.
    ///
    /// # Panics
    /// If it does not take them for minutes.
    pub fn write<'a>(&self, values: impl IntoIterator<Item = (i32, &'a [u8])>) {
        for (partition, value) in values {
            let mut record =
                BaseRecord::<[u8], [u8]>::to(&self.topic).partition(partition).payload(value);
            while let Err((KafkaError::MessageProduction(_), again)) = self.producer.send(record) {
                self.producer.poll(NAP);
                record = again;
            }
        }
        let mut waited = Duration::ZERO;
        while self.producer.in_flight_count() > 0 {
            self.producer.poll(NAP);
            waited += NAP;
            assert!(waited < PATIENCE, "{} takes nothing", self.topic);
        }
    }
}
