//! `quorate run`: a job, in this process, until its input ends or somebody stops it.

mod lines;
mod listen;
pub(crate) mod signals;
mod summary;
pub(crate) mod upgrade;
mod watch;
pub(crate) mod worker;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use quorate_runtime::cluster::Cluster;
use quorate_runtime::job::{Job, Loaded};
use quorate_runtime::metrics::Metrics;
use quorate_runtime::observe::{FailureKind, Observer, Outcome, RunOptions, StopSignal};
use serde_json::json;

use crate::console::Console;
use crate::exit::Exit;
use watch::{Watch, Wish};

const EXAMPLES: &str = "\
Examples:
  quorate run demo/job.toml
  quorate run demo/job.toml --follow             decisions as they come, provisional ones too
  quorate run demo/job.toml --json > run.jsonl   one JSON object a line, for machines
  quorate run demo/job.toml --workers 4 --quiet
  quorate run demo/job.toml --listen 127.0.0.1:9090 --log json     as a service: metrics, health, logs

Ctrl-C (or SIGTERM) commits what was read and ends; a second one ends at once. Either way the next run goes on
exactly where the last commit left off: nothing is lost, nothing counts twice. A job whose input has an end is
finished when it is reached; running it again says so and succeeds.

At --listen there are /metrics (for Prometheus; deploy/METRICS.md lists them), /healthz (bad when a worker hangs) and
/readyz (good while the run reads and commits; else its body says why).";

/// Run a job: read its sources, decide its tasks, commit its tables
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    going: Going,
    /// Go on with a finished job: read the files that came since
    #[arg(long)]
    reopen: bool,
}

/// What every way of running a job can be told.
#[derive(Clone, Debug, clap::Args)]
struct Going {
    /// The job file
    job: PathBuf,
    /// Threads that share the work [default: the job's `workers`, or one per core]; no result depends on it
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,
    /// Print decisions as they come: provisional, closed, revised, final
    #[arg(long)]
    follow: bool,
    /// Take the job from another run without waiting for its heartbeats to stop (it will end with code 3)
    #[arg(long)]
    takeover: bool,
    /// Answer there for machines: /metrics, /healthz, /readyz [default: QUORATE_LISTEN, or nowhere]
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// Print progress, commits and the outcome as JSON, one object a line
    #[arg(long)]
    json: bool,
    /// Say nothing but errors (and, with --follow, decisions)
    #[arg(long, conflicts_with = "json")]
    quiet: bool,
    /// Serialise what workers send each other: slower, for tests
    #[arg(long, hide = true)]
    serialised: bool,
}

impl Going {
    fn is_quiet(&self) -> bool {
        self.quiet || self.json
    }
}

/// What only some ways of running a job can be told.
#[derive(Clone, Debug, Default)]
struct More {
    reopen: bool,
    cluster: Option<Cluster>,
}

/// How the engine is told to run a job.
type Engine = fn(&Job, RunOptions, Arc<dyn Observer>) -> Result<Outcome, quorate_runtime::Error>;

pub(crate) fn run(args: &Args, console: &Arc<Console>) -> anyhow::Result<Exit> {
    let more = More { reopen: args.reopen, cluster: None };
    go(&args.going, more, quorate_runtime::run, console).map(|_| Exit::Done)
}

/// Runs a job to its end, as it is usually run, and says how it goes but not what it came to.
pub(crate) fn to_its_end(job: PathBuf, console: &Arc<Console>) -> anyhow::Result<(Job, Outcome)> {
    perform(&usual(job), More::default(), quorate_runtime::run, Wish::Lines, console)
}

/// Runs a job to its end, as it is usually run, and says nothing.
pub(crate) fn quietly(job: PathBuf, console: &Arc<Console>) -> anyhow::Result<(Job, Outcome)> {
    perform(&usual(job), More::default(), quorate_runtime::run, Wish::Quiet, console)
}

fn usual(job: PathBuf) -> Going {
    Going {
        job,
        workers: None,
        follow: false,
        takeover: false,
        listen: None,
        json: false,
        quiet: false,
        serialised: false,
    }
}

fn perform(
    going: &Going,
    more: More,
    engine: Engine,
    wish: Wish,
    console: &Arc<Console>,
) -> anyhow::Result<(Job, Outcome)> {
    // Before anything that takes time: a signal must never find nobody who commits what was read.
    let stop = StopSignal::new();
    signals::stop_on(&stop)?;
    let metrics = Metrics::new();
    listen::count_restarts(&metrics);
    let endpoint = listen::open(going.listen.as_deref(), &metrics)?;
    let Loaded { job, warnings } = Job::load(&going.job)?;
    if wish == Wish::Lines {
        console.findings(&warnings);
    }
    let More { reopen, cluster } = more;
    let options = RunOptions { reopen, cluster, stop, metrics, ..options(going, &job) };
    let watch = Watch::new(Arc::clone(console), wish, options.stop.clone());
    if let Some(endpoint) = &endpoint {
        watch.listening(endpoint.address());
    }
    let result = engine(&job, options, Arc::new(watch));
    console.clear();
    drop(endpoint);
    let outcome = result.map_err(|error| {
        let exit = exit_of(error.kind());
        anyhow::Error::from(error).context(exit)
    })?;
    Ok((job, outcome))
}

fn go(
    going: &Going,
    more: More,
    engine: Engine,
    console: &Arc<Console>,
) -> anyhow::Result<Outcome> {
    let wish = match (going.json, going.quiet) {
        (true, _) => Wish::Json,
        (false, true) => Wish::Quiet,
        (false, false) => Wish::Lines,
    };
    let (job, outcome) = perform(going, more, engine, wish, console)?;
    match wish {
        Wish::Json => {
            console.out(json!({ "type": "outcome", "outcome": summary::as_json(&outcome) }))?
        }
        Wish::Quiet => {}
        // Decisions are what was asked for; a summary would be one line too many for whoever reads them.
        Wish::Lines if going.follow || console.logs() => {
            summary::lines(&outcome, &job, &going.job).iter().for_each(|line| console.note(line))
        }
        Wish::Lines => summary::lines(&outcome, &job, &going.job)
            .iter()
            .try_for_each(|line| console.out(line))?,
    }
    Ok(outcome)
}

fn options(going: &Going, job: &Job) -> RunOptions {
    let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let workers = going.workers.map(NonZeroUsize::get).or(job.workers).unwrap_or_else(cores);
    RunOptions {
        takeover: going.takeover,
        follow: going.follow,
        serialised: going.serialised,
        ..RunOptions::new(workers)
    }
}

pub(crate) fn exit_of(failure: FailureKind) -> Exit {
    match failure {
        FailureKind::Failed => Exit::Failed,
        FailureKind::Misconfigured => Exit::Misconfigured,
        FailureKind::Fenced => Exit::Fenced,
        FailureKind::RejectLimit => Exit::RejectLimit,
    }
}
