//! `quorate verify`: does everything add up?

use quorate_query::verify::{Options, Step, verify};

use crate::at::{At, block_on, failed};
use crate::console::{Console, Paint};
use crate::exit::Exit;
use crate::numbers::grouped;

const EXAMPLES: &str = "\
Examples:
  quorate verify --job demo/job.toml
  quorate verify --store s3://bucket/panel --json | jq .findings

Checks the log's chain of digests, the files that it names, that every input row is accounted for, that each decision
follows from its votes, and that each vote counts what its agent had earned by then: by arithmetic of its own. Ends with
code 5 if something is wrong, and names the record, file or row. A running job can be verified.";

/// Check that the log, the files, every decision and every weight add up
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    at: At,
    /// Tell no more findings than this of each kind; the others are counted
    #[arg(long, value_name = "N", default_value_t = Options::default().findings_of_a_kind)]
    findings: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args, console: &Console) -> anyhow::Result<Exit> {
    let watch = |step: Step| {
        // A line written over a thousand times a second would take longer than what it tells about.
        if step.done.is_multiple_of(64) || step.done + 1 == step.of {
            console.status(&format!(
                "verifying: {} {} of {}",
                step.what,
                grouped(step.done),
                grouped(step.of)
            ));
        }
    };
    let options = Options { findings_of_a_kind: args.findings, ..Options::default() };
    let verified =
        block_on(async { verify(&args.at.open().await?, options, &watch).await.map_err(failed) });
    console.clear();
    let report = verified?;
    if args.json {
        console.out(serde_json::to_string_pretty(&report)?)?;
    } else {
        console.out(report.to_string().trim_end())?;
    }
    if report.is_clean() {
        return Ok(Exit::Done);
    }
    console.note(Paint::Red.over("this store does not add up", console.colours()));
    Ok(Exit::Found)
}
