//! `quorate submit`: a job, for whichever worker of a pool takes it.

use std::path::PathBuf;

use quorate_runtime::job::{Job, Loaded};
use quorate_runtime::pool::{Again, Submitted};
use serde_json::json;

use super::{Where, exit_for, failed, show};
use crate::at::block_on;
use crate::clock::now_ms;
use crate::console::Console;
use crate::exit::Exit;

const EXAMPLES: &str = "\
Examples:
  quorate submit panel.toml --pool s3://bucket/pool
  quorate submit panel.toml --pool s3://bucket/pool --wait    until it has finished, stopped or failed
  quorate submit panel.toml --pool s3://bucket/pool --again   one that has stopped or failed goes on

The job file is put into the pool under the job's name, once: the same file again is said to be there already, another one
under its name is refused (code 2). What it names must mean the same to every worker, so paths in it are whole ones, as the
workers see them, and its store is s3://… or a whole path that they share. Environment variables that it refers to are those
of the worker.

With --wait it ends as the job does: with 0 if it finished or was stopped, with 1 if it failed too often in a row, with 2
if trying again cannot help, with 4 if too many rows were rejected.";

/// Submit a job to a pool of workers
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The job file
    job: PathBuf,
    #[command(flatten)]
    at: Where,
    /// Let one that has stopped or failed go on
    #[arg(long)]
    again: bool,
    /// Wait until it has finished, stopped or failed
    #[arg(long)]
    wait: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, console: &Console) -> anyhow::Result<Exit> {
    let Loaded { job, warnings } = Job::load(&args.job)?;
    console.findings(&warnings);
    // Read again as it stands; that it is a job was seen.
    let text = std::fs::read_to_string(&args.job)?;
    block_on(async {
        let pool = args.at.open().await?;
        let again = if args.again { Again::Yes } else { Again::No };
        let submitted = pool.submit(&job, &text, again, now_ms()).await.map_err(failed)?;
        let said = match submitted {
            Submitted::New => "submitted".to_owned(),
            Submitted::Again => "goes on".to_owned(),
            Submitted::There(state) => format!("is there already: {state}"),
        };
        if !args.json {
            let name = &job.name;
            console.out(format_args!("{name}: {said}"))?;
            if !args.wait {
                console.note(format_args!(
                    "how it goes: quorate status {name} --pool {}",
                    args.at.pool
                ));
            }
        }
        let entry = match args.wait {
            true => args.at.settled(&pool, &job.name, console).await?,
            false => args.at.job(&pool, &job.name).await?,
        };
        if args.json {
            let mut shown = show::json(&entry);
            shown["new"] = json!(submitted == Submitted::New);
            console.out(shown)?;
        } else if args.wait {
            show::lines(&entry).iter().try_for_each(|line| console.out(line))?;
        }
        Ok(if args.wait { exit_for(&entry) } else { Exit::Done })
    })
}
