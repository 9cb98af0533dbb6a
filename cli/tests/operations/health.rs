//! `/readyz` turns bad when commits stop, `/healthz` does not: starting again would mend nothing.

#[cfg(feature = "failpoints")]
use std::fs;
#[cfg(feature = "failpoints")]
use std::time::Duration;

#[cfg(feature = "failpoints")]
use serde_json::Value;

#[cfg(feature = "failpoints")]
use crate::service::{Service, edit, fleet, follow, said};

#[cfg(feature = "failpoints")]
#[test]
fn a_store_that_stops_makes_a_run_unready_and_not_dead_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let job = fleet(folder.path(), &[]);
    follow(&job);
    edit(&job, "every = \"5s\"", "every = \"100ms\"");
    let votes = folder.path().join("fleet/votes.jsonl");
    let all = fs::read(&votes).unwrap();
    let half = all.iter().take(all.len() / 2).rposition(|byte| *byte == b'\n').unwrap() + 1;
    fs::write(&votes, &all[..half]).unwrap();
    let away = folder.path().join("away");
    let plan = format!("*: error while {}", away.display());
    let service = Service::start(&job, &["--workers", "2"], &[("QUORATE_FAULTS", &plan)]);
    let (_, body) = service.wait("/readyz", |(code, _)| *code == 200);
    let facts: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&facts["status"], &facts["stage"]), (&"ok".into(), &"reading".into()), "{body}");
    assert_eq!(facts["why"], serde_json::json!([]));

    fs::write(&away, "").unwrap();
    let mut more = fs::OpenOptions::new().append(true).open(&votes).unwrap();
    std::io::Write::write_all(&mut more, &all[half..]).unwrap();
    let (_, body) = service
        .wait("/readyz", |(code, body)| *code == 503 && body.contains("nothing was committed for"));
    let facts: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(facts["status"], "bad");
    assert!(facts["checkpoint_age_ms"].as_u64() > facts["checkpoint_age_bound_ms"].as_u64());
    service.wait("/readyz", |(_, body)| body.contains("the store fails"));
    assert_eq!(service.get("/healthz").0, 200);
    let text = service.get("/metrics").1;
    assert!(text.contains("\nquorate_ready 0\n"), "{text}");

    fs::remove_file(&away).unwrap();
    service.wait("/readyz", |(code, _)| *code == 200);
    assert_eq!(service.get("/healthz").0, 200);
    std::thread::sleep(Duration::from_millis(300));
    let (code, complaints) = service.stop();
    assert_eq!(code, Some(0), "{complaints}");
    said(&["verify", "--job", &job]);
    let rows = all.iter().filter(|byte| **byte == b'\n').count();
    assert!(said(&["commits", "list", "--job", &job]).lines().count() > 1);
    let sum = said(&[
        "query",
        "SELECT sum(rows_in) AS n FROM conservation WHERE source = 'votes'",
        "--job",
        &job,
        "--format",
        "json",
    ]);
    assert_eq!(sum.trim(), format!("{{\"n\":{rows}}}"));
}
