//! A topic that is not read to its end lags, in records and in seconds, and catches up; so does one that is not told, in
//! commits.

use std::fs;
use std::path::Path;
use std::time::Duration;

use quorate_broker::Broker;

use crate::exposition::Exposition;
use crate::service::{Service, edit, fleet, follow};

#[cfg(feature = "failpoints")]
#[test]
fn a_topic_lags_while_the_store_is_away_and_catches_up() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Broker::shared();
    let topic = broker.topic("operations-lag", 1);
    let job = folder.path().join("job.toml");
    let text = format!(
        "name = \"lag\"\nstore = \"./store\"\n[kafka]\nbrokers = \"{}\"\n[source.votes.kafka]\ntopic = \"{}\"\n\
         [consensus]\nclose = {{ after = \"10m\" }}\n[checkpoint]\nevery = \"100ms\"\n",
        broker.address(),
        topic.name
    );
    fs::write(&job, text).unwrap();
    let mut written = 0;
    let mut write = |rows: u64| {
        let row = |nr: u64| {
            let (minute, second) = (nr / 60 % 60, nr % 60);
            let time = format!("2026-01-01T00:{minute:02}:{second:02}Z");
            let (task, agent) = (nr / 5, nr % 5);
            format!(
                "{{\"task_id\":\"t{task}\",\"agent_id\":\"a{agent}\",\"choice\":\"x\",\"event_time\":\"{time}\"}}"
            )
        };
        let lines: Vec<String> = (written..written + rows).map(row).collect();
        topic.write_lines(0, lines.iter().map(String::as_str));
        written += rows;
    };
    write(100);
    let away = folder.path().join("away");
    let plan = format!("*: error while {}", away.display());
    let job = job.to_str().unwrap();
    let service = Service::start(job, &["--workers", "1"], &[("QUORATE_FAULTS", &plan)]);
    let lag = |text: &str, metric: &str| {
        let told = Exposition::of(text);
        assert!(told.series.keys().all(|name| !name.contains("partition=\"\"")), "{text}");
        told.sum(metric, &["source=\"votes\"", "partition=\"operations-lag/0\""])
    };
    service.wait("/metrics", |(_, text)| {
        Exposition::of(text).sum("quorate_committed_rows_total", &[]) == 100.0
            && text.contains("quorate_source_lag_records{")
            && lag(text, "quorate_source_lag_records") == 0.0
    });

    fs::write(&away, "").unwrap();
    // These are read, and wait for their commit; what comes then is left where it is.
    for _ in 0..5 {
        write(100);
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    service.wait("/metrics", |(_, text)| {
        lag(text, "quorate_source_lag_records") >= 100.0
            && lag(text, "quorate_source_lag_seconds") > 1.0
    });

    fs::remove_file(&away).unwrap();
    service.wait("/metrics", |(_, text)| {
        Exposition::of(text).sum("quorate_committed_rows_total", &[]) == 600.0
            && lag(text, "quorate_source_lag_records") == 0.0
            && lag(text, "quorate_source_lag_seconds") == 0.0
    });
    let (code, complaints) = service.stop();
    assert_eq!(code, Some(0), "{complaints}");
}

/// A fleet whose votes and decisions go to topics of the broker there.
fn telling(folder: &Path, brokers: &str, prefix: &str) -> String {
    let job = fleet(folder, &[]);
    follow(&job);
    edit(&job, "every = \"5s\"", "every = \"100ms\"");
    let mut text = fs::read_to_string(&job).unwrap();
    text.push_str(&format!(
        "\n[publish.kafka]\nbrokers = \"{brokers}\"\nprogress = \"{prefix}.progress\"\n\
         topics = {{ votes = \"{prefix}.votes\", decisions = \"{prefix}.decisions\" }}\n"
    ));
    fs::write(&job, text).unwrap();
    job
}

fn behind(text: &str, publisher: &str, table: &str) -> Option<f64> {
    let labels = [format!("publisher=\"{publisher}\""), format!("table=\"{table}\"")];
    let told = Exposition::of(text);
    let is_told =
        text.contains(&format!("quorate_publish_lag_commits{{{},{}}}", labels[0], labels[1]));
    is_told.then(|| told.sum("quorate_publish_lag_commits", &[&labels[0], &labels[1]]))
}

#[test]
fn topics_that_are_not_told_lag_in_commits_and_those_that_are_do_not() {
    let folder = tempfile::tempdir().unwrap();
    // Nobody listens there.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let job = telling(&folder.path().join("untold"), &nobody.to_string(), "untold");
    let service = Service::start(&job, &["--workers", "1"], &[]);
    let votes = folder.path().join("untold/fleet/votes.jsonl");
    let row = fs::read_to_string(&votes).unwrap().lines().next().unwrap().to_owned() + "\n";
    for _ in 0..8 {
        let mut file = fs::OpenOptions::new().append(true).open(&votes).unwrap();
        std::io::Write::write_all(&mut file, row.as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(400));
    }
    service.wait("/metrics", |(_, text)| {
        let lags = ["votes", "decisions"].map(|table| behind(text, "kafka", table));
        lags.iter().all(|lag| lag.is_some_and(|lag| lag >= 5.0))
            && behind(text, "delta", "votes") == Some(0.0)
    });
    drop(service);

    let broker = Broker::shared();
    let prefix = format!("operations-told-{}", std::process::id());
    for table in ["votes", "decisions", "progress"] {
        // The engine makes the last one where brokers let it; the mock does not.
        if table != "progress" || matches!(broker, Broker::Mock(_)) {
            broker.topic(&format!("{prefix}.{table}"), 1);
        }
    }
    let job = telling(&folder.path().join("told"), broker.address(), &prefix);
    let service = Service::start(&job, &["--workers", "1"], &[]);
    service.wait("/metrics", |(_, text)| {
        let told = Exposition::of(text);
        told.sum("quorate_log_seq", &[]) >= 2.0
            && told.sum("quorate_committed_rows_total", &[]) > 500.0
            && ["votes", "decisions"].map(|table| behind(text, "kafka", table)) == [Some(0.0); 2]
    });
    let (code, complaints) = service.stop();
    assert_eq!(code, Some(0), "{complaints}");
}
