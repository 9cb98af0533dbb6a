//! Logs for machines parse, whatever is said, and say no secrets.

use std::process::Output;

use serde_json::Value;

use crate::service::{edit, fleet, quorate};

/// Exit code, standard output and the events on standard error.
fn events(arguments: &[&str], set: &[(&str, &str)]) -> (Option<i32>, String, Vec<Value>) {
    let Output { status, stdout, stderr } =
        quorate(arguments).envs(set.iter().copied()).output().unwrap();
    let lines = String::from_utf8(stderr).unwrap();
    let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
    (status.code(), String::from_utf8(stdout).unwrap(), lines.lines().map(read).collect())
}

fn has(events: &[Value], level: &str, part: &str) -> bool {
    events.iter().any(|event| {
        event["level"] == level
            && event["message"].as_str().is_some_and(|message| message.contains(part))
    })
}

#[test]
fn a_runs_log_is_json_from_its_start_to_its_outcome() {
    let folder = tempfile::tempdir().unwrap();
    let job = fleet(folder.path(), &[]);
    let secret = [("AWS_SECRET_ACCESS_KEY", "h1dden-s3cret"), ("QUORATE_LOG", "debug")];
    let run = ["run", job.as_str(), "--log", "json", "--listen", "127.0.0.1:0"];
    let (code, said, events) = events(&run, &secret);
    assert_eq!((code, said.as_str()), (Some(0), ""), "{events:?}");
    assert!(has(&events, "INFO", "asked for /metrics"), "{events:?}");
    assert!(has(&events, "INFO", "reading begins"), "{events:?}");
    assert!(has(&events, "DEBUG", "committed"), "{events:?}");
    assert!(has(&events, "INFO", "fleet: finished after"), "{events:?}");
    for event in &events {
        assert!(event["timestamp"].is_string() && event["target"].is_string(), "{event}");
        assert!(!event.to_string().contains("h1dden"), "{event}");
    }
}

#[test]
fn what_is_wrong_is_an_event_too() {
    let folder = tempfile::tempdir().unwrap();
    let job = fleet(folder.path(), &[]);
    edit(&job, "name = ", "nome = ");
    let (code, _, events) = events(&["run", &job, "--log", "json"], &[]);
    assert_eq!(code, Some(2));
    assert!(has(&events, "ERROR", "nome"), "{events:?}");
}

#[cfg(feature = "failpoints")]
#[test]
fn a_note_is_an_event_where_no_person_watches() {
    let folder = tempfile::tempdir().unwrap();
    let job = fleet(folder.path(), &[]);
    let faults = [("QUORATE_FAULTS", "put tables: full first 1")];
    let (code, _, found) = events(&["run", &job, "--log", "json"], &faults);
    assert_eq!(code, Some(0), "{found:?}");
    assert!(has(&found, "WARN", "trying again"), "{found:?}");

    let again = fleet(folder.path().join("b").as_path(), &[]);
    let plain = quorate(&["run", &again]).envs(faults).output().unwrap();
    let lines = String::from_utf8(plain.stderr).unwrap();
    let note = lines.lines().find(|line| line.contains("trying again")).unwrap();
    assert!(note.contains("WARN") && note.starts_with("20"), "{note}");
}
