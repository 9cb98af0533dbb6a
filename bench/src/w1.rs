//! W1: from a file of votes to committed decisions and votes, beside the raw limit and a program without guarantees.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::costs::{self, Costs};
use crate::engine::Binary;
use crate::stream::{Shape, Votes};

/// What every bench over W1's votes is told.
#[derive(clap::Args)]
pub(crate) struct Common {
    #[command(flatten)]
    pub(crate) binary: Binary,
    /// Where votes, broker and tables go; votes and broker are kept for the next time
    #[arg(long, default_value = "target/bench")]
    pub(crate) folder: PathBuf,
    /// Votes, in millions
    #[arg(long, default_value_t = 5)]
    pub(crate) millions: u64,
    /// How often each program runs; the run with the median CPU counts
    #[arg(long, default_value_t = 3)]
    pub(crate) runs: usize,
}

/// How W1 runs.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) common: Common,
    /// Worker threads
    #[arg(long, default_value_t = 2)]
    pub(crate) workers: usize,
}

/// W1's job: state is bounded, since tasks close by event time. Peers are held against the same.
pub(crate) const JOB: &str = include_str!("../w1.toml");

/// W1's votes alone.
#[derive(clap::Args)]
pub(crate) struct VotesArgs {
    /// The file to write
    file: PathBuf,
    /// Votes, in millions
    #[arg(long, default_value_t = 5)]
    millions: u64,
}

pub(crate) fn write_votes(args: &VotesArgs) -> anyhow::Result<()> {
    make_votes(&args.file, args.millions * 1_000_000)
}

fn make_votes(path: &Path, lines: u64) -> anyhow::Result<()> {
    // Under another name until it is whole: a file of this name is taken for all of the votes.
    let part = path.with_extension("part");
    let mut to = BufWriter::with_capacity(1 << 20, File::create(&part)?);
    Votes::new(Shape::of_w1(lines)).write(lines, &mut to)?;
    to.flush()?;
    Ok(fs::rename(&part, path)?)
}

/// A folder below `folder` for so many millions of votes, and the file in it that has them.
///
/// # Errors
/// If it can't be written.
pub(crate) fn votes_in(folder: &Path, millions: u64) -> anyhow::Result<(PathBuf, PathBuf)> {
    let folder = folder.join(format!("w1-{millions}"));
    fs::create_dir_all(&folder)?;
    let votes = folder.join("votes.jsonl");
    if !votes.exists() {
        make_votes(&votes, millions * 1_000_000)?;
    }
    Ok((folder, votes))
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let Args { common: Common { binary, folder, millions, runs }, workers } = args;
    let lines = millions * 1_000_000;
    let (folder, votes) = votes_in(folder, *millions)?;
    let job = folder.join("w1.toml");
    fs::write(&job, JOB)?;
    let (bench, quorate) = (std::env::current_exe()?, binary.path()?);
    let (bench, quorate) = (text(&bench), text(&quorate));
    let (votes, job, workers) = (text(&votes), text(&job), workers.to_string());
    let repeat = |command: &[&str]| -> anyhow::Result<Costs> {
        let mut runs = Vec::new();
        for _ in 0..args.common.runs {
            let _ = fs::remove_dir_all(folder.join("store"));
            runs.push(costs::of(command)?);
        }
        Costs::median(runs).ok_or_else(|| anyhow::anyhow!("--runs must be at least 1"))
    };
    let parse = repeat(&[&bench, "opponent", "parse", &votes])?;
    let tally = repeat(&[&bench, "opponent", "tally", &votes])?;
    let engine = repeat(&[&quorate, "run", &job, "--workers", &workers, "--quiet"])?;

    println!("W1, {millions} million votes, {workers} workers, median of {runs}");
    println!(
        "{:<12} {:>9} {:>9} {:>12} {:>12} {:>9}",
        "", "CPU s", "wall s", "votes/CPU s", "votes/s", "peak MB"
    );
    for (name, costs) in [("parse alone", parse), ("tally", tally), ("quorate", engine)] {
        println!(
            "{name:<12} {:>9.2} {:>9.2} {:>12.0} {:>12.0} {:>9.0}",
            costs.cpu_s,
            costs.wall_s,
            lines as f64 / costs.cpu_s,
            lines as f64 / costs.wall_s,
            costs.peak_bytes as f64 / 1e6
        );
    }
    println!(
        "tally against parse alone, CPU: {:.2} (a fair opponent up to 3)",
        tally.cpu_s / parse.cpu_s
    );
    println!("quorate against tally, votes per CPU second: {:.2}", tally.cpu_s / engine.cpu_s);
    println!("quorate against tally, votes per second:     {:.2}", tally.wall_s / engine.wall_s);
    let memory = engine.peak_bytes as f64 / tally.peak_bytes as f64;
    println!("quorate against tally, peak memory:          {memory:.2}");
    Ok(())
}

pub(crate) fn text(path: &Path) -> String {
    path.display().to_string()
}
