//! How old is a decision when it is told? From a line appended to a followed file until its task's provisional decision is
//! printed, and until the commit that has it is.
//!
//! Beside the load, which has event times as of now, a vote on a task of its own is appended every few milliseconds: such
//! a probe is told apart in what the run prints. Its age is that of the moment when its line was written.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::engine::{Binary, followed};
use crate::stream::Dice;

/// How the latency run runs.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    binary: Binary,
    /// Where votes and tables go; emptied first
    #[arg(long, default_value = "target/bench/latency")]
    folder: PathBuf,
    /// Votes appended a second: half of the most that it keeps up with while it prints all that changes
    #[arg(long, default_value_t = 110_000)]
    rate: u64,
    /// For so long
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Worker threads
    #[arg(long, default_value_t = 2)]
    workers: usize,
}

/// Lines are appended this often.
const PORTION: Duration = Duration::from_millis(5);
/// The first seconds are not counted.
const WARM_UP: Duration = Duration::from_secs(5);

/// When a probe was written, and as which line.
struct Probe {
    at: Instant,
    line: u64,
}

/// When something was printed.
enum Said {
    Provisional { probe: usize },
    Committed { rows: u64 },
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let quorate = args.binary.path()?;
    let _ = fs::remove_dir_all(&args.folder);
    fs::create_dir_all(&args.folder)?;
    let job = args.folder.join("latency.toml");
    let consensus = "method = \"majority\"\nera = \"1h\"\nclose = { after = \"10s\" }";
    fs::write(&job, followed("latency", consensus, ""))?;
    let mut votes = File::create(args.folder.join("votes.jsonl"))?;
    let mut child = Command::new(quorate)
        .arg("run")
        .arg(&job)
        .args(["--follow", "--json", "--workers", &args.workers.to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    let out = BufReader::with_capacity(1 << 20, child.stdout.take().context("it has an output")?);
    let listening = std::thread::spawn(move || listen(out));
    let probes = append(args, &mut votes)?;
    std::thread::sleep(Duration::from_secs(4));
    child.kill()?;
    child.wait()?;
    let said = listening.join().map_err(|_| anyhow::anyhow!("listening failed"))?;

    let counted = |probe: &Probe| probe.at - probes[0].at >= WARM_UP;
    let mut provisional: Vec<Option<Duration>> = vec![None; probes.len()];
    let mut committed = provisional.clone();
    let (mut next, mut rows_committed) = (0, 0);
    for (at, said) in said {
        match said {
            Said::Provisional { probe } => {
                provisional[probe].get_or_insert(at - probes[probe].at);
            }
            Said::Committed { rows } => {
                rows_committed += rows;
                while probes.get(next).is_some_and(|probe| probe.line < rows_committed) {
                    committed[next] = Some(at - probes[next].at);
                    next += 1;
                }
            }
        }
    }
    println!("{} votes a second for {} s, {} workers", args.rate, args.seconds, args.workers);
    println!(
        "{:<24} {:>8} {:>9} {:>9} {:>9} {:>9}",
        "from appended to", "probes", "median ms", "90 % ms", "99 % ms", "most ms"
    );
    for (name, ages) in [("provisional, printed", provisional), ("committed", committed)] {
        let some = probes.iter().zip(&ages).filter(|(probe, _)| counted(probe));
        let mut ages: Vec<f64> =
            some.filter_map(|(_, age)| Some(age.as_ref()?.as_secs_f64() * 1e3)).collect();
        let missing = probes.iter().filter(|probe| counted(probe)).count() - ages.len();
        ensure!(!ages.is_empty(), "nothing was {name}");
        ages.sort_by(f64::total_cmp);
        let of = |share: f64| ages[((ages.len() - 1) as f64 * share) as usize];
        println!(
            "{name:<24} {:>8} {:>9.1} {:>9.1} {:>9.1} {:>9.1}",
            ages.len(),
            of(0.5),
            of(0.9),
            of(0.99),
            of(1.0)
        );
        if missing > 0 {
            println!("{:<24} {missing:>8} never were", "");
        }
    }
    Ok(())
}

/// Appends votes at a steady rate, each portion with a probe at its end.
#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn append(args: &Args, to: &mut File) -> anyhow::Result<Vec<Probe>> {
    let (mut dice, mut probes, mut text) = (Dice::new(2), Vec::new(), Vec::new());
    let (began, mut line, mut portions) = (Instant::now(), 0u64, 0u32);
    while began.elapsed() < Duration::from_secs(args.seconds) {
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        text.clear();
        let due = (began.elapsed().as_secs_f64() * args.rate as f64) as u64;
        while line < due {
            // Ten votes on each task, spread over about a tenth of a second.
            let task = line / 10 + dice.below((args.rate / 100).max(1));
            let (agent, choice) = (dice.below(10_000), b'A' + dice.below(4) as u8);
            writeln!(
                text,
                "{{\"event_time\":{now_ms},\"task_id\":\"t{task:09}\",\"agent_id\":\"a{agent:07}\",\"choice\":\"{}\"}}",
                char::from(choice)
            )?;
            line += 1;
        }
        let probe = probes.len();
        writeln!(
            text,
            "{{\"event_time\":{now_ms},\"task_id\":\"probe-{probe}\",\"agent_id\":\"prober\",\"choice\":\"A\"}}"
        )?;
        to.write_all(&text)?;
        probes.push(Probe { at: Instant::now(), line });
        line += 1;
        portions += 1;
        std::thread::sleep((began + PORTION * portions).saturating_duration_since(Instant::now()));
    }
    Ok(probes)
}

/// What the run says of probes and commits, and when.
#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn listen(mut out: impl BufRead) -> Vec<(Instant, Said)> {
    let (mut said, mut line) = (Vec::new(), Vec::new());
    let probe = memchr::memmem::Finder::new(b"\"task_id\":\"probe-");
    let commit = memchr::memmem::Finder::new(b"\"type\":\"commit\"");
    while out.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
        let is_probe = probe.find(&line).is_some();
        if is_probe || commit.find(&line).is_some() {
            let at = Instant::now();
            let read: Option<Value> = serde_json::from_slice(&line).ok();
            let told = read.and_then(|read| match read["type"].as_str()? {
                "update" => {
                    let number = read["task_id"].as_str()?.strip_prefix("probe-")?.parse().ok()?;
                    Some(Said::Provisional { probe: number })
                }
                "commit" => Some(Said::Committed { rows: read["rows"]["rows_in"].as_u64()? }),
                _ => None,
            });
            said.extend(told.map(|told| (at, told)));
        }
        line.clear();
    }
    said
}
