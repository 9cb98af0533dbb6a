//! Followed files that are rotated, replaced, shared and taken up again: every row is read once.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::job::Job;
use crate::running::Running;

/// Longer than a file that lost its name is still read, if it is quiet.
const QUIET: Duration = Duration::from_millis(6_500);

fn vote(nr: usize) -> String {
    let (minute, second) = (nr / 60, nr % 60);
    format!(
        "{{\"event_time\":\"2026-01-01T00:{minute:02}:{second:02}Z\",\"task_id\":\"t{nr}\",\
         \"agent_id\":\"a\",\"choice\":\"x\"}}\n"
    )
}

fn gold(nr: usize) -> String {
    format!(
        "{{\"event_time\":\"2026-01-01T00:00:{nr:02}Z\",\"task_id\":\"t{nr}\",\"answer\":\"x\"}}\n"
    )
}

fn append(folder: &Path, name: &str, rows: impl Iterator<Item = String>) {
    let path = folder.join(name);
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(rows.collect::<String>().as_bytes()).unwrap();
}

/// A job over these sources, as a job file has them, perhaps with `[consensus]` at the end.
fn job(folder: &Path, sources: &str) -> Job {
    let consensus = if sources.contains("[consensus]") { "" } else { "[consensus]" };
    let text = format!(
        "name = \"rotated\"\nstore = \"./store\"\n{sources}\n{consensus}\nmethod = \"majority\"\n\
         close = {{ after = \"1m\" }}\n[checkpoint]\nevery = \"30ms\"\nepoch = \"10ms\"\n\
         [limits]\nrejects = \"off\"\n"
    );
    Job::written(folder, "job", &text)
}

/// The rows that were read of each source.
fn rows(job: &Job, source: &str) -> u64 {
    let sql = format!("SELECT sum(rows_in) AS rows FROM conservation WHERE source = '{source}'");
    let row: Value = serde_json::from_str(&job.query(&sql)[0]).unwrap();
    row["rows"].as_u64().unwrap_or(0)
}

#[test]
fn a_file_that_was_renamed_away_and_goes_on_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let job = job(folder.path(), "[source.votes]\nfiles = \"votes.jsonl*\"\nfollow = true");
    append(folder.path(), "votes.jsonl", (0..10).map(vote));
    let mut run = Running::start(&job, 2);
    run.wait_for_rows(10);
    fs::rename(folder.path().join("votes.jsonl"), folder.path().join("votes.jsonl.1")).unwrap();
    std::thread::sleep(QUIET);
    append(folder.path(), "votes.jsonl.1", (10..15).map(vote));
    run.wait_for_rows(15);
    // It is quiet, and goes on, again; then also while nobody looks.
    std::thread::sleep(QUIET);
    append(folder.path(), "votes.jsonl.1", (15..18).map(vote));
    run.wait_for_rows(18);
    std::thread::sleep(QUIET);
    run.stop();
    job.verify();
    append(folder.path(), "votes.jsonl.1", (18..20).map(vote));
    let mut run = Running::start(&job, 3);
    run.wait_for_rows(2);
    run.stop();
    job.verify();
    assert_eq!(rows(&job, "votes"), 20);
}

#[test]
fn a_file_that_is_copied_and_truncated_is_read_on_in_its_copy_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let job = job(folder.path(), "[source.votes]\nfiles = \"votes.jsonl*\"\nfollow = true");
    let path = folder.path().join("votes.jsonl");
    append(folder.path(), "votes.jsonl", (0..30).map(vote));
    let mut run = Running::start(&job, 2);
    run.wait_for_rows(30);
    // What is in the copy alone: nobody has read it when the file is cut short.
    let beyond: String = (30..33).map(vote).collect();
    let copy = [fs::read_to_string(&path).unwrap(), beyond].concat();
    fs::write(&path, (33..35).map(vote).collect::<String>()).unwrap();
    run.wait_for_rows(32);
    run.stop();
    job.verify();
    fs::write(folder.path().join("votes.jsonl.1"), copy).unwrap();
    let mut run = Running::start(&job, 2);
    run.wait_for_rows(3);
    run.stop();
    job.verify();
    assert_eq!(rows(&job, "votes"), 35);
}

#[test]
fn what_was_read_to_its_end_goes_on_once_it_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let sources = "[source.votes]\nfiles = \"votes.jsonl\"\nfollow = true\n\
                   [source.gold]\nfiles = \"gold.jsonl\"";
    let bounded = job(folder.path(), sources);
    append(folder.path(), "votes.jsonl", (0..4).map(vote));
    append(folder.path(), "gold.jsonl", (0..3).map(gold));
    let mut run = Running::start(&bounded, 2);
    run.wait_for_rows(7);
    run.stop();
    append(folder.path(), "gold.jsonl", (3..5).map(gold));
    let job = job(folder.path(), &format!("{sources}\nfollow = true"));
    let mut run = Running::start(&job, 2);
    run.wait_for_rows(2);
    run.stop();
    job.verify();
    assert_eq!((rows(&job, "votes"), rows(&job, "gold")), (4, 5));
}

#[test]
fn a_finished_job_is_reopened_to_follow_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let sources = "[source.votes]\nfiles = \"votes*.jsonl\"";
    append(folder.path(), "votes.jsonl", (0..4).map(vote));
    job(folder.path(), sources).run(2);
    append(folder.path(), "votes.jsonl", (4..6).map(vote));
    append(folder.path(), "votes-2.jsonl", (6..9).map(vote));
    let job = job(folder.path(), &format!("{sources}\nfollow = true"));
    let mut command = job.command(2);
    command.arg("--reopen");
    let mut run = Running::of(command);
    run.wait_for_rows(5);
    append(folder.path(), "votes.jsonl", (9..11).map(vote));
    run.wait_for_rows(7);
    run.stop();
    job.verify();
    assert_eq!(rows(&job, "votes"), 11);
}

#[test]
fn two_sources_may_share_a_file() {
    for workers in 1..=2 {
        for follow in ["", "follow = true\n"] {
            let folder = tempfile::tempdir().unwrap();
            let sources = format!(
                "[source.votes]\n{follow}files = \"*.jsonl\"\n\
                 [source.gold]\n{follow}files = \"gold.jsonl\""
            );
            // As votes, gold is nothing but rejects: it must not hold the others up.
            let job = job(folder.path(), &format!("{sources}\n[consensus]\nidle_after = \"1s\""));
            append(folder.path(), "votes.jsonl", (0..4).map(vote));
            append(folder.path(), "gold.jsonl", (0..3).map(gold));
            if follow.is_empty() {
                job.run(workers);
            } else {
                let mut run = Running::start(&job, workers);
                run.wait_for_rows(10);
                append(folder.path(), "gold.jsonl", (3..5).map(gold));
                run.wait_for_rows(14);
                run.stop();
            }
            job.verify();
            let expected = if follow.is_empty() { (7, 3) } else { (9, 5) };
            assert_eq!((rows(&job, "votes"), rows(&job, "gold")), expected, "{workers} {follow}");
        }
    }
}

/// A file is quiet for long, and its writer comes back with rows that the clock has passed: they are late, and so they
/// are if the job was started anew in between.
#[test]
fn rows_of_an_idle_file_behind_the_clock_are_late_also_after_a_restart() {
    for restarts in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let sources = "[source.votes]\nfollow = true\nfiles = \"votes-*.jsonl\"\n\
                       [consensus]\nidle_after = \"1s\"";
        let job = job(folder.path(), sources);
        append(folder.path(), "votes-a.jsonl", (0..2).map(vote));
        append(folder.path(), "votes-b.jsonl", (1..3).map(vote));
        let mut run = Running::start(&job, 2);
        run.wait_for_rows(4);
        // b is idle, a goes on: the clock passes what b had shown.
        for nr in 0..15 {
            std::thread::sleep(Duration::from_millis(150));
            append(folder.path(), "votes-a.jsonl", (nr * 60..nr * 60 + 1).map(vote));
        }
        run.wait_for_rows(19);
        if restarts {
            run.stop();
            run = Running::start(&job, 2);
        }
        let before = run.rows();
        append(folder.path(), "votes-b.jsonl", (4..7).map(vote));
        run.wait_for_rows(before + 3);
        run.stop();
        job.verify();
        let late = job.query(
            "SELECT reason, stage, count(*) AS rows FROM rejects WHERE partition = 'votes-b.jsonl' GROUP BY ALL",
        );
        assert_eq!(late, ["{\"reason\":\"late\",\"stage\":\"inlet\",\"rows\":3}"], "{restarts}");
    }
}
