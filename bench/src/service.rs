//! A run that is looked at while it goes on: its memory, and what it tells machines.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::engine::Running;

/// A run that listens.
pub(crate) struct Service {
    /// The run.
    pub(crate) running: Running,
    address: String,
    committed: u64,
    late_or_rejected: u64,
}

/// The most of everything, over some time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Most {
    memory: u64,
    in_flight: f64,
    lag_bytes: f64,
    checkpoint_age_s: f64,
    looks: u64,
    unready: u64,
}

impl Service {
    /// Starts `job`, in an environment with `set`.
    ///
    /// # Errors
    /// If it doesn't start.
    pub(crate) fn start(
        quorate: &Path,
        job: &Path,
        workers: usize,
        set: &[(String, String)],
    ) -> anyhow::Result<Service> {
        let mut command = Command::new(quorate);
        command.arg("run").arg(job).args(["--json", "--takeover", "--listen", "127.0.0.1:0"]);
        command.args(["--workers", &workers.to_string()]).envs(set.iter().cloned());
        let mut running = Running::of(command)?;
        let listening = running.next("listening")?;
        let address = listening["address"].as_str().context("an address")?.to_owned();
        Ok(Service { running, address, committed: 0, late_or_rejected: 0 })
    }

    /// The rows that it has committed so far.
    pub(crate) fn committed(&mut self) -> u64 {
        for line in self.running.news() {
            if line["type"] == "commit" {
                let count = |key: &str| line["rows"][key].as_u64().unwrap_or_default();
                self.committed += count("rows_in");
                self.late_or_rejected += count("late") + count("rejected");
            }
        }
        self.committed
    }

    /// Of those, the ones that did not count.
    pub(crate) fn late_or_rejected(&self) -> u64 {
        self.late_or_rejected
    }

    fn ask(&self, path: &str) -> anyhow::Result<(bool, String)> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        write!(stream, "GET {path} HTTP/1.1\r\nhost: quorate\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok((answer.starts_with("HTTP/1.1 200"), answer))
    }

    /// Whether it says that it does its work.
    ///
    /// # Errors
    /// If it does not answer.
    pub(crate) fn is_ready(&self) -> anyhow::Result<bool> {
        Ok(self.ask("/readyz")?.0)
    }

    /// Looks once.
    ///
    /// # Errors
    /// If it does not answer.
    pub(crate) fn look(&self, most: &mut Most) -> anyhow::Result<()> {
        let (_, text) = self.ask("/metrics")?;
        let sum = |name: &str| -> f64 {
            let lines = text.lines().filter(|line| {
                line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']))
            });
            lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
        };
        most.memory = most.memory.max(self.running.observed().memory("VmRSS")?);
        most.in_flight = most.in_flight.max(sum("quorate_in_flight_bytes"));
        most.lag_bytes = most.lag_bytes.max(sum("quorate_source_lag_bytes"));
        most.checkpoint_age_s = most.checkpoint_age_s.max(sum("quorate_checkpoint_age_seconds"));
        most.looks += 1;
        most.unready += u64::from(sum("quorate_ready") == 0.0);
        Ok(())
    }

    /// Looks until `is_over`.
    ///
    /// # Errors
    /// If it does not answer.
    pub(crate) fn watch(&mut self, mut is_over: impl FnMut(u64) -> bool) -> anyhow::Result<Most> {
        let mut most = Most::default();
        loop {
            self.look(&mut most)?;
            if is_over(self.committed()) {
                return Ok(most);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Most {
    /// As a row of a table whose head is [`Most::HEAD`].
    pub(crate) fn show(&self, when: &str) {
        println!(
            "{when:<28} {:>9.0} {:>12.1} {:>9.0} {:>10.1} {:>9.0}",
            self.memory as f64 / 1e6,
            self.in_flight / f64::from(1 << 20),
            self.lag_bytes / 1e6,
            self.checkpoint_age_s,
            100.0 * self.unready as f64 / self.looks.max(1) as f64
        );
    }

    /// The head of the table.
    pub(crate) fn head() {
        println!(
            "{:<28} {:>9} {:>12} {:>9} {:>10} {:>9}",
            "the most", "memory MB", "in flight MiB", "lag MB", "uncommitted s", "unready %"
        );
    }
}

/// The moment.
#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
