//! However a job runs, its tables are the same.

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::job::{Job, assert_alike, generate, text};

const FLEET: [&str; 8] = ["--tasks", "150", "--agents", "20", "--seed", "11", "--orders", "12"];

#[test]
fn workers_epochs_and_checkpoints_change_no_table() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path(), &FLEET);
    let plain = Job::variant(folder.path(), "plain", &[]);
    plain.run(1);
    plain.verify();
    let expected = plain.tables();
    assert!(expected["decisions"].len() > 200 && !expected["rejects"].is_empty());
    for (workers, cut) in
        [(2, "every = \"10ms\"\nepoch = \"1ms\""), (4, "every = \"40ms\"\nepoch = \"7ms\"")]
    {
        let job = Job::variant(folder.path(), &format!("w{workers}"), &[("every = \"5s\"", cut)]);
        job.run(workers);
        job.verify();
        assert_alike(&expected, &job.tables(), &format!("{workers} workers"));
    }
    // What workers send each other is serialised, as it would be between machines.
    let job = Job::variant(folder.path(), "serialised", &[]);
    let Output { status, stderr, .. } = job.command(3).arg("--serialised").output().unwrap();
    assert!(status.success(), "{}", text(&stderr));
    job.verify();
    assert_alike(&expected, &job.tables(), "serialised channels");
}

#[test]
fn a_finished_job_says_so_and_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path(), &["--tasks", "20", "--agents", "12"]);
    let job = Job::variant(folder.path(), "twice", &[]);
    job.run(2);
    let before = job.tables();
    job.run(2);
    assert_alike(&before, &job.tables(), "a second run");
    job.verify();
}

/// The lines of a file, dealt to two files in turns of `turn` lines.
fn split(folder: &Path, name: &str, turn: usize) {
    let lines = fs::read_to_string(folder.join(format!("{name}.jsonl"))).unwrap();
    let (mut a, mut b) = (String::new(), String::new());
    for (at, line) in lines.lines().enumerate() {
        let to = if (at / turn).is_multiple_of(2) { &mut a } else { &mut b };
        to.push_str(line);
        to.push('\n');
    }
    fs::write(folder.join(format!("{name}-a.jsonl")), a).unwrap();
    fs::write(folder.join(format!("{name}-b.jsonl")), b).unwrap();
}

#[test]
fn input_split_over_files_changes_no_table() {
    let folder = tempfile::tempdir().unwrap();
    // Nothing is late: lateness is judged by file, so it would depend on how rows are dealt to them.
    generate(folder.path(), &["--tasks", "120", "--agents", "15", "--late-share", "0"]);
    let whole = Job::variant(folder.path(), "whole", &[]);
    whole.run(2);
    split(folder.path(), "votes", 7);
    split(folder.path(), "ticks", 100);
    let changes = [
        ("\"votes.jsonl\"", "\"votes-*.jsonl\""),
        ("\"ticks.jsonl\"", "[\"ticks-b.jsonl\", \"ticks-a.jsonl\"]"),
    ];
    let dealt = Job::variant(folder.path(), "dealt", &changes);
    dealt.run(2);
    dealt.verify();
    assert_alike(&whole.tables(), &dealt.tables(), "two files each");
}
