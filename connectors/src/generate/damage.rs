//! Lines that no decoder can accept, made of good ones.

use super::chance::Chance;

/// The ways in which a line is spoilt. Each keeps the line's beginning, and so its label.
#[derive(Clone, Copy, Debug)]
enum Damage {
    /// It ends early.
    Cut,
    /// Something follows the object.
    Trailing,
    /// Nobody votes.
    NoAgent,
    /// An event time that is none.
    Yesterday,
    /// An event time in milliseconds that lies beyond the year 9999.
    Absurd,
    /// A choice of a wrong type.
    Nested,
    /// A number that is none.
    NotANumber,
    /// A byte that is not UTF-8.
    Byte,
    /// An id far too long.
    LongId,
}

const ALL: [Damage; 9] = [
    Damage::Cut,
    Damage::Trailing,
    Damage::NoAgent,
    Damage::Yesterday,
    Damage::Absurd,
    Damage::Nested,
    Damage::NotANumber,
    Damage::Byte,
    Damage::LongId,
];

const LONG_ID_BYTES: usize = 300;

/// Spoils the last line of `out`, which begins at `start` and is a vote's, in any of the ways.
pub(super) fn spoil(chance: &mut Chance, start: usize, out: &mut Vec<u8>) {
    let damage = ALL[chance.below(ALL.len() as u32) as usize];
    let mut line = out.split_off(start);
    line.pop();
    match damage {
        Damage::Cut => {
            let half = line.len() / 2;
            line.truncate(half + chance.below((line.len() - half) as u32) as usize);
        }
        Damage::Trailing => line.push(b'}'),
        Damage::NoAgent => replace(&mut line, b"\"agent_id\":", b"\"agent\":"),
        Damage::Yesterday => replace_value(&mut line, b"\"event_time\":", b"\"yesterday\""),
        Damage::Absurd => replace_value(&mut line, b"\"event_time\":", b"999999999999999999"),
        Damage::Nested => replace_value(&mut line, b"\"choice\":", b"{\"is\":\"A\"}"),
        Damage::NotANumber => {
            replace_value(&mut line, b"\"choice\":", b"null");
            replace(&mut line, b"\"choice\":null", b"\"number\":NaN");
        }
        Damage::Byte => replace(&mut line, b"\"task_id\":\"", b"\"task_id\":\"\xff"),
        Damage::LongId => {
            let mut id = b"\"task_id\":\"".to_vec();
            id.resize(id.len() + LONG_ID_BYTES, b'x');
            replace(&mut line, b"\"task_id\":\"", &id);
        }
    }
    out.append(&mut line);
    out.push(b'\n');
}

fn replace(line: &mut Vec<u8>, what: &[u8], by: &[u8]) {
    let start = position(line, what);
    line.splice(start..start + what.len(), by.iter().copied());
}

/// Values of our own votes hold neither commas nor braces.
fn replace_value(line: &mut Vec<u8>, key: &[u8], by: &[u8]) {
    let start = position(line, key) + key.len();
    let rest = &line[start..];
    let length = rest.iter().position(|byte| matches!(byte, b',' | b'}')).unwrap_or(rest.len());
    line.splice(start..start + length, by.iter().copied());
}

fn position(line: &[u8], what: &[u8]) -> usize {
    let found = line.windows(what.len()).position(|part| part == what);
    found.expect("a vote's line has a time, a task, an agent and a choice")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::chance::{Purpose, Seed};
    use serde_json::Value;

    /// Whether the line has all that a vote must have, in the right types.
    fn is_a_vote(line: &[u8]) -> bool {
        let Ok(Value::Object(row)) = serde_json::from_slice(line) else { return false };
        let time = row.get("event_time").is_some_and(|time| {
            time.as_i64().map_or(time.as_str() == Some("2026-01-01T00:00:00.000Z"), |ms| {
                ms < 253_402_300_800_000
            })
        });
        let text = |key: &str, most: usize| {
            row.get(key).and_then(Value::as_str).is_some_and(|text| text.len() <= most)
        };
        let choice = row.get("choice").is_some_and(|choice| choice.is_null() || choice.is_string());
        time && text("task_id", 256) && text("agent_id", 256) && choice
    }

    #[test]
    fn a_spoilt_line_is_no_vote_and_keeps_its_label() {
        let mut chance = Seed::new(5).chance(Purpose::Damage, 0);
        for good in [
            r#"{"synthetic":true,"event_time":"2026-01-01T00:00:00.000Z","task_id":"t","agent_id":"a","choice":"B"}"#,
            r#"{"event_time":1767225600000,"task_id":"syn-1","agent_id":"syn-a1","choice":null}"#,
        ] {
            assert!(is_a_vote(good.as_bytes()));
            for _ in 0..200 {
                let mut out = format!("before\n{good}\n").into_bytes();
                spoil(&mut chance, "before\n".len(), &mut out);
                let line = out.strip_prefix(b"before\n").unwrap();
                assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
                assert_eq!(line[..13], good.as_bytes()[..13]);
                assert!(!is_a_vote(line), "{}", String::from_utf8_lossy(line));
            }
        }
    }
}
