//! Whatever stands in the input: a reject with its place, reason and bytes, or an error that names file and remedy.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::job::{Job, generate, text};
use crate::running::Running;

const TIME: &str = "2026-01-01T00:00:00Z";

/// A job over `files` of votes in `folder`, with more settings.
fn job(folder: &Path, name: &str, files: &str, more: &str) -> Job {
    let job = format!(
        "name = \"{name}\"\nstore = \"./store-{name}\"\n[source.votes]\nfiles = {files}\n\
         [consensus]\nmethod = \"majority\"\nclose = {{ after = \"1m\" }}\n{more}"
    );
    Job::written(folder, name, &job)
}

fn vote(nr: usize) -> String {
    format!(
        "{{\"event_time\":\"{TIME}\",\"task_id\":\"t\",\"agent_id\":\"a{nr}\",\"choice\":\"x\"}}"
    )
}

/// Rejects in order of place: partition, position, reason, detail, the bytes in hexadecimal, how many there were.
fn rejects(job: &Job) -> Vec<(String, u64, String, String, String, u64)> {
    let rows = job.query("SELECT * FROM rejects ORDER BY partition, position");
    let word = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let number = |row: &Value, key: &str| row[key].as_u64().unwrap();
    rows.iter()
        .map(|row| serde_json::from_str::<Value>(row).unwrap())
        .map(|row| {
            let place = (word(&row, "partition"), number(&row, "position"));
            let why = (word(&row, "reason"), word(&row, "detail"));
            (place.0, place.1, why.0, why.1, word(&row, "bytes"), number(&row, "bytes_total"))
        })
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn each_bad_row_is_kept_with_its_place_reason_and_bytes() {
    let with = |fields: &str| format!("{{\"event_time\":\"{TIME}\",\"task_id\":\"t\",{fields}}}");
    let at = |time: &str| {
        format!("{{\"event_time\":{time},\"task_id\":\"t\",\"agent_id\":\"a\",\"choice\":\"x\"}}")
    };
    let bad: Vec<(Vec<u8>, &str)> = [
        ("{\"event_time\":".to_owned(), "invalid_json"),
        ("{\"a\":1}}".to_owned(), "invalid_json"),
        ("[1,2]".to_owned(), "invalid_json"),
        ("null".to_owned(), "invalid_json"),
        ("[".repeat(10_000), "invalid_json"),
        (format!("{{\"x\":{}", "[".repeat(10_000)), "invalid_json"),
        (with("\"choice\":\"x\""), "missing_field"),
        (with("\"agent_id\":\"a\""), "missing_field"),
        (with("\"agent_id\":[],\"choice\":\"x\""), "wrong_type"),
        (with("\"agent_id\":\"a\",\"choice\":{}"), "wrong_type"),
        (with("\"agent_id\":\"a\",\"number\":\"NaN\""), "wrong_type"),
        (with("\"agent_id\":\"a\",\"number\":NaN"), "invalid_json"),
        (with("\"agent_id\":\"a\",\"number\":-Infinity"), "invalid_json"),
        (with("\"agent_id\":\"a\",\"number\":1e999"), "out_of_range"),
        (with("\"agent_id\":\"a\",\"number\":-1e999"), "out_of_range"),
        (with(&format!("\"agent_id\":\"{}\",\"choice\":\"x\"", "n".repeat(300))), "out_of_range"),
        (with("\"agent_id\":\"a\\u0000b\",\"choice\":\"x\""), "out_of_range"),
        (with("\"agent_id\":\"\\ud800\",\"choice\":\"x\""), "invalid_json"),
        (at("\"0000-01-01T00:00:00Z\""), "event_time"),
        (at("\"10000-01-01T00:00:00Z\""), "event_time"),
        (at("\"9999-12-31T23:59:59Z\""), "event_time"),
        (at("\"yesterday\""), "event_time"),
        (at("99999999999999999999999"), "event_time"),
        (at("1767225600"), "event_time"),
    ]
    .map(|(line, reason)| (line.into_bytes(), reason))
    .into_iter()
    .chain([
        (b"{\"event_time\":\"\xff\xfe\"}".to_vec(), "invalid_utf8"),
        (vec![0; 5], "invalid_json"),
    ])
    .collect();

    let folder = tempfile::tempdir().unwrap();
    let (mut content, mut expected) = (Vec::new(), Vec::new());
    for (nr, (line, reason)) in bad.iter().enumerate() {
        content.extend(format!("{}\n\n", vote(nr)).bytes());
        let total = line.len() as u64;
        expected.push((content.len() as u64, (*reason).to_owned(), hex(line), total));
        content.extend(line.iter().chain(b"\r\n"));
    }
    fs::write(folder.path().join("votes.jsonl"), content).unwrap();
    let job = job(folder.path(), "bad", "\"votes.jsonl\"", "[limits]\nrejects = \"off\"\n");
    job.run(2);
    job.verify();
    let found: Vec<_> = rejects(&job)
        .into_iter()
        .map(|(partition, position, reason, detail, bytes, total)| {
            assert!(partition == "votes.jsonl" && !detail.is_empty(), "{partition}: {detail}");
            (position, reason, bytes, total)
        })
        .collect();
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
    let counted = job.query("SELECT votes FROM decisions_final");
    assert_eq!(counted, [format!("{{\"votes\":{}}}", bad.len())], "the good rows all count");
}

#[test]
fn a_line_of_a_hundred_megabytes_is_a_reject_that_keeps_its_beginning() {
    let folder = tempfile::tempdir().unwrap();
    let mut content = format!("{}\n{{\"text\":\"", vote(1)).into_bytes();
    let position = vote(1).len() as u64 + 1;
    content.resize(100_000_000, b'x');
    let total = content.len() as u64 - position;
    content.extend(format!("\n{}\n", vote(2)).bytes());
    fs::write(folder.path().join("long.jsonl"), content).unwrap();
    let job = job(folder.path(), "long", "\"long.jsonl\"", "");
    job.run(2);
    job.verify();
    let [(_, at, reason, _, bytes, bytes_total)] = rejects(&job).try_into().unwrap();
    assert_eq!((at, reason.as_str(), bytes_total), (position, "too_long", total));
    assert_eq!(bytes.len(), 2 * 64 * 1024);
    assert_eq!(job.query("SELECT votes FROM decisions_final"), ["{\"votes\":2}"]);
}

#[test]
fn votes_of_agents_that_nobody_knows_are_rejects_where_the_job_demands_known_ones() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("votes.jsonl"), format!("{}\n{}\n", vote(1), vote(2))).unwrap();
    let agent = "{\"event_time\":\"2025-12-31T00:00:00Z\",\"agent_id\":\"a1\"}\n";
    fs::write(folder.path().join("agents.jsonl"), agent).unwrap();
    let more = "unknown_agents = \"reject\"\n[source.agents]\nfiles = \"agents.jsonl\"\n";
    let job = job(
        folder.path(),
        "known",
        "\"votes.jsonl\"",
        &format!("{more}[limits]\nrejects = \"off\"\n"),
    );
    job.run(2);
    job.verify();
    let [(_, position, reason, detail, bytes, _)] = rejects(&job).try_into().unwrap();
    assert_eq!(
        (position, reason.as_str()),
        (vote(1).len() as u64 + 1, "unknown_agent"),
        "{detail}"
    );
    assert!(!bytes.is_empty());
    assert_eq!(job.query("SELECT votes FROM decisions_final"), ["{\"votes\":1}"]);
}

/// The run ends with code 4: too many rows were refused.
fn stops_at_the_limit(job: &Job) {
    let output = job.command(2).output().unwrap();
    let complaints = text(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{complaints}");
    assert!(complaints.contains("limits.rejects"), "{complaints}");
    job.verify();
}

#[test]
fn rejects_of_earlier_runs_count_and_a_run_without_any_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let votes = folder.path().join("votes.jsonl");
    let mut content = format!("nonsense\n{}\nnonsense\n", vote(1));
    fs::write(&votes, &content).unwrap();
    let files = "\"votes.jsonl\"\nfollow = true";
    let limit = "[limits]\nrejects = 3\n[checkpoint]\nevery = \"20ms\"\n";
    let followed = job(folder.path(), "limit", files, limit);
    let mut run = Running::start(&followed, 1);
    run.wait_for_rows(3);
    run.stop();
    content += &format!("nonsense\nnonsense\n{}\n", vote(2));
    fs::write(&votes, &content).unwrap();
    stops_at_the_limit(&followed);
    // Whoever has mended the input need not raise the limit.
    content += &format!("{}\n", vote(3));
    fs::write(&votes, &content).unwrap();
    let mut run = Running::start(&followed, 1);
    run.wait_for_rows(1);
    run.stop();
    content += "nonsense\n";
    fs::write(&votes, &content).unwrap();
    stops_at_the_limit(&followed);
}

#[test]
fn rejects_in_tasks_count_against_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let rows: String = (1..=4).map(|nr| format!("{}\n", vote(nr))).collect();
    fs::write(folder.path().join("votes.jsonl"), rows).unwrap();
    let agent = "{\"event_time\":\"2025-12-31T00:00:00Z\",\"agent_id\":\"a1\"}\n";
    fs::write(folder.path().join("agents.jsonl"), agent).unwrap();
    let more = "unknown_agents = \"reject\"\n[source.agents]\nfiles = \"agents.jsonl\"\n";
    for (limit, stops) in [(2, true), (3, false)] {
        let limits = format!("{more}[limits]\nrejects = {limit}\n");
        let job = job(folder.path(), &format!("limit-{limit}"), "\"votes.jsonl\"", &limits);
        if stops { stops_at_the_limit(&job) } else { job.run(2) }
    }
}

#[test]
fn an_empty_file_is_read_and_a_truncated_one_is_read_as_far_as_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path(), &["--tasks", "60", "--compression", "gz"]);
    let packed = fs::read(folder.path().join("votes.jsonl.gz")).unwrap();
    fs::write(folder.path().join("votes.jsonl.gz"), &packed[..packed.len() / 2]).unwrap();
    fs::write(folder.path().join("empty.jsonl"), "").unwrap();
    let files = ("\"votes.jsonl.gz\"", "[\"votes.jsonl.gz\", \"empty.jsonl\"]");
    let job = Job::variant(folder.path(), "short", &[files]);
    let output = job.command(2).output().unwrap();
    let complaints = text(&output.stderr);
    assert!(output.status.success(), "{complaints}");
    assert!(
        complaints.contains("votes.jsonl.gz") && complaints.contains("truncated gzip stream"),
        "{complaints}"
    );
    job.verify();
    let damage: Vec<_> =
        rejects(&job).into_iter().filter(|row| row.3.contains("truncated gzip stream")).collect();
    assert_eq!(damage.len(), 1);
    let read = job.query("SELECT sum(rows_in) AS rows FROM conservation WHERE source = 'votes'");
    assert_ne!(read, ["{\"rows\":0}"]);
}

/// The run ends with code 2 and says all of `words`.
fn refused(job: &Job, words: &[&str]) {
    let output = job.command(1).output().unwrap();
    let complaints = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{complaints}");
    for word in words {
        assert!(complaints.contains(word), "{word:?} is missing from {complaints}");
    }
}

#[test]
fn what_is_no_file_of_rows_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let good = format!("{}\n", vote(1));
    fs::write(folder.path().join("votes-1.jsonl"), &good).unwrap();
    fs::create_dir(folder.path().join("votes-2.jsonl")).unwrap();
    refused(&job(folder.path(), "folder", "\"votes-2.jsonl\"", ""), &["votes-2.jsonl", "director"]);
    refused(&job(folder.path(), "gone", "\"votes-9.jsonl\"", ""), &["votes-9.jsonl"]);
    refused(&job(folder.path(), "none", "\"nothing-*.jsonl\"", ""), &["nothing-*.jsonl"]);

    // A file that was read in part and is gone when the run goes on.
    let followed = "\"gone-later.jsonl\"\nfollow = true";
    fs::write(folder.path().join("gone-later.jsonl"), &good).unwrap();
    let later = job(folder.path(), "later", followed, "[checkpoint]\nevery = \"20ms\"\n");
    let mut run = later.command(1);
    run.arg("--json").stdout(std::process::Stdio::piped());
    let mut run = run.spawn().unwrap();
    wait_for_commit(&mut run);
    run.kill().unwrap();
    run.wait().unwrap();
    fs::remove_file(folder.path().join("gone-later.jsonl")).unwrap();
    let bounded = fs::read_to_string(&later.file).unwrap().replace("\nfollow = true", "");
    fs::write(&later.file, bounded).unwrap();
    refused(&later, &["gone-later.jsonl"]);
    fs::write(folder.path().join("gone-later.jsonl"), &good).unwrap();
    later.run(1);
    later.verify();
}

fn wait_for_commit(run: &mut std::process::Child) {
    use std::io::{BufRead, BufReader};
    let lines = BufReader::new(run.stdout.take().unwrap()).lines();
    let commits = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    let mut commits = commits.filter(|line| line["type"] == "commit");
    assert!(commits.any(|line| line["rows"]["rows_in"].as_u64() > Some(0)));
}
