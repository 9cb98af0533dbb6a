//! `quorate demo`: a first minute. A fleet with liars in it, decided by majority and by the engine.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use quorate_connectors::generate::{Fleet, Mix, write_fleet};
use quorate_connectors::store::Store;
use quorate_query::agents::{Record, by_accuracy};
use quorate_query::explain::{Standing, explain};
use quorate_query::whatif::{Flip, Policy, Side, Weights, Whatif, whatif};
use quorate_runtime::observe::Outcome;

use crate::at::{block_on, failed};
use crate::console::{Console, Paint};
use crate::exit::Exit;
use crate::hint::{alias, first_question};
use crate::numbers::{counted, grouped, per_cent};
use crate::run::to_its_end;
use crate::whatif::read_truths;

const EXAMPLES: &str = "\
Examples:
  quorate demo
  quorate demo lies --seed 7 --tasks 20000

Writes a synthetic fleet of 50 agents into FOLDER: a third of them agree on a wrong answer to every second question,
some turn against the others half way, some guess. Then runs the job that lies there, and compares what it decided
with a plain majority of the same votes. A folder that has a job already is run as it is.";

/// Agents that are named.
const AGENTS_NAMED: usize = 5;
/// Votes that are shown for each of two answers.
const VOTES_SHOWN: usize = 2;

/// Generate a fleet with liars in it, decide its questions, and see who would have believed them
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Where its votes and tables go
    #[arg(default_value = "demo")]
    folder: PathBuf,
    /// What all chance comes from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of questions
    #[arg(long, default_value_t = 3_000)]
    tasks: u64,
}

impl Args {
    fn fleet(&self) -> Fleet {
        Fleet {
            seed: self.seed,
            tasks: self.tasks,
            mix: Mix { colluding: 0.34, sleeping: 0.06, ..Mix::default() },
            target_share: 0.5,
            gold_share: 0.1,
            ..Fleet::default()
        }
    }
}

pub(crate) fn run(args: &Args, console: &Arc<Console>) -> anyhow::Result<Exit> {
    let job = args.folder.join("job.toml");
    if job.exists() {
        console.note(format_args!("{} is there already, and is run as it is", job.display()));
    } else {
        let fleet = args.fleet();
        let expected = fleet.rows_expected();
        let written = write_fleet(&fleet, &args.folder, &mut |rows| {
            console.status(&format!("making up {} %", per_cent(rows, expected)));
        })?;
        console.out(format_args!(
            "{}: {} put to {}, who gave {} (synthetic)",
            args.folder.display(),
            counted(written.tasks, "question"),
            counted(fleet.agents.into(), "agent"),
            counted(written.votes, "answer"),
        ))?;
    }
    if let Some(cast) = cast(&args.folder) {
        console.out_in(Paint::Dim, &format!("  {cast}; nobody tells the job who"))?;
    }
    let (loaded, outcome) = to_its_end(job.clone(), console)?;
    if matches!(outcome, Outcome::Stopped(_)) {
        console.note("stopped; everything read is committed, and the same command goes on");
        return Ok(Exit::Done);
    }
    block_on(async {
        let store = Store::open(&loaded.store).await?;
        let truths = read_truths(&args.folder.join("truth.jsonl"))?;
        let majority = Policy { weights: Weights::Equal, quorum: None };
        let told = whatif(&store, majority, Some(&truths)).await.map_err(failed)?;
        contrast(&told, console)?;
        if let Some(flip) = told.flips.iter().find(|flip| flip.is_saved()) {
            captured(&store, flip, &job, console).await?;
        }
        least_trusted(&by_accuracy(&store).await.map_err(failed)?, console)?;
        console.out("")?;
        console.out(format_args!("tables: {}/tables", loaded.store.trim_end_matches('/')))?;
        if let Some(alias) = alias() {
            console.out(alias)?;
        }
        console.out(first_question(job.display()))?;
        Ok(Exit::Done)
    })
}

/// Who is in the fleet, in words; nothing if nobody says.
fn cast(folder: &Path) -> Option<String> {
    let text = fs::read_to_string(folder.join("truth_agents.jsonl")).ok()?;
    let number = |word: &str| {
        let behaviour = format!("\"behaviour\":\"{word}\"");
        text.lines().filter(|line| line.contains(&behaviour)).count()
    };
    let kinds = [
        ("colluding", "collude"),
        ("sleeping", "turn half way"),
        ("noisy", "guess"),
        ("always_wrong", "always lie"),
    ];
    let said = kinds.map(|(word, what)| (number(word), what));
    let said: Vec<String> = said
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
    (!said.is_empty()).then(|| said.join(", "))
}

fn contrast(told: &Whatif, console: &Console) -> anyhow::Result<()> {
    console.out("")?;
    console.out(format_args!(
        "on the {} whose answers the job was never told:",
        counted(told.known, "question")
    ))?;
    console.out("                  right   lies believed     stands by   of these right")?;
    let line = |name: &str, side: &Side| {
        let Side { quorate_known, quorate_right, right, captured, .. } = *side;
        format!(
            "  {name:<14} {:>4} %   {:>5} of {:>5} {:>13} {:>14} %",
            per_cent(right, told.known),
            grouped(captured),
            grouped(told.attacked),
            grouped(quorate_known),
            per_cent(quorate_right, quorate_known),
        )
    };
    console.out_in(Paint::Red, &line("plain majority", &told.otherwise))?;
    console.out_in(Paint::Green, &line("quorate", &told.decided))?;
    Ok(())
}

/// A question on which a majority was wrong, and who said what.
async fn captured(store: &Store, flip: &Flip, job: &Path, console: &Console) -> anyhow::Result<()> {
    let Flip { task_id, decided, otherwise, votes, votes_otherwise, .. } = flip;
    let (Some(decided), Some(otherwise)) = (decided, otherwise) else { return Ok(()) };
    let why = explain(store, task_id, None).await.map_err(failed)?;
    console.out("")?;
    console.out(format_args!(
        "{task_id}: {votes_otherwise} of {votes} said {otherwise}, a lie. Quorate says {decided}, which is right:"
    ))?;
    for label in [decided, otherwise] {
        let by = why.votes.iter().filter(|vote| vote.choice.as_ref() == Some(label));
        for vote in by.take(VOTES_SHOWN) {
            console.out(format_args!("  {}", voter(vote)))?;
        }
    }
    console.out(format_args!("  why: quorate explain --job {} {task_id}", job.display()))?;
    Ok(())
}

fn voter(vote: &Standing) -> String {
    let said = vote.choice.as_deref().unwrap_or("nothing");
    let (mut seen, mut right) = (0.0, 0.0);
    if let Some(evidence) = &vote.evidence {
        let here = evidence.here.as_ref();
        seen = evidence.gold_seen_elsewhere + here.map_or(0.0, |here| here.gold_seen);
        right = evidence.gold_right_elsewhere + here.map_or(0.0, |here| here.gold_right);
    }
    format!(
        "{:<10} said {said:<3} weighs {:>4.2}: it had been right in {right:.0} of {seen:.0} known answers",
        vote.agent_id, vote.weight
    )
}

fn least_trusted(records: &[Record], console: &Console) -> anyhow::Result<()> {
    if records.is_empty() {
        return Ok(());
    }
    console.out("")?;
    console.out("least to be trusted, by what they have shown:")?;
    for record in records.iter().take(AGENTS_NAMED) {
        let weights = record.weights.values();
        let most = weights.copied().fold(0.0, f64::max);
        console.out(format_args!(
            "  {:<10} right in {:>3.0} of {:>3.0} known answers; a vote weighs at most {most:.2}",
            record.agent_id, record.gold_right, record.gold_seen,
        ))?;
    }
    Ok(())
}
