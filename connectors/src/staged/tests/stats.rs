use arrow::array::RecordBatch;
use proptest::prelude::*;
use quorate_schemas::table::Table;
use quorate_schemas::time::{EARLIEST, LATEST, parse_rfc3339};
use serde_json::{Value, json};

use super::provenance;
use super::rows::rows;
use crate::staged::{Stats, TableFile};

fn delta(stats: &Stats) -> Value {
    serde_json::from_str(&stats.to_delta_json()).unwrap()
}

#[test]
fn statistics_have_the_form_that_delta_asks_for() {
    let stats = Stats {
        rows: 3,
        event_time: Some((1_000_001, 2_000_001)),
        commit: Some((4, 5)),
        id: Some(("task_id", "a".into(), "ü".into())),
    };
    let expected = json!({
        "numRecords": 3,
        "minValues": { "commit": 4, "event_time": "1970-01-01T00:00:01.000Z", "task_id": "a" },
        "maxValues": { "commit": 5, "event_time": "1970-01-01T00:00:02.001Z", "task_id": "ü" },
        "nullCount": { "commit": 0, "event_time": 0 },
    });
    assert_eq!(delta(&stats), expected);
    let empty = json!({ "numRecords": 0, "minValues": {}, "maxValues": {}, "nullCount": {} });
    assert_eq!(delta(&Stats::default()), empty);
}

proptest! {
    /// Whoever skips a file by its statistics must not skip a row.
    #[test]
    fn bounds_are_never_narrower_than_the_rows(a in EARLIEST..LATEST, length in 0i64..5_000_000) {
        let b = (a + length).min(LATEST - 1);
        let json = delta(&Stats { rows: 2, event_time: Some((a, b)), ..Stats::default() });
        let bound = |side: &str| json[side]["event_time"].as_str().and_then(parse_rfc3339);
        let least = bound("minValues").unwrap();
        prop_assert!(least <= a && a - least < 1_000);
        if let Some(greatest) = bound("maxValues") {
            prop_assert!(greatest >= b && greatest - b < 1_000);
        } else {
            prop_assert!(b > LATEST - 1_000, "only what cannot be rounded up is left out");
        }
    }
}

#[test]
fn long_texts_are_left_out() {
    let stats =
        Stats { rows: 1, id: Some(("task_id", "a".into(), "b".repeat(257))), ..Stats::default() };
    assert_eq!(delta(&stats)["minValues"]["task_id"], "a");
    assert_eq!(delta(&stats)["maxValues"].get("task_id"), None);
}

#[test]
fn statistics_of_a_file_cover_its_batches() {
    let batches: Vec<RecordBatch> = (0..3).map(|seed| rows(Table::Votes, 50, seed)).collect();
    let stats = TableFile::write(Table::Votes, &batches, &provenance()).unwrap().stats;
    let texts = super::rows::texts(&batches);
    let ids: Vec<&str> = texts.iter().map(|row| row.split('|').nth(4).unwrap()).collect();
    let (name, least, greatest) = stats.id.unwrap();
    assert_eq!(name, "task_id");
    assert_eq!(
        (Some(&least.as_str()), Some(&greatest.as_str())),
        (ids.iter().min(), ids.iter().max())
    );
    let commits: Vec<i64> =
        texts.iter().map(|row| row.split('|').nth(1).unwrap().parse().unwrap()).collect();
    assert_eq!(stats.commit, commits.iter().min().copied().zip(commits.iter().max().copied()));
}
