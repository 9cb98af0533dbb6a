//! `quorate label`: asks a person for answers that would tell much of the agents.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;
use quorate_connectors::store::Store;
use quorate_query::label::{Labelling, Proposal, proposals};
use quorate_runtime::job::Job;
use quorate_schemas::time::{Micros, TimeUnit, format_rfc3339};
use serde_json::{Value, json};

use crate::at::{block_on, failed};
use crate::clock::now_ms;
use crate::console::Console;
use crate::exit::Exit;
use crate::numbers::counted;

const EXAMPLES: &str = "\
Examples:
  quorate label panel.toml                    asks for twenty answers, and writes them to labels.jsonl beside the job
  quorate label panel.toml --count 5 --by ana
  quorate label panel.toml --json             the questions alone, a JSON object a line

Asks for answers that would tell much of the agents: drawn among the quarter of each domain on which those who are not
known well yet disagree most. Answers go to a file of gold records, which a job reads as one of its [source.gold]. What one answer teaches changes what to ask
next, so twenty at a time are better than a hundred.

A job that follows its files revises what is not final yet. One that has finished takes the answers into account when it
is run again with another store.

At the prompt: the number of a label, or any other text as it is; nothing to pass, q to end.";

/// Ask a person for answers that would tell much of the agents, and write gold records
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The job, which has run
    job: PathBuf,
    /// How many answers to ask for
    #[arg(long, default_value_t = 20)]
    count: usize,
    /// The file of answers, which is made or added to [default: labels.jsonl beside the job]
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Who answers: stands in each record
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// The event time of the records [default: closed if the job has finished, else now]
    #[arg(long, value_enum)]
    event_time: Option<When>,
    /// Print the questions, and take no answers
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum When {
    /// When the task closed
    Closed,
    /// When it is answered
    Now,
}

pub(crate) fn run(args: &Args, console: &Console) -> anyhow::Result<Exit> {
    let job = Job::load(&args.job)?.job;
    let beside = || args.job.with_file_name("labels.jsonl");
    let path = args.to.clone().unwrap_or_else(beside);
    let mut records = Records::read(&path)?;
    let Labelling { known, finished, proposals } = block_on(async {
        let store = Store::open(&job.store).await?;
        proposals(&store, &records.answers(), args.count).await.map_err(failed)
    })?;
    if args.json {
        for proposal in &proposals {
            console.out(serde_json::to_string(proposal)?)?;
        }
        return Ok(Exit::Done);
    }
    console.out(format_args!("{} known so far", counted(known as u64, "answer")))?;
    if proposals.is_empty() {
        console.out("nobody disagrees on a task whose answer could still be of use")?;
        return Ok(Exit::Done);
    }
    let when = args.event_time.unwrap_or(if finished { When::Closed } else { When::Now });
    let mut lines = io::stdin().lock().lines();
    let mut given = 0;
    for (nr, proposal) in proposals.iter().enumerate() {
        ask(nr + 1, proposals.len(), proposal, console)?;
        let Some(line) = lines.next() else { break };
        match answer(&line?, proposal) {
            Answer::Ends => break,
            Answer::Passes => continue,
            Answer::Is(label) => {
                let at = match when {
                    When::Closed => proposal.closed_at,
                    When::Now => {
                        TimeUnit::Ms.to_micros(now_ms().cast_signed()).unwrap_or(Micros::MAX)
                    }
                };
                records.add(at, proposal, &label, args.by.as_deref());
                given += 1;
            }
        }
        // After each: whoever is called away has lost nothing.
        records.write(&path)?;
    }
    console.out("")?;
    console.out(format_args!("{}: {} more", path.display(), counted(given, "answer")))?;
    if given > 0 && finished {
        let name = path.file_name().unwrap_or_default().display();
        console.out(format_args!(
            "the job has finished: add {name:?} to [source.gold] and run it with another store"
        ))?;
    }
    Ok(Exit::Done)
}

fn ask(nr: usize, of: usize, proposal: &Proposal, console: &Console) -> anyhow::Result<()> {
    let Proposal { task_id, domain, answer, confidence, labels, .. } = proposal;
    let within = if domain.is_empty() { String::new() } else { format!(" ({domain})") };
    let decided = answer.as_deref().unwrap_or("nothing");
    console.out("")?;
    console.out(format_args!(
        "{nr} of {of}: {task_id}{within}, decided {decided} ({confidence:.2})"
    ))?;
    for (nr, (label, votes)) in (1..).zip(labels) {
        console.out(format_args!("  {nr}  {label}  ({})", counted(*votes as u64, "vote")))?;
    }
    Ok(())
}

/// What a line says.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Is(String),
    Passes,
    Ends,
}

fn answer(line: &str, proposal: &Proposal) -> Answer {
    let said = line.trim();
    let label = |nr: usize| proposal.labels.get(nr.checked_sub(1)?);
    // A label that is a number is meant where it is one of the task's.
    if proposal.labels.iter().any(|(label, _)| label == said) {
        return Answer::Is(said.to_owned());
    }
    match said {
        "" => Answer::Passes,
        "q" => Answer::Ends,
        _ => match said.parse().ok().and_then(label) {
            Some((label, _)) => Answer::Is(label.clone()),
            None => Answer::Is(said.to_owned()),
        },
    }
}

/// Gold records of a file, in order of event time: a source takes no row that lies far behind the one before.
#[derive(Debug, Default)]
struct Records(Vec<Value>);

impl Records {
    fn read(path: &Path) -> anyhow::Result<Records> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Records::default()),
            read => read.with_context(|| format!("{} cannot be read", path.display()))?,
        };
        let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
        let record = |(nr, line): (u32, &str)| {
            let record: Value = serde_json::from_str(line)
                .with_context(|| format!("{}:{nr} is no JSON object", path.display()))?;
            anyhow::Ok(record)
        };
        lines.map(record).collect::<anyhow::Result<_>>().context(Exit::Misconfigured).map(Records)
    }

    fn answers(&self) -> BTreeMap<String, String> {
        let answer = |record: &Value| {
            Some((record["task_id"].as_str()?.to_owned(), record["answer"].as_str()?.to_owned()))
        };
        self.0.iter().filter_map(answer).collect()
    }

    fn add(&mut self, at: Micros, proposal: &Proposal, answer: &str, by: Option<&str>) {
        let mut record = json!({
            "event_time": format_rfc3339(at),
            "task_id": proposal.task_id,
            "answer": answer,
        });
        if let Some(by) = by {
            record["labeller"] = by.into();
        }
        self.0.push(record);
        self.0.sort_by_key(|record| record["event_time"].as_str().map(ToOwned::to_owned));
    }

    fn write(&self, path: &Path) -> anyhow::Result<()> {
        let lines: String = self.0.iter().map(|record| format!("{record}\n")).collect();
        // Under another name until it is whole.
        let part = path.with_extension("part");
        let written = fs::write(&part, lines).and_then(|()| fs::rename(&part, path));
        written.with_context(|| format!("{} cannot be written", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_label_by_its_text_before_its_number() {
        let proposal = Proposal {
            task_id: "t".to_owned(),
            domain: String::new(),
            closed_at: 0,
            is_final: false,
            answer: None,
            confidence: 0.5,
            labels: vec![("2".to_owned(), 3), ("7".to_owned(), 1)],
        };
        let said = |line: &str| answer(line, &proposal);
        assert_eq!(said("2"), Answer::Is("2".to_owned()));
        assert_eq!(said(" 1 \n"), Answer::Is("2".to_owned()));
        assert_eq!(said("3"), Answer::Is("3".to_owned()));
        assert_eq!(said("none of them"), Answer::Is("none of them".to_owned()));
        assert_eq!((said(""), said("q")), (Answer::Passes, Answer::Ends));
    }
}
