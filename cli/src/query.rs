//! `quorate query`: SQL over the tables, asked once, from standard input or at a prompt.

mod command;
mod history;
mod prompt;
mod statement;
mod words;

use std::io::{self, IsTerminal, Read, Write};

use anyhow::Context as _;
use quorate_connectors::store::Store;
use quorate_query::snapshot::Extent;
use quorate_query::sql::{self, Screen, Session, Written};

use crate::at::{At, block_on, failed};
use crate::console::Console;
use crate::exit::Exit;

const EXAMPLES: &str = "\
Examples:
  quorate query --job demo/job.toml                 a prompt: \\d shows tables, Tab completes, Ctrl-D leaves
  quorate query --job demo/job.toml \"SELECT state, count(*) FROM decisions_current GROUP BY state\"
  quorate query --job demo/job.toml --chart \"SELECT agent_id, count(*) FROM votes GROUP BY 1 ORDER BY 2 DESC\"
  quorate query --store ./quorate-data --format csv \"SELECT * FROM decisions_final\" > final.csv
  quorate query --job demo/job.toml \"SELECT agent_id, domain, weight FROM agent_reputation ORDER BY era DESC LIMIT 20\"
  quorate query --job demo/job.toml < questions.sql

Tables: decisions, decision_updates, votes, agent_reputation, method_choices, agent_activity, anomalies, rejects, conservation.
Views: decisions_current (the last revision of each task), decisions_final (those that nothing will follow),
votes_current (the votes that stand in the last revision).

A query sees one commit of all tables, also while the job runs; at the prompt each question sees the newest. A chart
shows a label or a time first, then one number or more.

The prompt keeps its history in the file that QUORATE_HISTORY names (empty: in none), or else in
~/.local/state/quorate/history.";

/// Bars of a chart: more of them nobody compares.
const BARS: usize = 50;
/// Of a terminal that does not say.
const COLUMNS: usize = 80;

/// How an answer is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    Table,
    /// Bars for labels, columns for times
    Chart,
    /// Comma-separated values with a heading
    Csv,
    /// One JSON object a line
    Json,
}

impl Format {
    fn of_answers(self) -> sql::Format {
        match self {
            // On a screen, what is too wide for a table is a line for each value.
            Format::Table if io::stdout().is_terminal() => {
                sql::Format::Fitted(screen(sql::ROWS_SHOWN))
            }
            Format::Table => sql::Format::Table,
            Format::Chart => sql::Format::Chart(screen(BARS)),
            Format::Csv => sql::Format::Csv,
            Format::Json => sql::Format::Json,
        }
    }
}

/// Ask the tables questions in SQL
///
/// Without a question, they come from standard input; if that is a terminal, from a prompt.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The question; several are separated by `;`
    sql: Option<String>,
    #[command(flatten)]
    at: At,
    /// How the answer is printed
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Draw the answer: the same as --format chart
    #[arg(long, conflicts_with = "format")]
    chart: bool,
    /// Show only what is published as Delta tables: what other programs see
    #[arg(long)]
    published: bool,
    /// Keep no history of what is asked at the prompt
    #[arg(long)]
    no_history: bool,
}

/// What is asked.
struct Asked {
    store: Store,
    extent: Extent,
}

pub(crate) fn run(args: &Args, console: &Console) -> anyhow::Result<Exit> {
    block_on(async {
        let extent = if args.published { Extent::Published } else { Extent::Committed };
        let format = if args.chart { Format::Chart } else { args.format };
        let asked = Asked { store: args.at.open().await?, extent };
        let text = match &args.sql {
            Some(sql) => sql.clone(),
            None if io::stdin().is_terminal() => {
                let none = args.no_history.then(history::History::default);
                let history = none.unwrap_or_else(history::History::of_this_user);
                return prompt::run(&asked, format, history, console).await;
            }
            None => {
                let mut text = String::new();
                let read = io::stdin().lock().read_to_string(&mut text);
                read.context("cannot read questions from standard input")?;
                text
            }
        };
        let questions = statement::all(&text);
        if questions.is_empty() {
            let nothing = anyhow::anyhow!(
                "nothing is asked: write a question behind the command, or to its input"
            );
            return Err(nothing.context(Exit::Misconfigured));
        }
        let session = Session::open(&asked.store, extent).await.map_err(failed)?;
        for question in questions {
            let written = answer(&session, question, format.of_answers()).await?;
            if written.cut {
                console.note(format_args!(
                    "these are the first {} rows; --format csv or json gives all",
                    written.rows
                ));
            }
        }
        Ok(Exit::Done)
    })
}

/// Asks, and prints the answer.
async fn answer(session: &Session, question: &str, format: sql::Format) -> anyhow::Result<Written> {
    let answer = session.ask(question).await.map_err(failed)?;
    let mut out = io::BufWriter::new(io::stdout());
    let written = answer.write(format, &mut out).await.map_err(failed)?;
    out.flush()?;
    Ok(written)
}

/// The terminal that answers go to, for so many rows.
fn screen(rows: usize) -> Screen {
    let size = terminal_size::terminal_size_of(io::stdout());
    let columns = size.map_or(COLUMNS, |(width, _)| usize::from(width.0));
    Screen { columns: if columns == 0 { COLUMNS } else { columns }, rows }
}
