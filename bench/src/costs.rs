//! What a command costs: CPU of it and of all it starts, wall time, peak memory.
//!
//! The kernel counts for a parent the resources of the children it has waited for, peak memory as the greatest of
//! them. So each command gets a parent of its own: this program, started anew.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde::{Deserialize, Serialize};

/// Costs of one command.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Costs {
    /// In user mode and in the kernel.
    pub(crate) cpu_s: f64,
    /// From start to end.
    pub(crate) wall_s: f64,
    /// The greatest resident memory of one process.
    pub(crate) peak_bytes: u64,
}

/// The command to measure.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Program and arguments
    #[arg(trailing_var_arg = true, required = true)]
    command: Vec<String>,
}

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let [program, arguments @ ..] = args.command.as_slice() else { return Ok(()) };
    let began = Instant::now();
    let status = Command::new(program).args(arguments).stdout(Stdio::null()).status();
    let status = status.with_context(|| format!("{program} does not start"))?;
    let wall_s = began.elapsed().as_secs_f64();
    ensure!(status.success(), "{program} ended with {status}");
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    let peak_bytes = u64::try_from(usage.max_rss()).unwrap_or(0) * 1024;
    let costs = Costs { cpu_s: micros as f64 / 1e6, wall_s, peak_bytes };
    println!("{}", serde_json::to_string(&costs)?);
    Ok(())
}

/// The costs of `command`.
///
/// # Errors
/// If it fails.
pub(crate) fn of(command: &[&str]) -> anyhow::Result<Costs> {
    let output = Command::new(std::env::current_exe()?)
        .args(["costs", "--"])
        .args(command)
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "{} failed", command.join(" "));
    Ok(serde_json::from_slice(&output.stdout)?)
}

impl Costs {
    /// Of several runs the one with the median CPU.
    pub(crate) fn median(mut runs: Vec<Costs>) -> Option<Costs> {
        runs.sort_by(|a, b| a.cpu_s.total_cmp(&b.cpu_s));
        runs.get(runs.len() / 2).copied()
    }
}
