//! Comma-separated values judged and counted on their way in.

use std::sync::Arc;

use quorate_connectors::decode::{Decoder, FieldMap, FieldSource};
use quorate_connectors::error::Error;
use quorate_connectors::inlet::{Counts, Inlet, InletSpec, InletState, Limits, Resume};
use quorate_connectors::source::{FileSource, FileSpec, Format, Known, Reading};
use quorate_schemas::id::IdKey;
use quorate_schemas::record::{Placed, Record, RecordKind};
use quorate_schemas::table::{RejectReason, RejectRow};
use quorate_schemas::time::TimeUnit;
use tempfile::TempDir;

const FORMAT: Format = Format::Csv { delimiter: b';' };

/// A folder of files of gold rows, with `at` in microseconds, and what came of them.
struct Door {
    folder: TempDir,
    reading: Reading,
    spec: InletSpec,
    rows: Vec<Placed<Record>>,
    rejects: Vec<RejectRow>,
    notices: Vec<String>,
}

impl Door {
    fn new(reading: Reading, files: &[(&str, &str)]) -> Door {
        let folder = TempDir::new().unwrap();
        for (name, content) in files {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        let map: FieldMap =
            [("event_time", FieldSource::time("at", TimeUnit::Us))].into_iter().collect();
        let decoder = Decoder::of(FORMAT, RecordKind::Gold, &map, IdKey::new([1; 16])).unwrap();
        let limits = Limits { line_bytes_max: 60, reject_bytes_max: 20, future_skew_us: i64::MAX };
        let decoder = Arc::new(decoder);
        let spec = InletSpec { source: "gold".into(), decoder, lateness_us: 1_000, limits };
        Door { folder, reading, spec, rows: Vec::new(), rejects: Vec::new(), notices: Vec::new() }
    }

    fn open(&self, known: &[Known]) -> Vec<Inlet> {
        let spec = FileSpec {
            base: self.folder.path().to_owned(),
            patterns: vec!["*.csv".to_owned()],
            format: FORMAT,
            reading: self.reading,
        };
        let survey = FileSource::new(spec).survey(known).unwrap();
        let open = |entry| Inlet::open(&self.spec, entry, Resume::default()).unwrap();
        survey.entries.iter().map(open).collect()
    }

    fn poll(&mut self, inlet: &mut Inlet, budget_bytes: usize) -> Result<InletState, Error> {
        let state = inlet.poll(budget_bytes, 0, &mut self.rows, &mut self.rejects);
        self.notices.extend(inlet.take_notices().iter().map(ToString::to_string));
        state
    }

    /// Tasks and answers of the rows that came in.
    fn gold(&self) -> Vec<String> {
        let gold = |row: &Placed<Record>| match &row.body {
            Record::Gold(gold) => {
                format!("{}={}@{}", gold.task.name(), gold.answer, row.event_time)
            }
            other => panic!("{other:?}"),
        };
        self.rows.iter().map(gold).collect()
    }
}

#[test]
fn each_file_has_columns_of_its_own() {
    let files = [
        ("a.csv", "task_id;answer;at\r\nt1;A;5\r\n"),
        ("b.csv", "\u{feff}at;note;answer;note;task_id\n6;\"a;b\";\"say \"\"B\"\"\";;t2\n"),
    ];
    let mut door = Door::new(Reading::Bounded, &files);
    for mut inlet in door.open(&[]) {
        assert_eq!(door.poll(&mut inlet, 1_000).unwrap(), InletState::Done);
        let counts = Counts { rows_in: 1, on_time: 1, late: 0, rejected: 0 };
        assert_eq!(inlet.progress().counts, counts, "a header is no row");
    }
    assert_eq!(
        (door.gold(), door.rejects.len()),
        (vec!["t1=A@5".into(), "t2=say \"B\"@6".into()], 0)
    );
}

#[test]
fn a_reject_keeps_its_bytes_its_place_and_its_reason() {
    let header = "at;task_id;answer\n";
    let rows =
        ["5;t1;\"A\nB\"\n", "6;\"t\"2;A\n", "7;t3\n", "x;t4;\"A\n\"\n", ";t5;A\n", "8;t6;\n"];
    let long = format!("9;t7;{}\n", "y".repeat(60));
    let open = format!("9;t8;\"y\n{}", "9;t9;A\n".repeat(12));
    let content = [header, &rows.concat(), &long, &open].concat();
    let mut door = Door::new(Reading::Bounded, &[("v.csv", &content)]);
    let mut inlet = door.open(&[]).remove(0);
    door.poll(&mut inlet, 10_000).unwrap();
    let found: Vec<(u64, RejectReason, String, u64)> = door
        .rejects
        .iter()
        .map(|reject| {
            let bytes = String::from_utf8(reject.bytes.clone()).unwrap();
            (reject.place.position, reject.reason, bytes, reject.bytes_total)
        })
        .collect();
    let mut at = header.len() as u64;
    let places = rows.map(|row| {
        at += row.len() as u64;
        at - row.len() as u64
    });
    use RejectReason::{EventTime, InvalidCsv, MissingField, TooLong};
    let expected = [
        (places[1], InvalidCsv, "6;\"t\"2;A", 8),
        (places[2], InvalidCsv, "7;t3", 4),
        (places[3], EventTime, "x;t4;\"A\n\"", 9),
        (places[4], MissingField, ";t5;A", 5),
        (places[5], MissingField, "8;t6;", 5),
        (at, TooLong, "9;t7;yyyyyyyyyyyyyyy", 65),
        (at + long.len() as u64, InvalidCsv, "9;t8;\"y", 7),
    ];
    let expected: Vec<(u64, RejectReason, String, u64)> = expected
        .into_iter()
        .map(|(at, why, bytes, total)| (at, why, bytes.to_owned(), total))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(door.gold().len(), 13, "what follows an open quote is not swallowed");
    let Counts { rows_in, on_time, late, rejected } = inlet.progress().counts;
    assert_eq!((rows_in, on_time, late, rejected), (20, 13, 0, 7));
}

#[test]
fn a_header_that_its_rows_cannot_be_read_by_stops_a_bounded_source() {
    for (content, parts) in [
        ("at;task;answer\n5;t;A\n", ["v.csv: its header lacks the column `task_id`", "`map`"]),
        (
            "at,task_id,answer\n5,t,A\n",
            ["lacks the column `at`; it names: at,task_id,answer", "`delimiter`"],
        ),
        ("at;task_id;at;answer\n5;t;5;A\n", ["names the column `at` twice", "first row"]),
        ("\"at\"x;task_id;answer\n", ["its header is none: something stands", "first row"]),
        ("5;t;A\n6;t;B\n", ["lacks the column `at`; it names: 5, t, A", "first row"]),
    ] {
        let mut door = Door::new(Reading::Bounded, &[("v.csv", content)]);
        let mut inlet = door.open(&[]).remove(0);
        for _ in 0..2 {
            let error = door.poll(&mut inlet, 10_000).unwrap_err();
            assert!(!error.retryable());
            let text = error.to_string();
            parts.iter().for_each(|part| assert!(text.contains(part), "{part:?} is not in {text}"));
        }
        assert_eq!(inlet.progress().counts, Counts::default());
        assert_eq!((door.rows.len(), door.rejects.len()), (0, 0));
    }
}

#[test]
fn a_followed_source_says_once_that_a_header_is_none_and_rejects_its_rows() {
    let content = "at;task;answer\n5;t1;A\n6;t2;B\n7;t3;C\n";
    let mut door = Door::new(Reading::Followed, &[("v.csv", content)]);
    let mut inlet = door.open(&[]).remove(0);
    door.poll(&mut inlet, 30).unwrap();
    let before = inlet.progress();
    assert_eq!((before.counts.rejected, door.notices.len()), (2, 1));
    assert!(door.notices[0].starts_with("v.csv: its header lacks the column `task_id`"));
    // The same after a restart in the middle.
    let mut inlet = door.open(&[before.known().file().unwrap()]).remove(0);
    door.poll(&mut inlet, 10_000).unwrap();
    let details: Vec<&str> = door.rejects.iter().map(|reject| reject.detail.as_str()).collect();
    assert_eq!(details, ["the header lacks the column `task_id`; it names: at, task, answer"; 3]);
    assert_eq!(door.rejects[2].bytes, b"7;t3;C");
}

#[test]
fn a_row_in_the_middle_of_a_file_is_read_under_the_header_at_its_beginning() {
    let content = "note;answer;task_id;at\n;\"A\nB\";t1;5\n;C;t2;6\n;D;t3;7\n";
    // With less than the longest record it would begin with that for ever.
    for budget_bytes in 23..content.len() {
        let mut door = Door::new(Reading::Bounded, &[("v.csv", content)]);
        let mut inlet = door.open(&[]).remove(0);
        while door.poll(&mut inlet, budget_bytes).unwrap() == InletState::More {
            let known = inlet.progress().known().file().unwrap();
            inlet = door.open(&[known]).remove(0);
        }
        assert_eq!(door.gold(), ["t1=A\nB@5", "t2=C@6", "t3=D@7"], "{budget_bytes}");
    }
}
