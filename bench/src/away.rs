//! A store that is gone for two minutes while votes go on: what a job holds, what it shows, and whether it catches up.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::engine::{Binary, followed};
use crate::service::{Most, Service, now};
use crate::stream::{Shape, Votes};

/// How the run without a store runs.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    binary: Binary,
    /// Where votes and tables go; emptied first
    #[arg(long, default_value = "target/bench/away")]
    folder: PathBuf,
    /// The store: what `cargo build -p quorate-s3` gives
    #[arg(long, value_name = "PATH")]
    s3: PathBuf,
    /// Votes written a second
    #[arg(long, default_value_t = 50_000)]
    rate: u64,
    /// So long the store is there at first
    #[arg(long, default_value_t = 30)]
    before: u64,
    /// And then away
    #[arg(long, default_value_t = 120)]
    away: u64,
    /// Worker threads
    #[arg(long, default_value_t = 2)]
    workers: usize,
}

/// A store that speaks S3, in a process of its own.
struct Bucket {
    child: Child,
    environment: Vec<(String, String)>,
}

impl Bucket {
    fn start(binary: &Path, folder: &Path, address: &str) -> anyhow::Result<Bucket> {
        let mut command = Command::new(binary);
        command.arg(folder).arg(address).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| binary.display().to_string())?;
        let out = BufReader::new(child.stdout.take().context("it has an output")?);
        let mut environment = Vec::new();
        for line in out.lines() {
            let line = line?;
            let Some((name, value)) =
                line.strip_prefix("export ").and_then(|line| line.split_once('='))
            else {
                continue;
            };
            environment.push((name.to_owned(), value.to_owned()));
            // As many as it says.
            if environment.len() == 5 {
                break;
            }
        }
        Ok(Bucket { child, environment })
    }

    fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let quorate = args.binary.path()?;
    let _ = fs::remove_dir_all(&args.folder);
    fs::create_dir_all(&args.folder)?;
    let job = args.folder.join("away.toml");
    let consensus = "method = \"weighted\"\nera = \"10m\"\nclose = { after = \"10s\" }";
    let text = followed("away", consensus, "\n[limits]\nfuture_skew = \"off\"\n");
    fs::write(&job, text.replace("\"./store\"", "\"s3://bucket/away\""))?;
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let objects = args.folder.join("objects");
    let bucket = Bucket::start(&args.s3, &objects, &address)?;
    let mut votes = Votes::new(Shape::of_w1(1 << 32));
    let mut to = BufWriter::with_capacity(1 << 20, File::create(args.folder.join("votes.jsonl"))?);
    let mut service = Service::start(&quorate, &job, args.workers, &bucket.environment)?;
    let (over, written) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| pour(&mut votes, &mut to, args.rate, &over, &written));
        let shown = stages(args, &mut service, bucket, (&objects, &address), &over, &written);
        over.store(true, Ordering::Relaxed);
        writing.join().map_err(|_| anyhow::anyhow!("writing failed"))??;
        shown
    })?;
    service.running.kill()
}

fn stages(
    args: &Args,
    service: &mut Service,
    bucket: Bucket,
    (objects, address): (&Path, &str),
    over: &AtomicBool,
    written: &AtomicU64,
) -> anyhow::Result<()> {
    let began = now();
    let before = service.watch(|_| began.elapsed() >= Duration::from_secs(args.before))?;
    bucket.kill()?;
    let gone = now();
    let mut unready_after = None;
    let mut away = Most::default();
    while gone.elapsed() < Duration::from_secs(args.away) {
        service.look(&mut away)?;
        if unready_after.is_none() && !service.is_ready()? {
            unready_after = Some(gone.elapsed());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let (at, there) = (service.committed(), written.load(Ordering::Relaxed));
    let _bucket = Reaped(Bucket::start(&args.s3, objects, address)?);
    let back = now();
    let (mut first_commit, mut ready) = (None, None);
    let after = loop_until_caught_up(service, written, |service, committed| {
        if committed > at {
            first_commit.get_or_insert_with(|| back.elapsed());
        }
        if ready.is_none() && service.is_ready().unwrap_or(false) {
            ready = Some(back.elapsed());
        }
    })?;
    let caught_up = back.elapsed();
    over.store(true, Ordering::Relaxed);
    std::thread::sleep(Duration::from_millis(500));
    let all = written.load(Ordering::Relaxed);
    service.watch(|committed| committed >= all)?;
    println!(
        "{} votes a second; the store was gone for {} s: unready after {}, {} of {there} written were committed",
        args.rate,
        args.away,
        seconds(unready_after),
        at
    );
    println!(
        "back: first commit after {}, ready after {}, caught up after {}",
        seconds(first_commit),
        seconds(ready),
        seconds(Some(caught_up))
    );
    println!(
        "{} rows committed of {all} written, {} of them late or rejected",
        service.committed(),
        service.late_or_rejected()
    );
    Most::head();
    before.show("the store is there");
    away.show("it is gone");
    after.show("while it catches up");
    Ok(())
}

/// Killed when it is dropped.
struct Reaped(Bucket);

impl Drop for Reaped {
    fn drop(&mut self) {
        let _ = self.0.child.kill();
        let _ = self.0.child.wait();
    }
}

/// Until less than two seconds of what is written are not committed.
fn loop_until_caught_up(
    service: &mut Service,
    written: &AtomicU64,
    mut look: impl FnMut(&Service, u64),
) -> anyhow::Result<Most> {
    let mut most = Most::default();
    loop {
        service.look(&mut most)?;
        let committed = service.committed();
        look(service, committed);
        if committed + 150_000 >= written.load(Ordering::Relaxed) {
            return Ok(most);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn seconds(time: Option<Duration>) -> String {
    time.map_or_else(|| "never".to_owned(), |time| format!("{:.1} s", time.as_secs_f64()))
}

/// Writes at a steady rate until it is over.
fn pour(
    votes: &mut Votes,
    to: &mut impl Write,
    rate: u64,
    over: &AtomicBool,
    written: &AtomicU64,
) -> anyhow::Result<()> {
    let began: Instant = now();
    let mut sent = 0;
    while !over.load(Ordering::Relaxed) {
        let due = (began.elapsed().as_secs_f64() * rate as f64) as u64;
        let more = due.saturating_sub(sent);
        votes.write(more, to)?;
        to.flush()?;
        sent += more;
        written.store(sent, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
