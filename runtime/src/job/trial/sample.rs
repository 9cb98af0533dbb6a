use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use quorate_connectors::decode::Decoder;
use quorate_connectors::error::Error;
use quorate_connectors::inlet::{Counts, Inlet, InletSpec, InletState, Resume};
use quorate_connectors::source::{Entry, FileSource};
use quorate_schemas::id::IdKey;
use quorate_schemas::record::{Placed, Record};
use quorate_schemas::table::{RejectReason, RejectRow};
use quorate_schemas::time::Micros;

use super::{Problem, SourceTrial};
use crate::job::{Job, Source};

/// So many rows of a source are tried, if it has them.
const ROWS: u64 = 100;
/// Read at once: so much more than those rows may be tried.
const BUDGET_BYTES: usize = 64 << 10;

/// Tries every source of `job`.
pub(super) fn of_all(job: &Job, now_us: Micros, problems: &mut Vec<Problem>) -> Vec<SourceTrial> {
    // A file, and the source that was first to have it, with its rejects.
    let mut readers: BTreeMap<PathBuf, (&Source, u64)> = BTreeMap::new();
    let mut trials = Vec::new();
    for source in &job.sources {
        let about = format!("source {}", source.name);
        let mut trial = SourceTrial {
            name: source.name.clone(),
            kind: source.kind,
            format: source.format,
            files: 0,
            rows: Counts::default(),
            rejects: Vec::new(),
        };
        match entries(job, source, &about, problems) {
            Ok(entries) => {
                trial.files = entries.len() as u64;
                let outcome = read(job, source, &entries, ROWS, now_us, &mut |_| {});
                match outcome {
                    Ok((rows, rejects)) => (trial.rows, trial.rejects) = (rows, rejects),
                    Err(error) => problems.push(Problem::error(&about, error.to_string())),
                }
                for entry in &entries {
                    let file = entry.path.canonicalize().unwrap_or_else(|_| entry.path.clone());
                    let rejected = trial.rows.rejected;
                    let (first, others) = *readers.entry(file).or_insert((source, rejected));
                    // One row may well hold a task, its votes and its answer; then none of it is a reject.
                    let is_meant = first.kind != source.kind && others + rejected == 0;
                    if first.name != source.name && !is_meant {
                        let message = shared(entry, first, source);
                        problems.push(Problem::warning(&about, message));
                    }
                }
            }
            Err(error) => problems.push(Problem::error(&about, error.to_string())),
        }
        judge(&trial, source.follow, &about, problems);
        trials.push(trial);
    }
    trials
}

/// What comes of a file that two sources have.
fn shared(entry: &Entry, first: &Source, source: &Source) -> String {
    let (path, name) = (entry.path.display(), &first.name);
    if first.kind == source.kind {
        return format!("{path} is also read by source {name}: its rows count twice");
    }
    let (one, other) = (first.kind.source_key(), source.kind.source_key());
    format!(
        "{path} is also read by source {name}: each of its rows is taken for {one} and for {other}, and is a reject as \
         what it is not"
    )
}

/// The files of a source, as a first run would find them.
pub(super) fn entries(
    job: &Job,
    source: &Source,
    about: &str,
    problems: &mut Vec<Problem>,
) -> Result<Vec<Entry>, Error> {
    let survey = FileSource::new(source.spec(&job.folder)).survey(&[])?;
    problems.extend(
        survey.notices.into_iter().map(|notice| Problem::warning(about, notice.to_string())),
    );
    Ok(survey.entries)
}

/// Reads at least `rows_min` rows from the beginning of these files, or all; `each` sees those that can be used.
pub(super) fn read(
    job: &Job,
    source: &Source,
    entries: &[Entry],
    rows_min: u64,
    now_us: Micros,
    each: &mut dyn FnMut(&Record),
) -> Result<(Counts, Vec<RejectRow>), Error> {
    let spec = InletSpec {
        source: source.name.clone(),
        // Nothing of this is kept: any key will do.
        decoder: Arc::new(Decoder::of(
            source.format,
            source.kind,
            &source.map,
            IdKey::new([0; 16]),
        )?),
        lateness_us: job.lateness,
        limits: job.limits.rows,
    };
    let (mut total, mut rejects) = (Counts::default(), Vec::new());
    for entry in entries {
        let mut inlet = Inlet::open(&spec, entry, Resume::default())?;
        let mut rows: Vec<Placed<Record>> = Vec::new();
        let mut more = true;
        while more && total.rows_in + inlet.progress().counts.rows_in < rows_min {
            more = inlet.poll(BUDGET_BYTES, now_us, &mut rows, &mut rejects)? == InletState::More;
            rows.drain(..).for_each(|row| each(&row.body));
        }
        let Counts { rows_in, on_time, late, rejected } = inlet.progress().counts;
        total.rows_in += rows_in;
        total.on_time += on_time;
        total.late += late;
        total.rejected += rejected;
        if total.rows_in >= rows_min {
            break;
        }
    }
    rejects.retain(|reject| reject.reason != RejectReason::Late);
    Ok((total, rejects))
}

fn judge(trial: &SourceTrial, follow: bool, about: &str, problems: &mut Vec<Problem>) {
    let Counts { rows_in, rejected, .. } = trial.rows;
    if rows_in == 0 && trial.files > 0 && !follow {
        let files = if trial.files == 1 { "its file is" } else { "its files are" };
        problems.push(Problem::warning(about, format!("has no rows: {files} empty")));
    } else if rows_in > 0 && rejected == rows_in {
        let message = format!("none of its first {rows_in} rows can be used: is the map right?");
        problems.push(Problem::error(about, message));
    } else if rejected > 0 {
        let message =
            format!("{rejected} of its first {rows_in} rows cannot be used and will be rejects");
        problems.push(Problem::warning(about, message));
    }
}
