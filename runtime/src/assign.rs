//! Which worker reads which partition. Decided once per partition and run, by whoever is least loaded; no result
//! depends on it. Whatever is found of a partition later goes to the same worker: another would read it a second time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quorate_connectors::decode::Decoder;
use quorate_connectors::inlet::{InletSpec, Resume};
use quorate_connectors::source::{Entry, FileMark, FileSource, Known, Reading};
use quorate_schemas::id::IdKey;
use quorate_schemas::log::Standing;
use quorate_schemas::place::Origin;
use quorate_schemas::record::RecordKind;
use quorate_schemas::retained::RetainedRow;

use crate::error::Error;
use crate::job::{Job, Source};
use crate::partitions::Assigned;
use crate::shared::Shared;

/// Which worker reads what, and what it is fed back at the start.
pub(crate) struct Assignments {
    queues: Vec<Queue>,
    /// Who reads a partition; as many as there are partitions.
    readers: Mutex<BTreeMap<Origin, usize>>,
    complete: bool,
}

#[derive(Default)]
struct Queue {
    assigned: Mutex<Vec<Assigned>>,
    has_news: AtomicBool,
    restored: Mutex<Vec<RetainedRow>>,
    bytes: Mutex<u64>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The sources of a job, and what is known of their partitions.
pub(crate) struct Sources {
    sources: Vec<Open>,
}

struct Open {
    spec: Arc<InletSpec>,
    record: RecordKind,
    reading: Reading,
    files: FileSource,
    known: BTreeMap<String, (Known, Resume)>,
    /// How long files were when they were last looked at: one that has grown may have to be woken.
    lengths: BTreeMap<String, u64>,
}

impl Assignments {
    /// No assignments yet, for so many workers. `complete`: no partition will come that is not there at the start.
    pub(crate) fn new(workers: usize, complete: bool, restored: Vec<RetainedRow>) -> Assignments {
        let queues: Vec<Queue> = (0..workers).map(|_| Queue::default()).collect();
        for (at, row) in restored.into_iter().enumerate() {
            lock(&queues[at % workers].restored).push(row);
        }
        Assignments { queues, readers: Mutex::default(), complete }
    }

    /// The partitions that `worker` has not taken yet.
    pub(crate) fn take(&self, worker: usize) -> Vec<Assigned> {
        self.queues[worker].has_news.store(false, Ordering::Release);
        std::mem::take(&mut *lock(&self.queues[worker].assigned))
    }

    /// Whether there are any.
    pub(crate) fn has_news(&self, worker: usize) -> bool {
        self.queues[worker].has_news.load(Ordering::Acquire)
    }

    /// The rows that `worker` feeds back at the start.
    pub(crate) fn take_restored(&self, worker: usize) -> Vec<RetainedRow> {
        std::mem::take(&mut *lock(&self.queues[worker].restored))
    }

    /// Whether no more partitions can come.
    pub(crate) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Gives a partition to its worker; a new one, to the worker with the least to read.
    fn assign(&self, assigned: Assigned) {
        let origin = Origin {
            source: assigned.spec.source.clone(),
            partition: assigned.entry.partition.clone(),
        };
        let worker = *lock(&self.readers).entry(origin).or_insert_with(|| {
            let least = (0..self.queues.len())
                .min_by_key(|worker| (*lock(&self.queues[*worker].bytes), *worker))
                .unwrap_or(0);
            let bytes = std::fs::metadata(&assigned.entry.path).map_or(0, |file| file.len());
            *lock(&self.queues[least].bytes) += bytes.saturating_sub(assigned.entry.next).max(1);
            least
        });
        let queue = &self.queues[worker];
        lock(&queue.assigned).push(assigned);
        queue.has_news.store(true, Ordering::Release);
    }
}

impl Sources {
    /// The sources of `job`, going on where `standing` says.
    ///
    /// # Errors
    /// If a source's map is none.
    pub(crate) fn open(job: &Job, key: IdKey, standing: &Standing) -> Result<Sources, Error> {
        let open = |source: &Source| {
            let decoder = Arc::new(Decoder::new(source.kind, &source.map, key)?);
            let spec = InletSpec {
                source: source.name.clone(),
                decoder,
                lateness_us: job.lateness,
                limits: job.limits.rows,
            };
            let positions =
                standing.positions.iter().filter(|position| position.origin.source == source.name);
            let known = positions.map(|position| {
                let mark: FileMark =
                    serde_json::from_value(position.mark.clone()).map_err(|error| {
                        let partition = &position.origin.partition;
                        Error::Damaged(format!(
                            "the log's mark of partition {partition:?} cannot be read: {error}"
                        ))
                    })?;
                let partition = position.origin.partition.clone();
                let known = Known {
                    partition: partition.clone(),
                    next: position.next,
                    mark,
                    done: position.done,
                };
                let resume = Resume {
                    greatest: position.greatest_event_time_us,
                    floor: position.join_watermark_us,
                };
                Ok((partition, (known, resume)))
            });
            Ok(Open {
                spec: Arc::new(spec),
                record: source.kind,
                reading: source.spec(&job.folder).reading,
                files: FileSource::new(source.spec(&job.folder)),
                known: known.collect::<Result<_, Error>>()?,
                lengths: BTreeMap::new(),
            })
        };
        Ok(Sources { sources: job.sources.iter().map(open).collect::<Result<_, Error>>()? })
    }

    /// Whether nothing is followed: then the input ends.
    pub(crate) fn are_bounded(&self) -> bool {
        self.sources.iter().all(|source| source.reading == Reading::Bounded)
    }

    /// Looks for files, and assigns those that are not read yet. `joins`: the job has a clock already.
    ///
    /// # Errors
    /// If a bounded source's files are not there as they should be.
    pub(crate) fn survey(
        &mut self,
        to: &Assignments,
        joins: bool,
        shared: &Shared,
        first: bool,
    ) -> Result<(), Error> {
        for source in &mut self.sources {
            if !first && source.reading == Reading::Bounded {
                continue;
            }
            let known: Vec<Known> = source.known.values().map(|(known, _)| known.clone()).collect();
            let survey = source.files.survey(&known)?;
            for notice in survey.notices {
                shared.observer.note(&notice.to_string());
            }
            for entry in survey.entries {
                source.assign(entry, to, joins, first);
            }
        }
        Ok(())
    }
}

impl Open {
    fn assign(&mut self, entry: Entry, to: &Assignments, joins: bool, first: bool) {
        let logged = self.known.get(&entry.partition);
        let bytes = std::fs::metadata(&entry.path).map_or(0, |file| file.len());
        let grown = self.lengths.insert(entry.partition.clone(), bytes) != Some(bytes);
        if logged.is_some() && !first && !grown {
            return;
        }
        let assigned = Assigned {
            spec: Arc::clone(&self.spec),
            record: self.record,
            resume: logged.map(|(_, resume)| *resume).unwrap_or_default(),
            joins: joins && logged.is_none(),
            entry: entry.clone(),
        };
        let known = Known {
            partition: entry.partition.clone(),
            next: entry.next,
            mark: entry.mark.clone(),
            done: false,
        };
        self.known.entry(entry.partition).or_insert((known, Resume::default()));
        to.assign(assigned);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use quorate_connectors::source::FileSpec;

    use super::*;

    const JOB: &str = "name = \"panel\"\nstore = \"memory://\"\n\
                       [source.votes]\nfiles = \"votes-*.jsonl\"\nfollow = true\n";

    fn opened(folder: &Path) -> Open {
        let job = Job::parse(JOB, &folder.join("panel.toml")).unwrap().job;
        let source = &job.sources[0];
        let spec: FileSpec = source.spec(&job.folder);
        let decoder = Decoder::new(source.kind, &source.map, IdKey::new([1; 16])).unwrap();
        Open {
            spec: Arc::new(InletSpec {
                source: source.name.clone(),
                decoder: Arc::new(decoder),
                lateness_us: job.lateness,
                limits: job.limits.rows,
            }),
            record: source.kind,
            reading: spec.reading,
            files: FileSource::new(spec),
            known: BTreeMap::new(),
            lengths: BTreeMap::new(),
        }
    }

    /// The partitions that each worker is told about.
    fn told(assignments: &Assignments) -> Vec<Vec<String>> {
        let names =
            |assigned: Vec<Assigned>| assigned.into_iter().map(|a| a.entry.partition).collect();
        (0..assignments.queues.len()).map(|worker| names(assignments.take(worker))).collect()
    }

    #[test]
    fn a_file_that_grows_stays_with_the_worker_that_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, lines: usize| {
            let text = format!("{{\"of\":\"{name}\"}}\n").repeat(lines);
            fs::write(folder.path().join(format!("votes-{name}.jsonl")), text).unwrap();
        };
        let mut open = opened(folder.path());
        let assignments = Assignments::new(2, false, Vec::new());
        let mut survey = |first: bool| {
            let known: Vec<Known> = open.known.values().map(|(known, _)| known.clone()).collect();
            for entry in open.files.survey(&known).unwrap().entries {
                open.assign(entry, &assignments, !first, first);
            }
            told(&assignments)
        };
        write("a", 1);
        write("b", 50);
        let first = survey(true);
        assert_eq!(first, [["votes-a.jsonl"], ["votes-b.jsonl"]]);
        for lines in [100, 200, 300] {
            write("a", lines);
            write("b", lines / 2 + 1);
            assert_eq!(survey(false), first, "with {lines} lines");
        }
    }
}
