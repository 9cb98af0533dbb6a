//! Millions of tasks through a bounded window, in equal slices: memory, live log and restart time must not grow.
//!
//! One run goes on through all slices, following one file that grows. Ten times in each slice it stands still, while a
//! copy of its store, made of hard links, is started beside it to see how long a restart takes. What depends on how long
//! ago files were merged (memory, retained files, restarts) is looked at often, and its mean counts; of restarts the
//! median, since whatever else the machine does falls on some of them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::engine::{Binary, Observed, Running, bytes_below, followed};
use crate::stream::{Shape, Votes};

/// How the flat run runs.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    binary: Binary,
    /// Where votes and tables go; emptied first
    #[arg(long, default_value = "target/bench/flat")]
    folder: PathBuf,
    /// Tasks, in millions
    #[arg(long, default_value_t = 20)]
    millions: u64,
    /// Votes on each task, about
    #[arg(long, default_value_t = 1)]
    votes: u64,
    /// Equal slices
    #[arg(long, default_value_t = 10)]
    slices: u64,
    /// Votes written a second; 0: all that come between two restarts at once, so that the engine is always behind
    #[arg(long, default_value_t = 50_000)]
    rate: u64,
    /// Don't publish Delta tables: what of the costs is theirs
    #[arg(long)]
    no_delta: bool,
    /// Worker threads
    #[arg(long, default_value_t = 2)]
    workers: usize,
}

/// Looks at memory and retained files come this often.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Restarts in each slice.
const RESTARTS: u64 = 10;

/// What a slice came to.
struct Slice {
    cpu_s: f64,
    peak_bytes: u64,
    memory_bytes: u64,
    log_bytes: u64,
    retained_bytes: u64,
    restart_ms: u64,
    restored_rows: u64,
    /// Bytes of all retained files, merged ones among them, against those of the rows that changed.
    written_per_changed: f64,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    ensure!(args.slices > 2, "--slices: the second is held against the last");
    let quorate = args.binary.path()?;
    let _ = fs::remove_dir_all(&args.folder);
    fs::create_dir_all(&args.folder)?;
    let job = args.folder.join("flat.toml");
    let publish = if args.no_delta { "\n[publish]\ndelta = false\n" } else { "" };
    let more = format!("\n[limits]\nfuture_skew = \"off\"\n{publish}");
    let consensus = "method = \"weighted\"\nera = \"10m\"\nclose = { after = \"10s\" }";
    fs::write(&job, followed("flat", consensus, &more))?;
    let tasks = args.millions * 1_000_000;
    let lines = tasks * args.votes;
    let shape =
        Shape { lines, tasks, agents: 10_000, spread: 20_000 * args.votes, lines_per_s: 2_000 };
    let mut votes = Votes::new(shape);
    let mut to = BufWriter::with_capacity(1 << 20, File::create(args.folder.join("votes.jsonl"))?);
    let mut running = Running::start(&quorate, &job, args.workers)?;
    running.next("started")?;
    let observed = running.observed();
    println!("{tasks} tasks, {lines} votes, {} workers, {} slices", args.workers, args.slices);
    println!(
        "{:>5} {:>8} {:>8} {:>9} {:>8} {:>11} {:>10} {:>9} {:>9}",
        "slice",
        "CPU s",
        "peak MB",
        "memory MB",
        "log KB",
        "retained KB",
        "restart ms",
        "restored",
        "written x"
    );
    let store = args.folder.join("store");
    let mut slices: Vec<Slice> = Vec::new();
    let (mut log_before, mut cpu_before, mut written, mut read) = (0, 0.0, 0, 0);
    for nr in 1..=args.slices {
        running.forget_peak()?;
        let (mut memory, mut retained) = (Vec::new(), Vec::new());
        let (mut restarts, mut restored) = (Vec::new(), Vec::new());
        let mut files: BTreeMap<String, u64> = BTreeMap::new();
        for part in 1..=RESTARTS {
            let until = lines * (RESTARTS * (nr - 1) + part) / (RESTARTS * args.slices);
            let over = AtomicBool::new(false);
            let (looks, seen) = std::thread::scope(|scope| -> anyhow::Result<_> {
                let looking = scope.spawn(|| look(observed, &store.join("retained"), &over));
                let wrote = write(&mut votes, until - written, args.rate, &mut to);
                over.store(true, Ordering::Relaxed);
                wrote?;
                looking.join().map_err(|_| anyhow::anyhow!("looking failed"))?
            })?;
            written = until;
            memory.extend(looks.iter().map(|look| look.0));
            retained.extend(looks.iter().map(|look| look.1));
            files.extend(seen);
            while read < written {
                let commit = running.next("commit")?;
                read += commit["rows"]["rows_in"].as_u64().context("a commit counts its rows")?;
            }
            // It stands still meanwhile, so that a restart has the machine for itself.
            running.signal("STOP")?;
            let restarted = restart(&quorate, &args.folder, args.workers);
            running.signal("CONT")?;
            let (ms, rows) = restarted?;
            restarts.push(ms);
            restored.push(rows);
        }
        let (log, cpu) = (bytes_below(&store.join("log"))?, running.cpu_s()?);
        let slice = Slice {
            cpu_s: cpu - cpu_before,
            peak_bytes: observed.memory("VmHWM")?,
            memory_bytes: mean(&memory),
            log_bytes: log - log_before,
            retained_bytes: mean(&retained),
            restart_ms: median(restarts),
            restored_rows: mean(&restored),
            written_per_changed: written_per_changed(&files),
        };
        (log_before, cpu_before) = (log, cpu);
        println!(
            "{nr:>5} {:>8.1} {:>8.0} {:>9.0} {:>8.0} {:>11.0} {:>10} {:>9} {:>9.2}",
            slice.cpu_s,
            slice.peak_bytes as f64 / 1e6,
            slice.memory_bytes as f64 / 1e6,
            slice.log_bytes as f64 / 1e3,
            slice.retained_bytes as f64 / 1e3,
            slice.restart_ms,
            slice.restored_rows,
            slice.written_per_changed
        );
        slices.push(slice);
    }
    running.kill()?;
    let (second, last) = (&slices[1], &slices[slices.len() - 1]);
    let grown = |figure: fn(&Slice) -> f64| 100.0 * (figure(last) / figure(second) - 1.0);
    println!("from the second slice to the last, in per cent:");
    println!("  CPU              {:>7.1}", grown(|slice| slice.cpu_s));
    println!("  peak memory      {:>7.1}", grown(|slice| slice.peak_bytes as f64));
    println!("  memory           {:>7.1}", grown(|slice| slice.memory_bytes as f64));
    println!("  log of a slice   {:>7.1}", grown(|slice| slice.log_bytes as f64));
    println!("  retained files   {:>7.1}", grown(|slice| slice.retained_bytes as f64));
    println!("  restart          {:>7.1}", grown(|slice| slice.restart_ms as f64));
    Ok(())
}

/// The memory of the run and the bytes of its retained files, each time one looked, and those of each file.
type Looks = (Vec<(u64, u64)>, BTreeMap<String, u64>);

/// Looks until it is `over`.
fn look(observed: Observed, retained: &Path, over: &AtomicBool) -> anyhow::Result<Looks> {
    let (mut looks, mut files) = (Vec::new(), BTreeMap::new());
    while !over.load(Ordering::Relaxed) {
        looks.push((observed.memory("VmRSS")?, bytes_below(retained)?));
        // There is none before the first checkpoint.
        for entry in fs::read_dir(retained).into_iter().flatten() {
            let entry = entry?;
            // One that is gone meanwhile was seen before.
            if let Ok(file) = entry.metadata() {
                files.insert(entry.file_name().to_string_lossy().into_owned(), file.len());
            }
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok((looks, files))
}

/// A merged file has a number more in its name than one that a worker wrote at a checkpoint.
fn written_per_changed(files: &BTreeMap<String, u64>) -> f64 {
    let is_merged = |name: &str| name.split('-').count() > 3;
    let changed: u64 = files.iter().filter(|(name, _)| !is_merged(name)).map(|file| file.1).sum();
    files.values().sum::<u64>() as f64 / changed as f64
}

pub(crate) fn median(mut of: Vec<u64>) -> u64 {
    of.sort_unstable();
    of.get(of.len() / 2).copied().unwrap_or_default()
}

fn mean(of: &[u64]) -> u64 {
    of.iter().sum::<u64>() / (of.len() as u64).max(1)
}

/// Writes so many `lines`, at a steady `rate` a second: a stream, as the engine meets it.
#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn write(votes: &mut Votes, lines: u64, rate: u64, to: &mut impl Write) -> anyhow::Result<()> {
    const PORTION: Duration = Duration::from_millis(50);
    let portion = if rate == 0 { lines } else { (rate / 20).max(1) };
    let (began, mut written, mut portions) = (Instant::now(), 0, 0);
    while written < lines {
        let more = portion.min(lines - written);
        votes.write(more, to)?;
        to.flush()?;
        written += more;
        portions += 1;
        std::thread::sleep((began + PORTION * portions).saturating_duration_since(Instant::now()));
    }
    Ok(())
}

/// Starts a copy of the job as it stands: how long until it reads, and how many rows it was given back.
fn restart(quorate: &Path, folder: &Path, workers: usize) -> anyhow::Result<(u64, u64)> {
    let copy = folder.join("store-copy");
    let job = folder.join("copy.toml");
    let text = fs::read_to_string(folder.join("flat.toml"))?;
    fs::write(&job, text.replace("./store", "./store-copy"))?;
    let _ = fs::remove_dir_all(&copy);
    fs::create_dir_all(&copy)?;
    for part in ["log", "job", "retained"] {
        // Files come and go while they are linked; what the last record names is there.
        Command::new("cp").arg("-al").arg(folder.join("store").join(part)).arg(&copy).output()?;
    }
    let mut running = Running::start(quorate, &job, workers)?;
    let started = running.next("started")?;
    running.kill()?;
    let _ = fs::remove_dir_all(&copy);
    let number = |key: &str| started[key].as_u64().context("a number");
    Ok((number("took_ms")?, number("retained_rows")?))
}
