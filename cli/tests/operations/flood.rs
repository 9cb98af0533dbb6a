//! A store that is away, and a minute's rows at once: what is read and not committed stays within its bound, it shows that
//! the job lags, and in the end the tables are what they are without all that.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use crate::exposition::Exposition;
use crate::service::{Service, said};

/// Votes within a second of event time.
const RATE: u64 = 2_000;

/// Two seconds of votes, …
const FIRST: u64 = 2 * RATE;

/// … and then a minute of them at once.
const ALL: u64 = FIRST + 60 * RATE;

/// Three checkpoints of 1 MiB, and what each of two workers was about to read.
const BOUND: f64 = (3 * (1 << 20) + 2 * (256 << 10)) as f64;

fn write(file: &Path, votes: std::ops::Range<u64>) -> u64 {
    let mut text = Vec::new();
    for nr in votes {
        let at = 1_767_225_600_000 + nr * 1_000 / RATE;
        let (task, agent) = (nr / 10, nr * 7 % 997);
        let choice = if (task + agent) % 10 < 7 { "A" } else { "B" };
        writeln!(
            text,
            "{{\"event_time\":{at},\"task_id\":\"t{task}\",\"agent_id\":\"a{agent}\",\"choice\":\"{choice}\"}}"
        )
        .unwrap();
    }
    OpenOptions::new().create(true).append(true).open(file).unwrap().write_all(&text).unwrap();
    text.len() as u64
}

fn job(folder: &Path, name: &str) -> String {
    let job = folder.join(format!("{name}.toml"));
    let text = format!(
        "name = \"flood\"\nstore = \"./store-{name}\"\n\
         [source.votes]\nfiles = \"{name}.jsonl\"\nfollow = true\n\
         map = {{ event_time = {{ field = \"event_time\", unit = \"ms\" }} }}\n\
         [consensus]\nmethod = \"majority\"\nclose = {{ after = \"10s\" }}\nlateness = \"1s\"\n\
         finality_after = \"10s\"\nforget_after = \"10s\"\n\
         [checkpoint]\nevery = \"200ms\"\nbytes = \"1MiB\"\n[limits]\nfuture_skew = \"off\"\n"
    );
    fs::write(&job, text).unwrap();
    job.to_str().unwrap().to_owned()
}

fn metric(text: &str, name: &str) -> f64 {
    Exposition::of(text).sum(name, &[])
}

fn committed(service: &Service, rows: u64) {
    service.wait("/metrics", |(_, text)| {
        let in_flight = metric(text, "quorate_in_flight_bytes");
        assert!(in_flight <= BOUND, "{in_flight} bytes in flight");
        metric(text, "quorate_committed_rows_total") == rows as f64 && in_flight == 0.0
    });
}

/// What is in the tables, whenever it was committed.
fn tables(job: &str) -> [String; 3] {
    let ask = |sql: &str| said(&["query", sql, "--job", job, "--format", "json"]);
    [
        ask("SELECT * EXCEPT (job, commit) FROM decisions ORDER BY task_id, revision"),
        ask(
            "SELECT task_id, count(*) AS n, sum(position) AS places, sum(weight) AS weight FROM votes \
             GROUP BY task_id ORDER BY task_id",
        ),
        ask("SELECT sum(rows_in) AS n, sum(on_time) AS on_time FROM conservation"),
    ]
}

#[test]
fn what_is_in_flight_is_bounded_while_the_store_is_away_and_rows_come_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (calm, flooded) = (job(folder.path(), "calm"), job(folder.path(), "flooded"));
    write(&folder.path().join("calm.jsonl"), 0..ALL);
    let service = Service::start(&calm, &["--workers", "2"], &[]);
    committed(&service, ALL);
    let (code, complaints) = service.stop();
    assert_eq!(code, Some(0), "{complaints}");

    let votes = folder.path().join("flooded.jsonl");
    let read_before = write(&votes, 0..FIRST) as f64;
    let away = folder.path().join("away");
    let plan = format!("*: error while {}", away.display());
    let service = Service::start(&flooded, &["--workers", "2"], &[("QUORATE_FAULTS", &plan)]);
    committed(&service, FIRST);
    fs::write(&away, "").unwrap();
    let flood = write(&votes, FIRST..ALL) as f64;
    assert!(flood > 2.0 * BOUND, "more than may be in flight comes at once");
    // Until it says that commits do not come; meanwhile it reads as much as it may, and no more.
    let (mut most, mut read, mut waits) = (0f64, 0.0, 0);
    while !service.get("/readyz").1.contains("nothing was committed for") {
        let text = service.get("/metrics").1;
        most = most.max(metric(&text, "quorate_in_flight_bytes"));
        read = metric(&text, "quorate_source_bytes_total") - read_before;
        sleep(Duration::from_millis(50));
        waits += 1;
        assert!(waits < 1_000, "it stays ready: {text}");
    }
    assert!((BOUND / 4.0..=BOUND).contains(&most), "{most} bytes in flight");
    assert!(read <= BOUND, "{read} bytes were read");
    let text = service.get("/metrics").1;
    assert_eq!(metric(&text, "quorate_committed_rows_total"), FIRST as f64);
    assert_eq!(metric(&text, "quorate_ready"), 0.0);
    assert!(metric(&text, "quorate_checkpoint_age_seconds") > 5.0, "{text}");
    assert!(metric(&text, "quorate_source_lag_bytes") >= flood - BOUND, "{text}");

    fs::remove_file(&away).unwrap();
    committed(&service, ALL);
    service.wait("/readyz", |(code, _)| *code == 200);
    service.wait("/metrics", |(_, text)| metric(text, "quorate_source_lag_bytes") == 0.0);
    let (code, complaints) = service.stop();
    assert_eq!(code, Some(0), "{complaints}");
    said(&["verify", "--job", &flooded]);
    let (expected, found) = (tables(&calm), tables(&flooded));
    assert!(expected[0].lines().count() > 10_000, "tasks were decided");
    assert!(expected == found, "the tables differ");
}
