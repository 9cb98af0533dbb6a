//! What a producer hears of brokers and of its messages.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::ProducerContext;
use rdkafka::statistics::Statistics;

/// What went wrong, and with which topic.
#[derive(Clone, Debug)]
pub(super) struct Complaint {
    pub(super) code: RDKafkaErrorCode,
    pub(super) about: Option<String>,
    pub(super) reason: String,
}

/// Hears what a producer is told.
#[derive(Debug, Default)]
pub(super) struct Ear {
    /// What is in the way of brokers, as it was last told.
    trouble: Mutex<Option<Complaint>>,
    /// The first message that was not taken.
    refused: Mutex<Option<Complaint>>,
    not_delivered: AtomicU64,
}

impl Ear {
    /// What is known to be in the way of brokers.
    pub(super) fn trouble(&self) -> Option<Complaint> {
        lock(&self.trouble).clone()
    }

    /// The first message that was not taken.
    pub(super) fn refused(&self) -> Option<Complaint> {
        lock(&self.refused).clone()
    }

    /// How many messages were not taken.
    pub(super) fn not_delivered(&self) -> u64 {
        self.not_delivered.load(Ordering::Relaxed)
    }
}

impl ClientContext for Ear {
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(facility, message, "the client of Kafka");
    }

    fn stats(&self, _statistics: Statistics) {}

    fn stats_raw(&self, _statistics: &[u8]) {}

    fn error(&self, error: KafkaError, reason: &str) {
        let Some(code) = error.rdkafka_error_code() else { return };
        let mut trouble = lock(&self.trouble);
        // That none of them is left says less than why.
        if code != RDKafkaErrorCode::AllBrokersDown || trouble.is_none() {
            *trouble = Some(Complaint { code, about: None, reason: lasting(reason) });
        }
    }
}

impl ProducerContext for Ear {
    type DeliveryOpaque = ();

    fn delivery(&self, delivered: &DeliveryResult<'_>, _opaque: ()) {
        let Err((error, message)) = delivered else { return };
        self.not_delivered.fetch_add(1, Ordering::Relaxed);
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
        // What is thrown away because of something else says nothing of that.
        if matches!(code, RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight) {
            return;
        }
        let reason = format!("a message of {} bytes: {code}", message.payload_len());
        lock(&self.refused).get_or_insert(Complaint {
            code,
            about: Some(message.topic().to_owned()),
            reason,
        });
    }
}

/// What is said of a trouble, without how long and how often: it is the same one.
pub(super) fn lasting(reason: &str) -> String {
    reason.split(" (after ").next().unwrap_or(reason).to_owned()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
