//! Names are read as they are written, and nothing else is a name.

use crate::log::{ObjectName, hint_bytes, parse_hint};

#[test]
fn a_name_is_read_as_it_was_written() {
    let names = [
        (ObjectName::Log { seq: 42 }, "log/00000000000000000042.json"),
        (ObjectName::Log { seq: u64::MAX }, "log/18446744073709551615.json"),
        (
            ObjectName::Table {
                table: "agent_activity".into(),
                incarnation: 3,
                checkpoint: 70,
                worker: 1,
                nr: 0,
            },
            "tables/agent_activity/3-70-1-0.parquet",
        ),
        (
            ObjectName::Retained { incarnation: 3, checkpoint: 70, worker: 12 },
            "retained/3-70-12.parquet",
        ),
        (
            ObjectName::Merged { incarnation: 3, checkpoint: 70, worker: 0, nr: 9 },
            "retained/3-70-0-m9.parquet",
        ),
    ];
    for (name, path) in names {
        assert_eq!(name.to_string(), path);
        assert_eq!(ObjectName::parse(path), Some(name));
    }
}

#[test]
fn what_is_not_ours_has_no_name() {
    let foreign = [
        "",
        "latest",
        "log/42.json",
        "log/00000000000000000042.json.tmp",
        "log/+0000000000000000042.json",
        "log/99999999999999999999.json",
        "tables/votes/_delta_log/00000000000000000000.json",
        "tables/votes/3-70-1.parquet",
        "tables/votes/3-70-1-00.parquet",
        "tables/votes/3-70-1--0.parquet",
        "tables/votes/sub/3-70-1-0.parquet",
        "tables/../retained/3-70-1-0.parquet",
        "tables//3-70-1-0.parquet",
        "tables/votes/part-00001-3f2a.snappy.parquet",
        "retained/3-70-0-9.parquet",
        "retained/3-70.parquet",
        "/retained/3-70-0.parquet",
        "retained/3-70-4294967296.parquet",
    ];
    for path in foreign {
        assert_eq!(ObjectName::parse(path), None, "{path}");
    }
}

#[test]
fn listings_of_the_log_come_in_order() {
    let path = |seq| ObjectName::Log { seq }.to_string();
    assert!(path(9) < path(10) && path(99_999) < path(100_000));
}

#[test]
fn a_hint_is_a_number_or_nothing() {
    assert_eq!(parse_hint(&hint_bytes(17)), Some(17));
    for garbage in [&b""[..], b"-1", b"seven", b"\xff\xfe", b"99999999999999999999999"] {
        assert_eq!(parse_hint(garbage), None);
    }
}
