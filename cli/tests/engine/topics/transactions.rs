//! Topics that are written by transactions: what was given up is never seen, and the marks that they leave stall nothing.

use std::fs;
use std::ops::Range;

use quorate_broker::{Broker, Topic, Transaction};

use super::rig::{Running, following, vote, wait_for_rows};
use crate::job::{Job, text};

fn begin(topic: &Topic, id: &str, tasks: Range<usize>) -> Transaction {
    let transaction = topic.transaction(&format!("{}-{id}", topic.name));
    let lines: Vec<String> = tasks.map(vote).collect();
    transaction.write_lines(topic, 0, lines.iter().map(String::as_str));
    transaction
}

/// The same job, read to the end of the topic as it is when it starts.
fn bounded(folder: &std::path::Path, job: &Job, name: &str) -> Job {
    let file = fs::read_to_string(&job.file).unwrap();
    let file =
        file.replace("store-", "bounded-").replace("[consensus]", "follow = false\n[consensus]");
    Job::written(folder, name, &file)
}

fn tasks(job: &Job) -> Vec<usize> {
    let rows = job.query("SELECT DISTINCT task_id FROM decisions");
    let number = |row: &String| row.split('"').nth(3).unwrap()[1..].parse().unwrap();
    let mut tasks: Vec<usize> = rows.iter().map(number).collect();
    tasks.sort_unstable();
    tasks
}

#[test]
fn what_a_transaction_gave_up_is_not_read_and_what_it_has_not_committed_yet_is_waited_for() {
    let Some(_) = Broker::real("topics written by transactions") else { return };
    let folder = tempfile::tempdir().unwrap();
    let topic = Broker::shared().topic("transactions", 1);
    begin(&topic, "a", 0..5).commit();
    begin(&topic, "a", 100..105).abort();
    begin(&topic, "a", 5..8).commit();
    let open = begin(&topic, "b", 8..11);
    // After what is open: it is committed, and nobody may see it before that.
    begin(&topic, "a", 11..13).commit();

    let job = following(folder.path(), "transactions", "transactions", "");
    // To the end as far as it is decided what there is: five messages, five that nobody sees, three; then marks.
    let first = bounded(folder.path(), &job, "first");
    first.run(2);
    first.verify();
    assert_eq!(tasks(&first), (0..8).collect::<Vec<_>>());
    let running = Running::of(&job);
    wait_for_rows(&job, &[("transactions/0", 8)]);
    open.commit();
    wait_for_rows(&job, &[("transactions/0", 13)]);
    // The end of the topic is nothing but messages that were given up, and marks.
    begin(&topic, "a", 200..203).abort();
    running.stop();
    // It goes on before them, and has nothing to read.
    let running = Running::of(&job);
    begin(&topic, "c", 13..15).commit();
    wait_for_rows(&job, &[("transactions/0", 15)]);
    running.stop();
    job.verify();

    begin(&topic, "a", 300..302).abort();
    // It ends, though the last offsets never come as messages; so does one that goes on where it has ended.
    let output = first.command(2).arg("--reopen").output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let output = first.command(2).arg("--reopen").output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    first.verify();
    assert_eq!(tasks(&first), (0..15).collect::<Vec<_>>());
}

#[test]
fn a_job_that_asks_for_it_reads_what_is_not_committed() {
    let Some(_) = Broker::real("transactions that are not waited for") else { return };
    let folder = tempfile::tempdir().unwrap();
    let topic = Broker::shared().topic("uncommitted", 1);
    begin(&topic, "a", 0..2).commit();
    begin(&topic, "a", 100..103).abort();
    let _open = begin(&topic, "b", 2..4);
    let more = ", isolation = \"read_uncommitted\"";
    let job = following(folder.path(), "uncommitted", "uncommitted", more);
    let running = Running::of(&job);
    wait_for_rows(&job, &[("uncommitted/0", 7)]);
    running.stop();
    job.verify();
}
