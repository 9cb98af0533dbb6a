//! Partitions of topics, each read by one process of several.

use quorate_broker::Broker;

use super::crew::{Crew, signal};
use super::{CUT, comes_right};
use crate::job::{Job, generate};
use crate::topics::on_topics;

#[test]
fn partitions_are_dealt_to_processes_and_outlive_them() {
    let folder = tempfile::tempdir().unwrap();
    // Nothing is late: that is judged by partition, so it would depend on how rows are dealt to them.
    let fleet =
        ["--tasks", "6000", "--agents", "20", "--seed", "8", "--orders", "8", "--late-share", "0"];
    generate(folder.path(), &fleet);
    let whole = Job::variant(folder.path(), "whole", &[]);
    whole.run(2);
    let expected = whole.tables();
    let job = on_topics(folder.path(), "dealt", 5);
    let text = std::fs::read_to_string(&job.file).unwrap();
    let text = text.replace("every = \"10ms\"\nepoch = \"1ms\"", CUT.1);
    let job = Job::written(folder.path(), "dealt", &text);
    let mut crew = Crew::start(&job, 3, 1, "");
    for victim in [1, 0] {
        assert!(crew.commits_more(2), "{}", crew.all());
        signal(crew.members[victim].child().unwrap(), "-KILL");
    }
    comes_right(&mut crew, &job, &expected, "five partitions of three processes");
}

/// Process 0 keeps the time of checkpoints, and here it hears every second or two what others read: they must not read on
/// for so long.
#[test]
fn a_process_that_reads_alone_reads_no_more_than_may_be_in_flight() {
    const ROWS: u64 = 30_000;
    let folder = tempfile::tempdir().unwrap();
    let broker = Broker::shared();
    let names = ["alone-1", "alone-2", "alone-3"];
    let mut bytes = 0;
    for name in names {
        let topic = broker.topic(name, 1);
        let vote = |nr: u64| {
            let (task, agent, at) = (nr / 10, nr % 10, 1_767_225_600_000 + nr);
            format!(
                "{{\"event_time\":{at},\"task_id\":\"{name}-{task}\",\"agent_id\":\"a{agent}\",\"choice\":\"A\"}}"
            )
        };
        let lines: Vec<String> = (0..ROWS).map(vote).collect();
        bytes = lines.iter().map(String::len).sum::<usize>() as u64;
        topic.write_lines(0, lines.iter().map(String::as_str));
    }
    let job = Job::written(
        folder.path(),
        "alone",
        &format!(
            "name = \"alone\"\nstore = \"./store\"\n[kafka]\nbrokers = \"{}\"\n\
             [source.votes]\nkafka = {{ topic = [\"alone-1\", \"alone-2\", \"alone-3\"] }}\nfollow = false\n\
             map = {{ event_time = {{ field = \"event_time\", unit = \"ms\" }} }}\n\
             [consensus]\nclose = {{ after = \"10s\" }}\n\
             [checkpoint]\nevery = \"2s\"\nepoch = \"2s\"\nbytes = \"64KiB\"\n",
            broker.address()
        ),
    );
    let mut crew = Crew::changed(&job, 3, "", &|_, command| {
        command.args(["--workers", "1", "--silence", "16"]);
    });
    crew.comes_right();
    job.verify();
    // Three checkpoints' worth, and what was being read when that was reached.
    let bound = (3 * (64 << 10) + (256 << 10)) * ROWS / bytes;
    let counts = job.query(
        "SELECT partition, commit, sum(rows_in) AS n FROM conservation GROUP BY partition, commit ORDER BY n DESC",
    );
    let count = |row: &String| -> u64 {
        let n = row.split_once("\"n\":").unwrap().1;
        n.trim_end_matches('}').parse().unwrap()
    };
    assert!(count(&counts[0]) <= bound, "at most {bound} rows a commit: {counts:?}");
    assert_eq!(counts.iter().map(count).sum::<u64>(), 3 * ROWS);
}
