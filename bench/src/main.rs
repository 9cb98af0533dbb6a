//! Load drivers and opponents: what the engine costs, as ratios in one run.
//!
//! ```text
//!   quorate-bench w1            5 million votes: parse alone, a hand-written tally, quorate
//!   quorate-bench votes FILE    the votes of w1 alone: for peers (peers/run.sh)
//!   quorate-bench flat          20 million tasks through a bounded window, in ten slices
//!   quorate-bench latency       votes appended to a followed file: until told, until committed
//!   quorate-bench topics        the votes of w1 from Kafka topics, against files and against a bare consumer
//!   quorate-bench scale         the votes of w1 by 1 and 2 workers, and by 3 processes: work per core
//!   quorate-bench panels        how often methods are right on real votes, over seeds of which answers are known
//!   quorate-bench label         whether answers that `label` asks for beat as many drawn at random
//!   quorate-bench restart       a million votes on open tasks: from a process that is killed to the next commit
//!   quorate-bench flood         a hundred times as much as a job keeps up with, for a minute: what it holds, shows, loses
//!   quorate-bench away          the same of a store that is gone for two minutes
//!   quorate-bench costs -- CMD  CPU, wall and peak memory of a command and all it starts
//! ```
//!
//! The binary under test is `quorate` beside this one, or `--quorate PATH`. Every figure is measured in the run that
//! prints it; what it was once is in `RESULTS.md`.

mod away;
mod broker;
mod costs;
mod crew;
mod engine;
mod flat;
mod flood;
mod label;
mod latency;
mod opponents;
mod panels;
mod restart;
mod scale;
mod service;
mod stream;
mod topics;
mod w1;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Measures quorate against the raw limit, against peers, and against itself")]
struct Arguments {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Subcommand)]
enum Bench {
    /// Votes from a file to committed tables, against parsing alone and a hand-written tally
    W1(w1::Args),
    /// Writes W1's votes, for programs that are measured elsewhere
    Votes(w1::VotesArgs),
    /// Millions of tasks through a bounded window: does anything grow?
    Flat(flat::Args),
    /// How old a decision is when it is told, and when it is committed
    Latency(latency::Args),
    /// How long a job stands still when a process is killed, with many votes on open tasks
    Restart(restart::Args),
    /// Votes from Kafka topics, against files and a consumer that only counts
    Topics(w1::Args),
    /// Work per core: 1 and 2 workers, 1 and 3 processes
    Scale(w1::Common),
    /// How often methods are right on real votes
    Panels(panels::Args),
    /// Whether answers that are asked for beat as many drawn at random
    Label(label::Args),
    /// A hundred times the rate that a job keeps up with, for a minute
    Flood(flood::Args),
    /// A store that is gone for two minutes
    Away(away::Args),
    /// What a command costs, as one line of JSON
    Costs(costs::Args),
    /// An opponent, in a process of its own
    Opponent(opponents::Args),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().bench {
        Bench::W1(args) => w1::run(&args),
        Bench::Votes(args) => w1::write_votes(&args),
        Bench::Flat(args) => flat::run(&args),
        Bench::Latency(args) => latency::run(&args),
        Bench::Restart(args) => restart::run(&args),
        Bench::Topics(args) => topics::run(&args),
        Bench::Scale(args) => scale::run(&args),
        Bench::Panels(args) => panels::run(&args),
        Bench::Label(args) => label::run(&args),
        Bench::Flood(args) => flood::run(&args),
        Bench::Away(args) => away::run(&args),
        Bench::Costs(args) => costs::run(&args),
        Bench::Opponent(args) => opponents::run(&args),
    }
}
