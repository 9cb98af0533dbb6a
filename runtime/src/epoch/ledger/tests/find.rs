//! The latest record, behind lying hints, lagging listings, strays and damage.

use quorate_schemas::log::{Digest, HINT_PATH, Record, hint_bytes};

use super::desk::{Desk, applicant, record_path};
use crate::epoch::ledger::ask::{Ask, Fact, Operation, Turn};
use crate::epoch::ledger::{Damage, Find, Found};

/// A log of a claim and heartbeats.
fn log(records: u64) -> Desk {
    let mut desk = Desk::default();
    let (mut lead, _) = desk.claim(applicant("a", 1));
    for _ in 1..records {
        let change = crate::epoch::ledger::Change {
            checkpoint: lead.standing().checkpoint + 1,
            ..Default::default()
        };
        (lead, _) = desk.commit(lead, change);
    }
    desk.asked.clear();
    desk
}

fn hinting(mut desk: Desk, hint: impl Into<Vec<u8>>) -> Desk {
    desk.objects.insert(HINT_PATH.to_owned(), hint.into());
    desk
}

/// Searches while listings miss everything from the record `misses_from` on.
fn find(desk: &mut Desk, misses_from: u64) -> Found {
    let (mut operation, mut fact) = (Find::latest(), Fact::Begin);
    loop {
        match operation.next(fact, 0) {
            Turn::Done(found) => return found,
            Turn::Ask(next, ask) => {
                let is_list = matches!(ask, Ask::List { .. });
                operation = next;
                fact = match desk.execute(ask) {
                    Fact::Listed(mut found) if is_list => {
                        found.retain(|listed| listed.path < record_path(misses_from));
                        Fact::Listed(found)
                    }
                    fact => fact,
                };
            }
        }
    }
}

fn check(mut desk: Desk, misses_from: u64, latest: u64) {
    match find(&mut desk, misses_from) {
        Found::Latest(found) => {
            assert_eq!(found.record.seq, latest, "{:?}", desk.asked);
            assert_eq!(found.digest, Digest::of(&desk.objects[&record_path(latest)]));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_latest_record_is_found_whatever_the_hint_says() {
    for hint in ["", "1", "3", "5", "6", "1000000", "0", "-1", "junk", "18446744073709551615"] {
        for misses_from in [1, 3, 6] {
            check(hinting(log(5), hint), misses_from, 5);
        }
    }
    check(log(5), 6, 5);
    check(log(1), 1, 1);
}

#[test]
fn a_hint_saves_listing_the_log() {
    let mut desk = hinting(log(40), hint_bytes(38));
    find(&mut desk, 40);
    assert_eq!(
        desk.asked,
        [
            "read latest",
            "list log/ after record 37",
            "read record 39",
            "read record 40",
            "read record 41"
        ]
    );
}

#[test]
fn nothing_is_found_where_nothing_is() {
    assert!(matches!(find(&mut Desk::default(), 1), Found::Empty));
    assert!(matches!(find(&mut hinting(Desk::default(), "7"), 1), Found::Empty));
}

#[test]
fn what_lies_in_the_hole_below_a_trimmed_log_does_not_count() {
    for (stray, hint) in [(2, 2), (2, 7), (4, 4), (4, 3)] {
        let mut desk = log(12);
        let stray_bytes = desk.objects[&record_path(stray)].clone();
        (1..8).for_each(|seq| drop(desk.objects.remove(&record_path(seq))));
        desk.objects.insert(record_path(stray), stray_bytes);
        // Trimming left record 8, which is old enough for every listing.
        for misses_from in [9, 11, 13] {
            check(hinting(desk.clone(), hint_bytes(hint)), misses_from, 12);
            check(desk.clone(), misses_from, 12);
        }
    }
}

#[test]
fn a_record_that_was_trimmed_since_it_was_listed_is_looked_for_anew() {
    let mut desk = log(9);
    let (find, mut fact) = (Find::latest(), Fact::Begin);
    let Turn::Ask(find, ask) = find.next(fact, 0) else { panic!("no hint") };
    fact = desk.execute(ask);
    let Turn::Ask(find, _) = find.next(fact, 0) else { panic!("no listing") };
    let long_ago = crate::epoch::ledger::Listed { path: record_path(3), age_ms: 0 };
    let Turn::Ask(mut operation, _) = find.next(Fact::Listed(vec![long_ago]), 0) else {
        panic!("no read")
    };
    fact = Fact::Absent;
    let found = loop {
        match operation.next(fact, 0) {
            Turn::Done(found) => break found,
            Turn::Ask(next, ask) => (operation, fact) = (next, desk.execute(ask)),
        }
    };
    assert!(matches!(found, Found::Latest(latest) if latest.record.seq == 9));
}

#[test]
fn a_sleeper_that_reads_on_into_the_hole_finds_the_log_all_the_same() {
    let mut desk = log(12);
    let stray = desk.objects[&record_path(7)].clone();
    let (mut operation, mut fact, mut reads) = (Find::latest(), Fact::Begin, 0);
    let found = loop {
        match operation.next(fact, 0) {
            Turn::Done(found) => break found,
            Turn::Ask(next, ask) => {
                operation = next;
                reads += u32::from(matches!(ask, Ask::Read { .. }));
                fact = match desk.execute(ask) {
                    // It finds record 6 first, then sleeps while others trim and one creates a stray 7.
                    Fact::Listed(mut listed) if reads == 1 => {
                        listed.truncate(6);
                        Fact::Listed(listed)
                    }
                    fact => fact,
                };
                if reads == 2 {
                    (1..8).for_each(|seq| drop(desk.objects.remove(&record_path(seq))));
                    let text = String::from_utf8(stray.clone())
                        .expect("JSON")
                        .replace("\"written_at_ms\":0", "\"written_at_ms\":1");
                    desk.objects.insert(record_path(7), text.into_bytes());
                }
            }
        }
    };
    assert!(matches!(found, Found::Latest(latest) if latest.record.seq == 12));
    assert!(desk.asked.iter().filter(|ask| *ask == "list log/").count() == 2, "{:?}", desk.asked);
}

#[test]
fn a_log_that_does_not_chain_is_damaged_and_says_where() {
    let complaint = |desk: &mut Desk| match find(desk, 3) {
        Found::Damaged(damage) => damage.to_string(),
        other => panic!("{other:?}"),
    };
    let edited = |bend: fn(&mut Record)| {
        let mut desk = log(4);
        let mut record = Record::from_bytes(&desk.objects[&record_path(3)]).expect("sound");
        bend(&mut record);
        desk.objects.insert(record_path(3), record.to_bytes());
        desk
    };
    assert!(
        complaint(&mut edited(|record| record.written_at_ms += 1))
            .starts_with("log record 4: the record before has")
    );
    assert!(complaint(&mut edited(|record| record.seq = 4)).contains("log record 3: seq is 4"));
    let mut newer = log(4);
    newer.objects.insert(record_path(3), br#"{"format":2}"#.to_vec());
    assert!(complaint(&mut newer).contains("use the newer build"), "{newer:?}");
    let swapped = log(4).objects[&record_path(2)].clone();
    let mut desk = log(4);
    desk.objects.insert(record_path(3), swapped);
    assert!(matches!(find(&mut desk, 3), Found::Damaged(Damage::Misplaced { seq: 3, .. })));
}
