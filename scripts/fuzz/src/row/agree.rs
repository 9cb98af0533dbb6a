//! The decoder against a plain reader of JSON that builds the whole row and then looks.

use quorate_connectors::decode::{
    Decoded, Each, FieldMap, FieldSource, MEMBER, MEMBERS_MAX, Refusal,
};
use quorate_schemas::record::{Record, Value};
use quorate_schemas::table::RejectReason;
use serde::de::IgnoredAny;
use serde_json::Value as Json;

/// Asserts that both find the same row to be JSON, and the same text in the fields that identify it.
pub(super) fn with_plain_json(map: &FieldMap, row: &[u8], answer: Result<&Decoded, &Refusal>) {
    // Checks the grammar alone: it knows neither how deep a row may be nested nor how great a number may be.
    if serde_json::from_slice::<IgnoredAny>(row).is_err() {
        let reason = answer.err().map(|refusal| refusal.reason);
        assert!(
            matches!(reason, Some(RejectReason::InvalidUtf8 | RejectReason::InvalidJson)),
            "not JSON, and not refused as such: {answer:?}"
        );
    }
    let (Ok(json), Ok(decoded)) = (serde_json::from_slice::<Json>(row), answer) else { return };
    assert!(json.is_object(), "{decoded:?} was no object");
    let says = |field: &str, found: &str| {
        if let Some(Json::String(text)) = lookup(map, field, &json) {
            assert_eq!(text, found, "`{field}`");
        }
    };
    says("event_id", &decoded.event_id);
    match &decoded.record {
        Record::Task(task) => {
            says("task_id", task.task.name());
            says("domain", task.domain.name());
        }
        Record::Agent(agent) => says("agent_id", agent.agent.agent_id()),
        Record::Vote(vote) => {
            says("task_id", vote.task.name());
            says("agent_id", vote.agent.agent_id());
            if let Value::Choice(choice) = &vote.value {
                says("choice", choice);
            }
        }
        Record::Gold(gold) => {
            says("task_id", gold.task.name());
            says("answer", &gold.answer);
        }
        Record::Control(control) => says("reason", &control.reason),
        Record::Tick(tick) => {
            says("run_id", &tick.run_id);
            says("decision", &tick.decision);
        }
    }
}

/// Asserts that a row has given as many answers as it has members, or one if it has none that can be told.
pub(super) fn on_members(each: &Each, row: &[u8], answers: usize) {
    assert!(answers >= 1, "a row is lost");
    let Ok(json @ Json::Object(_)) = serde_json::from_slice::<Json>(row) else { return };
    let members = match each {
        // What fields are taken from is the decoder's to know.
        Each::Of(rest) if rest == MEMBER => return,
        Each::Of(path) => match at(path, &json) {
            Some(Json::Object(object)) => object.len(),
            Some(Json::Array(list)) => list.len(),
            _ => 0,
        },
        Each::Named(names) => names.iter().filter(|name| at(name, &json).is_some()).count(),
    };
    let expected = if members > MEMBERS_MAX { 1 } else { members.max(1) };
    assert_eq!(answers, expected, "answers of {members} members");
}

/// What stands where the map says that the field is; `None` too where it is in no row.
fn lookup<'a>(map: &FieldMap, field: &str, row: &'a Json) -> Option<&'a Json> {
    match map.fields.get(field) {
        None => row.get(field),
        Some(FieldSource::Constant { .. } | FieldSource::KeyOf { .. }) => None,
        Some(
            FieldSource::Path(path)
            | FieldSource::Time { field: path, .. }
            | FieldSource::Cast { field: path, .. },
        ) => at(path, row),
    }
}

fn at<'a>(path: &str, row: &'a Json) -> Option<&'a Json> {
    row.get(path).or_else(|| path.split('.').try_fold(row, step))
}

fn step<'a>(here: &'a Json, key: &str) -> Option<&'a Json> {
    match here {
        Json::Object(object) => object.get(key),
        Json::Array(list) => list.get(key.parse::<usize>().ok()?),
        _ => None,
    }
}
