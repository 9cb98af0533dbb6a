//! What a run asks of its store, where each request has a price.

use serde_json::Value;

use crate::job::{Job, generate, text};

/// Tables that a job writes.
const TABLES: u64 = 8;
const WORKERS: u64 = 2;

/// The last event of this kind.
fn last(said: &str, kind: &str) -> Value {
    let mut events = said.lines().map(|line| serde_json::from_str(line).unwrap());
    events.rfind(|event: &Value| event["type"] == kind).unwrap()
}

#[test]
fn a_checkpoint_asks_for_an_object_per_worker_and_table_and_one_record() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path(), &["--tasks", "2000", "--seed", "4"]);
    let changes = [("every = \"5s\"", "every = \"10ms\"\nepoch = \"1ms\"\nbytes = \"64KiB\"")];
    for delta in [false, true] {
        let name = if delta { "published" } else { "committed" };
        let mut job = std::fs::read_to_string(folder.path().join("job.toml")).unwrap();
        job = job.replace("./quorate-data", &format!("./store-{name}"));
        assert!(job.contains(changes[0].0));
        job = job.replace(changes[0].0, changes[0].1);
        let job = match delta {
            true => Job::written(folder.path(), name, &job),
            false => {
                Job::written(folder.path(), name, &format!("{job}\n[publish]\ndelta = false\n"))
            }
        };
        let output = job.command(WORKERS as usize).arg("--json").output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        let said = text(&output.stdout);
        let commits =
            said.lines().filter(|line| line.contains("\"type\":\"commit\"")).count() as u64;
        assert!(commits >= 10, "{commits} commits");
        let requests = &last(&said, "commit")["requests"];
        let of = |operation: &str| requests[operation].as_u64().unwrap();
        println!("{name}: {commits} commits, {requests}");
        // Of each worker a file of retained rows and one for each table with rows; a hint; a merge now and then. Two
        // checkpoints more may be on their way.
        let most = (commits + 2) * (WORKERS * (TABLES + 1) + 2);
        assert!(of("put") <= most, "{requests} in {commits} commits");
        if !delta {
            // A record for each commit, the claim before them, and heartbeats.
            assert!(of("create") <= 2 * commits + 10, "{requests} in {commits} commits");
            assert!(of("list") <= commits + 20, "{requests} in {commits} commits");
        }
    }
}
