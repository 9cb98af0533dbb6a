//! Jobs that follow topics, and what they have read.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use quorate_broker::{Broker, Topic};

use crate::job::{Job, text};

/// A followed job of votes that runs.
pub(super) struct Running(Child);

impl Running {
    pub(super) fn of(job: &Job) -> Running {
        Running(job.command(2).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Asks it to stop, and gives what it has said.
    pub(super) fn stop(mut self) -> String {
        let pid = self.0.id().to_string();
        assert!(std::process::Command::new("kill").arg(&pid).status().unwrap().success());
        let said = std::io::read_to_string(self.0.stderr.take().unwrap()).unwrap();
        assert!(self.0.wait().unwrap().success(), "{said}");
        said
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
    }
}

/// A job that follows topics, of votes on one task each.
pub(super) fn following(folder: &Path, name: &str, topic: &str, more: &str) -> Job {
    let broker = Broker::shared().address();
    let job = format!(
        "name = \"{name}\"\nstore = \"./store-{name}\"\n[kafka]\nbrokers = \"{broker}\"\n\
         [source.votes]\nkafka = {{ topic = \"{topic}\"{more} }}\nmap = {{ event_id = \"kafka.key\" }}\n\
         [consensus]\nclose = {{ votes = 1, after = \"1h\" }}\nlateness = \"1h\"\n\
         [checkpoint]\nevery = \"200ms\"\n[publish]\nevery = \"0s\"\n"
    );
    Job::written(folder, name, &job)
}

pub(super) fn vote(task: usize) -> String {
    format!(
        "{{\"task_id\":\"t{task}\",\"agent_id\":\"a\",\"choice\":\"A\",\"event_time\":\"2026-01-01T00:{:02}:{:02}Z\"}}",
        task / 60,
        task % 60
    )
}

pub(super) fn send_votes(topic: &Topic, partition: i32, tasks: std::ops::Range<usize>) {
    let lines: Vec<String> = tasks.map(vote).collect();
    topic.write_lines(partition, lines.iter().map(String::as_str));
}

/// Waits until the job has so many rows in its table of accounts, by source partition.
#[expect(
    clippy::disallowed_methods,
    reason = "a test waits for another program, though not for ever"
)]
pub(super) fn wait_for_rows(job: &Job, expected: &[(&str, u64)]) -> BTreeMap<String, u64> {
    let since = Instant::now();
    loop {
        let sql = "SELECT partition, sum(rows_in) AS n FROM conservation GROUP BY partition";
        let output = crate::job::quorate(&[
            "query",
            sql,
            "--job",
            job.file.to_str().unwrap(),
            "--format",
            "json",
        ])
        .output()
        .unwrap();
        // Until the first commit there is no table to ask.
        let rows = text(&output.stdout);
        let mut found = BTreeMap::new();
        for row in rows.lines() {
            let field = |name: &str| {
                let after = row.split_once(&format!("\"{name}\":")).unwrap().1;
                after.trim_start_matches('"').split(['"', ',', '}']).next().unwrap().to_owned()
            };
            found.insert(field("partition"), field("n").parse().unwrap());
        }
        let wanted: BTreeMap<String, u64> =
            expected.iter().map(|(name, rows)| ((*name).to_owned(), *rows)).collect();
        if found == wanted {
            return found;
        }
        assert!(since.elapsed() < Duration::from_secs(60), "{wanted:?} wanted, found {found:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// What a job says that does not run.
pub(super) fn refused(job: &Job) -> String {
    let output = job.command(2).output().unwrap();
    assert!(!output.status.success(), "{}", text(&output.stderr));
    text(&output.stderr)
}
