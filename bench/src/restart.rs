//! How long does a job stand still when one of its processes is killed, with many votes on open tasks?
//!
//! Votes trickle in all the time. One process after the other is killed; what counts is the time until the next
//! generation has made its first commit, and where it goes is told by what the processes log on the way.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::crew::Crew;
use crate::engine::{Binary, followed};
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
    /// Kills; the median counts
    #[arg(long, default_value_t = 5)]
    restarts: usize,
    /// Processes
    #[arg(long, default_value_t = 3)]
    processes: usize,
    /// Worker threads of each
    #[arg(long, default_value_t = 1)]
    workers: usize,
    /// Seconds between a commit and the next kill
    #[arg(long, default_value_t = 5)]
    pause_s: u64,
}

/// What a process logs on its way back, and what it shows.
const STEPS: [(&str, &str); 6] = [
    ("starting again", "the last process has ended"),
    ("all processes have met", "the next ones have started and met"),
    ("leads", "process 0 has claimed the log"),
    ("retained rows are back", "the last one has its rows"),
    ("started", "the last one reads"),
    ("commit", "the first commit"),
];

/// So many votes trickle in ten times a second.
const TRICKLE: u64 = 100;

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    ensure!(args.restarts > 0 && args.processes > 0, "--restarts and --processes: at least 1");
    let quorate = args.binary.path()?;
    let _ = fs::remove_dir_all(&args.folder);
    fs::create_dir_all(&args.folder)?;
    let job = args.folder.join("restart.toml");
    let consensus = "method = \"weighted\"\nera = \"1h\"\nclose = { after = \"30d\" }";
    fs::write(&job, followed("restart", consensus, "\n[limits]\nfuture_skew = \"off\"\n"))?;
    let lines = args.thousands * 1_000;
    let mut votes = Votes::new(Shape::of_w1(lines));
    let mut to = BufWriter::with_capacity(1 << 20, File::create(args.folder.join("votes.jsonl"))?);
    votes.write(lines, &mut to)?;
    to.flush()?;
    let crew = Crew::start(&quorate, &job, args.processes, args.workers)?;
    let mut read = 0;
    while read < lines {
        let said = crew.next()?;
        if said.what() == "commit" {
            read += said.line["rows"]["rows_in"].as_u64().context("a commit counts its rows")?;
        }
    }
    println!("{lines} votes on open tasks, {} processes of {}", args.processes, args.workers);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let trickling = scope.spawn(|| trickle(&mut votes, &mut to, &over));
        let measured = measure(args, &crew);
        over.store(true, Ordering::Relaxed);
        trickling.join().map_err(|_| anyhow::anyhow!("writing failed"))??;
        show(measured?);
        Ok(())
    })
}

fn trickle(votes: &mut Votes, to: &mut impl Write, over: &AtomicBool) -> anyhow::Result<()> {
    while !over.load(Ordering::Relaxed) {
        votes.write(TRICKLE, to)?;
        to.flush()?;
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// Of each kill: when each step was over, in ms after it, and how many rows came back to each process.
fn measure(args: &Args, crew: &Crew) -> anyhow::Result<Vec<[u64; STEPS.len()]>> {
    let mut measured = Vec::new();
    for nr in 0..args.restarts {
        settle(crew, Duration::from_secs(args.pause_s))?;
        let victim = nr % args.processes;
        crew.kill(victim)?;
        let killed = now();
        let (mut steps, mut rows) = ([0; STEPS.len()], vec![0; args.processes]);
        loop {
            let said = crew.next()?;
            let ms = said.at.saturating_duration_since(killed).as_millis() as u64;
            let Some(step) = STEPS.iter().position(|(what, _)| said.what().contains(what)) else {
                continue;
            };
            // What was said before the kill, and is heard after it.
            if steps[0] == 0 && step > 0 {
                continue;
            }
            steps[step] = ms;
            if said.what() == "started" {
                rows[said.by] = said.line["retained_rows"].as_u64().context("a number")?;
            }
            if said.what() == "commit" {
                break;
            }
        }
        println!("process {victim} killed: {steps:?} ms; rows came back to each: {rows:?}");
        measured.push(steps);
    }
    Ok(measured)
}

/// Until it has committed for so long.
fn settle(crew: &Crew, pause: Duration) -> anyhow::Result<()> {
    let since = now();
    loop {
        let said = crew.next()?;
        if said.what() == "commit" && said.at.saturating_duration_since(since) >= pause {
            return Ok(());
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn now() -> Instant {
    Instant::now()
}

fn show(measured: Vec<[u64; STEPS.len()]>) {
    println!("ms after the kill: median (least to most)");
    for (step, (_, what)) in STEPS.iter().enumerate() {
        let of: Vec<u64> = measured.iter().map(|steps| steps[step]).collect();
        let (least, most) = (of.iter().min().copied(), of.iter().max().copied());
        println!(
            "  {what:<40} {:>6} ({} to {})",
            median(of),
            least.unwrap_or_default(),
            most.unwrap_or_default()
        );
    }
}
