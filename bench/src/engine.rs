//! The binary under test: where it is, the jobs it runs, what it says.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};

use anyhow::{Context, ensure};
use serde_json::Value;

/// The `quorate` that is measured.
#[derive(clap::Args)]
pub(crate) struct Binary {
    /// The binary under test [default: `quorate` beside this program]
    #[arg(long, value_name = "PATH")]
    quorate: Option<PathBuf>,
}

impl Binary {
    /// Its path.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn path(&self) -> anyhow::Result<PathBuf> {
        let beside = std::env::current_exe()?.with_file_name("quorate");
        let path = self.quorate.clone().unwrap_or(beside);
        ensure!(path.exists(), "{} is not there: cargo build --release -p quorate", path.display());
        Ok(path)
    }
}

/// A job over `votes.jsonl`, which it follows: event times in milliseconds, a short memory, and a checkpoint a second.
/// `consensus` is what differs of that section, `more` what stands behind it all.
pub(crate) fn followed(name: &str, consensus: &str, more: &str) -> String {
    format!(
        r#"name = "{name}"
store = "./store"

[source.votes]
files = "votes.jsonl"
follow = true
map = {{ event_time = {{ field = "event_time", unit = "ms" }} }}

[consensus]
{consensus}
lateness = "1s"
finality_after = "10s"
forget_after = "10s"

[checkpoint]
every = "1s"
{more}"#
    )
}

/// So many lines that nobody has read hold the run's output up.
const LINES: usize = 1 << 16;

/// A run under way.
pub(crate) struct Running {
    child: Child,
    said: Receiver<Value>,
}

impl Running {
    /// Starts `job`.
    ///
    /// # Errors
    /// If it doesn't start.
    pub(crate) fn start(quorate: &Path, job: &Path, workers: usize) -> anyhow::Result<Running> {
        let mut command = Command::new(quorate);
        command.arg("run").arg(job).args(["--json", "--takeover", "--workers"]);
        command.arg(workers.to_string());
        Running::of(command)
    }

    /// Starts this run, which says what happens as JSON.
    ///
    /// # Errors
    /// If it doesn't start.
    pub(crate) fn of(mut command: Command) -> anyhow::Result<Running> {
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let lines = BufReader::new(child.stdout.take().context("it has an output")?).lines();
        let (to, said) = sync_channel(LINES);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let Ok(line) = serde_json::from_str(&line) else { continue };
                if to.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Running { child, said })
    }

    /// The next thing it says of this kind.
    ///
    /// # Errors
    /// If it ends before.
    pub(crate) fn next(&mut self, kind: &str) -> anyhow::Result<Value> {
        loop {
            let line = self.said.recv().with_context(|| format!("it ended without a {kind}"))?;
            if line["type"] == kind {
                return Ok(line);
            }
        }
    }

    /// What it has said since it was asked last.
    pub(crate) fn news(&self) -> Vec<Value> {
        self.said.try_iter().collect()
    }

    /// The process, to be looked at from any thread.
    pub(crate) fn observed(&self) -> Observed {
        Observed { id: self.child.id() }
    }

    /// The CPU it has used so far, in seconds.
    ///
    /// # Errors
    /// If it has ended.
    pub(crate) fn cpu_s(&self) -> anyhow::Result<f64> {
        cpu_s_of(self.child.id())
    }

    /// Forgets the peak of memory so far.
    ///
    /// # Errors
    /// If the kernel doesn't let us.
    pub(crate) fn forget_peak(&self) -> anyhow::Result<()> {
        Ok(fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5")?)
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// If it has ended.
    pub(crate) fn signal(&self, name: &str) -> anyhow::Result<()> {
        let kill =
            Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status()?;
        ensure!(kill.success(), "it could not be sent {name}");
        Ok(())
    }

    /// Ends it as a power cut would.
    ///
    /// # Errors
    /// If it can't be waited for.
    pub(crate) fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

/// The CPU that a process under way has used so far, in seconds.
///
/// # Errors
/// If it has ended.
pub(crate) fn cpu_s_of(id: u32) -> anyhow::Result<f64> {
    const TICKS_PER_S: f64 = 100.0;
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    let after = stat.rsplit_once(')').context("a name in brackets")?.1;
    let mut fields = after.split_whitespace().skip(11).map(str::parse::<f64>);
    let (user, system) = (fields.next().context("user")??, fields.next().context("system")??);
    Ok((user + system) / TICKS_PER_S)
}

/// A process that may be under way.
#[derive(Clone, Copy)]
pub(crate) struct Observed {
    id: u32,
}

impl Observed {
    /// Its number.
    pub(crate) fn id(self) -> u32 {
        self.id
    }

    /// What the kernel counts of it, in bytes: a line of `/proc/PID/status`.
    ///
    /// # Errors
    /// If it has ended.
    pub(crate) fn memory(&self, line: &str) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id))?;
        let found = status.lines().find_map(|text| text.strip_prefix(line));
        let kib = found.and_then(|rest| rest.split_whitespace().nth(1)).context("it is there")?;
        Ok(kib.parse::<u64>()? * 1024)
    }
}

/// The bytes of all files below `folder`.
pub(crate) fn bytes_below(folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        // Swept while it was looked at.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error.into()),
    };
    for entry in entries {
        let entry = entry?;
        bytes += match entry.file_type()?.is_dir() {
            true => bytes_below(&entry.path())?,
            false => entry.metadata().map_or(0, |file| file.len()),
        };
    }
    Ok(bytes)
}
