use std::time::Duration;

use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::topic::Topic;

const PATIENCE: Duration = Duration::from_secs(30);

/// A transaction of a producer that writes to topics. Dropped, it stays open for as long as the broker lets it.
pub struct Transaction {
    producer: BaseProducer,
}

impl Topic {
    /// Begins a transaction of the producer `id`, which ends the one that it had before.
    ///
    /// # Panics
    /// If the broker does not let it.
    pub fn transaction(&self, id: &str) -> Transaction {
        let mut client = self.client.clone();
        client.set("transactional.id", id);
        let producer: BaseProducer = client.create().expect("a producer");
        producer.init_transactions(PATIENCE).expect("the producer is known");
        producer.begin_transaction().expect("a transaction begins");
        Transaction { producer }
    }
}

impl Transaction {
    /// Writes lines as values, and waits until the broker has them.
    ///
    /// # Panics
    /// If it does not take them.
    pub fn write_lines<'a>(
        &self,
        topic: &Topic,
        partition: i32,
        lines: impl IntoIterator<Item = &'a str>,
    ) {
        for line in lines {
            let record = BaseRecord::<str, str>::to(&topic.name).partition(partition).payload(line);
            assert!(self.producer.send(record).is_ok(), "the producer takes {line}");
        }
        self.producer.flush(PATIENCE).expect("the broker takes what is written");
    }

    /// Makes visible what was written.
    ///
    /// # Panics
    /// If the broker does not.
    pub fn commit(self) {
        self.producer.commit_transaction(PATIENCE).expect("a transaction is committed");
    }

    /// Gives it up.
    ///
    /// # Panics
    /// If the broker does not let it.
    pub fn abort(self) {
        self.producer.abort_transaction(PATIENCE).expect("a transaction is given up");
    }
}
