//! `quorate whatif`: the same votes under another policy.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;
use quorate_query::whatif::{
    Policy, Truths, Weights, Whatif, read_truths as read_truths_of, whatif,
};
use quorate_schemas::ratio::Ratio;

use crate::at::{At, block_on, failed};
use crate::console::Console;
use crate::exit::Exit;

const EXAMPLES: &str = "\
Examples:
  quorate whatif --job demo/job.toml --method majority
  quorate whatif --job demo/job.toml --method majority --truth demo/truth.jsonl
  quorate whatif --job demo/job.toml --quorum 9/10           the weights that were, another quorum

Decides every closed task once more, from the votes that stand, and changes nothing. Answers are scored by what the
job was told (gold), or by --truth on the tasks of which it was told nothing. A quorum is a share of the votes cast, and
what an operator set by hand is decided by votes.";

/// Show what another policy would have decided
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    at: At,
    /// What a vote counts
    #[arg(long, value_enum, default_value_t)]
    method: Method,
    /// The share that an answer must exceed [default: each task's own]
    #[arg(long, value_name = "RATIO")]
    quorum: Option<Ratio>,
    /// JSON lines with a `task_id` and its right `answer`; with a `target`, the answer that somebody pushed
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Method {
    /// What it counted
    #[default]
    AsWeighed,
    /// One, each
    Majority,
}

pub(crate) fn run(args: &Args, console: &Console) -> anyhow::Result<Exit> {
    let truths = args.truth.as_deref().map(read_truths).transpose()?;
    let weights = match args.method {
        Method::AsWeighed => Weights::Committed,
        Method::Majority => Weights::Equal,
    };
    let policy = Policy { weights, quorum: args.quorum };
    block_on(async {
        let store = args.at.open().await?;
        let told: Whatif = whatif(&store, policy, truths.as_ref()).await.map_err(failed)?;
        match args.json {
            true => console.out(serde_json::to_string_pretty(&told)?)?,
            false => console.out(told.to_string().trim_end())?,
        }
        Ok(Exit::Done)
    })
}

/// What is right, from a file as the generator writes it.
pub(crate) fn read_truths(file: &Path) -> anyhow::Result<Truths> {
    let open = || File::open(file).with_context(|| format!("{} cannot be read", file.display()));
    let reader = BufReader::new(open().context(Exit::Misconfigured)?);
    read_truths_of(reader)
        .map_err(|error| anyhow::anyhow!("{}:{error}", file.display()).context(Exit::Misconfigured))
}
