//! The `quorate` command: the engine, for a person at a terminal and for the program that watches over it.
//!
//! ```text
//! arguments ──clap──▶ one module per command ──▶ runtime, connectors, query
//!                              │
//!                     Console: lines for people, JSON for machines
//!                              │
//!                     Exit: what a supervisor acts upon
//! ```
//!
//! 1. Results go to standard output, everything about them to standard error: a pipe gets rows and nothing else.
//! 2. Every way to end has a code, listed in `quorate --help`. Nothing here panics because a reader went away.
//! 3. The environment is read here, once, and passed on as values.
//!
//! Adding a command is one module and one line each in [`Command`] and [`Command::run`].

mod at;
mod attack;
mod clock;
mod commits;
mod console;
mod demo;
mod exit;
mod explain;
mod generate;
mod hint;
mod label;
mod log;
mod numbers;
mod plan;
mod pool;
#[cfg(feature = "sql")]
mod query;
mod replay_rejects;
mod report;
mod run;
mod validate;
mod verify;
mod whatif;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};

use console::Console;
use exit::Exit;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A streaming consensus engine for fleets of AI agents: which answer to trust, and whom.
#[derive(Debug, Parser)]
#[command(name = "quorate", version = quorate_runtime::cluster::BUILD, arg_required_else_help = true, after_help = after_help())]
struct Cli {
    /// Write all that is said on standard error as events with a time and a level
    #[arg(long, global = true, value_enum, value_name = "FORM")]
    log: Option<log::Form>,
    #[command(subcommand)]
    command: Command,
}

fn after_help() -> String {
    let mut text = String::from(
        "\
A first run:
  quorate demo                     a synthetic fleet with liars in it, by majority and by Quorate
  quorate generate fleet           write another one, and a job for it
  quorate validate fleet/job.toml  check the job, its files and its store
  quorate run fleet/job.toml       decide, and commit the tables

Exit codes:
",
    );
    for exit in Exit::ALL {
        text.push_str(&format!("  {:<5}{}\n", exit.code(), exit.meaning()));
    }
    text.push_str(
        "  130  interrupted at once, by a second SIGINT (143: SIGTERM); the next run goes on from the last commit

Environment:
  QUORATE_LOG       what to log to standard error: error, warn (default; with --log info), debug, or
                    quorate_runtime=debug,warn
  QUORATE_LISTEN    where `run` is asked for metrics and health, unless --listen says so: 127.0.0.1:9090
  QUORATE_RESTARTS  what a supervisor counts of the runs before, for the metrics: worker-died=2,store=1
  NO_COLOR          any value: no colours
  QUORATE_CLUSTER_SECRET   what the processes of a cluster share, where `worker` has no --secret-file",
    );
    text
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Args),
    Run(run::Args),
    Worker(Box<run::worker::Args>),
    Upgrade(run::upgrade::Args),
    Validate(validate::Args),
    Plan(plan::Args),
    #[cfg(feature = "sql")]
    Query(query::Args),
    Explain(explain::Args),
    Verify(verify::Args),
    Whatif(whatif::Args),
    Attack(attack::Args),
    Label(label::Args),
    Report(report::Args),
    Commits(commits::Args),
    ReplayRejects(replay_rejects::Args),
    Generate(Box<generate::Args>),
    #[command(name = POOL_WORKER, display_name = "quorate worker --pool", bin_name = "quorate worker", hide = true)]
    PoolWorker(pool::worker::Args),
    Submit(pool::submit::Args),
    Jobs(pool::jobs::Args),
    Status(pool::status::Args),
    Stop(pool::stop::Args),
}

impl Command {
    fn run(self, console: &Arc<Console>) -> anyhow::Result<Exit> {
        match self {
            Command::Demo(args) => demo::run(&args, console),
            Command::Run(args) => run::run(&args, console),
            Command::Worker(args) => run::worker::run(&args, console),
            Command::Upgrade(args) => run::upgrade::run(&args, console),
            Command::Validate(args) => validate::run(&args, console),
            Command::Plan(args) => plan::run(&args, console),
            #[cfg(feature = "sql")]
            Command::Query(args) => query::run(&args, console),
            Command::Explain(args) => explain::run(&args, console),
            Command::Verify(args) => verify::run(&args, console),
            Command::Whatif(args) => whatif::run(&args, console),
            Command::Attack(args) => attack::run(&args, console),
            Command::Label(args) => label::run(&args, console),
            Command::Report(args) => report::run(&args, console),
            Command::Commits(args) => commits::run(&args, console),
            Command::ReplayRejects(args) => replay_rejects::run(&args, console),
            Command::Generate(args) => generate::run(*args, console),
            Command::PoolWorker(args) => pool::worker::run(&args, console),
            Command::Submit(args) => pool::submit::run(&args, console),
            Command::Jobs(args) => pool::jobs::run(&args, console),
            Command::Status(args) => pool::status::run(&args, console),
            Command::Stop(args) => pool::stop::run(&args, console),
        }
    }
}

/// `worker --pool`, under a name of its own: it has no option in common with `worker JOB`.
const POOL_WORKER: &str = "pool-worker";

/// The command line as it is parsed.
fn routed(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let is_pool = |argument: &OsString| {
        argument.to_str().is_some_and(|text| text == "--pool" || text.starts_with("--pool="))
    };
    let worker = arguments.iter().position(|argument| argument == "worker");
    if let Some(at) = worker.filter(|_| arguments.iter().any(is_pool)) {
        arguments[at] = POOL_WORKER.into();
        // Who asks for help has not said which pool.
        if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
            arguments.truncate(at + 1);
            arguments.push("--help".into());
        }
    }
    arguments
}

fn main() -> ExitCode {
    let cli = Cli::parse_from(routed(std::env::args_os().collect()));
    let console = Arc::new(Console::of_this_process(cli.log));
    log::to_standard_error(cli.log, console.colours());
    let exit = cli.command.run(&console).unwrap_or_else(|error| exit::report(&error, &console));
    exit.into()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_commands_are_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        for command in Cli::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("quorate "), "{} shows none", command.get_name());
        }
    }

    #[test]
    fn a_worker_of_a_pool_is_told_apart_by_its_pool() {
        let routed = |line: &str| {
            let arguments = routed(line.split(' ').map(OsString::from).collect());
            let texts: Vec<&str> = arguments.iter().filter_map(|one| one.to_str()).collect();
            texts.join(" ")
        };
        assert_eq!(routed("quorate worker j.toml --index 0"), "quorate worker j.toml --index 0");
        assert_eq!(routed("quorate worker --pool p"), "quorate pool-worker --pool p");
        assert_eq!(routed("quorate worker --pool=p"), "quorate pool-worker --pool=p");
        assert_eq!(routed("quorate worker --pool --help"), "quorate pool-worker --help");
        assert_eq!(routed("quorate jobs --pool p"), "quorate jobs --pool p");
    }
}
