//! A row of a source, with a map: a record, or a refusal with its reason.
//!
//! An input is a letter for the kind of record, a map as JSON (none for the default), a tab, and the row:
//!
//! ```text
//! v{"task_id":"question.id","event_time":{"field":"at","unit":"ms"}}⇥{"at":5,"question":{"id":"q"},"agent_id":"a","choice":"B"}
//! g⇥{"event_time":"2026-01-01T00:00:00Z","task_id":"t","answer":"B"}
//! v{"each":"preds"}⇥{"event_time":"2026-01-01T00:00:00Z","task_id":"t","preds":{"a":"B","b":null}}
//! ```

mod agree;
mod sound;

use quorate_connectors::decode::{Decoded, Decoder, FieldMap, Refusal};
use quorate_schemas::id::IdKey;
use quorate_schemas::record::RecordKind;

/// Any row under any map is decoded to sound records, or refused with reasons that fit on a line; and a record says what
/// the row says. Of a row that is many, none is lost.
pub fn check(bytes: &[u8]) {
    let Some((kind, map, row)) = parts(bytes) else { return };
    let Ok(decoder) = Decoder::new(kind, &map, IdKey::new([7; 16])) else { return };
    let answers = answers(&decoder, row);
    for answer in &answers {
        match answer {
            Ok(decoded) => sound::decoded(kind, decoded),
            Err(refusal) => sound::refusal(refusal),
        }
    }
    match &map.each {
        Some(each) => agree::on_members(each, row, answers.len()),
        None => {
            assert_eq!(answers.len(), 1, "a row is one record or one reject");
            agree::with_plain_json(&map, row, answers[0].as_ref());
        }
    }
    if answers.iter().all(Result::is_ok) {
        let padded = [b" \r", row, b"\t "].concat();
        assert_eq!(
            answers,
            self::answers(&decoder, &padded),
            "white space around a row changes it"
        );
    }
}

fn answers(decoder: &Decoder, row: &[u8]) -> Vec<Result<Decoded, Refusal>> {
    let mut answers = Vec::new();
    decoder.decode_each(None, row, &mut |part| {
        let own = part.own().bytes(row).len();
        assert!(own <= row.len(), "a reject keeps {own} bytes of a row of {}", row.len());
        answers.push(part.answer());
    });
    answers
}

/// The kind, the map and the row that an input stands for.
fn parts(bytes: &[u8]) -> Option<(RecordKind, FieldMap, &[u8])> {
    let (letter, rest) = bytes.split_first()?;
    let kind = match letter {
        b't' => RecordKind::Task,
        b'a' => RecordKind::Agent,
        b'v' => RecordKind::Vote,
        b'g' => RecordKind::Gold,
        b'c' => RecordKind::Control,
        b'k' => RecordKind::Tick,
        _ => return None,
    };
    let tab = rest.iter().position(|byte| *byte == b'\t')?;
    let (map, row) = (&rest[..tab], &rest[tab + 1..]);
    let map =
        if map.is_empty() { FieldMap::default() } else { serde_json::from_slice(map).ok()? };
    Some((kind, map, row))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_holds_and_most_are_records() {
        let mut records = 0;
        for seed in include_str!("../seeds/rows.txt").lines() {
            check(seed.as_bytes());
            let (kind, map, row) = parts(seed.as_bytes()).expect(seed);
            let decoder = Decoder::new(kind, &map, IdKey::new([7; 16])).expect(seed);
            records += answers(&decoder, row).iter().filter(|answer| answer.is_ok()).count();
        }
        assert!(records > 38, "{records} seeds are records: too few to reach what lies behind");
    }
}
