//! What a person can do about what brokers say.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::ear::{Complaint, Ear};
use crate::error::Error;

/// The error of `doing` something: with what brokers said of themselves, if they said more than "no answer".
///
/// All but wrong settings passes: somebody makes the topic, grants the right, starts the broker. Until then publishing
/// lags, and the log keeps what it will need.
pub(super) fn trouble(about: &str, doing: &str, error: &KafkaError, ear: &Ear) -> Error {
    let complaint = complaint(error, ear);
    let about = complaint.about.unwrap_or_else(|| about.to_owned());
    let advice = advice(complaint.code);
    let reason = format!("{doing}: {}{advice}", complaint.reason.trim_end_matches('.'));
    Error::Kafka { about, reason, passes: !is_setting(error) }
}

fn is_setting(error: &KafkaError) -> bool {
    matches!(error, KafkaError::ClientConfig(..) | KafkaError::ClientCreation(_))
}

fn complaint(error: &KafkaError, ear: &Ear) -> Complaint {
    if let Some(refused) = ear.refused() {
        return refused;
    }
    let code = code_of(error);
    let silent = matches!(
        code,
        RDKafkaErrorCode::OperationTimedOut
            | RDKafkaErrorCode::BrokerTransportFailure
            | RDKafkaErrorCode::AllBrokersDown
            | RDKafkaErrorCode::MessageTimedOut
    );
    match ear.trouble() {
        Some(trouble) if silent => trouble,
        _ => Complaint { code, about: None, reason: reason_of(error) },
    }
}

fn code_of(error: &KafkaError) -> RDKafkaErrorCode {
    match error {
        KafkaError::Transaction(error) => error.code(),
        error => error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail),
    }
}

fn reason_of(error: &KafkaError) -> String {
    match error {
        KafkaError::Transaction(error) => error.string(),
        error => error.to_string(),
    }
}

/// What to do, after a colon; nothing where the words of the library say it all.
pub(super) fn advice(code: RDKafkaErrorCode) -> &'static str {
    use RDKafkaErrorCode as Code;
    match code {
        Code::Authentication | Code::SaslAuthenticationFailed => {
            ": brokers refuse who we are, check [kafka.sasl] and [kafka.tls]"
        }
        Code::SSL => ": no trust between us and brokers, check [kafka.tls]",
        Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => {
            ": make the topic, with as many partitions as its readers want"
        }
        Code::TopicAuthorizationFailed => ": grant Write and Describe on the topic",
        Code::TransactionalIdAuthorizationFailed => {
            ": grant Write and Describe on transactional ids that begin with quorate-"
        }
        Code::ClusterAuthorizationFailed => ": grant IdempotentWrite on the cluster",
        Code::MessageSizeTooLarge => {
            ": raise max.message.bytes of the topic; until then nothing behind this row is published"
        }
        Code::ProducerFenced | Code::Fenced | Code::InvalidProducerEpoch => {
            ": another run of this job publishes, or did just now"
        }
        Code::AllBrokersDown
        | Code::BrokerTransportFailure
        | Code::Resolve
        | Code::OperationTimedOut
        | Code::MessageTimedOut => ": is the address right, and do brokers run?",
        _ => "",
    }
}
