//! The built program, as a person or a supervisor calls it.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn quorate(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs to the end: exit code, standard output, standard error.
fn ended(arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = quorate(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// A small fleet in a folder of its own.
fn fleet(folder: &Path, more: &[&str]) -> String {
    let out = folder.join("fleet").display().to_string();
    let (code, said, complaints) =
        ended(&[&["generate", out.as_str(), "--tasks", "50"], more].concat());
    assert_eq!((code, complaints.as_str()), (0, ""), "{said}");
    out
}

#[test]
fn a_generated_job_is_valid() {
    let folder = tempfile::tempdir().unwrap();
    for (nr, more) in
        [&[][..], &["--style", "compact"], &["--compression", "zst"], &["--stake-max", "100"]]
            .iter()
            .enumerate()
    {
        let below = folder.path().join(nr.to_string());
        let out = fleet(&below, more);
        let (code, said, complaints) = ended(&["validate", &format!("{out}/job.toml")]);
        assert_eq!(code, 0, "{said}{complaints}");
        assert!(said.ends_with("the job can run\n"), "{said}{complaints}");
        assert_eq!(complaints, "");
    }
}

#[test]
fn the_same_seed_gives_the_same_rows_and_another_gives_others() {
    let folder = tempfile::tempdir().unwrap();
    let votes = |name: &str, seed: &str| {
        let out = fleet(&folder.path().join(name), &["--seed", seed]);
        fs::read(format!("{out}/votes.jsonl")).unwrap()
    };
    let first = votes("a", "1");
    assert_eq!(first, votes("b", "1"));
    assert_ne!(first, votes("c", "2"));
}

#[test]
fn a_wrong_request_ends_with_code_2_and_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let out = fleet(folder.path(), &[]);
    let check = |arguments: &[&str], words: &[&str]| {
        let (code, said, complaints) = ended(arguments);
        assert_eq!((code, said.as_str()), (2, ""), "{complaints}");
        for word in words {
            assert!(complaints.contains(word), "{word:?} is missing from {complaints}");
        }
    };
    check(&["validate"], &["Usage"]);
    check(&["vaildate"], &["validate"]);
    check(&["validate", "no-such.toml"], &["error: no-such.toml", "quorate generate"]);
    check(&["generate", &out], &["not empty"]);
    check(&["generate", &format!("{out}/2"), "--options", "1"], &["options", "less than 2"]);
    let job = folder.path().join("bad.toml");
    fs::write(
        &job,
        "name = \"bad\"\n[source.votes]\nfiles = \"v.jsonl\"\n[consensus]\nquorom = \"2/3\"\n",
    )
    .unwrap();
    check(
        &["validate", job.to_str().unwrap()],
        &["bad.toml:5:1: consensus.quorom", "did you mean `quorum`?", "^^^^^^"],
    );
}

#[test]
fn machines_get_one_json_object() {
    let folder = tempfile::tempdir().unwrap();
    let job = format!("{}/job.toml", fleet(folder.path(), &[]));
    let parsed = |expected: i32| {
        let (code, said, complaints) = ended(&["validate", &job, "--json"]);
        assert_eq!((code, complaints.as_str()), (expected, ""), "{said}");
        serde_json::from_str::<Value>(&said).unwrap()
    };
    let report = parsed(0);
    assert_eq!((&report["ok"], &report["job"]), (&true.into(), &"fleet".into()));
    assert!(
        report["sources"]
            .as_array()
            .unwrap()
            .iter()
            .any(|source| source["rows_tried"].as_u64() >= Some(50))
    );
    fs::write(&job, "name = \"x\"\n[source.votes]\nfiles = 3\n").unwrap();
    let report = parsed(2);
    assert_eq!((&report["ok"], &report["findings"][0]["line"]), (&false.into(), &3.into()));
    fs::write(&job, "name = \"x\"\n[source.votes]\nfiles = \"gone.jsonl\"\n").unwrap();
    let report = parsed(2);
    assert_eq!(
        (&report["ok"], &report["problems"][0]["about"]),
        (&false.into(), &"source votes".into())
    );
}

#[test]
fn the_reference_is_a_job() {
    let folder = tempfile::tempdir().unwrap();
    let (code, said, _) = ended(&["validate", "--reference"]);
    assert_eq!(code, 0);
    let job = folder.path().join("job.toml");
    fs::write(&job, said).unwrap();
    let (_, _, complaints) = ended(&["validate", job.to_str().unwrap()]);
    // It reads well; only its files are not there.
    assert!(
        complaints.contains("no file matches") && !complaints.contains("job.toml:"),
        "{complaints}"
    );
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child = quorate(&["validate", "--reference"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    assert_eq!((status.code(), stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn nothing_is_coloured_where_nobody_sees_it() {
    let (_, said, complaints) = ended(&["validate", "no-such.toml"]);
    assert!(!format!("{said}{complaints}").contains('\u{1b}'));
}

#[test]
fn the_demo_shows_what_majority_believes_and_can_be_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("demo").display().to_string();
    let (code, said, complaints) = ended(&["demo", &out, "--tasks", "1500"]);
    assert_eq!(code, 0, "{said}{complaints}");
    for words in [
        "collude",
        "plain majority",
        "a lie. Quorate says",
        "least to be trusted",
        "tables: ",
        "try: ",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let wide = said.lines().filter(|line| !line.contains(&out) && line.chars().count() > 80);
    assert_eq!(wide.collect::<Vec<_>>(), Vec::<&str>::new());
    let (code, again, complaints) = ended(&["demo", &out]);
    assert_eq!(code, 0, "{again}{complaints}");
    assert!(complaints.contains("is there already"), "{complaints}");
    let end = |said: &str| {
        said.split_once("answers the job was never told").map(|(_, end)| end.to_owned())
    };
    assert!(end(&said).is_some() && end(&said) == end(&again), "{again}");

    let (job, truth) = (format!("{out}/job.toml"), format!("{out}/truth.jsonl"));
    let page = folder.path().join("report.html").display().to_string();
    let (code, said, complaints) =
        ended(&["report", "--job", &job, "--truth", &truth, "--output", &page]);
    assert_eq!((code, complaints.as_str()), (0, ""), "{said}");
    assert!(fs::read_to_string(&page).unwrap().ends_with("</html>\n"), "{said}");
    let whatif = ["whatif", "--job", &job, "--method", "majority", "--json", "--truth"];
    let (code, said, complaints) = ended(&[&whatif[..], &[&truth]].concat());
    assert_eq!((code, complaints.as_str()), (0, ""), "{said}");
    let told: Value = serde_json::from_str(&said).unwrap();
    let right = |side: &str| told[side]["right"].as_u64().unwrap();
    assert!(right("decided") > right("otherwise"), "{told}");
    fs::write(&truth, "{}").unwrap();
    let (code, _, complaints) = ended(&[&whatif[..], &[&truth]].concat());
    assert!(code == 2 && complaints.contains("truth.jsonl:1: missing field"), "{complaints}");
}

#[test]
fn a_plan_is_drawn_without_sources_or_store() {
    let folder = tempfile::tempdir().unwrap();
    let job = folder.path().join("job.toml");
    fs::write(&job, "name = \"a\"\n[source.votes]\nfiles = \"none-yet.jsonl\"\n[source.gold]\nfiles = \"gold.jsonl\"").unwrap();
    let job = job.display().to_string();
    let drawn = |format: &str| {
        let (code, said, complaints) = ended(&["plan", &job, "--format", format]);
        assert_eq!((code, complaints.as_str()), (0, ""), "{said}");
        said
    };
    let text = drawn("text");
    assert!(text.contains("none-yet.jsonl") && text.contains("at most"), "{text}");
    assert!(drawn("dot").starts_with("digraph job {"));
    assert!(drawn("mermaid").starts_with("flowchart LR"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was written");
}

#[test]
fn an_attack_tells_what_it_costs_a_policy() {
    let folder = tempfile::tempdir().unwrap();
    let job = folder.path().join("job.toml");
    // Its times fit no fleet, and its store is nobody's.
    let text = "name = \"panel\"\nstore = \"s3://nobody/nowhere\"\n[source.votes]\nfiles = \"none.jsonl\"\n\
                [consensus]\nmethod = \"weighted\"\nera = \"24h\"\nquorum = \"3/5\"\n";
    fs::write(&job, text).unwrap();
    let job = job.display().to_string();
    let fight = |method: &str| {
        let (code, said, complaints) = ended(&[
            "attack", &job, "--method", method, "--kind", "clique", "--share", "0.4", "--seeds",
            "1", "--tasks", "600", "--agents", "20", "--gold", "0.1", "--json",
        ]);
        assert_eq!((code, complaints.as_str()), (0, ""), "{said}");
        serde_json::from_str::<Value>(&said).unwrap()
    };
    let count = |told: &Value, side: &str, what: &str| told[side][what].as_u64().unwrap();
    let (majority, weighted) = (fight("majority"), fight("weighted"));
    for told in [&majority, &weighted] {
        assert_eq!(count(told, "without", "believed"), 0, "{told}");
        assert!(count(told, "with", "right") < count(told, "without", "right"), "{told}");
        // The votes are the same, however they are weighed.
        let by_majority = count(&majority, "with", "right_by_majority");
        assert_eq!(count(told, "with", "right_by_majority"), by_majority, "{told}");
    }
    let believed = |told: &Value| count(told, "with", "believed");
    assert!(2 * believed(&weighted) < believed(&majority), "{weighted} {majority}");
    assert_eq!(majority["with"]["weights"], serde_json::json!([]));
    assert!(weighted["with"]["found_out"][0][0].is_u64(), "{weighted}");

    let (code, said, complaints) =
        ended(&["attack", "--seeds", "1", "--tasks", "300", "--kind", "random"]);
    assert_eq!((code, complaints.as_str()), (0, ""));
    assert!(said.lines().any(|line| line.starts_with("random ")), "{said}");
    assert!(said.lines().all(|line| line.chars().count() <= 100), "{said}");
    let (code, _, complaints) = ended(&["attack", "--method", "trust-me"]);
    assert_eq!(code, 2, "{complaints}");
    assert!(complaints.contains("consensus.method"), "{complaints}");
}

/// What a person is asked, and says.
fn labelled(arguments: &[&str], says: &str) -> String {
    let mut child = quorate(&[&["label"], arguments].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(says.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    said
}

#[test]
fn a_person_is_asked_what_tells_most_and_the_job_learns_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let out = fleet(folder.path(), &["--gold-share", "0"]);
    let job = format!("{out}/job.toml");
    assert_eq!(ended(&["run", &job, "--quiet"]).0, 0);
    let asked = |more: &[&str]| -> Vec<Value> {
        let (code, said, complaints) = ended(&[&["label", &job, "--json"], more].concat());
        assert_eq!((code, complaints.as_str()), (0, ""), "{said}");
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let first = asked(&["--count", "9"]);
    assert_eq!(first.len(), 9);
    assert!(first.iter().all(|one| one["labels"].as_array().unwrap().len() > 1), "{first:?}");

    // The first label, none, one of the person's own; then enough of it.
    let said = labelled(&[&job, "--count", "9", "--by", "ana"], "1\n\nsomething else\nq\n");
    assert!(said.contains("2 answers more"), "{said}");
    let written = fs::read_to_string(format!("{out}/labels.jsonl")).unwrap();
    let records: Vec<Value> =
        written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.len(), 2);
    let of = |task: &Value| records.iter().find(|record| record["task_id"] == *task).unwrap();
    assert_eq!(of(&first[0]["task_id"])["answer"], first[0]["labels"][0][0]);
    assert_eq!(of(&first[2]["task_id"])["answer"], "something else");
    assert!(records.iter().all(|record| record["labeller"] == "ana"));
    assert!(records.is_sorted_by_key(|record| record["event_time"].as_str().unwrap().to_owned()));
    // What was answered is not asked again, and counts as known.
    let next = asked(&["--count", "100"]);
    assert!(
        next.iter().all(|one| records.iter().all(|record| record["task_id"] != one["task_id"]))
    );
    assert!(labelled(&[&job], "").contains("2 answers known so far"));

    // The job takes them for what they are.
    let text = fs::read_to_string(&job).unwrap().replace("./quorate-data", "./again");
    let again = format!("{out}/again.toml");
    fs::write(&again, format!("{text}\n[source.gold]\nfiles = \"labels.jsonl\"\n")).unwrap();
    let (code, said, complaints) = ended(&["run", &again]);
    assert_eq!(code, 0, "{said}{complaints}");
    assert_eq!(ended(&["verify", "--job", &again]).0, 0);
    assert!(
        labelled(&[&again, "--to", &format!("{out}/more.jsonl")], "")
            .contains("2 answers known so far")
    );
}
