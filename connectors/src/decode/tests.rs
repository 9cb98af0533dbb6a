mod any;
mod cells;
mod mapped;
mod members;
mod records;

use super::*;
use quorate_schemas::record::Vote;
use quorate_schemas::time::parse_rfc3339;

/// What a row decodes to, by the default map, or how it is refused: `reason: detail`.
fn read(kind: RecordKind, row: &str) -> Result<Decoded, String> {
    read_mapped(kind, &FieldMap::default(), row)
}

fn read_mapped(kind: RecordKind, map: &FieldMap, row: &str) -> Result<Decoded, String> {
    let decoder = Decoder::new(kind, map, key()).unwrap();
    decoder
        .decode(row.as_bytes())
        .map_err(|refusal| format!("{}: {}", refusal.reason, refusal.detail))
}

fn key() -> IdKey {
    IdKey::new([5; 16])
}

/// A row of these fields, at noon.
fn row(fields: &str) -> String {
    format!(r#"{{"event_time":"2026-01-01T12:00:00Z",{fields}}}"#)
}

/// Checks that a row of these fields is refused with a message that has all of these parts.
fn refused(kind: RecordKind, fields: &str, parts: &[&str]) {
    let refusal = read(kind, &row(fields)).unwrap_err();
    for part in parts {
        assert!(refusal.contains(part), "{part:?} is missing from: {refusal}");
    }
}

fn vote(fields: &str) -> Vote {
    let fields = format!(r#""task_id":"t","agent_id":"a",{fields}"#);
    match read(RecordKind::Vote, &row(&fields)) {
        Ok(Decoded { record: Record::Vote(vote), .. }) => vote,
        other => panic!("{fields}: {other:?}"),
    }
}

#[test]
fn a_refusal_keeps_the_event_time_where_it_could_be_read() {
    let decoder = Decoder::new(RecordKind::Gold, &FieldMap::default(), key()).unwrap();
    let time = parse_rfc3339("2026-01-01T12:00:00Z");
    assert_eq!(decoder.decode(row(r#""task_id":"t""#).as_bytes()).unwrap_err().event_time, time);
    assert_eq!(decoder.decode(br#"{"task_id":"t"}"#).unwrap_err().event_time, None);
}
