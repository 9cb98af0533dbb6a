//! A store in trouble: the run waits and tries again, or stops and says what to do. Nothing is lost or doubled.

use std::io::Read;
use std::process::{Output, Stdio};
use std::time::Duration;

use crate::job::{Job, assert_alike, text};
use crate::often::{CUT, fleet};

#[test]
fn a_store_that_errs_is_slow_or_answers_wrongly_changes_no_table() {
    let plans = [
        ("errors", "seed 1; *: error 10%"),
        ("lost-answers", "seed 2; create: lost 25%; put: lost 10%; delete: lost 10%"),
        ("twice", "seed 3; create log: exists 30%; create _delta_log: exists 30%"),
        ("late", "seed 4; create log: late 80ms 20%; create _delta_log: late 80ms 10%"),
        ("slow", "put: delay 60ms; create: delay 40ms; list: delay 30ms"),
        ("full-for-a-while", "put: full first 6; create: full first 2"),
        ("everything", "seed 5; create: late 50ms 5%; create: exists 5%; *: lost 5%; *: error 5%"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let expected = fleet(folder.path());
    for (name, plan) in plans {
        let job = Job::variant(folder.path(), name, &CUT);
        let Output { status, stderr, .. } =
            job.command(2).env("QUORATE_FAULTS", plan).output().unwrap();
        assert!(status.success(), "{name}: {}", text(&stderr));
        job.verify();
        assert_alike(&expected, &job.tables(), name);
    }
}

#[test]
fn a_store_without_rights_stops_the_run_which_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let expected = fleet(folder.path());
    for (name, plan) in [("create", "create: denied"), ("put", "put decisions: denied nth 2")] {
        let job = Job::variant(folder.path(), name, &CUT);
        let Output { status, stderr, .. } =
            job.command(2).env("QUORATE_FAULTS", plan).output().unwrap();
        let said = text(&stderr);
        assert_eq!(status.code(), Some(2), "{said}");
        assert!(said.contains("denied") || said.contains("rights"), "{said}");
        job.run(2);
        job.verify();
        assert_alike(&expected, &job.tables(), name);
    }
}

#[test]
fn a_full_store_holds_reading_up_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let expected = fleet(folder.path());
    let job = Job::variant(folder.path(), "full", &CUT);
    let mut command = job.command(2);
    command.arg("--json").env("QUORATE_FAULTS", "put tables: full; put retained: full");
    let mut run = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(4));
    assert!(run.try_wait().unwrap().is_none(), "it waits");
    run.kill().unwrap();
    let mut said = String::new();
    run.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    run.wait().unwrap();
    let lines: Vec<serde_json::Value> =
        said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let notes = lines.iter().filter(|line| line["type"] == "note");
    assert!(
        notes.clone().any(|note| note["text"].as_str().unwrap().contains("trying again")),
        "{said}"
    );
    let read: Vec<u64> = lines
        .iter()
        .filter(|line| line["type"] == "progress")
        .map(|line| line["rows"]["rows_in"].as_u64().unwrap())
        .collect();
    let (first, last) = (read.first().unwrap(), read.last().unwrap());
    assert!(first == last && *last < 6_000, "reading goes on: {read:?}");
    job.run(2);
    job.verify();
    assert_alike(&expected, &job.tables(), "full");
}
