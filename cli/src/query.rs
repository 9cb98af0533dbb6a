//! `quorate query`: SQL over the tables.

use std::io::Write;

use quorate_query::snapshot::Extent;
use quorate_query::sql::{self, Session};

use crate::at::{At, block_on, failed};
use crate::console::Console;
use crate::exit::Exit;

const EXAMPLES: &str = "\
Examples:
  quorate query --job demo/job.toml \"SELECT state, count(*) FROM decisions_current GROUP BY state\"
  quorate query --store ./quorate-data --format csv \"SELECT * FROM decisions_final\" > final.csv
  quorate query --job demo/job.toml \"SELECT agent_id, domain, weight FROM agent_reputation ORDER BY era DESC LIMIT 20\"
  quorate query --job demo/job.toml \"DESCRIBE votes\"

Tables: decisions, decision_updates, votes, agent_reputation, agent_activity, anomalies, rejects, conservation.
Views: decisions_current (the last revision of each task), decisions_final (those that nothing will follow),
votes_current (the votes that stand in the last revision).

A query sees one commit of all tables, also while the job runs.";

/// How an answer is printed.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// For people
    Table,
    /// Comma-separated values with a heading
    Csv,
    /// One JSON object a line
    Json,
}

/// Ask the tables a question in SQL
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The question
    sql: String,
    #[command(flatten)]
    at: At,
    /// How the answer is printed
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Show only what is published as Delta tables: what other programs see
    #[arg(long)]
    published: bool,
}

pub(crate) fn run(args: &Args, console: &Console) -> anyhow::Result<Exit> {
    block_on(async {
        let extent = if args.published { Extent::Published } else { Extent::Committed };
        let format = match args.format {
            Format::Table => sql::Format::Table,
            Format::Csv => sql::Format::Csv,
            Format::Json => sql::Format::Json,
        };
        let session = Session::open(&args.at.open().await?, extent).await.map_err(failed)?;
        let answer = session.ask(&args.sql).await.map_err(failed)?;
        let mut out = std::io::BufWriter::new(std::io::stdout());
        let written = answer.write(format, &mut out).await.map_err(failed)?;
        out.flush()?;
        if written.cut {
            console.note(format_args!(
                "these are the first {} rows; --format csv or json gives all",
                sql::ROWS_SHOWN
            ));
        }
        Ok(Exit::Done)
    })
}
