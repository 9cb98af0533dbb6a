//! A job that had finished goes on with more input.

use std::fs;

use crate::job::{Job, generate, text};

#[test]
fn a_reopened_job_writes_the_reputations_of_each_era_once() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    generate(folder, &["--tasks", "400", "--agents", "20", "--seed", "6"]);
    let votes = fs::read_to_string(folder.join("votes.jsonl")).unwrap();
    let first: String = votes.split_inclusive('\n').take(votes.lines().count() / 2).collect();
    fs::write(folder.join("votes-1.jsonl"), &first).unwrap();
    let job = Job::variant(
        folder,
        "reopened",
        &[
            ("files = \"votes.jsonl\"", "files = \"votes-*.jsonl\""),
            ("files = \"ticks.jsonl\"", "files = \"none*.jsonl\""),
        ],
    );
    fs::write(folder.join("none.jsonl"), "").unwrap();
    job.run(2);
    job.verify();
    fs::write(folder.join("votes-2.jsonl"), &votes[first.len()..]).unwrap();
    let output = job.command(1).arg("--reopen").output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    job.verify();
    let twice = "SELECT agent_id, domain, era, count(*) FROM agent_reputation \
                 GROUP BY agent_id, domain, era HAVING count(*) > 1";
    assert_eq!(job.query(twice), Vec::<String>::new());
    assert!(job.query("SELECT DISTINCT era FROM agent_reputation").len() > 2);
}
