//! `quorate report`: one page of how well a job does.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use quorate_query::report::{page, report};

use crate::at::{At, block_on, failed};
use crate::console::Console;
use crate::exit::Exit;
use crate::whatif::read_truths;

const EXAMPLES: &str = "\
Examples:
  quorate report --job demo/job.toml                           writes report.html
  quorate report --job demo/job.toml --truth demo/truth.jsonl -o demo.html
  quorate report --job demo/job.toml --json | jq .all

The page shows accuracy and coverage over time, whether confidence can be believed, agents by domain with how uncertain
that is, and who agrees with whom. It is one file without scripts that needs no network.";

/// Write one page of how well a job does
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    at: At,
    /// The file to write
    #[arg(
        short,
        long,
        value_name = "FILE",
        default_value = "report.html",
        conflicts_with = "json"
    )]
    output: PathBuf,
    /// JSON lines with a `task_id` and its right `answer`, to score by [default: what the job was told]
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// Print its numbers as one JSON object instead
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, console: &Console) -> anyhow::Result<Exit> {
    let truths = args.truth.as_deref().map(read_truths).transpose()?;
    let found = block_on(async {
        let store = args.at.open().await?;
        report(&store, truths.as_ref()).await.map_err(failed)
    })?;
    if args.json {
        console.out(serde_json::to_string_pretty(&found)?)?;
        return Ok(Exit::Done);
    }
    let file = args.output.display();
    fs::write(&args.output, page(&found)).with_context(|| format!("{file} cannot be written"))?;
    console.out(format_args!("{file}: a page, for a browser"))?;
    Ok(Exit::Done)
}
