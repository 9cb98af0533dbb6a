//! How long does a run take to go on where another one was killed, with many votes on open tasks?

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anyhow::{Context, ensure};

use crate::engine::{Binary, Running, followed};
use crate::flat::median;
use crate::stream::{Shape, Votes};

/// How the restart run runs.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    binary: Binary,
    /// Where votes and tables go; emptied first
    #[arg(long, default_value = "target/bench/restart")]
    folder: PathBuf,
    /// Votes, in thousands, ten on each task; all tasks stay open
    #[arg(long, default_value_t = 1_000)]
    thousands: u64,
    /// Restarts; the median counts
    #[arg(long, default_value_t = 5)]
    restarts: u64,
    /// Worker threads
    #[arg(long, default_value_t = 2)]
    workers: usize,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    ensure!(args.restarts > 0, "--restarts must be at least 1");
    let quorate = args.binary.path()?;
    let _ = fs::remove_dir_all(&args.folder);
    fs::create_dir_all(&args.folder)?;
    let job = args.folder.join("restart.toml");
    let consensus = "method = \"weighted\"\nera = \"1h\"\nclose = { after = \"30d\" }";
    fs::write(&job, followed("restart", consensus, "\n[limits]\nfuture_skew = \"off\"\n"))?;
    let lines = args.thousands * 1_000;
    let shape =
        Shape { lines, tasks: lines / 10, agents: 10_000, spread: 20_000, lines_per_s: 2_000 };
    let mut to = BufWriter::with_capacity(1 << 20, File::create(args.folder.join("votes.jsonl"))?);
    Votes::new(shape).write(lines, &mut to)?;
    to.flush()?;
    let mut running = Running::start(&quorate, &job, args.workers)?;
    running.next("started")?;
    let mut read = 0;
    while read < lines {
        let commit = running.next("commit")?;
        read += commit["rows"]["rows_in"].as_u64().context("a commit counts its rows")?;
    }
    running.kill()?;
    let (mut took, mut rows) = (Vec::new(), 0);
    for _ in 0..args.restarts {
        let mut running = Running::start(&quorate, &job, args.workers)?;
        let started = running.next("started")?;
        took.push(started["took_ms"].as_u64().context("a number")?);
        rows = started["retained_rows"].as_u64().context("a number")?;
        running.kill()?;
    }
    println!("{lines} votes on open tasks, {} workers", args.workers);
    println!("{rows} rows restored, ms until it reads: {took:?}, median {}", median(took.clone()));
    Ok(())
}
