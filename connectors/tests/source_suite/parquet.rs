//! Files of Parquet: rows as the same rows of JSON lines would be, by their numbers; whole, or not read at all.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray,
    Float32Array, Float64Array, Int8Array, Int64Array, LargeStringArray, ListBuilder, MapBuilder,
    RecordBatch, StringArray, StringBuilder, StringViewArray, StructArray,
    TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Int32Type};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use proptest::prelude::*;
use quorate_connectors::source::{Format, ReadStep, Reading};
use serde_json::{Value, json};

use super::rig::Rig;

/// A file of these columns.
fn file(columns: Vec<(&str, ArrayRef)>, properties: WriterProperties) -> Vec<u8> {
    let rows = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    )
    .unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), Some(properties)).unwrap();
    writer.write(&rows).unwrap();
    writer.into_inner().unwrap()
}

fn groups_of(rows: usize) -> WriterProperties {
    WriterProperties::builder()
        .set_max_row_group_row_count(Some(rows))
        .set_compression(Compression::SNAPPY)
        .build()
}

fn numbers(range: std::ops::Range<i64>) -> Vec<u8> {
    let texts: Vec<String> = range.clone().map(|nr| format!("text {nr}")).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("nr", Arc::new(Int64Array::from_iter_values(range))),
        ("text", Arc::new(StringArray::from(texts))),
    ];
    file(columns, groups_of(7))
}

fn texts(range: std::ops::Range<i64>) -> Vec<String> {
    let mut texts: Vec<String> =
        range.map(|nr| format!("{{\"nr\":{nr},\"text\":\"text {nr}\"}}")).collect();
    texts.sort();
    texts
}

fn rig(reading: Reading) -> Rig {
    Rig::of(Format::Parquet, reading, &["*.parquet"])
}

#[test]
fn a_row_is_what_the_same_row_of_json_would_be() {
    let mut list = ListBuilder::new(StringBuilder::new());
    list.append_value([Some("x"), None, Some("y")]);
    list.append_null();
    let mut map = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    map.keys().append_value("gpt");
    map.values().append_value("B");
    map.keys().append_value("yi \"6b\"");
    map.values().append_null();
    map.append(true).unwrap();
    map.append(false).unwrap();
    let inner: ArrayRef = Arc::new(StringArray::from(vec![Some("B"), None]));
    let members =
        StructArray::from(vec![(Arc::new(Field::new("a.b", DataType::Utf8, true)), inner)]);
    let words: DictionaryArray<Int32Type> = vec![Some("w"), None].into_iter().collect();
    let at = 1_767_225_600_123_456;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("flag", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("small", Arc::new(Int8Array::from(vec![Some(-7), None]))),
        ("great", Arc::new(UInt64Array::from(vec![Some(u64::MAX), None]))),
        ("half", Arc::new(Float32Array::from(vec![Some(0.1), Some(f32::NAN)]))),
        ("real", Arc::new(Float64Array::from(vec![Some(-2.5e-300), Some(3.0)]))),
        (
            "money",
            Arc::new(
                Decimal128Array::from(vec![Some(-1250), None])
                    .with_precision_and_scale(9, 2)
                    .unwrap(),
            ),
        ),
        ("text", Arc::new(StringArray::from(vec![Some("say \"é\"\n"), Some("")]))),
        ("long", Arc::new(LargeStringArray::from(vec![Some("l"), None]))),
        ("view", Arc::new(StringViewArray::from(vec![Some("v"), None]))),
        ("word", Arc::new(words)),
        ("bytes", Arc::new(BinaryArray::from_opt_vec(vec![Some(b"b"), None]))),
        ("day", Arc::new(Date32Array::from(vec![Some(20_454), None]))),
        (
            "us",
            Arc::new(
                TimestampMicrosecondArray::from(vec![Some(at), Some(-1)]).with_timezone("UTC"),
            ),
        ),
        ("ms", Arc::new(TimestampMillisecondArray::from(vec![Some(at / 1_000), None]))),
        ("ns", Arc::new(TimestampNanosecondArray::from(vec![Some(at * 1_000 + 999), None]))),
        ("list", Arc::new(list.finish())),
        ("map", Arc::new(map.finish())),
        ("struct", Arc::new(members)),
    ];
    let mut rig = rig(Reading::Bounded);
    rig.write("types.parquet", file(columns, groups_of(1)));
    rig.tick();
    let found: Vec<Value> =
        rig.lines.iter().map(|(.., text)| serde_json::from_str(text).unwrap()).collect();
    let first = json!({
        "flag": true, "small": -7, "great": u64::MAX, "half": 0.1, "real": -2.5e-300, "money": -12.5,
        "text": "say \"é\"\n", "long": "l", "view": "v", "word": "w", "bytes": "b", "day": "2026-01-01",
        "us": "2026-01-01T00:00:00.123456Z", "ms": "2026-01-01T00:00:00.123000Z", "ns": "2026-01-01T00:00:00.123456Z",
        "list": ["x", null, "y"], "map": {"gpt": "B", "yi \"6b\"": null}, "struct": {"a.b": "B"},
    });
    let second = json!({
        "flag": null, "small": null, "great": null, "half": "NaN", "real": 3.0, "money": null,
        "text": "", "long": null, "view": null, "word": null, "bytes": null, "day": null,
        "us": "1969-12-31T23:59:59.999999Z", "ms": null, "ns": null,
        "list": null, "map": null, "struct": {"a.b": null},
    });
    assert_eq!(found, [first, second]);
    assert!(rig.lines[0].2.contains("\"money\":-12.50") && rig.lines[1].2.contains("\"real\":3.0"));
}

#[test]
fn a_row_is_gone_on_with_by_its_number() {
    for budget_bytes in [1, 40, 100, 1_000, 100_000] {
        let mut rig = rig(Reading::Bounded);
        rig.budget_bytes = budget_bytes;
        rig.write("a.parquet", numbers(0..50));
        rig.survey();
        while rig.poll("a.parquet") == ReadStep::More {
            rig.commit();
            rig.restart();
            rig.survey();
        }
        let expected: Vec<(u64, String)> =
            (0..50).map(|nr| (nr, format!("{{\"nr\":{nr},\"text\":\"text {nr}\"}}"))).collect();
        let found: Vec<(u64, String)> =
            rig.lines.iter().map(|(_, at, text)| (*at, text.clone())).collect();
        assert_eq!(found, expected, "{budget_bytes}");
    }
}

#[test]
fn a_file_may_have_more_rows_than_bytes() {
    let rows = 60_000;
    let same: ArrayRef = Arc::new(StringArray::from(vec!["same"; rows]));
    let content = file(vec![("x", same)], groups_of(rows));
    assert!(content.len() < rows, "{} bytes", content.len());
    for reading in [Reading::Bounded, Reading::Followed] {
        let mut rig = rig(reading);
        rig.budget_bytes = 400_000;
        rig.write("a.parquet", &content);
        rig.survey();
        assert_eq!(rig.poll("a.parquet"), ReadStep::More);
        rig.commit();
        rig.restart();
        rig.rename("a.parquet", "b.parquet");
        rig.tick();
        assert_eq!((rig.lines.len(), rig.notices.len()), (rows, 0), "{:?}", rig.notices);
        rig.commit();
        rig.restart();
        rig.tick();
        assert_eq!((rig.lines.len(), rig.notices.len()), (rows, 0), "{:?}", rig.notices);
    }
}

#[test]
fn a_followed_pattern_reads_whole_files_once() {
    let mut rig = rig(Reading::Followed);
    let (a, b) = (numbers(0..20), numbers(20..40));
    rig.write("a.parquet", &a);
    rig.write("b.parquet", &b[..b.len() / 2]);
    rig.tick();
    rig.tick();
    assert_eq!((rig.texts(), rig.said("is no whole file of Parquet")), (texts(0..20), 1));
    rig.append("b.parquet", &b[b.len() / 2..]);
    rig.copy("a.parquet", "copy.parquet");
    rig.tick();
    assert_eq!((rig.texts(), rig.said("is taken for a copy")), (texts(0..40), 1));
    rig.commit();
    rig.restart();
    rig.write("c.parquet", numbers(40..60));
    rig.rename("b.parquet", "moved.parquet");
    rig.tick();
    assert_eq!(rig.texts(), texts(0..60));
    // The same place, another content: another partition.
    rig.remove("a.parquet");
    rig.remove("copy.parquet");
    rig.write("a.parquet", numbers(60..70));
    rig.tick();
    rig.pass_time();
    assert_eq!(rig.texts(), texts(0..70));
}

#[test]
fn a_file_that_is_written_anew_while_it_is_read_is_over() {
    let mut rig = rig(Reading::Followed);
    rig.budget_bytes = 100;
    rig.write("a.parquet", numbers(0..50));
    rig.survey();
    rig.poll("a.parquet");
    let read = rig.lines.len();
    rig.write("a.parquet", numbers(100..200));
    assert_eq!(rig.poll("a.parquet"), ReadStep::Done);
    assert_eq!((rig.lines.len(), rig.said("was written anew")), (read, 1));
    rig.tick();
    let new = rig.lines[read..].iter().filter(|(name, ..)| name.starts_with("a.parquet@")).count();
    assert_eq!((rig.lines.len(), new), (read + 100, 100));
}

#[test]
fn what_is_no_file_of_parquet_stops_a_bounded_source_and_says_what_to_do() {
    let whole = numbers(0..20);
    let check = |name: &str, format: Format, content: &[u8], parts: [&str; 3]| {
        let mut rig = Rig::of(format, Reading::Bounded, &["*.*"]);
        rig.write(name, content);
        let error = rig.try_survey().unwrap_err();
        assert!(!error.retryable());
        let text = error.to_string();
        parts.iter().for_each(|part| assert!(text.contains(part), "{part:?} is not in {text}"));
    };
    let cut = &whole[..whole.len() - 3];
    check("v.parquet", Format::Parquet, cut, ["v.parquet", "cut short", "write it again"]);
    check("v.parquet", Format::Parquet, b"", ["v.parquet", "begin as one", "leave it out"]);
    check("v.parquet", Format::Parquet, b"{}\n", ["v.parquet", "begin as one", "leave it out"]);
    check("v.parquet.gz", Format::Parquet, &whole, ["v.parquet.gz", "gzip", "unpack it"]);
    check("v.jsonl", Format::Json, &whole, ["v.jsonl", "is Parquet", "format = \"parquet\""]);
    let mut broken = whole.clone();
    let at = whole.len() - 40;
    broken[at..at + 20].fill(0xff);
    let text = {
        let mut rig = rig(Reading::Bounded);
        rig.write("v.parquet", &broken);
        rig.try_survey().unwrap_err().to_string()
    };
    assert!(text.contains("is no whole file of Parquet"), "{text}");
}

#[test]
fn no_change_to_a_file_causes_a_panic_or_a_row_that_is_counted_twice() {
    let whole = numbers(0..30);
    for at in 0..whole.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut content = whole.clone();
            content[at] ^= flip;
            let mut rig = rig(Reading::Bounded);
            rig.write("v.parquet", &content);
            if rig.try_survey().is_ok() {
                rig.read();
                let places: Vec<u64> = rig.lines.iter().map(|(_, at, _)| *at).collect();
                assert!(places.iter().enumerate().all(|(nr, at)| nr as u64 == *at), "{at} {flip}");
            }
        }
    }
}

#[test]
fn damage_in_a_files_middle_costs_what_is_behind_it() {
    let mut content = numbers(0..30);
    // The pages of the second group of rows.
    let nr = content.windows(6).position(|part| part == b"text 7").unwrap();
    content[nr - 20..nr].fill(0xff);
    let mut rig = rig(Reading::Bounded);
    rig.write("v.parquet", &content);
    rig.tick();
    let (last, rows) = rig.lines.split_last().unwrap();
    assert_eq!(rows.len(), 7, "{:?}", rig.lines);
    assert!(last.1 == 7 && last.2.contains("23 in all, are not read"), "{last:?}");
    assert_eq!(rig.said("Write the file again"), 1);
    assert_eq!(rig.closed["v.parquet"].next, 8);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// However a file is laid out and read, its rows are the same.
    #[test]
    fn rows_do_not_depend_on_groups_or_budgets(
        rows in prop::collection::vec((prop::option::of("[a-zé\"\n]{0,6}"), prop::option::of(any::<i64>()), any::<bool>()), 0..60),
        group in 1usize..20,
        budget_bytes in 1usize..300,
        stop in 0usize..8,
    ) {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("t", Arc::new(rows.iter().map(|row| row.0.as_deref()).collect::<StringArray>())),
            ("n", Arc::new(rows.iter().map(|row| row.1).collect::<Int64Array>())),
            ("f", Arc::new(rows.iter().map(|row| Some(row.2)).collect::<BooleanArray>())),
        ];
        prop_assume!(columns[0].1.len() == rows.len());
        let mut rig = rig(Reading::Bounded);
        rig.budget_bytes = budget_bytes;
        rig.write("a.parquet", file(columns, groups_of(group)));
        rig.survey();
        for _ in 0..stop {
            if rig.poll("a.parquet") == ReadStep::Done {
                break;
            }
            rig.commit();
            rig.restart();
            rig.survey();
        }
        rig.read();
        let expected: Vec<Value> =
            rows.iter().map(|(t, n, f)| json!({ "t": t, "n": n, "f": f })).collect();
        let found: Vec<Value> =
            rig.lines.iter().map(|(.., text)| serde_json::from_str(text).unwrap()).collect();
        prop_assert_eq!(found, expected);
    }
}
