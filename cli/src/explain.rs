//! `quorate explain`: why a task was decided as it was.

use crate::at::{At, block_on, failed};
use crate::console::Console;
use crate::exit::Exit;

const EXAMPLES: &str = "\
Examples:
  quorate explain --job demo/job.toml task-17
  quorate explain --job demo/job.toml task-17 --as-of 12     by what was committed with commit 12
  quorate explain --store s3://bucket/panel task-17 --json | jq .closeness

Shows each revision of the decision, every vote with its weight and where it was read, what each weight rests on, and
the least that would have changed the answer. All of it is derived from the tables alone, and compared with them: it
ends with code 5 if the decision is not what its votes give.";

/// Show why a task was decided as it was
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The task
    task: String,
    #[command(flatten)]
    at: At,
    /// Look at the tables as they were with this commit [default: the last]
    #[arg(long, value_name = "COMMIT")]
    as_of: Option<u64>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, console: &Console) -> anyhow::Result<Exit> {
    block_on(async {
        let store = args.at.open().await?;
        let why = quorate_query::explain::explain(&store, &args.task, args.as_of)
            .await
            .map_err(failed)?;
        match args.json {
            true => console.out(serde_json::to_string_pretty(&why)?)?,
            false => console.out(why.to_string().trim_end())?,
        }
        Ok(if why.matches() { Exit::Done } else { Exit::Found })
    })
}
