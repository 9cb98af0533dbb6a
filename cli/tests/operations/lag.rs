//! A topic that is not read to its end lags, in records and in seconds, and catches up.

#[cfg(feature = "failpoints")]
use std::fs;

#[cfg(feature = "failpoints")]
use quorate_broker::Broker;

#[cfg(feature = "failpoints")]
use crate::exposition::Exposition;
#[cfg(feature = "failpoints")]
use crate::service::Service;

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
