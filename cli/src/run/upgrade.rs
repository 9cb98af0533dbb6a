//! `quorate upgrade`: a job goes on under settings that change its results.

use std::sync::Arc;

use super::{Going, More, go};
use crate::console::Console;
use crate::exit::Exit;

const EXAMPLES: &str = "\
Examples:
  quorate upgrade demo/job.toml

A run refuses a job whose settings differ, in anything that results depend on, from those its log was written under:
two jobs would be mixed in one table. This command goes on all the same. What is final stays as it is. What has closed
and is not final is decided anew: where that comes out otherwise, a revision says so, with the reason `upgrade`. What is
still open is decided under the new settings. The log says from where on they hold. So goes a build that decides
otherwise than the one before.

Refused are another consensus.era, by which evidence and weights are kept, and a shorter consensus.finality_after. To
decide everything anew, give the job a new store instead.";

/// Run a job under changed settings: what is final stays, the rest is decided anew
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    going: Going,
}

pub(crate) fn run(args: &Args, console: &Arc<Console>) -> anyhow::Result<Exit> {
    go(&args.going, More::default(), quorate_runtime::upgrade, console).map(|_| Exit::Done)
}
