//! `quorate status`: how a job in a pool goes.

use super::{Which, show};
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
    #[command(flatten)]
    job: Which,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, console: &Console) -> anyhow::Result<Exit> {
    let Which { name, at } = &args.job;
    let entry = block_on(async { at.job(&at.open().await?, name).await })?;
    if args.json {
        console.out(show::json(&entry))?;
    } else {
        show::lines(&entry).iter().try_for_each(|line| console.out(line))?;
    }
    Ok(Exit::Done)
}
