//! `quorate run`, as a person, a supervisor or another program sees it.

use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

fn quorate(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs to the end: exit code, standard output, standard error.
fn ended(arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = quorate(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().expect("not by a signal"), text(stdout), text(stderr))
}

/// A small fleet and its job.
struct Fleet {
    folder: TempDir,
}

impl Fleet {
    fn new(more: &[&str]) -> Fleet {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("fleet").display().to_string();
        let (code, _, complaints) =
            ended(&[&["generate", out.as_str(), "--tasks", "60"], more].concat());
        assert_eq!(code, 0, "{complaints}");
        Fleet { folder }
    }

    fn job(&self) -> PathBuf {
        self.folder.path().join("fleet/job.toml")
    }

    /// Writes `to` in place of `from` in the job file.
    fn edit(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.job()).unwrap();
        assert!(text.contains(from), "{from:?} is not in {text}");
        fs::write(self.job(), text.replace(from, to)).unwrap();
    }

    fn run(&self, more: &[&str]) -> (i32, String, String) {
        ended(&[&["run", self.job().to_str().unwrap(), "--workers", "1"], more].concat())
    }

    /// Goes on for ever, in a working directory that it shares with others of this fleet.
    fn following(&self) -> Running {
        let job = self.job();
        let mut command = quorate(&["run", job.to_str().unwrap(), "--workers", "1", "--json"]);
        command.current_dir(self.folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Running { child, lines }
    }
}

/// A run that is under way, and what it says.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    /// The next line of this type; nothing if the run ends before.
    fn next(&mut self, kind: &str) -> Option<Value> {
        self.lines
            .by_ref()
            .map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap())
            .find(|line| line["type"] == kind)
    }

    fn signal(&self, name: &str) {
        let sent =
            Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end: exit code, and what stood on standard error.
    fn end(self) -> (i32, String) {
        let Running { child, lines } = self;
        lines.for_each(drop);
        let Output { status, stderr, .. } = child.wait_with_output().unwrap();
        (status.code().expect("not by a signal"), String::from_utf8(stderr).unwrap())
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn a_finished_job_says_what_it_came_to_and_running_it_again_is_no_failure() {
    let fleet = Fleet::new(&[]);
    let (code, said, complaints) = fleet.run(&[]);
    assert_eq!(code, 0, "{said}{complaints}");
    assert!(said.starts_with("fleet: finished after "), "{said}");
    let tables = fleet.folder.path().join("fleet/quorate-data/tables");
    assert!(said.contains(&format!("tables: {}", tables.display())) && tables.is_dir(), "{said}");
    assert!(said.contains("tasks as they closed: ") && said.contains("quorate query"), "{said}");
    let (code, said, complaints) = fleet.run(&[]);
    assert_eq!(code, 0, "{said}{complaints}");
    assert!(said.contains("an earlier run has finished"), "{said}");
}

#[test]
fn machines_get_json_lines_whose_commits_add_up_to_the_outcome() {
    let fleet = Fleet::new(&["--bad-rows-share", "0.02", "--late-share", "0.05"]);
    let (code, said, complaints) = fleet.run(&["--json"]);
    assert_eq!((code, complaints.as_str()), (0, ""), "{said}");
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let outcome = &lines.last().unwrap()["outcome"];
    assert_eq!(outcome["ended"], "finished");
    let rows = &outcome["rows"];
    let [rows_in, on_time, late, rejected] =
        ["rows_in", "on_time", "late", "rejected"].map(|key| number(&rows[key]));
    assert!(rejected > 0 && late > 0 && rows_in == on_time + late + rejected, "{rows}");
    let commits: Vec<&Value> = lines.iter().filter(|line| line["type"] == "commit").collect();
    assert_eq!(commits.len() as u64, number(&outcome["commits"]));
    assert_eq!(
        commits.iter().map(|commit| number(&commit["rows"]["rows_in"])).sum::<u64>(),
        rows_in
    );
    assert_eq!(number(&outcome["decided"]) + number(&outcome["undecided"]), 60);
}

#[test]
fn followers_see_every_task_close_and_nothing_else_on_standard_output() {
    let fleet = Fleet::new(&[]);
    let (code, said, complaints) = fleet.run(&["--follow"]);
    assert_eq!(code, 0, "{said}{complaints}");
    let words = [" quorate ", " undecided ", " provisional "];
    for line in said.lines() {
        assert!(words.iter().any(|word| line.contains(word)), "{line}");
    }
    let closed = said.lines().filter(|line| {
        !line.contains(words[2]) && !line.contains("final") && !line.contains("revision")
    });
    assert_eq!(closed.count(), 60);
    assert!(complaints.contains("fleet: finished"), "{complaints}");
}

#[test]
fn a_quiet_run_says_nothing() {
    let fleet = Fleet::new(&[]);
    assert_eq!(fleet.run(&["--quiet"]), (0, String::new(), String::new()));
}

#[test]
fn too_many_rejects_end_with_code_4() {
    let fleet = Fleet::new(&["--bad-rows-share", "0.05"]);
    fleet.edit("rejects = \"off\"", "rejects = 0");
    let (code, said, complaints) = fleet.run(&[]);
    assert_eq!(code, 4, "{said}{complaints}");
    assert!(
        complaints.contains("limits.rejects") && complaints.contains("Mend the input"),
        "{complaints}"
    );
}

#[test]
fn a_job_that_changed_is_refused_with_code_2_until_it_is_upgraded() {
    let fleet = Fleet::new(&[]);
    assert_eq!(fleet.run(&["--quiet"]).0, 0);
    fleet.edit("quorum = \"2/3\"", "quorum = \"3/4\"");
    let (code, said, complaints) = fleet.run(&[]);
    assert_eq!((code, said.as_str()), (2, ""), "{complaints}");
    assert!(complaints.contains("quorate upgrade"), "{complaints}");
    let job = fleet.job();
    let (code, said, complaints) = ended(&["upgrade", job.to_str().unwrap(), "--quiet"]);
    assert_eq!((code, said.as_str()), (0, ""), "{complaints}");
    let (code, said, complaints) = fleet.run(&[]);
    assert_eq!(code, 0, "{said}{complaints}");
}

#[test]
fn a_missing_file_ends_with_code_2() {
    let fleet = Fleet::new(&[]);
    fs::remove_file(fleet.folder.path().join("fleet/votes.jsonl")).unwrap();
    let (code, said, complaints) = fleet.run(&[]);
    assert_eq!((code, said.as_str()), (2, ""), "{complaints}");
    assert!(complaints.contains("votes.jsonl"), "{complaints}");
}

/// Makes the votes a source that never ends.
fn followed() -> Fleet {
    let fleet = Fleet::new(&[]);
    fleet.edit("files = \"votes.jsonl\"", "follow = true\nfiles = \"votes.jsonl\"");
    fleet.edit("every = \"5s\"", "every = \"100ms\"");
    fleet
}

#[test]
fn a_signal_stops_a_run_which_then_goes_on_where_it_was() {
    let fleet = followed();
    let rows = |path: &Path| fs::read_to_string(path).unwrap().lines().count() as u64;
    let mut read = 0;
    for signal in ["-TERM", "-INT"] {
        let mut running = fleet.following();
        assert!(running.next("started").is_some());
        // The second time there may be nothing left to commit.
        assert!(read > 0 || running.next("commit").is_some());
        running.signal(signal);
        let outcome = running.next("outcome").expect("a graceful end");
        assert_eq!(outcome["outcome"]["ended"], "stopped");
        read += number(&outcome["outcome"]["rows"]["rows_in"]);
        assert_eq!(running.end().0, 0);
    }
    let files = ["agents", "tasks", "votes", "gold", "ticks", "control"];
    let all: u64 = files
        .iter()
        .map(|name| rows(&fleet.folder.path().join(format!("fleet/{name}.jsonl"))))
        .sum();
    assert!(read <= all, "{read} rows were read of {all}: some twice");
}

#[test]
fn of_two_runs_in_one_place_the_older_ends_with_code_3() {
    let fleet = followed();
    let mut older = fleet.following();
    assert!(older.next("commit").is_some());
    let newer = fleet.following();
    let (code, complaints) = older.end();
    assert_eq!(code, 3, "{complaints}");
    assert!(complaints.contains("this one stops"), "{complaints}");
    newer.signal("-TERM");
    assert_eq!(newer.end().0, 0);
}
