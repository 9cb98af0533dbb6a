//! A job that had finished goes on with more input.

use std::fs;

use serde_json::Value;

use crate::job::{Job, generate, text};

/// What a fleet has said before each of `times` is read to its end, one after the other, and then the rest. Gives the eras
/// that are told of, and in which revisions.
fn reopened_at(method: &str, times: &[&str]) -> Vec<(i64, i64)> {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    generate(folder, &["--tasks", "400", "--agents", "20", "--seed", "6"]);
    let names = ["tasks", "votes", "gold", "ticks", "control"];
    let all = names.map(|name| fs::read_to_string(folder.join(format!("{name}.jsonl"))).unwrap());
    let parts = names
        .map(|name| (format!("files = \"{name}.jsonl\""), format!("files = \"{name}-*.jsonl\"")));
    let method = format!("method = \"{method}\"");
    let mut changes = vec![("method = \"weighted\"", method.as_str())];
    changes.extend(parts.iter().map(|(from, to)| (from.as_str(), to.as_str())));
    let job = Job::variant(folder, "reopened", &changes);
    let mut from = "";
    for (nr, to) in times.iter().copied().chain(["9999"]).enumerate() {
        for (name, lines) in names.iter().zip(&all) {
            let is_in = |line: &&str| {
                let row: Value = serde_json::from_str(line).unwrap();
                let at = row["event_time"].as_str().unwrap();
                from <= at && at < to
            };
            let part: String = lines.split_inclusive('\n').filter(is_in).collect();
            fs::write(folder.join(format!("{name}-{nr}.jsonl")), part).unwrap();
        }
        let output = job.command(1 + nr % 2).arg("--reopen").output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        job.verify();
        from = to;
    }
    let twice = "SELECT agent_id, domain, era, revision, count(*) FROM agent_reputation \
                 GROUP BY agent_id, domain, era, revision HAVING count(*) > 1";
    assert_eq!(job.query(twice), Vec::<String>::new());
    let told = "SELECT DISTINCT era, revision FROM agent_reputation ORDER BY era, revision";
    let number =
        |row: &str, name: &str| serde_json::from_str::<Value>(row).unwrap()[name].as_i64().unwrap();
    let rows = job.query(told);
    let first = number(&rows[0], "era");
    rows.iter().map(|row| (number(row, "era") - first, number(row, "revision"))).collect()
}

#[test]
fn a_reopened_job_tells_the_last_eras_once_more_as_another_revision() {
    for method in ["weighted", "auto"] {
        // Ten seconds after its end it is in the same era, and so it is where nothing comes any more.
        let minutes = [
            "2026-01-01T00:02:30",
            "2026-01-01T00:02:40",
            "2026-01-01T00:02:40",
            "2026-01-01T00:04:05",
        ];
        let told = reopened_at(method, &minutes);
        let (first, again) = ([(0, 0), (1, 0)], [(1, 1), (1, 2), (1, 3), (2, 3), (3, 3)]);
        let last = [(3, 4), (4, 4), (5, 4), (6, 4)];
        assert_eq!(told, [&first[..], &again, &last].concat());
    }
}
