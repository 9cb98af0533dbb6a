//! Right on real data. The panels are not ours to ship: `QUORATE_DATA` names the folder they are in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::job::{Job, text};

#[expect(
    clippy::disallowed_methods,
    reason = "real data is not ours to ship: where it is, is told from outside"
)]
/// Input records of panel `name`, made by the tool beside the data; none where there is no data.
fn panel(name: &str, into: &Path) -> Option<()> {
    let Some(folder) = std::env::var_os("QUORATE_DATA").map(PathBuf::from) else {
        eprintln!("skipped: QUORATE_DATA is not set");
        return None;
    };
    let tool = folder.join("../tools/panels.py");
    let output = Command::new("python3").arg(tool).arg(name).arg(into).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    Some(())
}

fn answers(folder: &Path, file: &str) -> BTreeMap<String, String> {
    let lines = std::fs::read_to_string(folder.join(file)).unwrap();
    let rows = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.map(|row| {
        (row["task_id"].as_str().unwrap().to_owned(), row["answer"].as_str().unwrap().to_owned())
    })
    .collect()
}

/// Decides the panel by `method`; how many of the known answers are right, and of those that were not gold.
fn score(folder: &Path, method: &str) -> ((usize, usize), (usize, usize)) {
    let job = format!(
        "name = \"panel\"\nstore = \"./store-{method}\"\n\
         [source.tasks]\nfiles = \"tasks.jsonl\"\n[source.agents]\nfiles = \"agents.jsonl\"\n\
         [source.votes]\nfiles = \"votes.jsonl\"\n[source.gold]\nfiles = \"gold.jsonl\"\n\
         [consensus]\nmethod = \"{method}\"\nclose = \"end-of-input\"\n"
    );
    let job = Job::written(folder, method, &job);
    job.run(2);
    job.verify();
    let (truth, gold) = (answers(folder, "truth.jsonl"), answers(folder, "gold.jsonl"));
    let decided: BTreeMap<String, Value> = job
        .query("SELECT task_id, answer FROM decisions_final")
        .iter()
        .map(|row| serde_json::from_str::<Value>(row).unwrap())
        .map(|row| (row["task_id"].as_str().unwrap().to_owned(), row["answer"].clone()))
        .collect();
    let count = |tasks: Vec<(&String, &String)>| {
        let right = tasks
            .iter()
            .filter(|(task, answer)| decided[*task].as_str() == Some(answer.as_str()))
            .count();
        (right, tasks.len())
    };
    let all = truth.iter().collect();
    (count(all), count(truth.iter().filter(|(task, _)| !gold.contains_key(*task)).collect()))
}

/// Majority is right on exactly so many, weighted on at least this share of what was not gold.
fn check(name: &str, majority: usize, weighted: f64) {
    let folder = tempfile::tempdir().unwrap();
    if panel(name, folder.path()).is_none() {
        return;
    }
    let (all, _) = score(folder.path(), "majority");
    assert_eq!(all.0, majority, "{name} by majority");
    let (_, (right, of)) = score(folder.path(), "weighted");
    println!(
        "{name}: majority {majority} of {}, weighted {right} of {of} that were not gold",
        all.1
    );
    assert!(right as f64 >= weighted * of as f64, "{name} weighted: {right} of {of}");
}

#[test]
fn mmlu_pro() {
    check("mmlu_pro", 7_153, 0.63);
}

#[test]
fn gsm8k() {
    check("gsm8k", 622, 0.55);
}

#[test]
fn llmdrift_prime() {
    check("llmdrift_prime", 570, 0.85);
}

#[test]
fn llmbar() {
    check("llmbar", 242, 0.82);
}

#[test]
fn llmbar_neighbor() {
    check("llmbar_neighbor", 64, 0.0);
}

#[test]
fn barzan() {
    check("barzan", 696, 0.69);
}
