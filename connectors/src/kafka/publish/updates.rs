//! Provisional outcomes, as they come.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use quorate_schemas::table::{DecisionUpdateRow, Table, json_row};
use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ThreadedProducer};

use super::PublishSpec;
use super::advice::trouble;
use super::ear::Ear;
use super::topics::brokers;
use crate::error::Error;

/// An outcome that could not be sent for so long is of no use any more: its task has others since.
const TIMEOUT_MS: u32 = 30_000;

/// Sends provisional outcomes: each at least once as long as brokers answer; while they don't, those that no room or
/// no time is left for are counted and dropped. It never blocks.
pub struct UpdateTopic {
    producer: ThreadedProducer<Ear>,
    topic: String,
    job: String,
    no_room: AtomicU64,
    told: AtomicU64,
}

impl UpdateTopic {
    /// The topic of provisional outcomes; `None` if there shall be none. It connects when it has something to send.
    ///
    /// # Errors
    /// [`Error::Kafka`] if settings are wrong.
    pub fn of(spec: &PublishSpec, job: &str) -> Result<Option<UpdateTopic>, Error> {
        let Some(topic) = spec.updates.clone() else { return Ok(None) };
        let mut config = spec.producer(job)?;
        config.set("message.timeout.ms", TIMEOUT_MS.to_string());
        let producer = ThreadedProducer::from_config_and_context(&config, Ear::default());
        let producer = producer
            .map_err(|error| trouble(&brokers(spec), "no client", &error, &Ear::default()))?;
        let (no_room, told) = (AtomicU64::new(0), AtomicU64::new(0));
        Ok(Some(UpdateTopic { producer, topic, job: job.to_owned(), no_room, told }))
    }

    /// Sends one.
    pub fn send(&self, update: &DecisionUpdateRow) {
        let value = json_row(&self.job, update);
        let header = |key, value| Header { key, value: Some(value) };
        let headers = OwnedHeaders::new()
            .insert(header("table", Table::DecisionUpdates.name()))
            .insert(header("job", self.job.as_str()));
        let key = update.task.name().as_str();
        let record = BaseRecord::to(&self.topic).key(key).payload(&value).headers(headers);
        if self.producer.send(record).is_err() {
            self.no_room.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// For a person, what is in the way; `None` if nothing was dropped, or not much since this was asked last.
    pub fn complaint(&self) -> Option<String> {
        let ear = self.producer.context();
        let dropped = self.no_room.load(Ordering::Relaxed) + ear.not_delivered();
        // Said again when there are twice as many.
        let before = self.told.load(Ordering::Relaxed);
        if dropped == 0 || dropped < before.saturating_mul(2) {
            return None;
        }
        self.told.store(dropped, Ordering::Relaxed);
        let why = ear.refused().or_else(|| ear.trouble()).map(|complaint| complaint.reason);
        let why = why.unwrap_or_else(|| "brokers do not take them fast enough".to_owned());
        Some(format!("{}: {dropped} provisional outcomes were dropped: {why}", self.topic))
    }

    /// Sends what waits, for at most so long.
    pub fn close(&self, patience: Duration) {
        // What is not sent by then is dropped: decisions have come since.
        let _ = self.producer.flush(patience);
    }
}
