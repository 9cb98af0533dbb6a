//! Right on real votes: methods on the panels of a folder of data, over seeds of which answers are known.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::engine::Binary;

/// Which panels, by which methods.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    binary: Binary,
    /// The folder of data; `../tools/panels.py` beside it makes records of it
    #[arg(long)]
    data: PathBuf,
    /// Where records and tables go
    #[arg(long, default_value = "target/bench/panels")]
    folder: PathBuf,
    /// Seeds 1 to this: of which tasks, one in twenty, the answer is known
    #[arg(long, default_value_t = 10)]
    seeds: u32,
    /// Panels
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "mmlu_pro,gsm8k,llmdrift_prime,llmbar,llmbar_neighbor,barzan"
    )]
    panels: Vec<String>,
    /// What stands in `[consensus]`, each of them tried
    #[arg(long = "consensus", default_values = [
        "method = \"majority\"\nclose = \"end-of-input\"",
        "method = \"weighted\"\nclose = \"end-of-input\"",
        "method = \"stacked\"\nclose = \"end-of-input\"",
        "method = \"auto\"\nclose = \"end-of-input\"",
        "method = \"auto\"\nera = \"5m\"\nclose = { after = \"1m\" }",
    ])]
    consensus: Vec<String>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let quorate = args.binary.path()?;
    for panel in &args.panels {
        let mut shares = vec![Vec::new(); args.consensus.len()];
        for seed in 1..=args.seeds {
            let folder = args.folder.join(format!("{panel}-{seed}"));
            make(&args.data, panel, &folder, seed)?;
            for (consensus, shares) in args.consensus.iter().zip(&mut shares) {
                shares.push(right(&quorate, &folder, consensus)?);
            }
            fs::remove_dir_all(&folder)?;
        }
        for (consensus, shares) in args.consensus.iter().zip(&shares) {
            let mean = shares.iter().sum::<f64>() / shares.len() as f64;
            let worst = shares.iter().copied().fold(1.0, f64::min);
            let consensus = consensus.replace('\n', ", ");
            println!("{panel:<16} {mean:.4} (worst {worst:.4})  {consensus}");
        }
    }
    Ok(())
}

/// The records of a panel, with known answers drawn by `seed`.
///
/// # Errors
/// If the tool beside the data can't make them.
pub(crate) fn make(data: &Path, panel: &str, folder: &Path, seed: u32) -> anyhow::Result<()> {
    let tool = data.join("../tools/panels.py");
    let mut make = Command::new("python3");
    make.arg(tool).arg(panel).arg(folder).arg("--seed").arg(seed.to_string());
    let made = make.output().context("python3 does not start")?;
    ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Ok(())
}

/// Of the known answers that were no gold, the share that is decided right.
///
/// # Errors
/// If the job in `folder` can't be run, or asked.
pub(crate) fn right(quorate: &Path, folder: &Path, consensus: &str) -> anyhow::Result<f64> {
    let _ = fs::remove_dir_all(folder.join("store"));
    let job = folder.join("job.toml");
    let text = format!(
        "name = \"panel\"\nstore = \"./store\"\n\
         [source.tasks]\nfiles = \"tasks.jsonl\"\n[source.agents]\nfiles = \"agents.jsonl\"\n\
         [source.votes]\nfiles = \"votes.jsonl\"\n[source.gold]\nfiles = \"gold.jsonl\"\n\
         [consensus]\n{consensus}\n"
    );
    fs::write(&job, text)?;
    let ran =
        Command::new(quorate).arg("run").arg(&job).args(["--quiet", "--workers", "2"]).output()?;
    ensure!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let sql = "SELECT task_id, answer FROM decisions_final";
    let mut ask = Command::new(quorate);
    ask.args(["query", sql, "--format", "json", "--job"]).arg(&job);
    let asked = ask.output()?;
    ensure!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    let decided = answers(&String::from_utf8(asked.stdout)?)?;
    let gold = answers(&fs::read_to_string(folder.join("gold.jsonl"))?)?;
    let truth = answers(&fs::read_to_string(folder.join("truth.jsonl"))?)?;
    let asked = truth.iter().filter(|(task, _)| !gold.contains_key(*task));
    let right: Vec<bool> = asked.map(|(task, answer)| decided.get(task) == Some(answer)).collect();
    Ok(right.iter().filter(|right| **right).count() as f64 / right.len() as f64)
}

/// Answers by task; a task without one is not among them.
///
/// # Errors
/// If a line is no record.
pub(crate) fn answers(lines: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let mut answers = BTreeMap::new();
    for line in lines.lines() {
        let row: Value = serde_json::from_str(line)?;
        if let (Some(task), Some(answer)) = (row["task_id"].as_str(), row["answer"].as_str()) {
            answers.insert(task.to_owned(), answer.to_owned());
        }
    }
    Ok(answers)
}
