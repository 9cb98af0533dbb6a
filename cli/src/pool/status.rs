//! `quorate status`: how a job in a pool goes.

use super::{Where, show};
use crate::at::block_on;
use crate::console::Console;
use crate::exit::Exit;

const EXAMPLES: &str = "\
Examples:
  quorate status panel --pool s3://bucket/pool
  quorate status panel --pool ./pool --json | jq -r .first_failure.message

Ends with code 0 if there is such a job, however it goes, and with 2 if there is none.";

/// Show how a job in a pool goes, and why it failed
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The job's name
    name: String,
    #[command(flatten)]
    at: Where,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, console: &Console) -> anyhow::Result<Exit> {
    let entry = block_on(async { args.at.job(&args.at.open().await?, &args.name).await })?;
    if args.json {
        console.out(show::json(&entry))?;
    } else {
        show::lines(&entry).iter().try_for_each(|line| console.out(line))?;
    }
    Ok(Exit::Done)
}
