//! `quorate stop`: a job in a pool ends with everything committed.

use quorate_runtime::pool::Stand;

use super::{Which, failed, show};
use crate::at::block_on;
use crate::clock::now_ms;
use crate::console::Console;
use crate::exit::Exit;

const EXAMPLES: &str = "\
Examples:
  quorate stop panel --pool s3://bucket/pool
  quorate stop panel --pool s3://bucket/pool --wait    until it has stopped

Its worker sees it at its next beat, commits what was read, and leaves the job stopped; nobody takes it until it is
submitted with --again, and then it goes on exactly there. Stopping one that has ended changes nothing.";

/// Stop a job in a pool, with everything it has read committed
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    job: Which,
    /// Wait until it has stopped
    #[arg(long)]
    wait: bool,
}

pub(crate) fn run(args: &Args, console: &Console) -> anyhow::Result<Exit> {
    let Which { name, at } = &args.job;
    block_on(async {
        let pool = at.open().await?;
        at.job(&pool, name).await?;
        let before = pool.stop(name, now_ms()).await.map_err(failed)?;
        match before {
            Some(Stand::Finished | Stand::Failed | Stand::Stopped) => {
                console.out(show::line(&at.job(&pool, name).await?))?;
            }
            _ if args.wait => console.out(show::line(&at.settled(&pool, name, console).await?))?,
            _ => console.out(format_args!("{name}: asked to stop"))?,
        }
        Ok(Exit::Done)
    })
}
