//! What `/metrics` tells is what the tables say.

use std::process::{Command, Stdio};

use quorate_runtime::metrics::Metrics;

use crate::exposition::Exposition;
use crate::service::{Service, ask, edit, fleet, follow, quorate, said};

/// Rows that were read, in the tables; a query's only number.
fn number(job: &str, sql: &str) -> f64 {
    let answer = said(&["query", sql, "--job", job, "--format", "json"]);
    let row: serde_json::Value = serde_json::from_str(answer.trim()).unwrap();
    row.as_object().unwrap().values().next().unwrap().as_f64().unwrap()
}

#[cfg(feature = "sql")]
#[test]
fn counts_are_those_of_the_tables_and_every_metric_is_a_known_one() {
    let folder = tempfile::tempdir().unwrap();
    let job = fleet(folder.path(), &["--bad-rows-share", "0.05", "--late-share", "0.05"]);
    follow(&job);
    edit(&job, "every = \"5s\"", "every = \"200ms\"");
    let service =
        Service::start(&job, &["--workers", "2"], &[("QUORATE_RESTARTS", "worker-died=2")]);
    service.wait("/readyz", |(code, _)| *code == 200);
    // Everything is read and committed.
    let told = |text: &str| Exposition::of(text);
    let quiet = service.wait("/metrics", |(_, text)| {
        let told = told(text);
        let read = told.sum("quorate_source_rows_total", &[]);
        read > 500.0
            && read == told.sum("quorate_committed_rows_total", &[])
            && told.sum("quorate_source_lag_bytes", &[]) == 0.0
            && told.sum("quorate_publish_lag_commits", &[]) == 0.0
            && told.metrics.contains_key("quorate_publish_lag_commits")
    });
    let quiet = told(&quiet.1);
    let known: Vec<String> = Metrics::new()
        .catalogue()
        .iter()
        .map(|metric| format!("{} {}", metric.name, metric.kind.word()))
        .collect();
    for (name, kind) in &quiet.metrics {
        assert!(known.contains(&format!("{name} {kind}")), "{name} {kind}");
    }
    assert_eq!(quiet.sum("quorate_ready", &[]), 1.0);
    assert_eq!(quiet.sum("quorate_workers", &[]), 2.0);
    assert_eq!(quiet.sum("quorate_incarnation", &[]), 1.0);
    assert_eq!(quiet.sum("quorate_restarts_total", &["cause=\"worker-died\""]), 2.0);
    assert_eq!(quiet.sum("quorate_job_info", &["name=\"fleet\""]), 1.0);
    assert_eq!(quiet.sum("quorate_checkpoint_age_seconds", &[]), 0.0);
    let resident = quiet.sum("quorate_memory_resident_bytes", &[]);
    assert!((1e7..1e10).contains(&resident), "{resident}");
    assert!(quiet.sum("quorate_store_requests_total", &["operation=\"put\""]) > 5.0);
    assert!(quiet.sum("quorate_store_bytes_total", &["direction=\"sent\""]) > 1e4);
    assert_eq!(quiet.sum("quorate_store_failures_total", &[]), 0.0);
    assert!(quiet.sum("quorate_checkpoint_duration_seconds_count", &["step=\"staging\""]) > 0.0);
    check_with_promtool(&service.get("/metrics").1);
    let (code, complaints) = service.stop();
    assert_eq!(code, Some(0), "{complaints}");

    // The final commit has changed nothing that is counted.
    for (labels, column) in
        [(&[][..], "rows_in"), (&["outcome=\"on_time\""][..], "on_time"), (&["late\""], "late")]
    {
        let rows = number(&job, &format!("SELECT sum({column}) AS n FROM conservation"));
        assert_eq!(quiet.sum("quorate_source_rows_total", labels), rows, "{column}");
    }
    for record in ["votes", "ticks"] {
        let sql = format!("SELECT sum(rows_in) AS n FROM conservation WHERE source = '{record}'");
        let label = format!("source=\"{record}\"");
        assert_eq!(quiet.sum("quorate_source_rows_total", &[&label]), number(&job, &sql));
    }
    for reason in ["late", "invalid_json", "missing_field"] {
        let sql = format!("SELECT count(*) AS n FROM rejects WHERE reason = '{reason}'");
        let label = format!("reason=\"{reason}\"");
        assert_eq!(quiet.sum("quorate_rejects_total", &[&label]), number(&job, &sql), "{reason}");
    }
    let rejects = number(&job, "SELECT count(*) AS n FROM rejects");
    assert!(rejects > 10.0, "{rejects}");
    assert_eq!(quiet.sum("quorate_rejects_total", &[]), rejects);
    let decided = number(
        &job,
        "SELECT count(*) AS n FROM decisions WHERE revision = 0 AND state = 'quorate'",
    );
    assert_eq!(quiet.sum("quorate_decisions_total", &["outcome=\"quorate\""]), decided);
}

/// By the project's own tool, where it is.
fn check_with_promtool(text: &str) {
    let Some(promtool) = crate::deployed::tool("promtool") else {
        println!("SKIPPED: promtool is not there (scripts/deploy.sh brings it)");
        return;
    };
    let mut check = Command::new(promtool);
    check.args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut check = check.stdout(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(check.stdin.as_mut().unwrap(), text.as_bytes()).unwrap();
    let output = check.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_port_that_is_in_use_and_an_address_that_is_none_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let job = fleet(folder.path(), &[]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().to_string();
    for (address, code, says) in
        [(port.as_str(), 1, "in use by another program"), ("nowhere", 2, "HOST:PORT")]
    {
        let output = quorate(&["run", &job, "--listen", address]).output().unwrap();
        let complaints = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{complaints}");
        assert!(complaints.contains(says) && complaints.contains(address), "{complaints}");
    }
    let set = quorate(&["run", &job]).env("QUORATE_LISTEN", &port).output().unwrap();
    assert_eq!(set.status.code(), Some(1));
}

#[cfg(feature = "sql")]
#[test]
fn a_signal_commits_what_was_read_before_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let job = fleet(folder.path(), &[]);
    follow(&job);
    edit(&job, "every = \"5s\"", "every = \"1h\"");
    let service = Service::start(&job, &["--workers", "2"], &[]);
    let (_, text) = service.wait("/metrics", |(_, text)| {
        let told = Exposition::of(text);
        told.sum("quorate_source_rows_total", &["votes"]) > 0.0
            && told.sum("quorate_source_lag_bytes", &[]) == 0.0
            && told.metrics.contains_key("quorate_source_lag_bytes")
    });
    let told = Exposition::of(&text);
    assert!(told.sum("quorate_checkpoint_age_seconds", &[]) > 0.0, "rows wait: {text}");
    assert_eq!(told.sum("quorate_committed_rows_total", &[]), 0.0);
    let (code, complaints) = service.stop();
    assert_eq!(code, Some(0), "{complaints}");
    let rows = number(&job, "SELECT sum(rows_in) AS n FROM conservation");
    assert_eq!(told.sum("quorate_source_rows_total", &[]), rows);
}

#[test]
fn what_is_not_there_says_what_is() {
    let folder = tempfile::tempdir().unwrap();
    let job = fleet(folder.path(), &[]);
    follow(&job);
    let service = Service::start(&job, &["--workers", "1"], &[]);
    let (code, body) = ask(service.address(), "/else");
    assert_eq!(code, 404);
    assert!(body.contains("/metrics"), "{body}");
    service.wait("/readyz", |(code, _)| *code == 200);
    assert_eq!(service.stop().0, Some(0));
}
