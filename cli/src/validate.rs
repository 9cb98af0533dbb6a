//! `quorate validate`: is the job right, and would it run?

use std::path::PathBuf;

use quorate_runtime::job::{
    self, Finding, Job, Loaded, Problem, Severity, SourceTrial, StoreContents, Trial,
};
use quorate_schemas::table::RejectRow;
use serde_json::{Value, json};

use crate::console::{Console, Paint};
use crate::exit::Exit;
use crate::numbers::counted;

const EXAMPLES: &str = "\
Examples:
  quorate validate demo/job.toml
  quorate validate demo/job.toml --json | jq .problems
  quorate validate --reference           every key of a job file, with its default
  quorate validate --schema > job.schema.json
                                         for editors: with `#:schema ./job.schema.json` as the first line of a
                                         job file they complete its keys and underline what is wrong

Ends with code 0 if the job can run and with 2 if it cannot; warnings change nothing.";

/// How many rejects of a source are shown.
const REJECTS_SHOWN: usize = 3;
/// How much of each.
const ROW_CHARS: usize = 100;

/// Check a job: its file, the files it names, their first rows, and its store
///
/// Reads the first rows of each source, and all agents where a cap depends on how many there are. Writes one probe into
/// the store and removes it. Nothing else is written.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The job file
    #[arg(required_unless_present_any = ["reference", "schema"])]
    job: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Print every key of a job file with its meaning and its default, and nothing else
    #[arg(long)]
    reference: bool,
    /// Print the JSON Schema of job files, and nothing else
    #[arg(long, conflicts_with = "reference")]
    schema: bool,
}

pub(crate) fn run(args: &Args, console: &Console) -> anyhow::Result<Exit> {
    if args.schema {
        console.out(job::schema().trim_end())?;
        return Ok(Exit::Done);
    }
    let Some(path) = args.job.as_ref().filter(|_| !args.reference) else {
        console.out(job::REFERENCE.trim_end())?;
        return Ok(Exit::Done);
    };
    let Loaded { job, warnings } = match Job::load(path) {
        Ok(loaded) => loaded,
        Err(refused) if args.json => {
            console.out(report(None, &refused.findings, None))?;
            return Ok(Exit::Misconfigured);
        }
        Err(refused) => return Err(refused.into()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let trial = runtime.block_on(job.try_out());
    if args.json {
        console.out(report(Some(&job), &warnings, Some(&trial)))?;
    } else {
        console.findings(&warnings);
        show(&job, &trial, warnings.len(), console)?;
    }
    Ok(if trial.is_good() { Exit::Done } else { Exit::Misconfigured })
}

fn show(job: &Job, trial: &Trial, warnings: usize, console: &Console) -> std::io::Result<()> {
    for problem in &trial.problems {
        let message = format!("{}: {}", problem.about, problem.message);
        match problem.severity {
            Severity::Error => console.error(&message),
            Severity::Warning => console.warn(&message),
        }
    }
    console.out(format_args!(
        "job {} (fingerprint {:.12})",
        job.name,
        job.fingerprint().to_string()
    ))?;
    let width =
        trial.sources.iter().map(|source| source.name.len()).max().unwrap_or(0).max("store".len());
    for source in &trial.sources {
        console.out(format_args!("  {:width$}  {}", source.name, source_line(source)))?;
        for reject in source.rejects.iter().take(REJECTS_SHOWN) {
            let (what, row) = reject_lines(source, reject);
            console.out(format_args!("  {:width$}    {what}", ""))?;
            console.out_in(Paint::Dim, &format!("  {:width$}    {row}", ""))?;
        }
        let hidden = source.rejects.len().saturating_sub(REJECTS_SHOWN);
        if hidden > 0 {
            console.out(format_args!("  {:width$}    and {hidden} more", ""))?;
        }
    }
    let store = match &trial.store {
        Some(StoreContents::Empty) => "can be written, holds no log yet".to_owned(),
        Some(StoreContents::Log { seq, finished: false }) => {
            format!("holds this job's log up to record {seq}")
        }
        Some(StoreContents::Log { seq, finished: true }) => {
            format!(
                "holds this job's log up to record {seq}; finished: run it again with --reopen for new files"
            )
        }
        Some(StoreContents::Foreign) => "holds another log".to_owned(),
        None => "cannot be used".to_owned(),
    };
    console.out(format_args!("  {:width$}  {}: {store}", "store", job.store))?;
    let doubts = warnings
        + trial.problems.iter().filter(|problem| problem.severity == Severity::Warning).count();
    match (trial.is_good(), doubts) {
        (true, 0) => console.out_in(Paint::Green, "the job can run"),
        (true, doubts) => {
            console.out(format_args!("the job can run, with {}", counted(doubts as u64, "warning")))
        }
        (false, _) => console.out_in(Paint::Red, "the job cannot run"),
    }
}

fn source_line(source: &SourceTrial) -> String {
    let rows = &source.rows;
    let word = if source.is_topic { "partition" } else { "file" };
    let files = counted(source.files, word);
    if rows.rows_in == 0 {
        return format!("{files}, no rows");
    }
    let flaws: Vec<String> = [(rows.late, "late"), (rows.rejected, "rejected")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let flaws = if flaws.is_empty() { "all good".to_owned() } else { flaws.join(", ") };
    format!("{files}, first {}: {flaws}", counted(rows.rows_in, "row"))
}

/// Why a row cannot be used, and the row.
fn reject_lines(source: &SourceTrial, reject: &RejectRow) -> (String, String) {
    let place = &reject.place;
    let what = format!(
        "{} at {} {}: {}: {}",
        place.origin.partition,
        if source.is_topic { "offset" } else { source.format.position_word() },
        place.position,
        reject.reason,
        reject.detail
    );
    let text = String::from_utf8_lossy(&reject.bytes);
    let printable = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut row: String = text.chars().take(ROW_CHARS).map(printable).collect();
    if text.chars().nth(ROW_CHARS).is_some() {
        row.push('…');
    }
    (what, row)
}

/// All of it for machines; the job and its trial only as far as it came to them.
fn report(job: Option<&Job>, findings: &[Finding], trial: Option<&Trial>) -> Value {
    let refused = findings.iter().any(|finding| finding.severity == Severity::Error);
    json!({
        "ok": !refused && trial.is_some_and(Trial::is_good),
        "job": job.map(|job| &job.name),
        "fingerprint": job.map(|job| job.fingerprint()),
        "findings": findings.iter().map(finding_json).collect::<Vec<_>>(),
        "problems": trial.map(|trial| trial.problems.iter().map(problem_json).collect::<Vec<_>>()),
        "sources": trial.map(|trial| trial.sources.iter().map(source_json).collect::<Vec<_>>()),
        "store": trial.map(|trial| store_json(trial.store.as_ref())),
    })
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn finding_json(finding: &Finding) -> Value {
    json!({
        "severity": word(finding.severity),
        "file": finding.file.display().to_string(),
        "line": finding.at.map(|at| at.line),
        "column": finding.at.map(|at| at.column),
        "key": finding.key,
        "message": finding.message,
        "remedy": finding.remedy,
    })
}

fn problem_json(problem: &Problem) -> Value {
    json!({ "severity": word(problem.severity), "about": problem.about, "message": problem.message })
}

fn source_json(source: &SourceTrial) -> Value {
    let reject = |reject: &RejectRow| {
        let (_, row) = reject_lines(source, reject);
        json!({
            "partition": reject.place.origin.partition,
            "position": reject.place.position,
            "reason": reject.reason.word(),
            "detail": reject.detail,
            "row": row,
        })
    };
    json!({
        "name": source.name,
        "kind": source.kind.source_key(),
        "files": source.files,
        "rows_tried": source.rows.rows_in,
        "on_time": source.rows.on_time,
        "late": source.rows.late,
        "rejected": source.rows.rejected,
        "rejects": source.rejects.iter().map(reject).collect::<Vec<_>>(),
    })
}

fn store_json(store: Option<&StoreContents>) -> Value {
    match store {
        Some(StoreContents::Empty) => json!({ "usable": true, "seq": null }),
        Some(StoreContents::Log { seq, finished }) => {
            json!({ "usable": true, "seq": seq, "finished": finished })
        }
        Some(StoreContents::Foreign) | None => json!({ "usable": false }),
    }
}
