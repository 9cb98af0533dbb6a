//! Topics of Kafka as sources: the same tables as from files, whatever happens on the way.

mod compacted;
mod guarded;
mod lost;
mod registry;
mod rig;
mod transactions;

use std::fs;
use std::path::Path;

use quorate_broker::{Broker, Row, Topic};

use self::rig::{Running, following, send_votes, vote, wait_for_rows};
use crate::job::{Job, assert_alike, generate};

const FLEET: [&str; 8] = ["--tasks", "150", "--agents", "20", "--seed", "11", "--orders", "12"];
const KINDS: [&str; 6] = ["tasks", "agents", "votes", "gold", "control", "ticks"];

/// The lines of a file as messages, dealt to so many partitions.
fn send(folder: &Path, kind: &str, topic: &Topic, partitions: usize) {
    let bytes = fs::read(folder.join(format!("{kind}.jsonl"))).unwrap();
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    topic.write(lines.enumerate().map(|(at, line)| Row {
        partition: (at % partitions) as i32,
        value: Some(line),
        ..Row::default()
    }));
}

/// The job of `folder`, its files' lines as messages of topics of their own.
pub(crate) fn on_topics(folder: &Path, name: &str, partitions: usize) -> Job {
    let broker = Broker::shared();
    let mut job = fs::read_to_string(folder.join("job.toml")).unwrap();
    job = job.replace("./quorate-data", &format!("./store-{name}"));
    job = job.replace("every = \"5s\"", "every = \"10ms\"\nepoch = \"1ms\"");
    for kind in KINDS.into_iter().filter(|kind| folder.join(format!("{kind}.jsonl")).exists()) {
        let topic = broker.topic(&format!("{name}-{kind}"), partitions as i32);
        send(folder, kind, &topic, partitions);
        let files = format!("files = \"{kind}.jsonl\"");
        assert!(job.contains(&files), "{job}");
        let kafka = format!("kafka = {{ topic = \"{name}-{kind}\" }}\nfollow = false");
        job = job.replace(&files, &kafka);
    }
    job.push_str(&format!("\n[kafka]\nbrokers = \"{}\"\n", broker.address()));
    Job::written(folder, name, &job)
}

#[test]
fn a_topic_gives_the_tables_that_a_file_of_its_messages_gives() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path(), &FLEET);
    let files = Job::variant(folder.path(), "plain", &[]);
    files.run(2);
    let expected = files.tables();
    assert!(!expected["rejects"].is_empty());
    let topics = on_topics(folder.path(), "alike", 1);
    topics.run(2);
    topics.verify();
    assert_alike(&expected, &topics.tables(), "one partition each");
}

#[cfg(feature = "failpoints")]
#[test]
fn killed_on_the_way_it_goes_on_where_the_log_has_it() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path(), &[&FLEET[..], &["--late-share", "0"]].concat());
    let files = Job::variant(folder.path(), "plain", &[]);
    files.run(2);
    let topics = on_topics(folder.path(), "killed", 3);
    crate::job::assert_alike_through_kills(&files.tables(), &topics);
}

#[test]
fn partitions_and_topics_that_come_while_it_runs_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Broker::shared();
    let first = broker.topic("found-1", 1);
    send_votes(&first, 0, 0..5);
    let job = following(folder.path(), "found", "^found-[0-9]+$", "");
    let running = Running::of(&job);
    wait_for_rows(&job, &[("found-1/0", 5)]);
    let second = broker.topic("found-2", 2);
    send_votes(&second, 1, 5..12);
    wait_for_rows(&job, &[("found-1/0", 5), ("found-2/1", 7)]);
    running.stop();
    // What comes while nobody reads waits.
    send_votes(&first, 0, 12..20);
    let running = Running::of(&job);
    wait_for_rows(&job, &[("found-1/0", 13), ("found-2/1", 7)]);
    running.stop();
    job.verify();
}

#[test]
fn poison_and_tombstones_are_rejects_with_their_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let topic = Broker::shared().topic("poison", 1);
    let large = format!("{{\"task_id\":\"{}\"}}", "x".repeat(9_000));
    let event = vote(2).replace(",\"event_time\":\"2026-01-01T00:00:02Z\"", "");
    let headers: &[(&str, &[u8])] =
        &[("ce_specversion", b"1.0"), ("ce_id", b"e-2"), ("ce_time", b"2026-01-01T00:00:02Z")];
    topic.write([
        Row { key: Some(b"k0"), value: Some(vote(0).as_bytes()), ..Row::default() },
        Row { value: Some(b"\xff\x00no json"), ..Row::default() },
        Row { key: Some(b"gone"), value: None, ..Row::default() },
        Row { value: Some(large.as_bytes()), ..Row::default() },
        Row { value: Some(b""), ..Row::default() },
        Row { value: Some(event.as_bytes()), headers, ..Row::default() },
        Row { value: Some(vote(9).as_bytes()), ..Row::default() },
    ]);
    let job = following(folder.path(), "poison", "poison", "");
    let file = fs::read_to_string(&job.file).unwrap();
    let file = file.replace("lateness = \"1h\"", "lateness = \"0s\"").replace(
        "[consensus]",
        "[limits]\nline_bytes = \"8KiB\"\nreject_bytes = \"1KiB\"\nrejects = \"off\"\n[consensus]",
    );
    let job = Job::written(folder.path(), "poison", &file);
    let running = Running::of(&job);
    wait_for_rows(&job, &[("poison/0", 7)]);
    running.stop();
    job.verify();
    let rejects =
        job.query("SELECT position, reason, bytes_total AS n FROM rejects ORDER BY position");
    let shown: Vec<String> = rejects.iter().map(|row| row.replace('"', "")).collect();
    assert_eq!(
        shown,
        [
            "{position:1,reason:invalid_utf8,n:9}",
            "{position:2,reason:invalid_json,n:4}",
            "{position:3,reason:too_long,n:9014}",
            "{position:4,reason:invalid_json,n:0}",
        ]
    );
    let votes = job.query("SELECT task_id, event_time FROM votes ORDER BY task_id");
    assert!(votes.len() == 2 && votes[1].contains("00:00:02"), "{votes:?}");
}
