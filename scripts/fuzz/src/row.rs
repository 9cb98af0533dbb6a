//! A row of a source, with a map: a record, or a refusal with its reason.
//!
//! An input is a letter for the kind of record, a map as JSON (none for the default), a tab, and the row:
//!
//! ```text
//! v{"task_id":"question.id","event_time":{"field":"at","unit":"ms"}}⇥{"at":5,"question":{"id":"q"},"agent_id":"a","choice":"B"}
//! g⇥{"event_time":"2026-01-01T00:00:00Z","task_id":"t","answer":"B"}
//! ```

mod agree;
mod sound;

use quorate_connectors::decode::{Decoder, FieldMap};
use quorate_schemas::id::IdKey;
use quorate_schemas::record::RecordKind;

/// Any row under any map is decoded to a sound record, or refused with a reason that fits on a line; and the record
/// says what the row says.
pub fn check(bytes: &[u8]) {
    let Some((kind, map, row)) = parts(bytes) else { return };
    let Ok(decoder) = Decoder::new(kind, &map, IdKey::new([7; 16])) else { return };
    let answer = decoder.decode(row);
    match &answer {
        Ok(decoded) => sound::decoded(kind, decoded),
        Err(refusal) => sound::refusal(refusal),
    }
    agree::with_plain_json(&map, row, answer.as_ref());
    if answer.is_ok() {
        let padded = [b" \r", row, b"\t "].concat();
        assert_eq!(answer, decoder.decode(&padded), "white space around a row changes it");
    }
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
            records += usize::from(decoder.decode(row).is_ok());
        }
        assert!(records > 25, "{records} seeds are records: too few to reach what lies behind");
    }
}
