//! A hundred times the rate that a job keeps up with, for a minute: what it holds, what it shows, and whether it catches up.
//!
//! On one machine a job and a hundred times its rate do not fit. So the job is held to a few per cent of its time, by
//! halting it again and again; the rate that it keeps up with so is measured, and a hundred times that is written. Then
//! it is let go, and catches up.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::ensure;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::engine::{Binary, followed};
use crate::service::{Most, Service, now};
use crate::stream::{Shape, Votes};

/// How the flood runs.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    binary: Binary,
    /// Where votes and tables go; emptied first
    #[arg(long, default_value = "target/bench/flood")]
    folder: PathBuf,
    /// The job gets so many per cent of its time
    #[arg(long, default_value_t = 4)]
    share: u32,
    /// So many times the rate that it keeps up with
    #[arg(long, default_value_t = 100)]
    times: u64,
    /// For so long
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Worker threads
    #[arg(long, default_value_t = 2)]
    workers: usize,
}

/// It is halted once in so long.
const TURN: Duration = Duration::from_millis(250);
/// The rate is measured for so long.
const MEASURED: Duration = Duration::from_secs(30);

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    ensure!((1..100).contains(&args.share), "--share: 1 to 99");
    let quorate = args.binary.path()?;
    let _ = fs::remove_dir_all(&args.folder);
    fs::create_dir_all(&args.folder)?;
    let job = args.folder.join("flood.toml");
    let consensus = "method = \"weighted\"\nera = \"10m\"\nclose = { after = \"10s\" }";
    fs::write(&job, followed("flood", consensus, "\n[limits]\nfuture_skew = \"off\"\n"))?;
    let mut votes = Votes::new(Shape::of_w1(1 << 32));
    let mut to = BufWriter::with_capacity(1 << 20, File::create(args.folder.join("votes.jsonl"))?);
    let mut written = 3_000_000;
    votes.write(written, &mut to)?;
    to.flush()?;
    let mut service = Service::start(&quorate, &job, args.workers, &[])?;
    let (over, pid) = (AtomicBool::new(false), service.running.observed().id());
    let (sustained, before, flood) = std::thread::scope(|scope| -> anyhow::Result<_> {
        scope.spawn(|| hold(pid, args.share, &over));
        let measured = (|| {
            service.watch(|committed| committed > 0)?;
            let (began, at) = (now(), service.committed());
            let before = service.watch(|_| began.elapsed() >= MEASURED)?;
            let rows = service.committed() - at;
            ensure!(service.committed() < written, "it was not behind: give it a smaller --share");
            let sustained = rows as f64 / began.elapsed().as_secs_f64();
            let more = (sustained * args.times as f64) as u64 * args.seconds;
            let began = now();
            let (done, writing) = (AtomicBool::new(false), began);
            let flood = std::thread::scope(|scope| -> anyhow::Result<Most> {
                let pouring = scope.spawn(|| {
                    let poured = pour(&mut votes, &mut to, more, args.seconds, writing);
                    done.store(true, Ordering::Relaxed);
                    poured
                });
                let flood = service.watch(|_| done.load(Ordering::Relaxed))?;
                pouring.join().map_err(|_| anyhow::anyhow!("writing failed"))??;
                Ok(flood)
            })?;
            written += more;
            println!(
                "held to {} % of its time it keeps up with {sustained:.0} votes a second; {} were written, {:.0} a second",
                args.share,
                more,
                more as f64 / began.elapsed().as_secs_f64()
            );
            Ok((sustained, before, flood))
        })();
        over.store(true, Ordering::Relaxed);
        measured
    })?;
    let (began, left) = (now(), written - service.committed());
    let after = service.watch(|committed| committed >= written)?;
    println!(
        "let go, it commits the {left} that are left in {:.0} s, {:.0} a second ({:.0} times what it kept up with)",
        began.elapsed().as_secs_f64(),
        left as f64 / began.elapsed().as_secs_f64(),
        left as f64 / began.elapsed().as_secs_f64() / sustained
    );
    println!(
        "{} rows committed of {written} written, {} of them late or rejected",
        service.committed(),
        service.late_or_rejected()
    );
    Most::head();
    before.show("behind, before");
    flood.show("while they are written");
    after.show("while it catches up");
    service.running.kill()
}

/// Writes so many lines within so many seconds, as evenly as it can.
fn pour(
    votes: &mut Votes,
    to: &mut impl Write,
    lines: u64,
    seconds: u64,
    began: std::time::Instant,
) -> anyhow::Result<()> {
    let mut written = 0;
    while written < lines {
        let due = (lines as f64 * (began.elapsed().as_secs_f64() / seconds as f64)) as u64;
        let more = (due.min(lines) - written.min(due.min(lines))).min(200_000);
        votes.write(more, to)?;
        to.flush()?;
        written += more;
        if more == 0 {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    Ok(())
}

/// Halts it for most of each turn, until it is over.
fn hold(pid: u32, share: u32, over: &AtomicBool) {
    let pid = Pid::from_raw(pid as i32);
    while !over.load(Ordering::Relaxed) {
        let works = TURN * share / 100;
        // It may have ended, which whoever watches it notices.
        let _ = kill(pid, Signal::SIGCONT);
        std::thread::sleep(works);
        let _ = kill(pid, Signal::SIGSTOP);
        std::thread::sleep(TURN - works);
    }
    let _ = kill(pid, Signal::SIGCONT);
}
