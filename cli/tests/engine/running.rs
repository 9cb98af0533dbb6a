//! A run that goes on while a test writes its files.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{sleep, spawn};
use std::time::Duration;

use serde_json::Value;

use crate::job::Job;

/// So long a run may take to commit what lies there for it.
const PATIENCE: Duration = Duration::from_secs(30);
const NAP: Duration = Duration::from_millis(20);

/// A run that goes on, and what it has said so far. Dropped, it is killed.
pub(crate) struct Running {
    child: Child,
    said: Arc<Mutex<Vec<Value>>>,
    complaints: Arc<Mutex<String>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    /// Starts `job` with so many workers.
    pub(crate) fn start(job: &Job, workers: usize) -> Running {
        Running::of(job.command(workers))
    }

    /// Starts this run.
    pub(crate) fn of(mut command: Command) -> Running {
        command.arg("--json").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (said, complaints) = (Arc::<Mutex<Vec<Value>>>::default(), Arc::default());
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut errors = child.stderr.take().unwrap();
        let running = Running { child, said, complaints };
        let (said, complaints) = (Arc::clone(&running.said), Arc::clone(&running.complaints));
        spawn(move || {
            for line in lines.map_while(Result::ok) {
                said.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        spawn(move || {
            let mut text = String::new();
            let _ = errors.read_to_string(&mut text);
            *complaints.lock().unwrap() = text;
        });
        running
    }

    /// The rows that it has committed.
    pub(crate) fn rows(&self) -> u64 {
        let said = self.said.lock().unwrap();
        let commits = said.iter().filter(|line| line["type"] == "commit");
        commits.map(|line| line["rows"]["rows_in"].as_u64().unwrap()).sum()
    }

    /// What it told people.
    pub(crate) fn notes(&self) -> Vec<String> {
        let said = self.said.lock().unwrap();
        said.iter().filter(|line| line["type"] == "note").map(Value::to_string).collect()
    }

    /// Waits until it has committed so many rows.
    pub(crate) fn wait_for_rows(&mut self, rows: u64) {
        let mut waited = Duration::ZERO;
        while self.rows() < rows {
            let ended = self.child.try_wait().unwrap();
            sleep(NAP);
            waited += NAP;
            if ended.is_some() || waited > PATIENCE {
                let complaints = self.complaints.lock().unwrap();
                panic!(
                    "{} of {rows} rows ({ended:?}): {complaints}{:?}",
                    self.rows(),
                    self.notes()
                );
            }
        }
    }

    /// Waits until it has ended by itself, as it should.
    pub(crate) fn wait(mut self) {
        let status = self.child.wait().unwrap();
        sleep(NAP);
        assert!(status.success(), "{}{:?}", self.complaints.lock().unwrap(), self.notes());
    }

    /// Ends it as a supervisor does, once it has committed what it read.
    pub(crate) fn stop(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let status = self.child.wait().unwrap();
        sleep(NAP);
        assert!(status.success(), "{}{:?}", self.complaints.lock().unwrap(), self.notes());
    }
}
