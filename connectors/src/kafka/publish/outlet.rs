//! The one producer that publishes what a log has made true.

use std::ops::Range;
use std::time::Duration;

use arrow::array::RecordBatch;
use quorate_schemas::log::RandomId;
use quorate_schemas::table::Table;
use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use tokio::task::block_in_place;

use super::PublishSpec;
use super::advice::trouble;
use super::ear::Ear;
use super::message::{Message, Rows};
use super::position::progress;
use super::progress::Progress;
use super::topics::{brokers, prepare};
use crate::error::Error;
use crate::staged::Provenance;

/// The longest wait for brokers to answer a question.
pub(super) const ANSWER: Duration = Duration::from_secs(10);

/// The longest wait for brokers to begin or end a transaction, and to take messages.
const TRANSACTION: Duration = Duration::from_secs(20);

/// Brokers give a transaction up that is older than this.
const TRANSACTION_TIMEOUT_MS: u32 = 60_000;

const NAP: Duration = Duration::from_millis(5);

/// A producer whose messages become visible all at once, with how far that is; and that nobody else has any more.
///
/// Its methods block. Whoever gets an error throws it away and fences anew: what it had sent is either all there or
/// will never be, and the destination says which.
pub struct TopicOutlet {
    producer: BaseProducer<Ear>,
    spec: PublishSpec,
    job: String,
    log: RandomId,
    transaction: Transaction,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transaction {
    None,
    Open,
}

impl TopicOutlet {
    /// Ends whoever publishes for the log of `of`, and is the one from now on.
    ///
    /// # Errors
    /// [`Error::Kafka`] if a topic is missing, brokers do not answer or do not let us.
    pub async fn fence(spec: &PublishSpec, of: &Provenance) -> Result<TopicOutlet, Error> {
        let mut config = spec.producer(&of.job)?;
        config.set("transactional.id", format!("quorate-{}-{}", of.job, of.log_id));
        config.set("transaction.timeout.ms", TRANSACTION_TIMEOUT_MS.to_string());
        prepare(spec, &of.job).await?;
        let producer = BaseProducer::from_config_and_context(&config, Ear::default());
        let producer = producer
            .map_err(|error| trouble(&brokers(spec), "no client", &error, &Ear::default()))?;
        let outlet = TopicOutlet {
            producer,
            spec: spec.clone(),
            job: of.job.clone(),
            log: of.log_id,
            transaction: Transaction::None,
        };
        block_in_place(|| {
            let begun = outlet.producer.init_transactions(TRANSACTION);
            begun.map_err(|error| outlet.failed("no transaction", &error))
        })?;
        Ok(outlet)
    }

    /// How far the topics are.
    ///
    /// # Errors
    /// [`Error::Kafka`] if that cannot be found out.
    pub fn progress(&self) -> Result<Progress, Error> {
        let found = block_in_place(|| progress(&self.spec, &self.job, self.log))?;
        Ok(Progress { job: self.job.clone(), ..found })
    }

    /// Sends `rows` of a batch of `table`'s to its topic. Nobody sees them before they are committed.
    ///
    /// # Errors
    /// [`Error::Kafka`] if brokers take nothing for too long.
    pub fn send(
        &mut self,
        table: Table,
        batch: &RecordBatch,
        rows: Range<usize>,
    ) -> Result<(), Error> {
        let Some(topic) = self.spec.topics.get(&table).cloned() else { return Ok(()) };
        block_in_place(|| {
            self.begin()?;
            let cells = Rows::of(table, batch);
            rows.into_iter().try_for_each(|row| self.push(&topic, cells.message(row)))
        })
    }

    /// Makes visible what was sent, and with it that the topics are so far.
    ///
    /// # Errors
    /// [`Error::Kafka`] if it is not certain that it is.
    pub fn commit(&mut self, progress: &Progress) -> Result<(), Error> {
        block_in_place(|| {
            self.begin()?;
            let message = Message {
                key: Some(self.log.to_string()),
                value: progress.to_bytes(),
                headers: rdkafka::message::OwnedHeaders::new(),
                // Where it is looked for, also in a topic that somebody has made with more of them.
                partition: Some(0),
            };
            let topic = self.spec.progress.clone();
            self.push(&topic, message)?;
            self.drain()?;
            let done = self.producer.commit_transaction(TRANSACTION);
            done.map_err(|error| self.failed("a transaction was not committed", &error))?;
            self.transaction = Transaction::None;
            Ok(())
        })
    }

    /// Gives up what was sent and not committed, so that readers do not wait for it.
    pub fn close(self) {
        if self.transaction == Transaction::Open {
            // If it does not come through, brokers give it up by themselves a little later.
            let _ = block_in_place(|| self.producer.abort_transaction(Duration::from_secs(2)));
        }
    }

    fn begin(&mut self) -> Result<(), Error> {
        if self.transaction == Transaction::None {
            let begun = self.producer.begin_transaction();
            begun.map_err(|error| self.failed("no transaction", &error))?;
            self.transaction = Transaction::Open;
        }
        Ok(())
    }

    fn push(&self, topic: &str, message: Message) -> Result<(), Error> {
        let mut record = BaseRecord::<String, Vec<u8>>::to(topic).payload(&message.value);
        record.key = message.key.as_ref();
        record.partition = message.partition;
        record.headers = Some(message.headers);
        let mut waited = Duration::ZERO;
        loop {
            let Err((error, again)) = self.producer.send(record) else { return Ok(()) };
            let full = error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull);
            if !full || waited > TRANSACTION {
                return Err(self.failed("a row is not taken", &error));
            }
            // What waits is as much as may: it goes out first.
            self.producer.poll(NAP);
            waited += NAP;
            record = again;
        }
    }

    /// Waits until brokers have taken all that was sent.
    fn drain(&self) -> Result<(), Error> {
        let (mut waited, mut before) = (Duration::ZERO, i32::MAX);
        loop {
            let waiting = self.producer.in_flight_count();
            if self.producer.context().refused().is_some() {
                let refused = KafkaError::MessageProduction(RDKafkaErrorCode::Fail);
                return Err(self.failed("a row is not taken", &refused));
            }
            if waiting == 0 {
                return Ok(());
            }
            self.producer.poll(NAP);
            waited = if waiting < before { Duration::ZERO } else { waited + NAP };
            before = waiting;
            if waited > TRANSACTION {
                let silent = KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut);
                return Err(self.failed("rows are not taken", &silent));
            }
        }
    }

    fn failed(&self, doing: &str, error: &KafkaError) -> Error {
        // What is in the way is told as events, which somebody has to fetch.
        self.producer.poll(NAP);
        trouble(&brokers(&self.spec), doing, error, self.producer.context())
    }
}
