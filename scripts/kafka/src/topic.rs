use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

use crate::message::{Isolation, Message};
use crate::writer::Writer;

/// The longest that a broker of tests may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);
const NAP: Duration = Duration::from_millis(100);

/// What is written to a topic.
#[derive(Clone, Copy, Debug, Default)]
pub struct Row<'a> {
    /// The partition.
    pub partition: i32,
    /// The key, if any.
    pub key: Option<&'a [u8]>,
    /// The value; none is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Headers.
    pub headers: &'a [(&'a str, &'a [u8])],
}

/// A topic of a broker, for tests to fill and to read.
#[derive(Clone, Debug)]
pub struct Topic {
    /// Its name.
    pub name: String,
    partitions: i32,
    pub(crate) client: ClientConfig,
}

impl Topic {
    /// A topic that is there already, of so many partitions, as `client` reaches it.
    pub fn of(name: &str, partitions: i32, client: ClientConfig) -> Topic {
        Topic { name: name.to_owned(), partitions, client }
    }

    /// For who writes to it again and again.
    ///
    /// # Panics
    /// If there can be no producer.
    pub fn writer(&self) -> Writer {
        Writer::of(&self.name, self.client.clone())
    }

    /// Writes rows, and waits until the broker has them.
    ///
    /// # Panics
    /// If the broker does not take them.
    pub fn write<'a>(&self, rows: impl IntoIterator<Item = Row<'a>>) {
        let producer: BaseProducer = self.client.create().expect("a producer");
        for row in rows {
            let mut record = BaseRecord::<[u8], [u8]>::to(&self.name).partition(row.partition);
            record.key = row.key;
            record.payload = row.value;
            if !row.headers.is_empty() {
                let headers =
                    row.headers.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
                        headers.insert(Header { key, value: Some(*value) })
                    });
                record = record.headers(headers);
            }
            while let Err((KafkaError::MessageProduction(_), again)) = producer.send(record) {
                // The queue is full: what is in it goes out first.
                producer.poll(NAP);
                record = again;
            }
        }
        producer.flush(PATIENCE).expect("the broker takes what is written");
    }

    /// Writes each line as a value to the partition.
    pub fn write_lines<'a>(&self, partition: i32, lines: impl IntoIterator<Item = &'a str>) {
        let rows = lines.into_iter().map(|line| Row {
            partition,
            value: Some(line.as_bytes()),
            ..Row::default()
        });
        self.write(rows);
    }

    /// All that the topic holds now, by partition and place.
    ///
    /// # Panics
    /// If the broker does not answer.
    pub fn read(&self, isolation: Isolation) -> Vec<Message> {
        let mut client = self.client.clone();
        client
            .set("group.id", format!("reader-of-{}", self.name))
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("isolation.level", isolation.setting());
        let consumer: BaseConsumer = client.create().expect("a consumer");
        let mut places = TopicPartitionList::new();
        for partition in 0..self.partitions {
            places
                .add_partition_offset(&self.name, partition, Offset::Beginning)
                .expect("an offset that there is");
        }
        consumer.assign(&places).expect("the partitions are there");
        let (mut found, mut ended) = (Vec::new(), 0);
        let mut idle = Duration::ZERO;
        while ended < self.partitions {
            match consumer.poll(NAP) {
                Some(Ok(message)) => found.push(Message::of(&message)),
                Some(Err(KafkaError::PartitionEOF(_))) => ended += 1,
                // A broker that restarts is waited for.
                Some(Err(_)) | None => {
                    idle += NAP;
                    assert!(idle < PATIENCE, "{} cannot be read to its end", self.name);
                }
            }
        }
        found.sort_by_key(|message| (message.partition, message.offset));
        found
    }
}
