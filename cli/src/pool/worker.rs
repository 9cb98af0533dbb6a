//! `quorate worker --pool`: runs the jobs of a pool.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use quorate_runtime::observe::StopSignal;
use quorate_runtime::pool::{Options, Told, work};

use super::failed;
use crate::console::Console;
use crate::exit::Exit;
use crate::run::signals;

const EXAMPLES: &str = "\
Examples:
  quorate worker --pool s3://bucket/pool
  quorate worker --pool s3://bucket/pool --at-once 8 --workers 2

Any number of workers may watch one pool: each job is run by one of them. One that dies, hangs or is cut off from the
pool's store is passed over after five beats, and another one goes on where the job's last commit left off. A job that fails
is tried again after a pause that doubles; after --restarts failures in a row without a commit it is left failed, with its
cause (quorate status). What trying again cannot mend is not tried again.

Ctrl-C (or SIGTERM) commits what its jobs have read and leaves them to others; a second one ends at once.";

/// Run the jobs that are submitted to a pool
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The pool: a folder or s3://bucket/prefix
    #[arg(long, value_name = "URL")]
    pool: String,
    /// So many jobs run at once
    #[arg(long, value_name = "N", default_value = "4")]
    at_once: NonZeroUsize,
    /// Threads of each job [default: the job's `workers`, or one per core]
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,
    /// The pool is looked through, and progress written, so often, in seconds
    #[arg(long, value_name = "S", default_value = "5", value_parser = clap::value_parser!(u64).range(1..=600))]
    beat_s: u64,
    /// A job that fails is tried again so often in a row
    #[arg(long, value_name = "N", default_value = "5")]
    restarts: u32,
}

pub(crate) fn run(args: &Args, console: &Arc<Console>) -> anyhow::Result<Exit> {
    let stop = StopSignal::new();
    signals::stop_on(&stop)?;
    let options = Options {
        at_once: args.at_once.get(),
        beat: Duration::from_secs(args.beat_s),
        restarts: args.restarts,
        workers: args.workers.map(NonZeroUsize::get),
        stop,
    };
    console.note(format_args!("watching the pool {}", args.pool));
    let told: Arc<dyn Told> = Arc::new(Teller(Arc::clone(console)));
    work(&args.pool, &options, &told).map_err(failed)?;
    Ok(Exit::Done)
}

struct Teller(Arc<Console>);

impl Told for Teller {
    fn tell(&self, text: &str) {
        self.0.note(text);
    }
}
