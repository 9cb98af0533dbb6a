//! Compacted topics: offsets with gaps, also where the job has read last, and tombstones.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use quorate_broker::{Broker, Isolation, Message, Real, Row, Topic};

use super::rig::{Running, following, vote, wait_for_rows};
use crate::job::Job;

/// Keys in the topic.
const KEYS: usize = 20;

/// Votes on these tasks, each under one of the keys.
fn send(topic: &Topic, tasks: std::ops::Range<usize>) {
    let rows: Vec<(String, String)> =
        tasks.map(|task| (format!("k{}", task % KEYS), vote(task))).collect();
    topic.write(rows.iter().map(|(key, value)| Row {
        key: Some(key.as_bytes()),
        value: Some(value.as_bytes()),
        ..Row::default()
    }));
}

fn delete(topic: &Topic, keys: std::ops::Range<usize>) {
    let keys: Vec<String> = keys.map(|key| format!("k{key}")).collect();
    topic.write(keys.iter().map(|key| Row { key: Some(key.as_bytes()), ..Row::default() }));
}

/// Waits until of each key the last message is left, and gives what is left.
fn compacted(topic: &Topic) -> Vec<Message> {
    // The segment that is written is never compacted: a message of a key of its own begins the next one.
    for nr in 0..200 {
        let row = vote(3_000 + nr);
        topic.write([Row { key: Some(b"roll"), value: Some(row.as_bytes()), ..Row::default() }]);
        let left = topic.read(Isolation::Committed);
        let mut keys: Vec<_> = left.iter().filter(|m| m.key.as_deref() != Some(b"roll")).collect();
        let all = keys.len();
        keys.sort_by(|a, b| a.key.cmp(&b.key));
        keys.dedup_by(|a, b| a.key == b.key);
        if keys.len() == all {
            return left;
        }
        sleep(Duration::from_millis(300));
    }
    panic!("{} was not compacted", topic.name);
}

fn topic(real: &Real, name: &str) -> Topic {
    let settings = [
        ("cleanup.policy", "compact"),
        ("segment.ms", "200"),
        ("min.cleanable.dirty.ratio", "0.001"),
        ("min.compaction.lag.ms", "0"),
        ("max.compaction.lag.ms", "200"),
        // Tombstones stay.
        ("delete.retention.ms", "86400000"),
    ];
    real.topic_with(name, 1, &settings)
}

#[test]
fn gaps_of_a_compacted_topic_are_no_losses_wherever_they_are() {
    let Some(real) = Broker::real("compacted topics") else { return };
    let folder = tempfile::tempdir().unwrap();
    let topic = topic(real, "compacted");
    send(&topic, 0..60);
    let job = following(folder.path(), "compacted", "compacted", ", tombstones = \"skip\"");
    // Keys are those of the topic here, not names of votes; and a vote stands once a later one is there.
    let file =
        fs::read_to_string(&job.file).unwrap().replace("lateness = \"1h\"", "lateness = \"0s\"");
    let job = Job::written(
        folder.path(),
        "compacted",
        &file.replace("map = { event_id = \"kafka.key\" }\n", ""),
    );
    let running = Running::of(&job);
    wait_for_rows(&job, &[("compacted/0", 60)]);
    running.stop();

    // All that was read is replaced, what the job has read last too; and the first of what it has not.
    send(&topic, 60..200);
    delete(&topic, 0..5);
    let left = compacted(&topic);
    let first = left.iter().map(|message| message.offset).min().unwrap();
    assert!(first > 60 + 5, "there is a gap from before the position to {first}");
    let running = Running::of(&job);
    // How many of those that begin segments are still there when they are read depends on the broker.
    let rows = rows_beyond(&job, 60 + KEYS - 5);
    let said = running.stop();
    assert!(!said.contains("gone") && !said.contains("made anew"), "{said}");
    job.verify();
    // The last of each key, and not those that were deleted.
    let counted = job.query("SELECT DISTINCT task_id FROM votes");
    let has = |task: usize| counted.iter().any(|row| row.contains(&format!("\"t{task}\"")));
    assert!((185..200).all(has) && !(60..185).any(has), "{rows}: {counted:?}");

    // From the beginning, to an end that is a gap: what is left is all there is.
    delete(&topic, 5..6);
    let file = fs::read_to_string(&job.file).unwrap();
    let file =
        file.replace("store-", "whole-").replace("[consensus]", "follow = false\n[consensus]");
    let whole = Job::written(folder.path(), "whole", &file.replace("\"skip\"", "\"reject\""));
    let file = fs::read_to_string(&whole.file).unwrap() + "[limits]\nrejects = \"off\"\n";
    let whole = Job::written(folder.path(), "whole", &file);
    whole.run(2);
    whole.verify();
    let tombstones =
        whole.query("SELECT count(*) AS n FROM rejects WHERE detail LIKE '%without a value%'");
    assert_eq!(tombstones, ["{\"n\":6}"], "each is a reject, where nothing else is asked for");
}

/// Waits until the job has read more than so many rows, and no more come.
fn rows_beyond(job: &Job, rows: usize) -> u64 {
    let (mut before, mut still) = (0, 0);
    for _ in 0..100 {
        let answer = job.query("SELECT sum(rows_in) AS n FROM conservation");
        let found = answer[0].trim_start_matches("{\"n\":").trim_end_matches('}').parse().unwrap();
        still = if found == before && found > rows as u64 { still + 1 } else { 0 };
        if still == 5 {
            return found;
        }
        before = found;
        sleep(Duration::from_millis(200));
    }
    panic!("{before} rows, more than {rows} wanted");
}
