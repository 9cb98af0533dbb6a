//! `quorate generate`: a synthetic fleet, with a job that runs on it.

use std::path::PathBuf;

use clap::ValueEnum;
use quorate_connectors::generate::{Compression, Fleet, Mix, Style, write_fleet};
use quorate_schemas::time::parse_rfc3339;

use crate::console::{Console, Paint};
use crate::exit::Exit;
use crate::numbers::{bytes, counted, grouped, per_cent};

const EXAMPLES: &str = "\
Examples:
  quorate generate demo
  quorate generate demo --tasks 100000 --agents 1000 --compression zst
  quorate generate attack --colluding 0.3 --target-share 0.5 --seed 7
  quorate generate bad --bad-rows-share 0.01 --late-share 0.05

The same seed and settings give the same rows, on every machine. Every row says that it is synthetic;
truth.jsonl has the right answers, to score decisions against. Shares lie between 0 and 1.";

/// Write a synthetic fleet of agents: tasks, votes, ticks, the truth, and a job for them
///
/// Agents are honest, noisy, constant, always wrong, colluding, equivocating or sleeping, in the shares given; OUT is
/// made, or must be empty. OUT/job.toml is ready to run.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The folder to write into
    out: PathBuf,
    #[command(flatten)]
    size: Size,
    #[command(flatten)]
    behaviour: Behaviour,
    #[command(flatten)]
    time: Time,
    #[command(flatten)]
    trouble: Trouble,
    #[command(flatten)]
    writing: Writing,
}

fn usual() -> Fleet {
    Fleet::default()
}

#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "How much")]
struct Size {
    /// Number of tasks
    #[arg(long, default_value_t = usual().tasks)]
    tasks: u64,
    /// Number of agents
    #[arg(long, default_value_t = usual().agents)]
    agents: u32,
    /// What all chance comes from
    #[arg(long, default_value_t = usual().seed)]
    seed: u64,
    /// Number of domains; an agent's accuracy differs between them
    #[arg(long, default_value_t = usual().domains)]
    domains: u32,
    /// Labels to choose from in each task, at least 2
    #[arg(long, default_value_t = usual().options)]
    options: u32,
    /// Fewest agents that vote on a task
    #[arg(long, default_value_t = usual().votes_per_task_min)]
    votes_per_task_min: u32,
    /// Most agents that vote on a task (never more than there are)
    #[arg(long, default_value_t = usual().votes_per_task_max)]
    votes_per_task_max: u32,
    /// Ticks of each agent
    #[arg(long, default_value_t = usual().ticks_per_agent)]
    ticks_per_agent: u32,
    /// Operator's orders: by turns a quarantine, its release, and an override of a decision
    #[arg(long, default_value_t = usual().orders)]
    orders: u32,
}

#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "How agents behave")]
struct Behaviour {
    /// Share of agents that answer at random
    #[arg(long, default_value_t = usual().mix.noisy)]
    noisy: f64,
    /// Share of agents that always say the same label
    #[arg(long, default_value_t = usual().mix.constant)]
    constant: f64,
    /// Share of agents that are always wrong
    #[arg(long, default_value_t = usual().mix.always_wrong)]
    always_wrong: f64,
    /// Share of agents in one clique that agrees on a wrong label for each of its targets
    #[arg(long, default_value_t = usual().mix.colluding)]
    colluding: f64,
    /// Share of tasks that the clique attacks; on the others its agents are honest
    #[arg(long, default_value_t = usual().target_share)]
    target_share: f64,
    /// Share of agents that give two different answers to each task
    #[arg(long, default_value_t = usual().mix.equivocating)]
    equivocating: f64,
    /// Share of agents that are honest for the first half of the tasks, and always wrong then
    #[arg(long, default_value_t = usual().mix.sleeping)]
    sleeping: f64,
    /// Least accuracy of an honest agent in a domain
    #[arg(long, default_value_t = usual().accuracy_min)]
    accuracy_min: f64,
    /// Greatest accuracy of an honest agent in a domain
    #[arg(long, default_value_t = usual().accuracy_max)]
    accuracy_max: f64,
    /// Versions that each agent goes through, each with an accuracy of its own; with 1, none is named
    #[arg(long, default_value_t = usual().versions)]
    versions: u32,
    /// Families of agents that share errors; 0 for none
    #[arg(long, default_value_t = usual().families)]
    families: u32,
    /// Share of a family member's errors that are the whole family's
    #[arg(long, default_value_t = usual().family_correlation)]
    family_correlation: f64,
    /// Greatest stake of an agent, in its smallest unit; 0 for fleets without stake
    #[arg(long, default_value_t = usual().stake_max)]
    stake_max: u64,
    /// Share of tasks whose answer the job knows, as hidden probes
    #[arg(long, default_value_t = usual().gold_share)]
    gold_share: f64,
}

#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Event time")]
struct Time {
    /// Event time of the first task [default: 2026-01-01T00:00:00Z]
    #[arg(long, value_parser = start_ms, default_value = "2026-01-01T00:00:00Z", hide_default_value = true)]
    start: u64,
    /// Event time from one task to the next, in milliseconds
    #[arg(long, default_value_t = usual().task_spacing_ms)]
    task_spacing_ms: u64,
    /// Longest event time from a task to a vote on it, in milliseconds
    #[arg(long, default_value_t = usual().vote_spread_ms)]
    vote_spread_ms: u32,
    /// Event time from one tick of an agent to its next, in milliseconds
    #[arg(long, default_value_t = usual().tick_ms)]
    tick_ms: u32,
    /// The lateness that the job allows, in milliseconds
    #[arg(long, default_value_t = usual().lateness_ms)]
    lateness_ms: u32,
    /// How far lines stand out of order at most, in milliseconds of event time; no more than the lateness
    #[arg(long, default_value_t = usual().out_of_order_ms)]
    out_of_order_ms: u32,
}

#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "What goes wrong")]
struct Trouble {
    /// Share of votes without an answer, by agents that mean no harm
    #[arg(long, default_value_t = usual().abstain_share)]
    abstain_share: f64,
    /// Share of votes that are written twice
    #[arg(long, default_value_t = usual().duplicate_share)]
    duplicate_share: f64,
    /// Share of votes that the agent changes before the task closes
    #[arg(long, default_value_t = usual().changed_share)]
    changed_share: f64,
    /// Share of votes that come too late, beyond the lateness
    #[arg(long, default_value_t = usual().late_share)]
    late_share: f64,
    /// Share of tasks on which nobody votes
    #[arg(long, default_value_t = usual().empty_task_share)]
    empty_task_share: f64,
    /// Malformed lines among the votes, as a share of them
    #[arg(long, default_value_t = usual().bad_rows_share)]
    bad_rows_share: f64,
}

#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "How it is written")]
struct Writing {
    /// How rows are written
    #[arg(long, value_enum, default_value_t = StyleWord::Full)]
    style: StyleWord,
    /// How files are compressed
    #[arg(long, value_enum, default_value_t = CompressionWord::None)]
    compression: CompressionWord,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum StyleWord {
    /// Every field, readable ids, times in RFC 3339
    Full,
    /// Only what the engine needs, at most 90 bytes a vote: for measurements
    Compact,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum CompressionWord {
    /// Plain JSON lines
    None,
    /// gzip
    Gz,
    /// Zstandard
    Zst,
}

/// Milliseconds since 1970 of an RFC 3339 time.
fn start_ms(text: &str) -> Result<u64, String> {
    let micros = parse_rfc3339(text).ok_or("not a time such as 2026-01-01T00:00:00Z")?;
    u64::try_from(micros / 1_000).map_err(|_| "lies before 1970".to_owned())
}

impl Args {
    fn fleet(self) -> Fleet {
        let Args { out: _, size, behaviour, time, trouble, writing } = self;
        let mix = Mix {
            noisy: behaviour.noisy,
            constant: behaviour.constant,
            always_wrong: behaviour.always_wrong,
            colluding: behaviour.colluding,
            equivocating: behaviour.equivocating,
            sleeping: behaviour.sleeping,
        };
        let style = match writing.style {
            StyleWord::Full => Style::Full,
            StyleWord::Compact => Style::Compact,
        };
        let compression = match writing.compression {
            CompressionWord::None => Compression::None,
            CompressionWord::Gz => Compression::Gz,
            CompressionWord::Zst => Compression::Zst,
        };
        // Without `..`: a new setting of the generator is a new flag here.
        Fleet {
            seed: size.seed,
            tasks: size.tasks,
            agents: size.agents,
            mix,
            accuracy_min: behaviour.accuracy_min,
            accuracy_max: behaviour.accuracy_max,
            target_share: behaviour.target_share,
            domains: size.domains,
            options: size.options,
            votes_per_task_min: size.votes_per_task_min,
            votes_per_task_max: size.votes_per_task_max,
            start_ms: time.start,
            task_spacing_ms: time.task_spacing_ms,
            vote_spread_ms: time.vote_spread_ms,
            out_of_order_ms: time.out_of_order_ms,
            lateness_ms: time.lateness_ms,
            gold_share: behaviour.gold_share,
            abstain_share: trouble.abstain_share,
            duplicate_share: trouble.duplicate_share,
            changed_share: trouble.changed_share,
            late_share: trouble.late_share,
            empty_task_share: trouble.empty_task_share,
            bad_rows_share: trouble.bad_rows_share,
            ticks_per_agent: size.ticks_per_agent,
            tick_ms: time.tick_ms,
            versions: behaviour.versions,
            families: behaviour.families,
            family_correlation: behaviour.family_correlation,
            stake_max: behaviour.stake_max,
            orders: size.orders,
            style,
            compression,
        }
    }
}

pub(crate) fn run(args: Args, console: &Console) -> anyhow::Result<Exit> {
    let out = args.out.clone();
    let fleet = args.fleet();
    let expected = fleet.rows_expected();
    let written = write_fleet(&fleet, &out, &mut |rows| {
        let share = per_cent(rows, expected);
        console.status(&format!("{}, {share} %", counted(rows, "row")));
    })?;
    console.out(format_args!(
        "{}: {} on {} by {}, {}; {} (synthetic)",
        out.display(),
        counted(written.votes, "vote"),
        counted(written.tasks, "task"),
        counted(fleet.agents.into(), "agent"),
        counted(written.ticks, "tick"),
        bytes(written.bytes),
    ))?;
    let known = format!(
        "{} of the answers are known to the job, all of them in truth.jsonl",
        grouped(written.gold)
    );
    console.out_in(Paint::Dim, &known)?;
    console.out(format_args!("next: quorate run {}", written.job.display()))?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command, FromArgMatches as _};

    use super::*;

    fn command() -> Command {
        Args::augment_args(Command::new("generate"))
    }

    #[test]
    fn without_flags_the_fleet_is_the_usual_one() {
        let matches = command().get_matches_from(["generate", "out"]);
        assert_eq!(Args::from_arg_matches(&matches).unwrap().fleet(), Fleet::default());
    }

    #[test]
    fn every_flag_changes_the_setting_of_its_name() {
        let usual = serde_json::to_value(Fleet::default()).unwrap();
        for flag in command().get_opts().filter_map(clap::Arg::get_long) {
            let value = match flag {
                "start" => "1970-01-01T00:00:01Z",
                "style" => "compact",
                "compression" => "zst",
                share if share.ends_with("share") || share.starts_with("accuracy") => "0.123",
                "noisy" | "constant" | "always-wrong" | "colluding" | "equivocating"
                | "sleeping" | "family-correlation" => "0.123",
                _ => "123",
            };
            let matches =
                command().get_matches_from(["generate", "out", &format!("--{flag}={value}")]);
            let fleet =
                serde_json::to_value(Args::from_arg_matches(&matches).unwrap().fleet()).unwrap();
            let setting =
                if flag == "start" { "start_ms".to_owned() } else { flag.replace('-', "_") };
            for (name, value) in fleet.as_object().unwrap() {
                let inner = value
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(name, inner)| (name, inner, &usual["mix"][name]));
                let outer = [(name, value, &usual[name])]
                    .into_iter()
                    .filter(|(_, value, _)| !value.is_object());
                for (name, value, before) in outer.chain(inner) {
                    assert_eq!(value != before, *name == setting, "--{flag} and {name}");
                }
            }
        }
    }
}
