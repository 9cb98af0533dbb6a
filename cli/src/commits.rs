//! `quorate commits`: the log as history.

use clap::Subcommand;
use quorate_query::commits::{list, show};

use crate::at::{At, block_on, failed};
use crate::console::Console;
use crate::exit::Exit;

const EXAMPLES: &str = "\
Examples:
  quorate commits list --job demo/job.toml
  quorate commits list --job demo/job.toml --all --json
  quorate commits show --job demo/job.toml 12      what was read and written with commit 12

The column `commit` of every table holds the number of the commit that made its rows true.";

/// How many records are listed unless all are asked for.
const LISTED: usize = 20;

/// Show what was committed, and when
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    wish: Wish,
}

#[derive(Clone, Debug, Subcommand)]
enum Wish {
    /// List the newest records of the log, oldest first
    List {
        #[command(flatten)]
        at: At,
        /// List all of them
        #[arg(long)]
        all: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Show one commit: what it read, and the files that it added
    Show {
        /// The commit
        commit: u64,
        #[command(flatten)]
        at: At,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

pub(crate) fn run(args: &Args, console: &Console) -> anyhow::Result<Exit> {
    block_on(async {
        match &args.wish {
            Wish::List { at, all, json } => {
                let history =
                    list(&at.open().await?, Some(LISTED).filter(|_| !all)).await.map_err(failed)?;
                match json {
                    true => console.out(serde_json::to_string_pretty(&history)?)?,
                    false => console.out(history.to_string().trim_end())?,
                }
            }
            Wish::Show { commit, at, json } => {
                let detail = show(&at.open().await?, *commit).await.map_err(failed)?;
                match json {
                    true => console.out(serde_json::to_string_pretty(&detail)?)?,
                    false => console.out(detail.to_string().trim_end())?,
                }
            }
        }
        Ok(Exit::Done)
    })
}
