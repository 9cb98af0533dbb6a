//! A message as the row that it stands for.
//!
//! The row is the value, an object of JSON. What stands beside the value is put into that object where it is needed:
//!
//! * where the job's `map` asks for `kafka`: `kafka.key`, `kafka.timestamp` (RFC 3339), `kafka.topic`,
//!   `kafka.partition`, `kafka.offset` and `kafka.headers.NAME`;
//! * of CloudEvents 1.0, in either mode, `time` as `event_time` and `id` as `event_id`, where the row has none of its own.
//!
//! Of equal keys the last one counts, so what is put in front never hides what the row says itself.

use std::borrow::Cow;
use std::collections::BTreeMap;

use quorate_schemas::time::format_rfc3339;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A message, borrowed from whoever has it.
#[derive(Clone, Debug, Default)]
pub(super) struct Message<'a> {
    pub(super) topic: &'a str,
    pub(super) number: i32,
    pub(super) offset: u64,
    pub(super) time_ms: Option<i64>,
    pub(super) key: Option<&'a [u8]>,
    pub(super) value: &'a [u8],
    pub(super) headers: Vec<(&'a str, Option<&'a [u8]>)>,
}

impl<'a> Message<'a> {
    /// The header of this name; the last one, where there are several.
    pub(super) fn header(&self, name: &str) -> Option<&'a [u8]> {
        let found = self.headers.iter().rev().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| *value)
    }
}

/// What of a message goes into its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beside {
    /// What CloudEvents say, where it is one.
    CloudEvents,
    /// That, and all that the map may ask for.
    Everything,
}

#[derive(Serialize)]
struct Metadata<'a> {
    topic: &'a str,
    partition: i32,
    offset: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<&'a str, Cow<'a, str>>,
}

/// An event in structured mode: the value is the envelope.
#[derive(Deserialize)]
struct Envelope<'a> {
    specversion: Cow<'a, str>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    time: Option<Cow<'a, str>>,
    id: Option<Cow<'a, str>>,
}

/// The row of a message; its value itself where nothing is put into it.
pub(super) fn row<'a>(message: &Message<'a>, beside: Beside) -> Cow<'a, [u8]> {
    let mut front = String::new();
    let mut value = message.value;
    let header = |name: &str| message.header(name);
    let content_type = header("content-type").and_then(|text| std::str::from_utf8(text).ok());
    let is_structured =
        content_type.is_some_and(|kind| kind.trim_start().starts_with("application/cloudevents"));
    if is_structured && let Ok(envelope) = serde_json::from_slice::<Envelope<'a>>(value) {
        if envelope.specversion.starts_with("1.") {
            put(&mut front, "event_time", envelope.time.as_deref());
            put(&mut front, "event_id", envelope.id.as_deref());
            value = envelope.data.map_or(b"{}" as &[u8], |data| data.get().as_bytes());
        }
    } else if header("ce_specversion").is_some_and(|version| version.starts_with(b"1.")) {
        let text = |name| header(name).and_then(|text| std::str::from_utf8(text).ok());
        put(&mut front, "event_time", text("ce_time"));
        put(&mut front, "event_id", text("ce_id"));
    }
    if beside == Beside::Everything {
        let metadata = Metadata {
            topic: message.topic,
            partition: message.number,
            offset: message.offset,
            timestamp: message.time_ms.map(|ms| format_rfc3339(ms.saturating_mul(1_000))),
            key: message.key.map(String::from_utf8_lossy),
            headers: message
                .headers
                .iter()
                .filter_map(|(name, value)| Some((*name, String::from_utf8_lossy((*value)?))))
                .collect(),
        };
        if let Ok(text) = serde_json::to_string(&metadata) {
            front.push_str("\"kafka\":");
            front.push_str(&text);
            front.push(',');
        }
    }
    into_object(front, value)
}

fn put(front: &mut String, key: &str, text: Option<&str>) {
    if let Some(text) = text.and_then(|text| serde_json::to_string(text).ok()) {
        front.push_str(&format!("\"{key}\":{text},"));
    }
}

/// `value` with `front` before its own keys. What is no object stays what it is, for the decoder to say so.
fn into_object(mut front: String, value: &[u8]) -> Cow<'_, [u8]> {
    let begin = value.iter().position(|byte| !byte.is_ascii_whitespace());
    let Some(begin) = begin.filter(|begin| !front.is_empty() && value[*begin] == b'{') else {
        return Cow::Borrowed(value);
    };
    let rest = &value[begin + 1..];
    let is_empty = rest.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'}');
    if is_empty {
        front.truncate(front.len() - 1);
    }
    let mut row = Vec::with_capacity(front.len() + value.len() + 1);
    row.push(b'{');
    row.extend_from_slice(front.as_bytes());
    row.extend_from_slice(rest);
    Cow::Owned(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(message: &Message<'_>, beside: Beside, expected: &str) {
        let row = row(message, beside);
        assert_eq!(String::from_utf8_lossy(&row), expected);
    }

    fn of(value: &str) -> Message<'_> {
        Message {
            topic: "votes",
            number: 3,
            offset: 7,
            value: value.as_bytes(),
            ..Message::default()
        }
    }

    #[test]
    fn a_plain_message_is_its_value() {
        let message = of(r#" {"task_id":"t"}"#);
        assert!(matches!(row(&message, Beside::CloudEvents), Cow::Borrowed(_)));
        check(&of("no object"), Beside::Everything, "no object");
        check(&of(""), Beside::Everything, "");
    }

    #[test]
    fn what_stands_beside_the_value_is_put_in_front() {
        let message = Message {
            time_ms: Some(1_767_225_600_000),
            key: Some(b"k\"1"),
            headers: vec![("agent", Some(b"ada")), ("none", None)],
            ..of(r#"{"task_id":"t"}"#)
        };
        let expected = r#"{"kafka":{"topic":"votes","partition":3,"offset":7,"timestamp":"2026-01-01T00:00:00.000000Z","key":"k\"1","headers":{"agent":"ada"}},"task_id":"t"}"#;
        check(&message, Beside::Everything, expected);
        check(
            &of(" { } "),
            Beside::Everything,
            r#"{"kafka":{"topic":"votes","partition":3,"offset":7} } "#,
        );
    }

    #[test]
    fn cloud_events_give_their_time_and_id_in_both_modes() {
        let headers = vec![
            ("ce_specversion", Some(b"1.0" as &[u8])),
            ("ce_id", Some(b"a-1")),
            ("ce_time", Some(b"2026-01-01T00:00:00Z")),
        ];
        let expected = r#"{"event_time":"2026-01-01T00:00:00Z","event_id":"a-1","task_id":"t"}"#;
        check(&Message { headers, ..of(r#"{"task_id":"t"}"#) }, Beside::CloudEvents, expected);

        let value = r#"{"specversion":"1.0","id":"a-1","time":"2026-01-01T00:00:00Z","source":"s","data":{"task_id":"t"}}"#;
        let headers =
            vec![("content-type", Some(b"application/cloudevents+json; charset=utf-8" as &[u8]))];
        check(&Message { headers: headers.clone(), ..of(value) }, Beside::CloudEvents, expected);
        // A value that is no envelope, whatever the header says, is judged by the decoder.
        check(&Message { headers, ..of("{\"task_id\":") }, Beside::CloudEvents, "{\"task_id\":");
    }
}
