//! What a run asks of its store, where each request has a price: the bounds that README states.

use std::path::Path;

use quorate_s3::{BUCKET, Plan, Seen, Server};
use serde_json::Value;

use crate::job::{Job, generate, text};

const WORKERS: u64 = 2;
/// Tables in which a job may have rows.
const TABLES: u64 = 8;

/// The last line of this kind.
fn last(said: &str, kind: &str) -> Value {
    let mut lines = said.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.rfind(|line: &Value| line["type"] == kind).unwrap()
}

/// Objects below `folder` whose names end so.
fn objects(folder: &Path, end: &str) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let count = |path: std::path::PathBuf| match path.is_dir() {
        true => objects(&path, end),
        false => u64::from(path.to_string_lossy().ends_with(end)),
    };
    entries.map(count).sum()
}

/// Many small commits of a job, published as `publish` says.
fn run(folder: &Path, name: &str, publish: &str) -> (u64, Value, Seen, u64) {
    let server = Server::start(&folder.join(format!("s3-{name}")), Plan::default()).unwrap();
    let cut =
        format!("every = \"10ms\"\nepoch = \"1ms\"\nbytes = \"64KiB\"\n\n[publish]\n{publish}");
    let job = Job::in_s3(folder, name, &[("every = \"5s\"", &cut)], &server);
    let output = job.command(WORKERS as usize).arg("--json").output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    let commits = said.lines().filter(|line| line.contains("\"type\":\"commit\"")).count() as u64;
    assert!(commits >= 10, "{commits} commits");
    let requests = last(&said, "outcome")["outcome"]["requests"].clone();
    let bucket = folder.join(format!("s3-{name}")).join(BUCKET).join(name);
    let files = objects(&bucket.join("tables"), ".parquet");
    println!("{name}: {commits} commits, {files} files of tables, {requests}");
    (commits, requests, server.seen(), files)
}

#[test]
fn a_checkpoint_asks_for_an_object_per_worker_and_table_and_one_record() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path(), &["--tasks", "2000", "--seed", "4"]);
    let (commits, requests, seen, files) = run(folder.path(), "committed", "delta = false");
    let of = |operation: &str| requests[operation].as_u64().unwrap();
    // What is told is what came over the wire.
    assert_eq!((of("create"), of("put")), (seen.create, seen.put + seen.post), "{seen:?}");
    assert_eq!((of("get"), of("head")), (seen.get, seen.head), "{seen:?}");
    assert_eq!((of("list"), of("delete")), (seen.list, seen.delete), "{seen:?}");
    assert_eq!(of("sent_bytes"), seen.body_bytes);
    assert_eq!(
        requests["failures"],
        serde_json::json!({
            "timed_out": 0, "unreachable": 0, "unknown": 0, "denied": 0, "full": 0, "other": 0,
        })
    );
    // A record for each, and before them the claim and a trial of whether the store keeps its promise.
    assert!(of("create") <= commits + 4, "{requests} in {commits} commits");
    // A file for each worker and table with rows; two checkpoints more may be on their way.
    assert!(files <= WORKERS * TABLES * (commits + 2), "{files} files in {commits} commits");
    // Beside them one of each worker's retained rows, one merged now and then, and a hint.
    let beside = (WORKERS + 1) * (commits + 2) + commits / 16 + 2;
    assert!(of("put") <= files + beside, "{requests}, {files} files in {commits} commits");
    // Retained files are merged, which reads and removes each once or twice.
    assert!(of("get") <= WORKERS * commits + 10, "{requests} in {commits} commits");
    assert!(of("delete") <= WORKERS * commits + 10, "{requests} in {commits} commits");
    assert!(of("list") <= 6 && of("head") == 0, "{requests}");
}

#[test]
fn a_publication_costs_a_request_a_table_and_is_rarer_than_commits() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path(), &["--tasks", "2000", "--seed", "4"]);
    let (commits, requests, _, files) = run(folder.path(), "rarely", "every = \"60s\"");
    let of = |requests: &Value, operation: &str| requests[operation].as_u64().unwrap();
    // At the end alone: each table is made, told what it has, and its small files are merged.
    assert!(of(&requests, "create") <= commits + 4 + 3 * TABLES, "{requests} in {commits} commits");
    let merged = 2 * files + WORKERS * commits + 10;
    assert!(of(&requests, "get") <= merged, "{requests}, {files} files in {commits} commits");
    let (commits, requests, ..) = run(folder.path(), "always", "every = \"0s\"");
    let most = commits + 4 + TABLES * (commits + 2);
    assert!(of(&requests, "create") <= most, "{requests} in {commits} commits");
}
