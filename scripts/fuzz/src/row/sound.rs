//! What holds of every record and of every refusal.

use quorate_connectors::decode::{Decoded, LABEL_BYTES_MAX, Refusal};
use quorate_schemas::id::{Id, MAX_ID_BYTES};
use quorate_schemas::record::{ControlAction, Record, RecordKind, Value};
use quorate_schemas::table::RejectReason;
use quorate_schemas::time::{EARLIEST, LATEST, Micros, format_rfc3339, parse_rfc3339};

/// A refusal's detail is read in a table and on a terminal: it is a line, and a short one.
const DETAIL_BYTES_MAX: usize = 1024;

/// Asserts what every crate behind the decoder relies on.
pub(super) fn decoded(kind: RecordKind, decoded: &Decoded) {
    event_time(decoded.event_time);
    optional_id(&decoded.event_id);
    match (&decoded.record, kind) {
        (Record::Task(task), RecordKind::Task) => {
            id(&task.task);
            optional_id(task.domain.name());
            task.options.iter().for_each(|option| label(option));
            task.deadline.into_iter().for_each(event_time);
            assert!(task.quorum.is_none_or(|ratio| ratio.numerator() <= ratio.denominator()));
        }
        (Record::Agent(agent), RecordKind::Agent) => {
            id(&agent.agent);
            agent.operator.iter().chain(&agent.family).chain(&agent.domains).for_each(|name| {
                optional_id(name);
                assert!(!name.is_empty(), "an empty name is none");
            });
        }
        (Record::Vote(vote), RecordKind::Vote) => {
            id(&vote.task);
            id(&vote.agent);
            value(&vote.value);
        }
        (Record::Gold(gold), RecordKind::Gold) => {
            id(&gold.task);
            answer(&gold.answer);
        }
        (Record::Control(control), RecordKind::Control) => {
            optional_id(&control.operator);
            label(&control.reason);
            match &control.action {
                ControlAction::Quarantine { agent } | ControlAction::Release { agent } => id(agent),
                ControlAction::Override { task, answer: given } => {
                    id(task);
                    answer(given);
                }
            }
        }
        (Record::Tick(tick), RecordKind::Tick) => {
            id(&tick.agent);
            optional_id(&tick.run_id);
            answer(&tick.decision);
            label(&tick.status);
            tick.zone.iter().for_each(|zone| answer(zone));
        }
        (record, kind) => panic!("{record:?} is no {kind:?}"),
    }
}

/// Asserts that a refusal says what is wrong, and in which of the ways that are the decoder's to find.
pub(super) fn refusal(refusal: &Refusal) {
    let Refusal { reason, detail, event_time: time } = refusal;
    let at_the_door = matches!(
        reason,
        RejectReason::InvalidUtf8
            | RejectReason::InvalidJson
            | RejectReason::MissingField
            | RejectReason::WrongType
            | RejectReason::OutOfRange
            | RejectReason::EventTime
    );
    assert!(at_the_door, "{reason} is found behind the decoder");
    assert!(!detail.is_empty() && detail.len() <= DETAIL_BYTES_MAX, "{detail}");
    assert!(!detail.contains(char::is_control), "{detail:?} is not one plain line");
    time.iter().copied().for_each(event_time);
}

fn event_time(micros: Micros) {
    assert!((EARLIEST..LATEST).contains(&micros), "{micros} lies outside the years 1 to 9999");
    let text = format_rfc3339(micros);
    assert_eq!(parse_rfc3339(&text), Some(micros), "{text}");
}

fn id(id: &Id) {
    assert!(!id.agent_id().is_empty(), "{id:?} names nobody");
    optional_id(id.agent_id());
    id.version().into_iter().for_each(|version| {
        optional_id(version);
        assert!(!version.is_empty(), "an empty version is none");
    });
}

fn optional_id(name: &str) {
    assert!(name.len() <= MAX_ID_BYTES && !name.contains(char::is_control), "{name:?}");
}

fn label(label: &str) {
    assert!(label.len() <= LABEL_BYTES_MAX, "{} bytes", label.len());
}

fn answer(text: &str) {
    label(text);
    assert!(!text.is_empty(), "an empty answer is none");
}

fn value(value: &Value) {
    match value {
        Value::Abstain => {}
        Value::Choice(choice) => answer(choice),
        Value::Number(number) => assert!(number.get().is_finite()),
        Value::Ranking(ranked) => {
            let (better, worse) = ranked.as_ref();
            answer(better);
            answer(worse);
            assert_ne!(better, worse, "ranked against itself");
        }
        Value::Score(scored) => {
            let (response, score) = scored.as_ref();
            optional_id(response);
            assert!(!response.is_empty() && score.get().is_finite());
        }
    }
    assert_eq!(value.label().is_none(), *value == Value::Abstain);
}
