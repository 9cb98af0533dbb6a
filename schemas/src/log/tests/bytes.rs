//! The stored form: golden, canonical, and never a panic.

use super::sample;
use crate::log::{Record, Unreadable};

#[test]
fn the_stored_form_is_the_golden_one() {
    let golden: [&[u8]; 3] = [
        include_bytes!("../golden/1-claim.json"),
        include_bytes!("../golden/4-heartbeat.json"),
        include_bytes!("../golden/6-commit.json"),
    ];
    let log = sample::log();
    for (record, golden) in [&log[0], &log[3], &log[5]].into_iter().zip(golden) {
        let (ours, golden) = (
            String::from_utf8_lossy(&record.to_bytes()).into_owned(),
            String::from_utf8_lossy(golden),
        );
        assert_eq!(
            ours, golden,
            "the form changed: raise FORMAT, read the old one, add a golden file"
        );
    }
}

#[test]
fn a_record_is_read_as_it_was_written() {
    for record in sample::log() {
        assert_eq!(Record::from_bytes(&record.to_bytes()).expect("sound"), record);
    }
}

fn check(replace: &str, by: &str, complaint: &str) {
    let text = String::from_utf8(sample::log()[5].to_bytes()).expect("JSON");
    assert!(text.contains(replace), "{replace} is not in {text}");
    let error = Record::from_bytes(text.replacen(replace, by, 1).as_bytes()).expect_err(by);
    assert!(error.to_string().contains(complaint), "{by}: {error}");
}

#[test]
fn an_error_names_what_is_wrong() {
    check("{\"format\":1", "{\"format\":2,\"shape\":\"new\"", "format 2, this build reads up to 1");
    check("\"format\":1", "\"format\":0", "format 0 is unknown");
    check("\"seq\":6", "\"seq\":-6", "invalid value: integer `-6`");
    check("\"seq\":6", "\"seq\":6.5", "invalid type: floating point");
    check("\"seq\":6", "\"seq\":0", "seq is 0, outside its range");
    check(
        "\"seq\":6",
        "\"seq\":18446744073709551615",
        "seq is 18446744073709551615, outside its range",
    );
    check("\"seq\":6,", "", "missing field `seq`");
    check("\"seq\":6", "\"seq\":6,\"seq\":6", "duplicate field `seq`");
    check("\"seq\":6", "\"seq\":6,\"sequence\":6", "unknown field `sequence`");
    check("\"job\"", " \"job\"", "canonical form: from byte");
    check("0011223344556677", "0011223344556677AA", "32 lower-case hexadecimal digits");
}

#[test]
fn a_record_that_contradicts_itself_is_refused() {
    check(
        "\"rows_in\":3,\"on_time\":1",
        "\"rows_in\":3,\"on_time\":2",
        "of 3 rows of votes/a.jsonl, 4 are",
    );
    check(
        "\"from\":20,\"to\":30",
        "\"from\":30,\"to\":30",
        "the range of votes/a.jsonl is [30, 30)",
    );
    check(
        "tables/decisions/2-3",
        "tables/decisions/1-3",
        "not the name of a table's file of this incarnation",
    );
    check("tables/decisions/2-3-0-0", "tables/votes/2-3-0-0", "not the name of a table's file");
    check("retained/2-3-0", "retained/3-3-0", "not the name of a retained file of this log");
    check(
        "retained/2-2-0-m0",
        "../retained/2-2-0-m0",
        "not the name of a retained file of this log",
    );
    check(
        "{\"checkpoint\":3,\"ranges\"",
        "{\"checkpoint\":2,\"ranges\"",
        "the commit's checkpoint is 2",
    );
    check(
        "{\"incarnation\":1,\"checkpoint\":2}",
        "{\"incarnation\":2,\"checkpoint\":2}",
        "the last ending is 2",
    );
}

#[test]
fn every_cut_of_a_record_is_refused() {
    let bytes = sample::log()[5].to_bytes();
    for end in 0..bytes.len() {
        assert!(Record::from_bytes(&bytes[..end]).is_err(), "cut at {end}");
    }
    assert!(Record::from_bytes(&[&bytes[..], b"\n"].concat()).is_err());
}

#[test]
fn whatever_is_accepted_is_canonical_and_nothing_panics() {
    let bytes = sample::log()[5].to_bytes();
    let (mut seed, mut accepted) = (1u64, 0);
    let mut roll = |bound: usize| {
        // Knuth's MMIX constants; the high bits are the good ones.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % bound
    };
    for _ in 0..20_000 {
        let mut bent = bytes.clone();
        let at = roll(bent.len());
        match roll(3) {
            0 => bent[at] = b"0123456789abcdef\"{}[],:-.e\\\xff\x00"[roll(29)],
            1 => drop(bent.drain(at..(at + 1 + roll(20)).min(bytes.len()))),
            _ => {
                let from = roll(bytes.len());
                let piece = bytes[from..(from + 1 + roll(60)).min(bytes.len())].to_vec();
                drop(bent.splice(at..at, piece));
            }
        }
        if let Ok(record) = Record::from_bytes(&bent) {
            accepted += 1;
            assert_eq!(record.to_bytes(), bent);
        }
    }
    assert!(accepted > 100, "the changes are too coarse to show anything: {accepted}");
}

#[test]
fn a_newer_format_is_recognised_whatever_its_shape() {
    for text in [r#"{"format":7}"#, r#"{"body":[1,2],"format":7,"seq":"six"}"#] {
        let error = Record::from_bytes(text.as_bytes()).expect_err(text);
        assert!(matches!(error, Unreadable::NewerFormat { found: 7 }), "{error}");
    }
}

#[test]
fn nesting_without_end_is_an_error() {
    let text = format!("{{\"format\":1,\"seq\":{}", "[".repeat(100_000));
    assert!(matches!(Record::from_bytes(text.as_bytes()), Err(Unreadable::Shape(_))));
}

#[test]
#[ignore = "rewrites the golden files: run it by name after a change of the stored form that is meant"]
fn write_the_golden_files() {
    let log = sample::log();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/log/golden");
    for (name, record) in [("1-claim", &log[0]), ("4-heartbeat", &log[3]), ("6-commit", &log[5])] {
        std::fs::write(format!("{folder}/{name}.json"), record.to_bytes())
            .expect("a writable checkout");
    }
}
