//! The same rows as comma-separated values are the same input.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use crate::job::{Job, assert_alike, generate, text};

/// The rows of a file of JSON lines.
pub(crate) fn rows(folder: &Path, kind: &str) -> Vec<Map<String, Value>> {
    let lines = fs::read_to_string(folder.join(format!("{kind}.jsonl"))).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Lines of JSON as a file of comma-separated values, its columns in another order and one more, of two lines.
fn convert(folder: &Path, kind: &str, delimiter: char) {
    write(&folder.join(format!("{kind}.csv")), &rows(folder, kind), delimiter);
}

/// Rows as a file of comma-separated values.
pub(crate) fn write(path: &Path, rows: &[Map<String, Value>], delimiter: char) {
    let columns: BTreeSet<&String> = rows.iter().flat_map(Map::keys).collect();
    let mut file = String::from("\u{feff}a note");
    for column in columns.iter().rev() {
        file.push(delimiter);
        file.push_str(column);
    }
    file.push_str("\r\n");
    for (nr, row) in rows.iter().enumerate() {
        file.push_str(&format!("\"row {nr}{delimiter}\nand \"\"more\"\"\""));
        for (at, column) in columns.iter().rev().enumerate() {
            file.push(delimiter);
            let cell = match row.get(*column) {
                None | Some(Value::Null) => continue,
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
            };
            if cell.contains([delimiter, '"', '\n']) || (nr + at).is_multiple_of(3) {
                file.push_str(&format!("\"{}\"", cell.replace('"', "\"\"")));
            } else {
                file.push_str(&cell);
            }
        }
        file.push_str(if nr.is_multiple_of(2) { "\n" } else { "\r\n" });
    }
    fs::write(path, file).unwrap();
}

/// The fleet in `folder` as a job over comma-separated values.
fn converted(folder: &Path, name: &str) -> Job {
    let plain = fs::read_to_string(folder.join("job.toml")).unwrap();
    let mut changes = vec![(
        "every = \"5s\"".to_owned(),
        "every = \"10ms\"\nepoch = \"1ms\"\nbytes = \"64KiB\"".to_owned(),
    )];
    for (kind, delimiter) in [
        ("tasks", ','),
        ("agents", '|'),
        ("votes", ';'),
        ("gold", ','),
        ("control", '\t'),
        ("ticks", ','),
    ] {
        let from = format!("\"{kind}.jsonl\"");
        if plain.contains(&from) {
            convert(folder, kind, delimiter);
            let to = format!(
                "\"{kind}.csv\"\nformat = \"csv\"\ndelimiter = {:?}",
                delimiter.to_string()
            );
            changes.push((from, to));
        }
    }
    assert_eq!(changes.len(), 7, "{plain}");
    let changes: Vec<(&str, &str)> =
        changes.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
    Job::variant(folder, name, &changes)
}

/// Rejects at the door keep the bytes as they were written, so there are none here.
pub(crate) const FLEET: [&str; 12] = [
    "--tasks",
    "600",
    "--agents",
    "20",
    "--seed",
    "9",
    "--orders",
    "12",
    "--late-share",
    "0",
    "--bad-rows-share",
    "0",
];

#[test]
fn a_fleet_in_csv_comes_to_the_same_tables_also_through_kills() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path(), &FLEET);
    let lines = Job::variant(folder.path(), "lines", &[]);
    lines.run(2);
    let expected = lines.tables();
    assert!(expected["decisions"].len() > 500 && !expected["agent_activity"].is_empty());
    let whole = converted(folder.path(), "whole");
    whole.run(2);
    whole.verify();
    assert_alike(&expected, &whole.tables(), "read at once");
    #[cfg(feature = "failpoints")]
    crate::job::assert_alike_through_kills(&expected, &converted(folder.path(), "killed"));
}

#[test]
fn a_column_that_is_missing_is_named_and_nothing_is_read() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("v.csv"), "event_time,task,agent_id,choice\n").unwrap();
    let job = "name = \"columns\"\nstore = \"./store\"\n[source.votes]\nfiles = \"v.csv\"\nformat = \"csv\"\n";
    let job = Job::written(folder.path(), "columns", job);
    let run = job.command(1).output().unwrap();
    let said = text(&run.stderr);
    assert!(!run.status.success());
    for part in
        ["v.csv: its header lacks the column `task_id`", "event_time, task, agent_id, choice"]
    {
        assert!(said.contains(part), "{part:?} is missing from: {said}");
    }
}
