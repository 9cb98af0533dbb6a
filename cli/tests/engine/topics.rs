//! Topics of Kafka as sources: the same tables as from files, whatever happens on the way.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use quorate_broker::{Broker, Row, Topic};

use crate::job::{Job, assert_alike, generate, text};

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
fn on_topics(folder: &Path, name: &str, partitions: usize) -> Job {
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

/// A followed job of votes that runs.
struct Running(Child);

impl Running {
    fn of(job: &Job) -> Running {
        Running(job.command(2).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Asks it to stop, and gives what it has said.
    fn stop(mut self) -> String {
        let pid = self.0.id().to_string();
        assert!(std::process::Command::new("kill").arg(&pid).status().unwrap().success());
        let said = std::io::read_to_string(self.0.stderr.take().unwrap()).unwrap();
        assert!(self.0.wait().unwrap().success(), "{said}");
        said
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
    }
}

/// A job that follows topics, of votes on one task each.
fn following(folder: &Path, name: &str, topic: &str, more: &str) -> Job {
    let broker = Broker::shared().address();
    let job = format!(
        "name = \"{name}\"\nstore = \"./store-{name}\"\n[kafka]\nbrokers = \"{broker}\"\n\
         [source.votes]\nkafka = {{ topic = \"{topic}\"{more} }}\nmap = {{ event_id = \"kafka.key\" }}\n\
         [consensus]\nclose = {{ votes = 1, after = \"1h\" }}\nlateness = \"1h\"\n\
         [checkpoint]\nevery = \"200ms\"\n[publish]\nevery = \"0s\"\n"
    );
    Job::written(folder, name, &job)
}

fn vote(task: usize) -> String {
    format!(
        "{{\"task_id\":\"t{task}\",\"agent_id\":\"a\",\"choice\":\"A\",\"event_time\":\"2026-01-01T00:{:02}:{:02}Z\"}}",
        task / 60,
        task % 60
    )
}

fn send_votes(topic: &Topic, partition: i32, tasks: std::ops::Range<usize>) {
    let lines: Vec<String> = tasks.map(vote).collect();
    topic.write_lines(partition, lines.iter().map(String::as_str));
}

/// Waits until the job has so many rows in its table of accounts, by source partition.
fn wait_for_rows(job: &Job, expected: &[(&str, u64)]) -> BTreeMap<String, u64> {
    let since = Instant::now();
    loop {
        let sql = "SELECT partition, sum(rows_in) AS n FROM conservation GROUP BY partition";
        let output = crate::job::quorate(&[
            "query",
            sql,
            "--job",
            job.file.to_str().unwrap(),
            "--format",
            "json",
        ])
        .output()
        .unwrap();
        // Until the first commit there is no table to ask.
        let rows = text(&output.stdout);
        let mut found = BTreeMap::new();
        for row in rows.lines() {
            let field = |name: &str| {
                let after = row.split_once(&format!("\"{name}\":")).unwrap().1;
                after.trim_start_matches('"').split(['"', ',', '}']).next().unwrap().to_owned()
            };
            found.insert(field("partition"), field("n").parse().unwrap());
        }
        let wanted: BTreeMap<String, u64> =
            expected.iter().map(|(name, rows)| ((*name).to_owned(), *rows)).collect();
        if found == wanted {
            return found;
        }
        assert!(since.elapsed() < Duration::from_secs(60), "{wanted:?} wanted, found {found:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
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

/// What a job says that does not run.
fn refused(job: &Job) -> String {
    let output = job.command(2).output().unwrap();
    assert!(!output.status.success(), "{}", text(&output.stderr));
    text(&output.stderr)
}

#[test]
fn a_topic_made_anew_is_not_taken_for_the_old_one() {
    let Some(real) = Broker::real("a topic made anew") else { return };
    let folder = tempfile::tempdir().unwrap();
    let topic = Broker::shared().topic("anew", 1);
    send_votes(&topic, 0, 0..10);
    let job = following(folder.path(), "anew", "anew", "");
    let running = Running::of(&job);
    wait_for_rows(&job, &[("anew/0", 10)]);
    running.stop();
    for (again, lost) in [(0..4, "deleted and made anew"), (20..60, "deleted and made anew")] {
        real.remove_topic("anew");
        let topic = Broker::shared().topic("anew", 1);
        send_votes(&topic, 0, again);
        let said = refused(&job);
        assert!(
            said.contains("anew/0") && said.contains(lost) && said.contains("gone ="),
            "{said}"
        );
    }
    let goes_on = following(folder.path(), "anew", "anew", ", gone = \"earliest\"");
    let running = Running::of(&goes_on);
    wait_for_rows(&goes_on, &[("anew/0", 10), ("anew/0@2", 40)]);
    running.stop();
    goes_on.verify();
}

#[test]
fn brokers_that_do_not_answer_are_waited_for_and_it_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let job = following(folder.path(), "nobody", "nobody", "");
    // A port that nobody listens at.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let file = fs::read_to_string(&job.file).unwrap();
    let address = Broker::shared().address();
    let job =
        Job::written(folder.path(), "nobody", &file.replace(address, &format!("127.0.0.1:{port}")));
    let running = Running::of(&job);
    std::thread::sleep(Duration::from_secs(8));
    let said = running.stop();
    assert!(said.contains("no broker can be reached") && said.contains("asked again"), "{said}");
}
