//! How far the topics of a log are: what their destination says.

use std::time::Duration;

use quorate_schemas::log::RandomId;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};

use super::PublishSpec;
use super::advice::trouble;
use super::ear::Ear;
use super::outlet::ANSWER;
use super::progress::Progress;
use super::topics::reader;
use crate::error::Error;

const NAP: Duration = Duration::from_millis(100);

/// The longest that another transaction may hold up what is read: brokers end it when it is a minute old.
const LONGEST_TRANSACTION: Duration = Duration::from_secs(90);

/// How far the topics of `log` are. Whoever asks has fenced: nobody changes it any more.
///
/// # Errors
/// [`Error::Kafka`] if it cannot be read.
pub(super) fn progress(spec: &PublishSpec, job: &str, log: RandomId) -> Result<Progress, Error> {
    let failed = |error: KafkaError| {
        trouble(&spec.progress, "how far topics are cannot be read", &error, &Ear::default())
    };
    // Transactions of other logs of this job, if there are any, hold up what can be read of ours: it is waited for.
    let all = reader(spec, job, "read_uncommitted")?;
    let (_, end) = all.fetch_watermarks(&spec.progress, 0, ANSWER).map_err(failed)?;
    let committed = reader(spec, job, "read_committed")?;
    let mut waited = Duration::ZERO;
    while committed.fetch_watermarks(&spec.progress, 0, ANSWER).map_err(failed)?.1 < end {
        std::thread::sleep(NAP);
        waited += NAP;
        if waited > LONGEST_TRANSACTION {
            let reason = "another transaction on it does not end".to_owned();
            return Err(Error::Kafka { about: spec.progress.clone(), reason, passes: true });
        }
    }
    let mut from = TopicPartitionList::new();
    from.add_partition_offset(&spec.progress, 0, Offset::Beginning).map_err(failed)?;
    committed.assign(&from).map_err(failed)?;
    let (key, mut last) = (log.to_string(), Progress::default());
    let mut silence = Duration::ZERO;
    loop {
        match committed.poll(NAP) {
            Some(Ok(message)) => {
                silence = Duration::ZERO;
                if message.key() == Some(key.as_bytes()) {
                    last = message.payload().and_then(Progress::read).ok_or_else(|| {
                        let reason = format!(
                            "the message at offset {} is no progress of this program: name another topic for it, and \
                             other topics for the tables, too",
                            message.offset()
                        );
                        Error::Kafka { about: spec.progress.clone(), reason, passes: false }
                    })?;
                }
            }
            Some(Err(KafkaError::PartitionEOF(_))) => return Ok(last),
            Some(Err(error)) if silence > ANSWER => return Err(failed(error)),
            Some(Err(_)) => silence += NAP,
            None => {
                silence += NAP;
                if silence > ANSWER {
                    return Err(failed(KafkaError::Global(RDKafkaErrorCode::OperationTimedOut)));
                }
            }
        }
    }
}
