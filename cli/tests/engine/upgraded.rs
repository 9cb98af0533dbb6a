//! A job whose settings change on the way.

use std::collections::BTreeMap;
use std::fs;

use crate::job::{Job, generate, quorate, text};
use crate::running::Running;

const OLD: &str = "quorum = \"2/3\"";
const NEW: &str = "quorum = \"19/20\"";

/// Of each task: the quorum it was decided by last, and how.
fn decided(job: &Job) -> BTreeMap<String, (String, String)> {
    let sql = "SELECT task_id, quorum, state || ' ' || coalesce(answer, '') || ' ' || is_final AS how \
               FROM decisions_current";
    let rows = job.query(sql);
    let row = |line: &String| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let column = |name: &str| row[name].to_string();
        (column("task_id"), (column("quorum"), column("how")))
    };
    rows.iter().map(row).collect()
}

fn ended(arguments: &[&str]) -> (bool, String) {
    let output = quorate(arguments).output().unwrap();
    (output.status.success(), text(&output.stderr))
}

#[test]
fn what_is_final_stays_and_what_is_not_is_decided_by_the_new_settings() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    generate(folder, &["--tasks", "400", "--agents", "20", "--seed", "5"]);
    let old = Job::variant(folder, "old", &[]);
    let new = Job::variant(folder, "new", &[(OLD, NEW)]);
    old.run(2);
    new.run(2);

    let votes = fs::read_to_string(folder.join("votes.jsonl")).unwrap();
    let lines = votes.lines().count();
    let first: String = votes.split_inclusive('\n').take(lines / 2).collect();
    fs::write(folder.join("grown.jsonl"), &first).unwrap();
    let follow = ("files = \"votes.jsonl\"", "follow = true\nfiles = \"grown.jsonl\"");
    let job = Job::variant(folder, "upgraded", &[follow]);
    let mut run = Running::start(&job, 2);
    let others = ["agents", "tasks", "gold", "ticks", "control"].map(|name| {
        fs::read_to_string(folder.join(format!("{name}.jsonl"))).unwrap().lines().count()
    });
    run.wait_for_rows((lines / 2 + others.iter().sum::<usize>()) as u64);
    run.stop();
    job.verify();

    fs::write(folder.join("grown.jsonl"), votes).unwrap();
    let file = job.file.to_str().unwrap();
    let settings = fs::read_to_string(file).unwrap().replace("follow = true\n", "");
    let changed = settings.replace(OLD, NEW);
    fs::write(file, &changed).unwrap();
    let (went_on, complaints) = ended(&["run", file]);
    assert!(!went_on && complaints.contains("quorate upgrade"), "{complaints}");
    fs::write(file, changed.replace("era = \"1m\"", "era = \"7m\"")).unwrap();
    let (went_on, complaints) = ended(&["upgrade", file]);
    assert!(!went_on && complaints.contains("consensus.era_us went from"), "{complaints}");
    fs::write(file, &changed).unwrap();
    let (went_on, complaints) = ended(&["upgrade", file, "--workers", "3"]);
    assert!(went_on, "{complaints}");
    job.verify();

    let (by_old, by_new, by_both) = (decided(&old), decided(&new), decided(&job));
    assert_eq!(by_both.len(), by_new.len());
    for (task, how) in &by_both {
        assert!(*how == by_new[task] || *how == by_old[task], "{task}: {how:?}");
    }
    let kept = by_both.iter().filter(|(task, how)| **how == by_old[*task]).count();
    assert!(kept > 0, "nothing was final before");
    let revised = job.query("SELECT DISTINCT task_id FROM decisions WHERE reason = 'upgrade'");
    assert!(!revised.is_empty(), "nothing was between its close and its end");
    let late = "SELECT task_id FROM decisions d WHERE reason = 'upgrade' AND EXISTS (SELECT 1 FROM decisions f \
                WHERE f.task_id = d.task_id AND f.is_final AND f.revision < d.revision)";
    assert_eq!(job.query(late), Vec::<String>::new(), "revised after the end");
}
