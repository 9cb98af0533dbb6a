//! `quorate replay-rejects`: what could not be used, as it came.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use quorate_connectors::kafka::publish::{Letter, send_again};
use quorate_connectors::store::Store;
use quorate_query::rejects::{Reject, Wanted, rejects};
use quorate_runtime::job::Job;
use serde_json::json;

use crate::at::{block_on, failed};
use crate::console::{Console, Paint};
use crate::exit::Exit;
use crate::numbers::counted;

const EXAMPLES: &str = "\
Examples:
  quorate replay-rejects --job panel.toml                        what there is, by source and reason
  quorate replay-rejects --job panel.toml --reason invalid_json --to broken.jsonl
  quorate replay-rejects --job panel.toml --source votes --since 40 --to-topic votes

Rows are written as they came, in order of event time. Mend them, and add the file to the source, or send them to the
topic that it reads: a row that is in time is then counted as any other (in a job that has finished, one that is newer
than all it has read). Rows of which only the beginning was kept
(limits.reject_bytes) are named and left out. A reject by its task (a vote after the close, say) is written as the engine
read it.

The job's table is read, also where rejects go to a topic of dead letters: it has all of them. To take them from that topic
any consumer will do: a message is the row as it came, and its headers say where it came from and why it was refused.";

/// How many rejects are shown of a source and reason.
const SHOWN: usize = 2;
/// How much of each.
const ROW_CHARS: usize = 100;

/// Write rows that could not be used to a file or a topic, to be mended and fed back
///
/// Without --to or --to-topic nothing is written: it says what there is.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The job file
    #[arg(long, value_name = "JOB.toml")]
    job: PathBuf,
    /// Only rejects with this reason, as the table has it; may be given several times
    #[arg(long, value_name = "REASON")]
    reason: Vec<String>,
    /// Only rejects of this source; may be given several times
    #[arg(long, value_name = "SOURCE")]
    source: Vec<String>,
    /// Only rejects of this commit and those after it, by the number in the column `commit`
    #[arg(long, value_name = "COMMIT")]
    since: Option<u64>,
    /// Only rejects of this commit and those before it
    #[arg(long, value_name = "COMMIT")]
    until: Option<u64>,
    /// Write them to this new file, one a line
    #[arg(long, value_name = "FILE", conflicts_with = "to_topic")]
    to: Option<PathBuf>,
    /// Send them to this topic of the job's brokers
    #[arg(long, value_name = "TOPIC")]
    to_topic: Option<String>,
    /// Print what there is as one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, console: &Console) -> anyhow::Result<Exit> {
    let job = Job::load(&args.job)?.job;
    let wanted = Wanted {
        reasons: args.reason.iter().cloned().collect(),
        sources: args.source.iter().cloned().collect(),
        since: args.since,
        until: args.until,
    };
    let found = block_on(async {
        let store = Store::open(&job.store).await?;
        rejects(&store, &wanted).await.map_err(failed)
    })?;
    // A line end inside a row would make two of it.
    let is_torn = |reject: &Reject| args.to.is_some() && reject.bytes.contains(&b'\n');
    let (left_out, whole): (Vec<&Reject>, Vec<&Reject>) =
        found.iter().partition(|reject| reject.is_cut() || is_torn(reject));
    show(&found, args, console)?;
    for reject in &left_out {
        let why =
            if reject.is_cut() { "only its beginning was kept" } else { "a line end is in it" };
        console.warn(&format!("left out: {}: {why}", place(reject)));
    }
    let rows = counted(whole.len() as u64, "row");
    match (&args.to, &args.to_topic) {
        (Some(file), _) => {
            write(file, &whole)?;
            console.note(format_args!("{}: {rows}", file.display()));
        }
        (None, Some(topic)) => {
            send(&job, topic, &whole)?;
            console.note(format_args!("{topic}: {rows}"));
        }
        (None, None) if !args.json && !found.is_empty() => {
            console.note("nothing was written: say where with --to FILE or --to-topic TOPIC");
        }
        (None, None) => {}
    }
    Ok(Exit::Done)
}

/// Counts and examples, by source and reason.
fn show(found: &[Reject], args: &Args, console: &Console) -> anyhow::Result<()> {
    let mut groups: BTreeMap<(&str, &str), Vec<&Reject>> = BTreeMap::new();
    for reject in found {
        groups.entry((&reject.source, &reject.reason)).or_default().push(reject);
    }
    if args.json {
        let groups: Vec<_> = groups
            .iter()
            .map(|((source, reason), rejects)| {
                let cut = rejects.iter().filter(|reject| reject.is_cut()).count();
                json!({ "source": source, "reason": reason, "rows": rejects.len(), "cut": cut })
            })
            .collect();
        console.out(json!({ "rejects": found.len(), "groups": groups }))?;
        return Ok(());
    }
    console.out(counted(found.len() as u64, "reject"))?;
    for ((source, reason), rejects) in groups {
        console
            .out(format_args!("  {source}: {reason}: {}", counted(rejects.len() as u64, "row")))?;
        for reject in rejects.iter().take(SHOWN) {
            // What came from outside commands no terminal.
            let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
            let row = String::from_utf8_lossy(&reject.bytes);
            let row: String = row.chars().take(ROW_CHARS).map(plain).collect();
            console.out(format_args!("    {}: {}", place(reject), reject.detail))?;
            console.out_in(Paint::Dim, &format!("    {row}"))?;
        }
    }
    Ok(())
}

fn place(reject: &Reject) -> String {
    format!("{} {}@{}", reject.source, reject.partition, reject.position)
}

/// A file that is there may be the source itself.
fn write(path: &Path, rejects: &[&Reject]) -> anyhow::Result<()> {
    let written = || -> std::io::Result<()> {
        let mut file = BufWriter::new(OpenOptions::new().write(true).create_new(true).open(path)?);
        for reject in rejects {
            file.write_all(&reject.bytes)?;
            file.write_all(b"\n")?;
        }
        file.flush()
    };
    written().with_context(|| format!("{} cannot be written", path.display()))
}

fn send(job: &Job, topic: &str, rejects: &[&Reject]) -> anyhow::Result<()> {
    let brokers = job.brokers().context(Exit::Misconfigured);
    let brokers = brokers.with_context(|| {
        format!(
            "{} names no brokers: add [publish.kafka], or a source of topics",
            job.file.display()
        )
    })?;
    let letters = rejects.iter().map(|reject| Letter {
        key: format!("{}/{}", reject.source, reject.partition),
        value: &reject.bytes,
        headers: vec![
            ("replayed_from", place(reject)),
            ("reason", reject.reason.clone()),
            ("commit", reject.commit.to_string()),
        ],
    });
    Ok(send_again(brokers, topic, &job.name, letters)?)
}
