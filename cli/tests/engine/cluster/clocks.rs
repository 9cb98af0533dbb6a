//! Machines whose clocks are hours apart come to the same tables, and say so.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use quorate_broker::{Broker, Topic};

use super::crew::Crew;
use crate::job::Job;

const PARTITIONS: usize = 12;
const HOUR_S: i64 = 3_600;

/// Votes of five agents on each of many tasks, whose times lie around now. Of each partition the last is half an hour
/// ahead, further than a row may be; to a clock that is an hour behind nearly all are, to one that is an hour ahead none.
#[expect(clippy::disallowed_methods, reason = "rows that are sent while a test runs are of now")]
fn send(topic: &Topic) -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now_ms = i64::try_from(since.as_millis()).unwrap();
    let vote = |task: String, agent: usize, at_s: i64| {
        let (choice, at) = (["A", "A", "B"][agent % 3], now_ms + at_s * 1_000);
        format!(
            "{{\"task_id\":\"{task}\",\"agent_id\":\"a{agent}\",\"choice\":\"{choice}\",\"event_time\":{at}}}"
        )
    };
    let mut rows = 0;
    for partition in 0..PARTITIONS {
        let tasks = (0..20).flat_map(|nr| {
            (0..5).map(move |agent| vote(format!("t{partition}-{nr}"), agent, nr * 20 - 100))
        });
        let ahead = vote(format!("t{partition}-ahead"), 0, HOUR_S / 2);
        let lines: Vec<String> = tasks.chain([ahead]).collect();
        topic.write_lines(partition as i32, lines.iter().map(String::as_str));
        rows += lines.len() as u64;
    }
    rows
}

fn job(folder: &Path, name: &str, topic: &Topic) -> Job {
    let broker = Broker::shared().address();
    let text = format!(
        "name = \"clocks\"\nstore = \"./store-{name}\"\n[kafka]\nbrokers = \"{broker}\"\n\
         [source.votes]\nkafka = {{ topic = \"{}\" }}\nfollow = false\n\
         map = {{ event_time = {{ field = \"event_time\", unit = \"ms\" }} }}\n[consensus]\nmethod = \"majority\"\n\
         close = {{ after = \"1m\" }}\nlateness = \"1h\"\n[checkpoint]\nevery = \"50ms\"\nepoch = \"2ms\"\n\
         [limits]\nrejects = \"off\"\n",
        topic.name
    );
    Job::written(folder, name, &text)
}

#[test]
fn what_counts_does_not_depend_on_whose_clock_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let topic = Broker::shared().topic("clocks", PARTITIONS as i32);
    let rows = send(&topic);
    let right = job(folder.path(), "right", &topic);
    right.run(2);
    // Why a row is refused names the time at which it was read.
    let refused =
        "SELECT source, partition, position, reason FROM rejects ORDER BY partition, position";
    let (mut expected, expected_refused) = (right.tables(), right.query(refused));
    expected.remove("rejects");
    assert_eq!(expected_refused.len(), PARTITIONS);
    let read = format!("{{\"n\":{rows}}}");
    assert_eq!(right.query("SELECT sum(rows_in) AS n FROM conservation"), [read]);

    let skewed = job(folder.path(), "skewed", &topic);
    let mut crew = Crew::changed(&skewed, 3, "", &|index, command| {
        command.args(["--workers", "1", "--silence", "2"]);
        let ahead = [0, -HOUR_S, HOUR_S][index];
        command.env("QUORATE_CLOCK_AHEAD_S", ahead.to_string());
    });
    crew.comes_right();
    skewed.verify();
    let mut tables = skewed.tables();
    tables.remove("rejects");
    crate::job::assert_alike(&expected, &tables, "clocks are an hour wrong");
    assert_eq!(skewed.query(refused), expected_refused);
    let says = |index: usize, what: &str| crew.members[index].has_said(what);
    assert!(says(1, "(process 0): its clock is 3600 s ahead of this machine's"), "{}", crew.all());
    assert!(says(2, "(process 0): its clock is 3600 s behind this machine's"), "{}", crew.all());
    assert!(says(2, "(process 1): its clock is 7200 s behind this machine's"), "{}", crew.all());
    assert!(!says(0, "its clock"), "{}", crew.all());
}
