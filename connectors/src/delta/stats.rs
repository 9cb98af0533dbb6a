//! What Delta says of a file, so that readers can skip it.
//!
//! Event time alone, in every file and nothing else: the Python package takes a bound that one file has and another
//! lacks for one that excludes every row. Which columns have bounds is a property of the table.

use quorate_schemas::log::StagedFile;
use quorate_schemas::time::{EARLIEST, LATEST, format_rfc3339};
use serde_json::json;

/// The one column that files have bounds of.
pub(super) const COLUMN: &str = "event_time";

/// A file's statistics as Delta writes them.
///
/// Times have milliseconds there. They are rounded outwards, so that a reader who skips files by them never skips a
/// row.
pub(super) fn stats_json(file: &StagedFile) -> String {
    let span = file.min_event_time_us.zip(file.max_event_time_us);
    let Some((least, greatest)) = span else {
        return json!({ "numRecords": file.rows }).to_string();
    };
    json!({
        "numRecords": file.rows,
        "minValues": { COLUMN: millis(least.div_euclid(1_000)) },
        "maxValues": { COLUMN: millis(-(-greatest).div_euclid(1_000)) },
        "nullCount": { COLUMN: 0 },
    })
    .to_string()
}

/// A time given in milliseconds. In the last one before the year 10000, which has no text, the bound stays below the
/// rows by less than a millisecond, which the protocol asks readers to add.
fn millis(millis: i64) -> String {
    let micros = millis.saturating_mul(1_000).clamp(EARLIEST, LATEST - 1_000);
    format_rfc3339(micros).replace("000Z", "Z")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use quorate_schemas::log::Digest;
    use quorate_schemas::time::{Micros, SECOND, parse_rfc3339};
    use serde_json::Value;

    use super::*;

    fn stats(span: Option<(Micros, Micros)>) -> Value {
        let file = StagedFile {
            table: "votes".into(),
            path: "tables/votes/1-1-0-0.parquet".into(),
            rows: 3,
            bytes: 9,
            sha256: Digest::ZERO,
            min_event_time_us: span.map(|span| span.0),
            max_event_time_us: span.map(|span| span.1),
        };
        serde_json::from_str(&stats_json(&file)).unwrap()
    }

    #[test]
    fn statistics_have_the_form_that_delta_asks_for() {
        let expected = json!({
            "numRecords": 3,
            "minValues": { "event_time": "1970-01-01T00:00:01.000Z" },
            "maxValues": { "event_time": "1970-01-01T00:00:02.001Z" },
            "nullCount": { "event_time": 0 },
        });
        assert_eq!(stats(Some((1_000_001, 2_000_001))), expected);
        assert_eq!(stats(None), json!({ "numRecords": 3 }));
    }

    proptest! {
        #[test]
        fn bounds_are_never_narrower_than_the_rows(
            a in prop_oneof![EARLIEST..LATEST, LATEST - 100_000 * SECOND..LATEST],
            length in 0i64..5_000_000,
        ) {
            let b = (a + length).min(LATEST - 1);
            let json = stats(Some((a, b)));
            let bound = |side: &str| json[side]["event_time"].as_str().and_then(parse_rfc3339).unwrap();
            let (least, greatest) = (bound("minValues"), bound("maxValues"));
            prop_assert!(least <= a && a - least < 1_000);
            prop_assert!(greatest >= b.min(LATEST - 1_000) && greatest - b < 1_000);
        }
    }
}
