//! Rows that nobody meant: any bytes, any JSON.

use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;
use quorate_schemas::id::MAX_ID_BYTES;
use quorate_schemas::record::Value;
use quorate_schemas::time::{EARLIEST, LATEST};

/// Checks the reason for which bytes are no record.
fn check(bytes: &[u8], expected: RejectReason, part: &str) {
    let decoder = Decoder::new(RecordKind::Vote, &FieldMap::default(), key()).unwrap();
    let refusal = decoder.decode(bytes).unwrap_err();
    assert_eq!(refusal.reason, expected, "{}", refusal.detail);
    assert!(refusal.detail.contains(part), "{part:?} is missing from: {}", refusal.detail);
    assert!(refusal.detail.len() < 400 && !refusal.detail.contains('\n'), "{}", refusal.detail);
}

#[test]
fn what_is_no_object_in_utf8_is_refused() {
    use RejectReason::{InvalidJson, InvalidUtf8};
    check(b"{\"task_id\":\"\xff\"}", InvalidUtf8, "after byte 12");
    check(b"\xff{", InvalidUtf8, "after byte 0");
    check(b"", InvalidJson, "found nothing");
    check(b"[]", InvalidJson, "found []");
    check(b"\"text\"", InvalidJson, "found \"text\"");
    check(b"\0\0", InvalidJson, "found \\0\\0");
    check(b"{", InvalidJson, "EOF");
    check(b"{\"task_id\":}", InvalidJson, "at column 12");
    check(b"{} {}", InvalidJson, "trailing characters at column 4");
    check(b"{\"a\":01}", InvalidJson, "invalid number");
    check(b"{\"a\":\"\x01\"}", InvalidJson, "control character");
    check("\u{feff}{}".as_bytes(), InvalidJson, "expected an object");
    check("é".repeat(5_000).as_bytes(), InvalidJson, "…");
    check(b" {\"b\":1} ", RejectReason::MissingField, "`event_time`");
}

#[test]
fn nesting_costs_no_stack_wherever_it_stands() {
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    let fields = r#""task_id":"t","agent_id":"a""#;
    assert_eq!(vote(&format!(r#""unknown":{deep},"choice":"B""#)).value, Value::Choice("B".into()));
    for field in ["choice", "number", "ranking", "score", "task_id"] {
        refused(RecordKind::Vote, &format!(r#"{fields},"{field}":{deep}"#), &[]);
    }
    let objects = format!("{}1{}", "{\"a\":".repeat(300_000), "}".repeat(300_000));
    let map: FieldMap = [("task_id", FieldSource::path("a.a.a"))].into_iter().collect();
    assert!(read_mapped(RecordKind::Vote, &map, &row(&format!(r#""a":{objects}"#))).is_err());
    refused(RecordKind::Vote, &format!(r#""choice":{}"#, "[".repeat(1_000_000)), &["invalid_json"]);
}

#[test]
fn an_array_without_end_is_bounded() {
    let options = vec!["1"; 100_001].join(",");
    refused(
        RecordKind::Task,
        &format!(r#""task_id":"t","options":[{options}]"#),
        &["out_of_range", "100000"],
    );
}

fn json() -> impl Strategy<Value = Json> {
    let scalar = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        ".{0,12}".prop_map(Json::from),
        "[a-zA-Z0-9]{1,300}".prop_map(Json::from),
        Just(Json::from("2026-01-01T00:00:00Z")),
        prop_oneof![
            Just("register"),
            Just("override"),
            Just("quarantine"),
            Just("slash"),
            Just("choice")
        ]
        .prop_map(Json::from),
    ];
    scalar.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Json::from),
            prop::collection::btree_map("response_id|score|a", inner, 0..3)
                .prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

fn any_row() -> impl Strategy<Value = (RecordKind, String)> {
    (0..RecordKind::ALL.len(), prop::collection::vec(json(), 12), any::<bool>()).prop_map(
        |(kind, values, timed)| {
            let kind = RecordKind::ALL[kind];
            let mut object: serde_json::Map<String, Json> =
                Field::of(kind).iter().map(|field| field.name().to_owned()).zip(values).collect();
            if timed {
                object.insert("event_time".into(), "2026-01-01T00:00:00Z".into());
            }
            (kind, Json::Object(object).to_string())
        },
    )
}

/// The names in a record, by what they are bounded with.
fn names(record: &Record) -> (Vec<Name>, Vec<Name>) {
    match record {
        Record::Task(task) => {
            (vec![task.task.name().clone(), task.domain.name().clone()], task.options.clone())
        }
        Record::Agent(agent) => (vec![agent.agent.name().clone()], vec![]),
        Record::Vote(vote) => {
            let label =
                matches!(vote.value, Value::Choice(_)).then(|| vote.value.label()).flatten();
            (vec![vote.task.name().clone(), vote.agent.name().clone()], label.into_iter().collect())
        }
        Record::Gold(gold) => (vec![gold.task.name().clone()], vec![gold.answer.clone()]),
        Record::Control(control) => (vec![control.operator.clone()], vec![control.reason.clone()]),
        Record::Tick(tick) => {
            (vec![tick.agent.name().clone(), tick.run_id.clone()], vec![tick.decision.clone()])
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for kind in RecordKind::ALL {
            let decoder = Decoder::new(kind, &FieldMap::default(), key()).unwrap();
            prop_assert!(decoder.decode(&bytes).is_err());
        }
    }

    #[test]
    fn a_row_cut_or_changed_anywhere_is_decoded_or_refused(at in 0usize..120, byte in any::<u8>()) {
        let mut bytes = row(r#""task_id":"t","agent_id":"a","score":{"response_id":"r","score":1.5},"choice":null"#).into_bytes();
        let decoder = Decoder::new(RecordKind::Vote, &FieldMap::default(), key()).unwrap();
        prop_assert!(decoder.decode(&bytes).is_ok());
        let at = at.min(bytes.len() - 1);
        let _ = decoder.decode(&bytes[..at]);
        bytes[at] = byte;
        let _ = decoder.decode(&bytes);
    }

    #[test]
    fn a_decoded_record_is_well_formed((kind, row) in any_row()) {
        let decoder = Decoder::new(kind, &FieldMap::default(), key()).unwrap();
        if let Ok(decoded) = decoder.decode(row.as_bytes()) {
            prop_assert!((EARLIEST..LATEST).contains(&decoded.event_time));
            let (ids, labels) = names(&decoded.record);
            let parted = |id: &Name| id.split('\u{1f}').all(|part| part.len() <= MAX_ID_BYTES && !part.contains(char::is_control));
            prop_assert!(ids.iter().all(parted));
            prop_assert!(labels.iter().all(|label| label.len() <= LABEL_BYTES_MAX));
            prop_assert_eq!(decoder.decode(row.as_bytes()), Ok(decoded));
        }
    }

    /// What is written from a vote in another way of saying the same is the same vote.
    #[test]
    fn white_space_and_unknown_fields_change_nothing(choice in "[A-Z]{1,3}", pad in "[ \t\r\n]{0,3}", extra in json()) {
        let plain = read(RecordKind::Vote, &row(&format!(r#""task_id":"t","agent_id":"a","choice":"{choice}""#)));
        let padded = row(&format!(r#"{pad}"x":{extra},{pad}"task_id":{pad}"t","agent_id":"a","choice":"{choice}"{pad}"#));
        prop_assert_eq!(plain, read(RecordKind::Vote, &format!("{pad}{padded}{pad}")));
    }
}
