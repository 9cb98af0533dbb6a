//! A job in a folder of its own, and what its tables hold.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use quorate_s3::{BUCKET, Server};

/// Every table whose rows do not depend on how a job ran.
const TABLES: [&str; 7] = [
    "decisions",
    "votes",
    "agent_reputation",
    "method_choices",
    "agent_activity",
    "rejects",
    "anomalies",
];

/// The rows of each table, in order.
pub(crate) type Tables = BTreeMap<&'static str, Vec<String>>;

/// What a program finds in its environment.
pub(crate) type Environment = Vec<(&'static str, String)>;

/// A job file and its store.
pub(crate) struct Job {
    pub(crate) file: PathBuf,
    /// How its store is reached.
    pub(crate) environment: Environment,
}

pub(crate) fn quorate(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
    command.args(arguments).stdin(Stdio::null());
    command
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A generated fleet in `folder`.
pub(crate) fn generate(folder: &Path, more: &[&str]) {
    let mut command = quorate(&["generate", folder.to_str().unwrap()]);
    let output = command.args(more).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
}

impl Job {
    /// `name.toml` in `folder`: `job.toml` there with a store of its own, and lines exchanged.
    pub(crate) fn variant(folder: &Path, name: &str, changes: &[(&str, &str)]) -> Job {
        let mut job = fs::read_to_string(folder.join("job.toml")).unwrap();
        job = job.replace("./quorate-data", &format!("./store-{name}"));
        for (from, to) in changes {
            assert!(job.contains(from), "the job has no {from:?}");
            job = job.replace(from, to);
        }
        Job::written(folder, name, &job)
    }

    /// A job file with this text.
    pub(crate) fn written(folder: &Path, name: &str, job: &str) -> Job {
        let file = folder.join(format!("{name}.toml"));
        fs::write(&file, job).unwrap();
        Job { file, environment: Vec::new() }
    }

    /// As [`Job::variant`], with its store in the bucket of `server`.
    pub(crate) fn in_s3(
        folder: &Path,
        name: &str,
        changes: &[(&str, &str)],
        server: &Server,
    ) -> Job {
        let local = format!("store = \"./store-{name}\"");
        let remote = format!("store = \"s3://{BUCKET}/{name}\"");
        let mut job = Job::variant(folder, name, changes);
        let text = fs::read_to_string(&job.file).unwrap();
        assert!(text.contains(&local), "{text}");
        fs::write(&job.file, text.replace(&local, &remote)).unwrap();
        job.environment = server.environment().to_vec();
        job
    }

    fn path(&self) -> &str {
        self.file.to_str().unwrap()
    }

    /// A command that finds its store.
    pub(crate) fn quorate(&self, arguments: &[&str]) -> Command {
        let mut command = quorate(arguments);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// A run with so many workers.
    pub(crate) fn command(&self, workers: usize) -> Command {
        self.quorate(&["run", self.path(), "--workers", &workers.to_string()])
    }

    /// Runs to the end.
    pub(crate) fn run(&self, workers: usize) {
        let Output { status, stderr, .. } = self.command(workers).output().unwrap();
        assert!(status.success(), "{}", text(&stderr));
    }

    /// The answer to a query, a JSON object a line.
    pub(crate) fn query(&self, sql: &str) -> Vec<String> {
        let output = self
            .quorate(&["query", sql, "--job", self.path(), "--format", "json"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{sql}: {}", text(&output.stderr));
        text(&output.stdout).lines().map(str::to_owned).collect()
    }

    /// The rows of every table, without the columns that depend on the run.
    pub(crate) fn tables(&self) -> Tables {
        let rows = |table: &'static str| {
            let run = match table {
                "votes" | "rejects" | "anomalies" => "job, commit, source, partition, position",
                _ => "job, commit",
            };
            let mut rows = self.query(&format!("SELECT * EXCEPT ({run}) FROM {table}"));
            rows.sort();
            (table, rows)
        };
        TABLES.into_iter().map(rows).collect()
    }

    /// Checks that the store adds up.
    pub(crate) fn verify(&self) {
        let output = self.quorate(&["verify", "--job", self.path()]).output().unwrap();
        assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    }
}

/// Kills `job` on the way, then lets it end: it comes to what was expected.
#[cfg(feature = "failpoints")]
pub(crate) fn assert_alike_through_kills(expected: &Tables, job: &Job) {
    let mut kills = 0;
    for (workers, failpoint) in [(2, "created:2!"), (1, "seal:2!"), (3, "uploaded:1!")] {
        let mut command = job.command(workers);
        let output = command.env("QUORATE_FAILPOINT", failpoint).output().unwrap();
        let said = text(&output.stderr);
        assert_ne!(said.contains("failpoint"), output.status.success(), "{said}");
        kills += usize::from(!output.status.success());
    }
    assert!(kills > 0, "a run comes to its second commit");
    job.run(2);
    job.verify();
    assert_alike(expected, &job.tables(), "killed on the way");
}

/// Compares tables, naming the first rows that differ.
pub(crate) fn assert_alike(expected: &Tables, found: &Tables, how: &str) {
    for (table, rows) in expected {
        let other = &found[table];
        if rows == other {
            continue;
        }
        let missing: Vec<&String> =
            rows.iter().filter(|row| !other.contains(row)).take(2).collect();
        let new: Vec<&String> = other.iter().filter(|row| !rows.contains(row)).take(2).collect();
        panic!("{how}: {table} differs\n  missing: {missing:#?}\n  new: {new:#?}");
    }
}
