//! The processes of a cluster on this machine, and what they say.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;

/// So many lines that nobody has looked at hold the processes up.
const LINES: usize = 1 << 16;

/// A line of one of them, as JSON.
pub(crate) struct Said {
    /// When it came.
    pub(crate) at: Instant,
    /// Of which process.
    pub(crate) by: usize,
    /// The line.
    pub(crate) line: Value,
}

impl Said {
    /// What it is: of results their type, of events their message.
    pub(crate) fn what(&self) -> &str {
        self.line["type"].as_str().or(self.line["message"].as_str()).unwrap_or_default()
    }
}

/// Supervisors with the processes of a generation. Dropped, all are killed.
pub(crate) struct Crew {
    supervisors: Vec<Child>,
    said: Receiver<Said>,
}

impl Drop for Crew {
    fn drop(&mut self) {
        for supervisor in &mut self.supervisors {
            // What it supervises ends with it.
            let _ = supervisor.kill();
            let _ = supervisor.wait();
        }
    }
}

impl Crew {
    /// Starts `job` as so many processes with so many workers each.
    ///
    /// # Errors
    /// If one doesn't start.
    pub(crate) fn start(
        quorate: &Path,
        job: &Path,
        processes: usize,
        workers: usize,
    ) -> anyhow::Result<Crew> {
        let bound = (0..processes).map(|_| TcpListener::bind("127.0.0.1:0"));
        let bound = bound.collect::<Result<Vec<_>, _>>()?;
        let hosts = bound.iter().map(|listener| Ok(listener.local_addr()?.to_string()));
        let hosts = hosts.collect::<anyhow::Result<Vec<String>>>()?.join(",");
        drop(bound);
        let (to, said) = sync_channel(LINES);
        let mut supervisors = Vec::new();
        for by in 0..processes {
            let mut command = Command::new(quorate);
            command.arg("worker").arg(job).args(["--json", "--log", "json", "--takeover"]);
            command.args(["--hosts", &hosts, "--index", &by.to_string()]);
            command.args(["--workers", &workers.to_string()]);
            command.env("QUORATE_CLUSTER_SECRET", "a secret that only benches know");
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null());
            let mut supervisor = command.spawn()?;
            listen(supervisor.stdout.take().context("it has an output")?, by, to.clone());
            listen(supervisor.stderr.take().context("it complains")?, by, to.clone());
            supervisors.push(supervisor);
        }
        Ok(Crew { supervisors, said })
    }

    /// The next line that anybody says.
    ///
    /// # Errors
    /// If nobody says anything for a minute.
    pub(crate) fn next(&self) -> anyhow::Result<Said> {
        self.said.recv_timeout(Duration::from_secs(60)).context("they say nothing any more")
    }

    /// The process of this generation under a supervisor.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn pid_of(&self, index: usize) -> anyhow::Result<u32> {
        let pid = self.supervisors[index].id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
        let child = children.split_whitespace().next();
        child.and_then(|pid| pid.parse().ok()).context("nobody is supervised")
    }

    /// Ends the process of this generation under a supervisor as a power cut would.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn kill(&self, index: usize) -> anyhow::Result<()> {
        let pid = self.pid_of(index)?.to_string();
        ensure!(Command::new("kill").args(["-KILL", &pid]).status()?.success(), "{pid} is gone");
        Ok(())
    }
}

/// Passes on what comes, with the moment at which it came.
#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn listen(from: impl Read + Send + 'static, by: usize, to: SyncSender<Said>) {
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let line = serde_json::from_str(&line).unwrap_or(Value::String(line));
            if to.send(Said { at: Instant::now(), by, line }).is_err() {
                break;
            }
        }
    });
}
