use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use quorate_connectors::decode::Decoder;
use quorate_connectors::error::Error;
use quorate_connectors::inlet::{Counts, Inlet, InletSpec, InletState, Resume};
use quorate_connectors::kafka::{Start, TopicSource};
use quorate_connectors::source::{Entry, FileSource, FileSpec, Found, Reading};
use quorate_schemas::id::IdKey;
use quorate_schemas::record::{Placed, Record};
use quorate_schemas::table::{RejectReason, RejectRow};
use quorate_schemas::time::Micros;

use super::sniff::looks_like;
use super::{Problem, SourceTrial};
use crate::clock::Stopwatch;
use crate::job::{Input, Job, Source};

/// So many rows of a file are tried, if it has them.
const ROWS: u64 = 100;
/// So many files of a source: the first, the last and some between.
const FILES: usize = 16;
/// Read at once: so much more than those rows may be tried.
const BUDGET_BYTES: usize = 64 << 10;
/// The first messages of a topic are waited for so long.
const PATIENCE: Duration = Duration::from_secs(5);
/// As much of a file as shows what it is.
const HEAD_BYTES: u64 = 256;

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
            is_topic: matches!(source.input, Input::Topics(_)),
            rows: Counts::default(),
            rejects: Vec::new(),
        };
        match entries(job, source, &about, problems) {
            Ok(entries) => {
                trial.files = entries.len() as u64;
                try_rows(job, source, &entries, now_us, &mut trial, problems);
                for found in &entries {
                    let Found::File(entry) = found else { continue };
                    let file = entry.path.canonicalize().unwrap_or_else(|_| entry.path.clone());
                    let rejected = trial.rows.rejected;
                    let (first, others) = *readers.entry(file).or_insert((source, rejected));
                    // One row may well hold a task, its votes and its answer; then none of it is a reject.
                    let is_meant = first.kind != source.kind && others + rejected == 0;
                    if first.name != source.name && !is_meant {
                        let message = shared(&entry.path, first, source);
                        problems.push(Problem::warning(&about, message));
                    }
                }
            }
            Err(error) => problems.extend(
                troubles(job, source, &error).into_iter().map(|text| Problem::error(&about, text)),
            ),
        }
        trials.push(trial);
    }
    trials
}

/// What comes of a file that two sources have.
fn shared(path: &Path, first: &Source, source: &Source) -> String {
    let (path, name) = (path.display(), &first.name);
    if first.kind == source.kind {
        return format!("{path} is also read by source {name}: its rows count twice");
    }
    let (one, other) = (first.kind.source_key(), source.kind.source_key());
    format!(
        "{path} is also read by source {name}: each of its rows is taken for {one} and for {other}, and is a reject as \
         what it is not"
    )
}

/// All that is wrong with the files of a bounded source, of which a run only says the first.
fn troubles(job: &Job, source: &Source, error: &Error) -> Vec<String> {
    let Input::Files(patterns) = &source.input else { return vec![error.to_string()] };
    let followed = FileSpec { reading: Reading::Followed, ..source.files(patterns, &job.folder) };
    let notices = FileSource::new(followed).survey(&[]).map(|survey| survey.notices);
    let all: Vec<String> = notices.iter().flatten().map(ToString::to_string).collect();
    if all.is_empty() { vec![error.to_string()] } else { all }
}

/// The files of a source, or the partitions of its topics, as a first run would find them.
pub(super) fn entries(
    job: &Job,
    source: &Source,
    about: &str,
    problems: &mut Vec<Problem>,
) -> Result<Vec<Found>, Error> {
    let (found, notices): (Vec<Found>, _) = match &source.input {
        Input::Files(patterns) => {
            let survey = FileSource::new(source.files(patterns, &job.folder)).survey(&[])?;
            (survey.entries.into_iter().map(Found::File).collect(), survey.notices)
        }
        Input::Topics(spec) => {
            // What is there now is tried, whether or not the job waits for more.
            let topics =
                TopicSource::new(spec.as_ref().clone(), Reading::Bounded, "quorate-validate")?;
            let survey = Arc::new(topics).survey(&[], Start::Earliest)?;
            (survey.entries.into_iter().map(Found::Topic).collect(), survey.notices)
        }
    };
    problems.extend(notices.into_iter().map(|notice| Problem::warning(about, notice.to_string())));
    Ok(found)
}

/// Reads at least `rows_min` rows from the beginning of these files, or all; `each` sees those that can be used.
pub(super) fn read(
    job: &Job,
    source: &Source,
    entries: &[Found],
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
    for found in entries {
        let mut inlet = Inlet::of(&spec, found, 0, Resume::default())?;
        let since = Stopwatch::start();
        let mut rows: Vec<Placed<Record>> = Vec::new();
        let mut more = true;
        while more && total.rows_in + inlet.progress().counts.rows_in < rows_min {
            more = match inlet.poll(BUDGET_BYTES, now_us, &mut rows, &mut rejects)? {
                InletState::More => true,
                InletState::Done => false,
                // A file has no more for now; of a topic messages are on their way.
                InletState::Waiting => {
                    let comes = matches!(found, Found::Topic(_)) && since.elapsed() < PATIENCE;
                    if comes {
                        std::thread::sleep(Duration::from_millis(10));
                    }
                    comes
                }
            };
            rows.drain(..).for_each(|row| each(&row.body));
        }
        add(&mut total, inlet.progress().counts);
        if total.rows_in >= rows_min {
            break;
        }
    }
    rejects.retain(|reject| reject.reason != RejectReason::Late);
    Ok((total, rejects))
}

/// Tries the first rows of a source's files.
fn try_rows(
    job: &Job,
    source: &Source,
    entries: &[Found],
    now_us: Micros,
    trial: &mut SourceTrial,
    problems: &mut Vec<Problem>,
) {
    let about = format!("source {}", source.name);
    // Files of which no row can be used, each with its first one.
    let mut useless: Vec<(&Found, Vec<u8>)> = Vec::new();
    let mut is_readable = true;
    for entry in spread(entries) {
        match read(job, source, std::slice::from_ref(entry), ROWS, now_us, &mut |_| {}) {
            Ok((rows, rejects)) => {
                if rows.rows_in > 0 && rows.rejected == rows.rows_in {
                    let first = rejects.first().map(|reject| reject.bytes.clone());
                    useless.push((entry, first.unwrap_or_default()));
                }
                add(&mut trial.rows, rows);
                trial.rejects.extend(rejects);
            }
            Err(error) => {
                let what = looks_like(source.format, &head(entry));
                let what = what.map_or_else(String::new, |what| format!("; the file {what}"));
                problems.push(Problem::error(&about, format!("{error}{what}")));
                is_readable = false;
            }
        }
    }
    let Counts { rows_in, rejected, .. } = trial.rows;
    if rows_in == 0 {
        if trial.files > 0 && !source.follow && is_readable {
            let files = if trial.files == 1 { "its file is" } else { "its files are" };
            problems.push(Problem::warning(&about, format!("has no rows: {files} empty")));
        }
    } else if rejected == rows_in {
        let known = useless.iter().find_map(|(entry, first)| {
            Some(format!("{} {}", entry.partition(), looks_like(source.format, first)?))
        });
        let why = known.unwrap_or_else(|| "is the map right?".to_owned());
        let message = format!("none of its first {rows_in} rows can be used: {why}");
        problems.push(Problem::error(&about, message));
    } else if rejected > 0 {
        let message =
            format!("{rejected} of its first {rows_in} rows cannot be used and will be rejects");
        problems.push(Problem::warning(&about, message));
        for (entry, first) in useless {
            let what = looks_like(source.format, &first);
            let what = what.map_or_else(String::new, |what| format!("; it {what}"));
            let message =
                format!("none of the first rows of {} can be used{what}", entry.partition());
            problems.push(Problem::warning(&about, message));
        }
    }
}

/// Some of many: the first, the last, and as many between as are tried.
fn spread<T>(all: &[T]) -> impl Iterator<Item = &T> {
    let tried = all.len().min(FILES);
    let place = move |nr: usize| nr * (all.len() - 1) / (tried - 1).max(1);
    (0..tried).map(move |nr| &all[place(nr)])
}

fn add(total: &mut Counts, more: Counts) {
    let Counts { rows_in, on_time, late, rejected } = more;
    total.rows_in += rows_in;
    total.on_time += on_time;
    total.late += late;
    total.rejected += rejected;
}

/// The first bytes of a file, as far as they can be read.
fn head(found: &Found) -> Vec<u8> {
    let Found::File(Entry { path, .. }) = found else { return Vec::new() };
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(HEAD_BYTES).read_to_end(&mut bytes));
    read.map(|_| bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_files_the_first_and_the_last_are_tried() {
        let tried = |files: usize| {
            let all: Vec<usize> = (0..files).collect();
            spread(&all).copied().collect::<Vec<_>>()
        };
        assert!(tried(0).is_empty());
        assert_eq!(tried(1), [0]);
        assert_eq!(tried(3), [0, 1, 2]);
        let many = tried(1_000);
        assert_eq!((many.len(), many[0], many[FILES - 1]), (FILES, 0, 999));
    }
}
