//! The same rows as Parquet, or some of them in each format, are the same input.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, ListBuilder, RecordBatch, StringArray,
    StringBuilder, StringDictionaryBuilder, StructArray,
};
use arrow::datatypes::{DataType, Field, Int16Type};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use serde_json::{Map, Value};

use crate::csv::{self, FLEET, rows};
use crate::job::{Job, Tables, assert_alike, generate, text};

type Rows = [Map<String, Value>];

/// A column of the values that rows have under this name, of the type that they have.
fn column(name: &str, values: &[Option<&Value>]) -> ArrayRef {
    let given: Vec<&Value> = values.iter().copied().flatten().collect();
    let all = |is: fn(&Value) -> bool| !given.is_empty() && given.iter().all(|value| is(value));
    let texts = || values.iter().map(|value| value.and_then(Value::as_str));
    if all(Value::is_i64) {
        return Arc::new(
            values.iter().map(|value| value.and_then(Value::as_i64)).collect::<Int64Array>(),
        );
    }
    if all(Value::is_number) {
        let reals = values.iter().map(|value| value.and_then(Value::as_f64));
        return Arc::new(reals.collect::<Float64Array>());
    }
    if all(Value::is_boolean) {
        let flags = values.iter().map(|value| value.and_then(Value::as_bool));
        return Arc::new(flags.collect::<BooleanArray>());
    }
    if all(Value::is_array) {
        let mut lists = ListBuilder::new(StringBuilder::new());
        for value in values {
            let list = value.and_then(Value::as_array);
            lists.append_option(list.map(|list| list.iter().map(Value::as_str)));
        }
        return Arc::new(lists.finish());
    }
    assert!(given.iter().all(|value| value.is_string()), "{name}: {given:?}");
    match name {
        "event_time" | "deadline" => {
            let utf8 = StringArray::from_iter(texts());
            let zone =
                DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, Some("UTC".into()));
            arrow::compute::cast(&utf8, &zone).unwrap()
        }
        "agent_id" | "domain" => {
            let mut words = StringDictionaryBuilder::<Int16Type>::new();
            texts().for_each(|text| words.append_option(text));
            Arc::new(words.finish())
        }
        _ => Arc::new(StringArray::from_iter(texts())),
    }
}

/// Rows as a file of Parquet, in groups of so many.
fn write(path: &Path, rows: &Rows, group: usize) {
    let names: BTreeSet<&String> = rows.iter().flat_map(Map::keys).collect();
    let columns = names.into_iter().map(|name| {
        let values: Vec<Option<&Value>> =
            rows.iter().map(|row| row.get(name).filter(|value| !value.is_null())).collect();
        (name, column(name, &values), true)
    });
    let rows = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(group))
        .set_compression(parquet::basic::Compression::SNAPPY)
        .build();
    let file = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, rows.schema(), Some(properties)).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
}

const OFTEN: (&str, &str) =
    ("every = \"5s\"", "every = \"10ms\"\nepoch = \"1ms\"\nbytes = \"64KiB\"");

/// The fleet in `folder` as a job over Parquet.
fn converted(folder: &Path, name: &str) -> Job {
    let mut changes = vec![(OFTEN.0.to_owned(), OFTEN.1.to_owned())];
    for kind in ["tasks", "agents", "votes", "gold", "control", "ticks"] {
        write(&folder.join(format!("{kind}.parquet")), &rows(folder, kind), 500);
        let to = format!("\"{kind}.parquet\"\nformat = \"parquet\"");
        changes.push((format!("\"{kind}.jsonl\""), to));
    }
    let changes: Vec<(&str, &str)> =
        changes.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
    Job::variant(folder, name, &changes)
}

fn expected(folder: &Path) -> Tables {
    generate(folder, &FLEET);
    let lines = Job::variant(folder, "lines", &[]);
    lines.run(2);
    lines.tables()
}

#[test]
fn a_fleet_in_parquet_comes_to_the_same_tables_also_through_kills() {
    let folder = tempfile::tempdir().unwrap();
    let expected = expected(folder.path());
    assert!(expected["decisions"].len() > 500 && !expected["agent_activity"].is_empty());
    let whole = converted(folder.path(), "whole");
    whole.run(2);
    whole.verify();
    assert_alike(&expected, &whole.tables(), "read at once");
    let rows =
        "SELECT max(position_to) = sum(rows_in) AS same FROM conservation WHERE source = 'votes'";
    assert_eq!(whole.query(rows), ["{\"same\":true}"], "a position is a row");
    #[cfg(feature = "failpoints")]
    crate::job::assert_alike_through_kills(&expected, &converted(folder.path(), "killed"));
}

#[test]
fn one_record_from_files_of_every_format_comes_to_the_same_tables() {
    let folder = tempfile::tempdir().unwrap();
    let expected = expected(folder.path());
    let votes = rows(folder.path(), "votes");
    let third = votes.len() / 3;
    let jsonl: String = votes[..third]
        .iter()
        .map(|row| format!("{}\n", serde_json::to_string(row).unwrap()))
        .collect();
    fs::write(folder.path().join("first.jsonl"), jsonl).unwrap();
    csv::write(&folder.path().join("second.csv"), &votes[third..2 * third], ';');
    write(&folder.path().join("third.parquet"), &votes[2 * third..], 300);
    let plain = fs::read_to_string(folder.path().join("job.toml")).unwrap();
    let from = plain.find("[source.votes]").unwrap();
    let to = plain[from + 1..].find("\n[").unwrap() + from + 1;
    let section = &plain[from..to];
    let of = |files: &str, more: &str| {
        let head = section.replace("[source.votes]", "[[source.votes]]");
        head.replace("\"votes.jsonl\"", &format!("\"{files}\"\n{more}"))
    };
    let sources = [
        of("first.jsonl", ""),
        of("second.csv", "format = \"csv\"\ndelimiter = \";\""),
        of("third.parquet", "format = \"parquet\""),
    ]
    .join("\n");
    let mixed = |name: &str| Job::variant(folder.path(), name, &[(section, &sources), OFTEN]);
    let whole = mixed("mixed");
    whole.run(3);
    whole.verify();
    assert_alike(&expected, &whole.tables(), "three formats");
    let by_source = "SELECT source, sum(rows_in) > 0 AS some FROM conservation WHERE record = 'votes' GROUP BY 1 ORDER BY 1";
    assert_eq!(whole.query(by_source).len(), 3);
    #[cfg(feature = "failpoints")]
    crate::job::assert_alike_through_kills(&expected, &mixed("mixed-killed"));
}

/// A panel in Parquet: a column of structs, one of lists of structs, and a column for each agent.
fn panel(folder: &Path) {
    let says = [Some("A"), Some("B"), None, Some("A")];
    let text = |turn: usize| -> ArrayRef {
        Arc::new(StringArray::from_iter((0..40).map(|nr| says[(nr + turn) % 4])))
    };
    let ids: ArrayRef = Arc::new(StringArray::from_iter_values((0..40).map(|nr| format!("q{nr}"))));
    let at: ArrayRef = Arc::new(arrow::array::TimestampMillisecondArray::from_iter_values(
        (0..40).map(|nr| 1_767_225_600_000 + nr * 60_000),
    ));
    let field = |name: &str| Arc::new(Field::new(name, DataType::Utf8, true));
    let preds = StructArray::from(vec![
        (field("gpt"), text(0)),
        (field("yi"), text(1)),
        (field("x.y"), text(2)),
    ]);
    let write = |name: &str, columns: Vec<(&str, ArrayRef)>| {
        let rows = RecordBatch::try_from_iter_with_nullable(
            columns.into_iter().map(|(name, column)| (name, column, true)),
        );
        let rows = rows.unwrap();
        let file = File::create(folder.join(name)).unwrap();
        let mut writer = ArrowWriter::try_new(file, rows.schema(), None).unwrap();
        writer.write(&rows).unwrap();
        writer.close().unwrap();
    };
    write(
        "struct.parquet",
        vec![("id", ids.clone()), ("at", at.clone()), ("preds", Arc::new(preds))],
    );
    write(
        "wide.parquet",
        vec![("gpt", text(0)), ("id", ids), ("yi", text(1)), ("at", at), ("x.y", text(2))],
    );
}

#[test]
fn a_wide_file_of_parquet_needs_no_script() {
    let folder = tempfile::tempdir().unwrap();
    panel(folder.path());
    let job = |name: &str, files: &str, each: &str| {
        let job = format!(
            "name = \"panel\"\nstore = \"./store-{name}\"\n[source.votes]\nfiles = \"{files}\"\n\
             format = \"parquet\"\neach = {each}\nmap = {{ task_id = \"id\", event_time = \"at\" }}\n\
             [consensus]\nmethod = \"majority\"\n"
        );
        let job = Job::written(folder.path(), name, &job);
        job.run(2);
        job.verify();
        job.tables()
    };
    let one = job("struct", "struct.parquet", "\"preds\"");
    assert_eq!((one["votes"].len(), one["rejects"].len()), (120, 0));
    assert_alike(&one, &job("named", "wide.parquet", "[\"gpt\", \"yi\", \"x.y\"]"), "named");
    assert_alike(&one, &job("rest", "wide.parquet", "\"*\""), "all others");
}

#[test]
fn what_is_wrong_with_a_file_is_said_before_any_row_is_read() {
    let folder = tempfile::tempdir().unwrap();
    panel(folder.path());
    let job = "name = \"panel\"\nstore = \"./store\"\n[source.votes]\nfiles = \"wide.parquet\"\nformat = \"parquet\"\n";
    let job = Job::written(folder.path(), "columns", job);
    let check = |parts: &[&str]| {
        for command in ["validate", "run"] {
            let output =
                crate::job::quorate(&[command, job.file.to_str().unwrap()]).output().unwrap();
            let said = text(&output.stderr) + &text(&output.stdout);
            assert!(!output.status.success(), "{said}");
            parts.iter().for_each(|part| assert!(said.contains(part), "{part:?} is not in {said}"));
        }
    };
    check(&[
        "wide.parquet: its schema lacks the column `event_time`",
        "gpt, id, yi, at, x.y",
        "`map`",
    ]);
    let whole = fs::read(folder.path().join("wide.parquet")).unwrap();
    fs::write(folder.path().join("wide.parquet"), &whole[..whole.len() / 2]).unwrap();
    check(&["wide.parquet", "is no whole file of Parquet", "rename it into place"]);
}
