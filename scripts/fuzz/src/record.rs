//! A log record: what is accepted is canonical and sound, and a log can go on after it.
//!
//! An input is a record, or two of them on a line each.

use std::fmt::Debug;
use std::ops::Range;

use quorate_schemas::log::{
    Body, Digest, Hex, MAX_NUMBER, ObjectName, Owner, Record, Standing, follows, hint_bytes,
    parse_hint,
};

/// Any bytes are a record that is written as these bytes and that a claim can follow, or no record; and whether one
/// record follows another is decided without a panic.
pub fn check(bytes: &[u8]) {
    if let Some(seq) = parse_hint(bytes) {
        assert_eq!(parse_hint(&hint_bytes(seq)), Some(seq));
    }
    let (first, second) = match bytes.iter().position(|byte| *byte == b'\n') {
        Some(newline) => (&bytes[..newline], Some(&bytes[newline + 1..])),
        None => (bytes, None),
    };
    let Some(record) = read(first) else { return };
    sound(&record);
    goes_on(&record);
    if let Some(next) = second.and_then(read) {
        let _ = follows(&record, &next);
        moves_as_it_says(&record, linked(&record, next));
    }
}

/// The same with one number changed; `None` where there is none. Half of a record is digests, and of changes to any
/// byte too few leave a record that is read at all.
pub fn with_another_number(bytes: &[u8], seed: u32) -> Option<Vec<u8>> {
    let mut rest = seed as usize;
    let mut roll = |bound: usize| {
        let rolled = rest % bound;
        rest /= bound;
        rolled
    };
    let numbers = numbers(bytes);
    let at = numbers.get(roll(numbers.len().max(1)))?.clone();
    let text = |number: &Range<usize>| String::from_utf8_lossy(&bytes[number.clone()]).into_owned();
    let now: u64 = text(&at).parse().unwrap_or(u64::MAX);
    let other = match roll(6) {
        0 => 0,
        1 => now.saturating_sub(1),
        2 => now.saturating_add(1),
        3 => MAX_NUMBER,
        4 => u64::MAX,
        _ => text(&numbers[roll(numbers.len())]).parse().unwrap_or(u64::MAX),
    };
    Some([&bytes[..at.start], other.to_string().as_bytes(), &bytes[at.end..]].concat())
}

/// Where numbers stand as values.
fn numbers(bytes: &[u8]) -> Vec<Range<usize>> {
    let begins = |at: &usize| bytes[at - 1] == b':' && bytes[*at].is_ascii_digit();
    let length = |at: usize| bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    (1..bytes.len()).filter(begins).map(|at| at..at + length(at)).collect()
}

fn read(bytes: &[u8]) -> Option<Record> {
    match Record::from_bytes(bytes) {
        Ok(record) => {
            assert_eq!(record.to_bytes(), bytes, "one value has one byte string");
            assert_eq!(record.digest(), Digest::of(bytes));
            Some(record)
        }
        Err(unreadable) => {
            assert!(!unreadable.to_string().is_empty());
            None
        }
    }
}

/// What others rely on in a record that was read.
fn sound(record: &Record) {
    holds(record.check());
    assert!(ObjectName::parse(&record.path()).is_some(), "{}", record.path());
    for position in &record.standing.positions {
        assert_eq!(record.standing.position(&position.origin), Some(position));
    }
    let files = record.commit().map_or(&[][..], |commit| &commit.files);
    let retained = record.standing.retained.iter().map(|file| &file.path);
    for path in files.iter().map(|file| &file.path).chain(retained) {
        let name = ObjectName::parse(path).map(|name| name.to_string());
        assert_eq!(name.as_ref(), Some(path));
    }
}

/// Whatever a log ends in, its owner can go on and another can take over: else the job would be lost.
fn goes_on(record: &Record) {
    if record.seq == MAX_NUMBER || record.incarnation == MAX_NUMBER {
        return;
    }
    let heartbeat = Record {
        seq: record.seq + 1,
        previous: record.digest(),
        body: Body::Heartbeat {},
        ..record.clone()
    };
    let claim = Record {
        incarnation: record.incarnation + 1,
        owner: Owner { instance: Hex::from_u128(1), ..record.owner.clone() },
        standing: Standing::claimed_after(record),
        body: Body::Claim {},
        ..heartbeat.clone()
    };
    for next in [heartbeat, claim] {
        holds(follows(record, &next));
        assert_eq!(holds(Record::from_bytes(&next.to_bytes())), next);
    }
}

/// `next` as if it had been written after `previous`: mutation alone would not find a digest.
fn linked(previous: &Record, next: Record) -> Record {
    let mut linked = Record {
        seq: previous.seq.saturating_add(1),
        previous: previous.digest(),
        log_id: previous.log_id,
        job: previous.job.clone(),
        ..next
    };
    if !linked.is_claim() {
        linked.incarnation = previous.incarnation;
        linked.fingerprint = previous.fingerprint;
        linked.owner = previous.owner.clone();
    }
    linked
}

/// What the rules let through adds up, by a sum of its own.
fn moves_as_it_says(previous: &Record, next: Record) {
    if next.check().is_err() || follows(previous, &next).is_err() {
        return;
    }
    let read = |record: &Record| u128::from(record.standing.totals.rows_in);
    let ranges = next.commit().map_or(&[][..], |commit| &commit.ranges);
    let added: u128 = ranges.iter().map(|range| u128::from(range.rows_in)).sum();
    let expected = (read(previous) + added).min(u128::from(u64::MAX));
    assert_eq!(read(&next), expected, "rows were lost or made");
    assert!(previous.standing.checkpoint <= next.standing.checkpoint);
    for position in &previous.standing.positions {
        let now = next.standing.position(&position.origin).map_or(u64::MAX, |now| now.next);
        assert!(position.next <= now, "{} goes back", position.origin.partition);
    }
    goes_on(&next);
}

fn holds<T, E: Debug>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("{error:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_golden_record_holds_alone_and_before_any_other() {
        let golden: [&[u8]; 3] = [
            include_bytes!("../../../schemas/src/log/golden/1-claim.json"),
            include_bytes!("../../../schemas/src/log/golden/4-heartbeat.json"),
            include_bytes!("../../../schemas/src/log/golden/6-commit.json"),
        ];
        for first in golden {
            assert!(read(first).is_some());
            check(first);
            golden.iter().for_each(|second| check(&[first, b"\n", second].concat()));
        }
    }

    #[test]
    fn another_number_often_leaves_a_record_that_is_read() {
        let golden = include_bytes!("../../../schemas/src/log/golden/6-commit.json");
        let changed = (0..10_000).filter_map(|seed| with_another_number(golden, seed));
        let read = changed.filter(|bytes| bytes != golden && read(bytes).is_some()).count();
        assert!(read > 1_000, "{read} of 10,000");
        assert_eq!(with_another_number(b"{\"job\":\"1\"}", 7), None);
    }
}
