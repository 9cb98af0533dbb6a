//! `quorate jobs`: what is in a pool.

use super::{Where, failed, show};
use crate::at::block_on;
use crate::console::Console;
use crate::exit::Exit;

const EXAMPLES: &str = "\
Examples:
  quorate jobs --pool s3://bucket/pool
  quorate jobs --pool ./pool --json | jq -r 'select(.state == \"failed\") | .name'

States: submitted (no worker has it), running, restarting (it failed, and will be tried again), stopping, stopped,
finished, failed (it is not tried again). Rows and decisions are those of the latest run.";

/// List the jobs of a pool
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    at: Where,
    /// Print JSON, one object a line
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, console: &Console) -> anyhow::Result<Exit> {
    let jobs = block_on(async { args.at.open().await?.jobs().await.map_err(failed) })?;
    if args.json {
        jobs.iter().try_for_each(|entry| console.out(show::json(entry)))?;
        return Ok(Exit::Done);
    }
    if jobs.is_empty() {
        console.note("no job was submitted to this pool");
        return Ok(Exit::Done);
    }
    let mut rows = vec![["job", "state", "rows", "decided", "worker"].map(str::to_owned)];
    rows.extend(jobs.iter().map(show::columns));
    let width = |at: usize| rows.iter().map(|row| row[at].len()).max().unwrap_or(0);
    let widths = [0, 1, 2, 3].map(width);
    for [name, state, read, decided, worker] in &rows {
        let [a, b, c, d] = widths;
        console.out(format_args!("{name:a$}  {state:b$}  {read:>c$}  {decided:>d$}  {worker}"))?;
    }
    Ok(Exit::Done)
}
