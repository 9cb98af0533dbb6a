//! What is published to topics: each row of a table once, whatever died in between.

use std::fs;
use std::path::Path;
#[cfg(feature = "failpoints")]
use std::process::Output;
use std::thread::sleep;
use std::time::Duration;

use quorate_broker::{Broker, Isolation, Real, Topic};
use quorate_schemas::time::parse_rfc3339;
use serde_json::{Map, Value};

use crate::job::{Job, generate, quorate, text};
use crate::running::Running;

/// Many small commits, each published.
const CUT: (&str, &str) =
    ("every = \"5s\"", "every = \"20ms\"\nepoch = \"2ms\"\nbytes = \"64KiB\"");

/// Tables that go to topics here.
const TABLES: [&str; 6] =
    ["decisions", "votes", "agent_reputation", "agent_activity", "conservation", "rejects"];

/// A job whose tables go to topics.
pub(crate) struct Published {
    pub(crate) job: Job,
    topics: Vec<(&'static str, Topic)>,
}

impl Published {
    /// The fleet's job in `folder`, under the name `name`, with topics on the broker at `address`.
    fn of(folder: &Path, name: &str, address: &str, make: impl Fn(&str) -> Topic) -> Published {
        // The mock broker makes no topic that it is asked for by a client.
        make_progress(&format!("{name}.progress"), &make);
        let job = fs::read_to_string(folder.join("job.toml")).unwrap();
        let job = job.replace("./quorate-data", &format!("./store-{name}")).replace(CUT.0, CUT.1);
        Published::telling(&job, (folder, name), address, make)
    }

    /// The job with this text, its tables told to topics on the broker at `address`.
    pub(crate) fn telling(
        job: &str,
        (folder, name): (&Path, &str),
        address: &str,
        make: impl Fn(&str) -> Topic,
    ) -> Published {
        let topics: Vec<_> =
            TABLES.iter().map(|table| (*table, make(&format!("{name}.{table}")))).collect();
        let listed: String =
            topics.iter().map(|(table, topic)| format!("{table} = \"{}\"\n", topic.name)).collect();
        let told = format!(
            "\n[publish.kafka]\nbrokers = \"{address}\"\nprogress = \"{name}.progress\"\npatience = \"30s\"\n\
             [publish.kafka.topics]\n{listed}"
        );
        Published { job: Job::written(folder, name, &format!("{job}{told}")), topics }
    }

    fn on_shared(folder: &Path, name: &str) -> Published {
        let broker = Broker::shared();
        Published::of(folder, &own(name), broker.address(), |topic| broker.topic(topic, 3))
    }

    /// Every topic has the rows of its table, each once.
    pub(crate) fn assert_told(&self, how: &str) {
        for (table, topic) in &self.topics {
            let mut told: Vec<Value> =
                topic.read(Isolation::Committed).iter().map(|m| as_row(table, m)).collect();
            let rows = self.job.query(&format!("SELECT * FROM {table}"));
            let mut rows: Vec<Value> = rows.iter().map(|row| of_table(table, row)).collect();
            told.sort_by_key(Value::to_string);
            rows.sort_by_key(Value::to_string);
            assert!(!rows.is_empty(), "{table} has rows");
            if told != rows {
                let missing: Vec<&Value> =
                    rows.iter().filter(|row| !told.contains(row)).take(2).collect();
                let new: Vec<&Value> =
                    told.iter().filter(|row| !rows.contains(row)).take(2).collect();
                panic!(
                    "{how}: {table} has {} rows, its topic {}: missing {missing:#?}, new {new:#?}",
                    rows.len(),
                    told.len()
                );
            }
        }
    }
}

/// A name that no other run of this suite has: they may share a broker.
fn own(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

/// The topic of the progress, which the engine makes where brokers let it.
fn make_progress(name: &str, make: &impl Fn(&str) -> Topic) {
    if matches!(Broker::shared(), Broker::Mock(_)) {
        make(name);
    }
}

/// A message as a row: of a reject, its value and what its headers say.
fn as_row(table: &str, message: &quorate_broker::Message) -> Value {
    assert_eq!(message.header("table").as_deref(), Some(table));
    assert!(message.key.is_some(), "{table}: a message has a key");
    if table != "rejects" {
        let row: Map<String, Value> = serde_json::from_str(&message.text()).unwrap();
        assert_eq!(message.header("commit").unwrap(), row["commit"].to_string());
        return timed(row);
    }
    let headers = ["commit", "source", "partition", "position", "reason", "detail"];
    let row = headers.iter().map(|name| ((*name).to_owned(), message.header(name).into()));
    let mut row: Map<String, Value> = row.collect();
    let value = message.value.as_deref().unwrap_or_default();
    let hex: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
    row.insert("bytes".to_owned(), hex.into());
    Value::Object(row)
}

/// A row as `query` shows it, without what is not given; of a reject, what its message says. Bytes are in hexadecimal.
fn of_table(table: &str, row: &str) -> Value {
    let mut row: Map<String, Value> = serde_json::from_str(row).unwrap();
    row.retain(|_, value| !value.is_null());
    if table == "rejects" {
        row.retain(|name, _| {
            ["commit", "source", "partition", "position", "reason", "detail", "bytes"]
                .contains(&name.as_str())
        });
        for (name, value) in &mut row {
            if matches!(name.as_str(), "commit" | "position") {
                *value = value.to_string().into();
            }
        }
    }
    timed(row)
}

/// A row whose times are numbers: how many decimals they are written with is nobody's business.
fn timed(mut row: Map<String, Value>) -> Value {
    for (name, value) in &mut row {
        if name.ends_with("_at") || matches!(name.as_str(), "event_time" | "minute") {
            let micros = value.as_str().and_then(parse_rfc3339);
            *value = micros.unwrap_or_else(|| panic!("{name}: {value}")).into();
        }
    }
    Value::Object(row)
}

fn fleet(folder: &Path) {
    generate(
        folder,
        &["--tasks", "400", "--agents", "20", "--seed", "21", "--bad-rows-share", "0.02"],
    );
}

#[test]
fn topics_have_the_rows_of_their_tables_and_dead_letters_the_bytes_that_came() {
    let folder = tempfile::tempdir().unwrap();
    fleet(folder.path());
    let published = Published::on_shared(folder.path(), "whole");
    published.job.run(2);
    published.assert_told("one run");
    // A broken row's bytes are those of its line, which the votes' file still has.
    let votes = fs::read(folder.path().join("votes.jsonl")).unwrap();
    let (_, rejects) = published.topics.iter().find(|(table, _)| *table == "rejects").unwrap();
    let letters = rejects.read(Isolation::Committed);
    let broken: Vec<_> =
        letters.iter().filter(|m| m.header("reason").as_deref() == Some("invalid_json")).collect();
    assert!(!broken.is_empty(), "the fleet breaks some lines");
    for letter in broken {
        let bytes = letter.value.as_deref().unwrap();
        assert!(votes.split(|byte| *byte == b'\n').any(|line| line == bytes), "{}", letter.text());
    }
    // Another run of what is finished has nothing to tell.
    published.job.run(1);
    published.assert_told("a second run");
}

#[cfg(feature = "failpoints")]
#[test]
fn a_kill_at_any_step_of_telling_doubles_no_row_and_loses_none() {
    if Broker::real("kills while topics are told").is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    generate(
        folder.path(),
        &["--tasks", "1000", "--agents", "20", "--seed", "23", "--bad-rows-share", "0.01"],
    );
    for (nr, step) in
        ["fence", "send", "sent", "told", "created", "publish"].into_iter().enumerate()
    {
        let published = Published::on_shared(folder.path(), step);
        let nth = if step == "send" { 4 } else { 1 };
        // Twice, if the first one has left something to tell.
        for first in [true, false] {
            let failpoint = format!("{step}:{nth}");
            let mut command = published.job.command(1 + nr % 2);
            let Output { status, stderr, .. } =
                command.env("QUORATE_FAILPOINT", &failpoint).output().unwrap();
            let said = text(&stderr);
            let killed = said.contains("failpoint");
            assert!(killed != status.success() && (killed || !first), "{failpoint}: {said}");
        }
        published.job.run(2);
        published.assert_told(step);
    }
}

#[test]
fn two_runs_at_once_tell_each_row_once() {
    if Broker::real("two runs at once").is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path(), &["--tasks", "3000", "--agents", "20", "--seed", "22"]);
    // One rejected row at least: every table is compared.
    let mut votes = fs::read(folder.path().join("votes.jsonl")).unwrap();
    votes.extend_from_slice(b"{broken\n");
    fs::write(folder.path().join("votes.jsonl"), votes).unwrap();
    let published = Published::on_shared(folder.path(), "rivals");
    let mut first = Running::start(&published.job, 1);
    first.wait_for_rows(500);
    let mut second = published.job.command(1);
    let second = second.arg("--takeover").output().unwrap();
    assert!(second.status.success(), "{}", text(&second.stderr));
    drop(first);
    published.assert_told("two runs");
}

#[test]
fn a_broker_that_is_away_holds_up_no_commit_and_is_told_when_it_is_back() {
    let mut real = match Real::own() {
        Ok(real) => real,
        Err(absent) => return println!("SKIPPED: a broker that is away: {absent}"),
    };
    let folder = tempfile::tempdir().unwrap();
    fleet(folder.path());
    let address = real.fact("KAFKA_PLAINTEXT").to_owned();
    let published = Published::of(folder.path(), "away", &address, |topic| real.topic(topic, 2));
    real.kill();
    let running = Running::start(&published.job, 2);
    let mut waited = 0;
    while !running.notes().iter().any(|note| note.contains("topics lag")) {
        assert!(waited < 300, "it says that topics lag: {:?}", running.notes());
        waited += 1;
        sleep(Duration::from_millis(100));
    }
    let rows = running.rows();
    assert!(rows > 500, "{rows} rows are committed without a broker");
    real.start();
    running.wait();
    published.assert_told("a broker that was away");
}

#[test]
fn provisional_outcomes_are_told_before_anything_is_committed() {
    let folder = tempfile::tempdir().unwrap();
    let topic = Broker::shared().topic(&own("provisional"), 1);
    let address = Broker::shared().address();
    let job = format!(
        "name = \"provisional\"\nstore = \"./store\"\n[source.votes]\nfiles = \"votes.jsonl\"\nfollow = true\n\
         [consensus]\nmethod = \"majority\"\nclose = {{ after = \"1h\" }}\n[checkpoint]\nevery = \"10m\"\n\
         [publish.kafka]\nbrokers = \"{address}\"\ntopics = {{ decision_updates = \"{}\" }}\n",
        topic.name
    );
    let vote = |agent: u32| {
        format!(
            "{{\"task_id\":\"t\",\"agent_id\":\"a{agent}\",\"choice\":\"x\",\"event_time\":\"2026-01-01T00:00:0{agent}Z\"}}\n"
        )
    };
    fs::write(folder.path().join("votes.jsonl"), vote(1) + &vote(2)).unwrap();
    let job = Job::written(folder.path(), "job", &job);
    let running = Running::start(&job, 1);
    let mut told = Vec::new();
    for _ in 0..100 {
        told = topic.read(Isolation::Committed);
        if !told.is_empty() {
            break;
        }
        sleep(Duration::from_millis(100));
    }
    assert_eq!(running.rows(), 0, "nothing is committed yet");
    let update: Value = serde_json::from_str(&told.last().expect("an outcome").text()).unwrap();
    assert_eq!((&update["task_id"], &update["answer"]), (&"t".into(), &"x".into()), "{update}");
    assert_eq!((&update["state"], &update["job"]), (&"provisional".into(), &"provisional".into()));
    running.stop();
}

#[test]
fn rejects_are_replayed_as_they_came_and_count_once_they_are_mended() {
    let folder = tempfile::tempdir().unwrap();
    let topic = Broker::shared().topic(&own("replayed"), 1);
    let vote = |agent: &str, second: u32, choice: &str| {
        format!(
            "{{\"task_id\":\"t\",\"agent_id\":\"{agent}\",\"choice\":{choice},\"event_time\":\"2026-01-01T00:00:0{second}Z\"}}"
        )
    };
    let (good, broken) = (vote("a", 1, "\"x\""), vote("b", 2, "\"x"));
    let long = format!("{{\"task_id\":\"{}", "y".repeat(5_000));
    fs::write(folder.path().join("votes.jsonl"), format!("{good}\n{broken}\n{long}\n")).unwrap();
    let job = format!(
        "name = \"replay\"\nstore = \"./store\"\n[source.votes]\nfiles = \"votes*.jsonl\"\n[consensus]\n\
         method = \"majority\"\nclose = \"end-of-input\"\n[limits]\nrejects = \"off\"\nreject_bytes = \"1KiB\"\n\
         [publish.kafka]\nbrokers = \"{}\"\ntopics = {{ decision_updates = \"{}\" }}\n",
        Broker::shared().address(),
        topic.name
    );
    let job = Job::written(folder.path(), "job", &job);
    job.run(1);
    let replay = |more: &[&str]| {
        let mut command = quorate(&["replay-rejects", "--job", job.file.to_str().unwrap()]);
        let output = command.args(more).output().unwrap();
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    };
    let (ok, shown, _) = replay(&[]);
    assert!(ok && shown.contains("2 rejects") && shown.contains(&broken[..40]), "{shown}");
    let to = folder.path().join("mended.jsonl");
    let (ok, _, warned) = replay(&["--reason", "invalid_json", "--to", to.to_str().unwrap()]);
    assert!(ok && warned.contains("only its beginning was kept"), "{warned}");
    assert_eq!(fs::read_to_string(&to).unwrap(), format!("{broken}\n"));
    let (ok, ..) = replay(&["--to", to.to_str().unwrap()]);
    assert!(!ok, "a file that is there is not written over");
    let (ok, _, said) = replay(&["--to-topic", &topic.name]);
    assert!(ok, "{said}");
    let sent = topic.read(Isolation::Committed);
    let sent = sent.iter().find(|letter| letter.header("replayed_from").is_some()).unwrap();
    assert_eq!(sent.text(), broken);
    // Mended, it counts like any other.
    fs::write(folder.path().join("votes-mended.jsonl"), vote("b", 2, "\"x\"") + "\n").unwrap();
    let output = job.command(1).arg("--reopen").output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let rows = job.query("SELECT sum(on_time) AS n FROM conservation");
    assert_eq!(rows, ["{\"n\":2}"]);
}
