//! Right on real data. The panels are not ours to ship: `QUORATE_DATA` names the folder they are in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::job::{Job, text};

/// The folder of real data, if there is one.
#[expect(
    clippy::disallowed_methods,
    reason = "real data is not ours to ship: where it is, is told from outside"
)]
pub(crate) fn data_folder() -> Option<PathBuf> {
    let folder = std::env::var_os("QUORATE_DATA").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: QUORATE_DATA is not set");
    }
    folder
}

/// Input records of panel `name`, made by the tool beside the data; none where there is no data.
fn panel(name: &str, into: &Path) -> Option<()> {
    let folder = data_folder()?;
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

/// How many answers are right, and of how many.
type Right = (usize, usize);

/// Decides the panel; how many of the known answers are right, and of those that were not gold.
fn score(folder: &Path, name: &str, consensus: &str) -> (Right, Right) {
    let job = format!(
        "name = \"panel\"\nstore = \"./store-{name}\"\n\
         [source.tasks]\nfiles = \"tasks.jsonl\"\n[source.agents]\nfiles = \"agents.jsonl\"\n\
         [source.votes]\nfiles = \"votes.jsonl\"\n[source.gold]\nfiles = \"gold.jsonl\"\n\
         [consensus]\n{consensus}\n"
    );
    let job = Job::written(folder, name, &job);
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

fn share((right, of): Right) -> f64 {
    right as f64 / of as f64
}

/// At the end of the input, majority is right on exactly so many, the other methods on at least this share of what was not
/// gold. Strictly online, they are nowhere more than a point below majority.
fn check(name: &str, majority: usize, learning: [(&str, f64); 2]) {
    let folder = tempfile::tempdir().unwrap();
    if panel(name, folder.path()).is_none() {
        return;
    }
    let at_end = |method: &str| {
        let consensus = format!("method = \"{method}\"\nclose = \"end-of-input\"");
        score(folder.path(), method, &consensus)
    };
    let (all, of_majority) = at_end("majority");
    assert_eq!(all.0, majority, "{name} by majority");
    println!("{name}: majority {majority} of {}; not gold: {:.4}", all.1, share(of_majority));
    for (method, least) in learning {
        let (_, learnt) = at_end(method);
        println!("{name}: {method} {:.4}", share(learnt));
        assert!(share(learnt) >= least, "{name} {method}: {learnt:?}");
        for era in ["5m", "10m", "1h"] {
            let consensus =
                format!("method = \"{method}\"\nera = \"{era}\"\nclose = {{ after = \"1m\" }}");
            let (_, online) = score(folder.path(), &format!("{method}-{era}"), &consensus);
            println!("{name}: online with eras of {era}: {method} {:.4}", share(online));
            assert!(
                share(online) >= share(of_majority) - 0.01,
                "{name} {method} online, {era}: {online:?} against {of_majority:?}"
            );
        }
    }
}

#[test]
fn mmlu_pro() {
    check("mmlu_pro", 7_153, [("weighted", 0.63), ("auto", 0.71)]);
}

#[test]
fn gsm8k() {
    check("gsm8k", 622, [("weighted", 0.55), ("stacked", 0.55)]);
}

#[test]
fn llmdrift_prime() {
    check("llmdrift_prime", 570, [("weighted", 0.85), ("auto", 0.88)]);
}

#[test]
fn llmbar() {
    check("llmbar", 242, [("weighted", 0.82), ("auto", 0.86)]);
}

#[test]
fn llmbar_neighbor() {
    check("llmbar_neighbor", 64, [("weighted", 0.0), ("stacked", 0.75)]);
}

#[test]
fn barzan() {
    check("barzan", 696, [("weighted", 0.69), ("stacked", 0.69)]);
}
