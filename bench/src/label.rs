//! Do labels that `quorate label` asks for beat as many drawn at random?

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::engine::Binary;
use crate::panels::{answers, make, right};

/// How labels are compared.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    binary: Binary,
    /// The folder of data; `../tools/panels.py` beside it makes records of it
    #[arg(long)]
    data: PathBuf,
    /// Where records and tables go
    #[arg(long, default_value = "target/bench/label")]
    folder: PathBuf,
    /// The panel
    #[arg(long, default_value = "mmlu_pro")]
    panel: String,
    /// Seeds 1 to this, of what is drawn at random
    #[arg(long, default_value_t = 10)]
    seeds: u32,
    /// Labels
    #[arg(long, default_value_t = 100)]
    labels: usize,
    /// Labels asked for at a time
    #[arg(long, default_value_t = 20)]
    at_a_time: usize,
    /// What stands in `[consensus]`
    #[arg(long, default_value = "method = \"stacked\"\nclose = \"end-of-input\"")]
    consensus: String,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let quorate = args.binary.path()?;
    let (mut drawn, mut asked) = (Vec::new(), Vec::new());
    for seed in 1..=args.seeds {
        let folder = args.folder.join(seed.to_string());
        make(&args.data, &args.panel, &folder, seed)?;
        let truth = answers(&fs::read_to_string(folder.join("truth.jsonl"))?)?;
        // Names are in an order that has nothing to do with what is asked.
        let mut tasks: Vec<&String> = truth.keys().collect();
        tasks.sort_by_key(|task| mixed(task, seed));
        let gold: Vec<&String> = tasks.into_iter().take(args.labels).collect();
        write_gold(&folder, &truth, &gold)?;
        drawn.push(right(&quorate, &folder, &args.consensus)?);
        // The answers to what was asked first are known when more is asked.
        let mut known: Vec<String> = Vec::new();
        while known.len() < args.labels {
            write_gold(&folder, &truth, &known.iter().collect::<Vec<_>>())?;
            right(&quorate, &folder, &args.consensus)?;
            let more = proposed(&quorate, &folder, args.at_a_time.min(args.labels - known.len()))?;
            ensure!(!more.is_empty(), "nothing is asked for any more");
            known.extend(more);
        }
        write_gold(&folder, &truth, &known.iter().collect::<Vec<_>>())?;
        asked.push(right(&quorate, &folder, &args.consensus)?);
        println!(
            "seed {seed}: drawn {:.4}, asked for {:.4}",
            drawn[drawn.len() - 1],
            asked[asked.len() - 1]
        );
        fs::remove_dir_all(&folder)?;
    }
    for (how, shares) in [("drawn", drawn), ("asked for", asked)] {
        let mean = shares.iter().sum::<f64>() / shares.len() as f64;
        let worst = shares.iter().copied().fold(1.0, f64::min);
        println!("{:<10} {mean:.4} (worst {worst:.4})", how);
    }
    Ok(())
}

/// A number of a name and a seed (FNV-1a).
fn mixed(name: &str, seed: u32) -> u64 {
    let bytes = name.bytes().chain(seed.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Gold of these tasks, at the time at which each was put.
fn write_gold(
    folder: &Path,
    truth: &BTreeMap<String, String>,
    of: &[&String],
) -> anyhow::Result<()> {
    let mut put = BTreeMap::new();
    for line in fs::read_to_string(folder.join("tasks.jsonl"))?.lines() {
        let row: Value = serde_json::from_str(line)?;
        let task = row["task_id"].as_str().context("a task has a name")?.to_owned();
        put.insert(task, row["event_time"].clone());
    }
    let record = |task: &&String| json!({ "event_time": put.get(*task), "task_id": task, "answer": truth.get(*task) });
    let mut records: Vec<Value> = of.iter().map(record).collect();
    records.sort_by_key(|record| record["event_time"].to_string());
    let mut file = fs::File::create(folder.join("gold.jsonl"))?;
    for record in records {
        writeln!(file, "{record}")?;
    }
    Ok(())
}

fn proposed(quorate: &Path, folder: &Path, count: usize) -> anyhow::Result<Vec<String>> {
    let mut ask = Command::new(quorate);
    ask.arg("label").arg(folder.join("job.toml")).args(["--json", "--count"]);
    let asked = ask.arg(count.to_string()).stdin(Stdio::null()).output()?;
    ensure!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    let task = |line: &str| {
        let row: Value = serde_json::from_str(line)?;
        Ok(row["task_id"].as_str().context("a question has a task")?.to_owned())
    };
    String::from_utf8(asked.stdout)?.lines().map(task).collect()
}
