//! `quorate attack`: what attackers would do to a policy, measured on synthetic fleets.

mod fight;
mod foe;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use quorate_connectors::generate::{Fleet, Mix};
use serde_json::json;

use crate::console::{Console, Paint};
use crate::exit::Exit;
use crate::numbers::counted;
use fight::{Ground, Tally};
use foe::Foe;

const EXAMPLES: &str = "\
Examples:
  quorate attack                                          every kind, a third of the agents, the default policy
  quorate attack panel.toml --kind camouflage --share 0.2,0.33,0.45
  quorate attack panel.toml --method majority --kind clique --json

Makes up fleets without attackers and with them, decides both by [consensus] of JOB (all of it but its times, which fit
the fleets), and tells in per cent what that costs, over all fleets together. Nothing is read of JOB but its policy, and
nothing is written to its store.

  right     answers that are right, without attackers and with them; of those that the job was not told
  majority  the same by a plain majority of the same votes
  lies      of the questions on which attackers agreed on a lie, those on which it is the answer
  wrong     wrong answers that have a quorum
  quorate   answers that have one
  weigh     what attackers' votes weigh in the end, of all
  since     the era from which on one of them weighs less than half of another vote, where it took longest

These are fleets of independent honest agents. Where attackers agree with each other more than honest agents do, and no
answer is known, no rule can tell who is who: --gold 0 shows it.";

/// Measure what attackers would do to a policy
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The job whose policy is attacked [default: the policy of a generated fleet]
    job: Option<PathBuf>,
    /// How attackers behave; several with commas
    #[arg(long = "kind", value_enum, value_delimiter = ',', value_name = "KIND")]
    kinds: Vec<Foe>,
    /// The share of agents that attack; several with commas
    #[arg(long = "share", value_delimiter = ',', default_value = "0.33", value_name = "SHARE")]
    shares: Vec<f64>,
    /// The method, in place of the job's
    #[arg(long)]
    method: Option<String>,
    /// Fleets of each, from seed 1 on
    #[arg(long, default_value_t = 3)]
    seeds: u64,
    /// Questions put to a fleet
    #[arg(long, default_value_t = 2_000)]
    tasks: u64,
    /// Agents of a fleet
    #[arg(long, default_value_t = 30)]
    agents: u32,
    /// How often an honest agent is right, on average
    #[arg(long, default_value_t = 0.8)]
    accuracy: f64,
    /// Answers to choose from
    #[arg(long, default_value_t = 4)]
    options: u32,
    /// The share of questions whose answer the job knows
    #[arg(long, default_value_t = 0.05)]
    gold: f64,
    /// Print one JSON object for each kind and share
    #[arg(long)]
    json: bool,
}

impl Args {
    /// The fleet without attackers, of which a share of the questions would be theirs.
    fn fleet(&self, seed: u64, targets: f64) -> Fleet {
        Fleet {
            seed,
            tasks: self.tasks,
            agents: self.agents,
            options: self.options,
            mix: Mix::honest(),
            accuracy_min: (self.accuracy - 0.1).max(0.0),
            accuracy_max: (self.accuracy + 0.1).min(1.0),
            target_share: targets,
            gold_share: self.gold,
            ticks_per_agent: 0,
            orders: 0,
            ..Fleet::default()
        }
    }
}

pub(crate) fn run(args: &Args, console: &Arc<Console>) -> anyhow::Result<Exit> {
    let ground = Ground::new(args.job.as_deref(), args.method.as_deref())?;
    let foes = if args.kinds.is_empty() { Foe::ALL.to_vec() } else { args.kinds.clone() };
    if !args.json {
        console.out(format_args!(
            "{} of {}, {} of {} answers each, method {} (synthetic)",
            counted(args.seeds, "fleet"),
            counted(args.agents.into(), "agent"),
            counted(args.tasks, "question"),
            args.options,
            ground.method()?,
        ))?;
        console.out(format_args!(
            "honest agents are right in {:.0} %, the job knows {} % of the answers",
            args.accuracy * 100.0,
            args.gold * 100.0,
        ))?;
    }
    for share in &args.shares {
        if !args.json {
            console.out("")?;
            console.out_in(
                Paint::Dim,
                &format!("{:<11}  {HEAD}", format!("{:.0} %", share * 100.0)),
            )?;
        }
        for foe in &foes {
            let Some((without, with)) = fought(args, *foe, *share, &ground, console)? else {
                console.note("stopped");
                return Ok(Exit::Done);
            };
            match args.json {
                true => console.out(json!({
                    "kind": foe.word(), "share": share, "without": without, "with": with,
                }))?,
                false => console.out(line(*foe, &without, &with))?,
            }
        }
    }
    Ok(Exit::Done)
}

/// What all fleets came to without attackers, and with; nothing if it was stopped.
fn fought(
    args: &Args,
    foe: Foe,
    share: f64,
    ground: &Ground,
    console: &Arc<Console>,
) -> anyhow::Result<Option<(Tally, Tally)>> {
    let (mut without, mut with) = (Tally::default(), Tally::default());
    for seed in 1..=args.seeds {
        console.status(&format!("{} at {share}: fleet {seed} of {}", foe.word(), args.seeds));
        let mut fleet = args.fleet(seed, foe.targets());
        if ground.is_staked() {
            fleet.stake_max = STAKE_MAX;
        }
        let attacked = Fleet { mix: foe.mix(share), ..fleet.clone() };
        for (fleet, tally) in [(fleet, &mut without), (attacked, &mut with)] {
            let told = ground.fight(&fleet, console);
            match told.with_context(|| format!("{} at {share}, seed {seed}", foe.word()))? {
                Some(fight) => tally.add(&fight),
                None => return Ok(None),
            }
        }
    }
    console.clear();
    Ok(Some((without, with)))
}

/// Where votes weigh by stake, agents have one of up to this.
const STAKE_MAX: u64 = 100;

const HEAD: &str = "right          majority       lies   wrong        quorate        weigh  since";

fn line(foe: Foe, without: &Tally, with: &Tally) -> String {
    let both = |of: fn(&Tally) -> f64| (of(without), of(with));
    let (right, right_with) = both(Tally::right);
    let (majority, majority_with) = both(Tally::right_by_majority);
    let (wrong, wrong_with) = both(Tally::wrong_quorate);
    let (quorate, quorate_with) = both(Tally::quorate);
    let weigh = with.weight().map_or_else(|| "-".to_owned(), |weight| format!("{weight:.0}"));
    format!(
        "{:<11}  {right:>5.1} > {right_with:<5.1}  {majority:>5.1} > {majority_with:<5.1}  {:>5.1}  \
         {wrong:>4.1} > {wrong_with:<4.1}  {quorate:>5.1} > {quorate_with:<5.1}  {weigh:>5}  {}",
        foe.word(),
        with.believed(),
        with.found_out(),
    )
}
