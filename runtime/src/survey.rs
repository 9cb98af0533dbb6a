//! Looks for files and partitions of topics, and hands what there is to read to those who read it.
//!
//! At the start of a run for all sources, then for followed ones again and again: a look is a function of what the
//! [roster](crate::roster) knows and of what lies in the directories, or of what brokers say.
//!
//! A run does not begin to read before brokers have said which partitions there are: the clock would pass those that are
//! found later, and what they hold would be late.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use quorate_connectors::decode::Decoder;
use quorate_connectors::inlet::InletSpec;
use quorate_connectors::kafka::{self, TopicSource, TopicSurvey};
use quorate_connectors::source::{FileSource, Found, Known, Mark, Reading, Survey};
use quorate_schemas::id::IdKey;
use quorate_schemas::log::Position;
use quorate_schemas::record::RecordKind;

use crate::assign::Assignments;
use crate::clock::now_ms;
use crate::error::Error;
use crate::job::{Input, Job, Source};
use crate::metrics::{Lag, Metrics};
use crate::observe::Observer;
use crate::partitions::{Assigned, Errand, Start};
use crate::roster::Roster;
use crate::seats::Seats;

/// Brokers that did not answer at the start are asked again after so long.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The sources of a job.
pub(crate) struct Surveyor {
    sources: Vec<Surveyed>,
    /// What each source's brokers last failed with: said once.
    troubles: BTreeMap<String, String>,
    /// Whose partitions are looked for.
    seats: Seats,
    roster: Arc<Roster>,
    assignments: Arc<Assignments>,
}

struct Surveyed {
    spec: Arc<InletSpec>,
    record: RecordKind,
    reading: Reading,
    place: Place,
}

enum Place {
    Files(FileSource),
    Topics(Arc<TopicSource>),
}

/// What a look at a source gave.
#[derive(Default)]
struct Seen {
    found: Vec<Found>,
    gone: Vec<String>,
    notices: Vec<String>,
}

impl From<Survey> for Seen {
    fn from(survey: Survey) -> Seen {
        Seen {
            found: survey.entries.into_iter().map(Found::File).collect(),
            gone: survey.gone,
            notices: survey.notices.iter().map(ToString::to_string).collect(),
        }
    }
}

impl From<TopicSurvey> for Seen {
    fn from(survey: TopicSurvey) -> Seen {
        Seen {
            found: survey.entries.into_iter().map(Found::Topic).collect(),
            gone: Vec::new(),
            notices: survey.notices.iter().map(ToString::to_string).collect(),
        }
    }
}

impl Surveyor {
    /// Surveys the sources of `job`.
    ///
    /// # Errors
    /// If a source's map is none, or brokers can't be reached as the job says.
    pub(crate) fn new(
        job: &Job,
        key: IdKey,
        seats: Seats,
        roster: Arc<Roster>,
        assignments: Arc<Assignments>,
    ) -> Result<Surveyor, Error> {
        let open = |source: &Source| {
            let spec = InletSpec {
                source: source.name.clone(),
                decoder: Arc::new(Decoder::of(source.format, source.kind, &source.map, key)?),
                lateness_us: job.lateness,
                limits: job.limits.rows,
            };
            let reading = source.reading();
            let place = match &source.input {
                Input::Files(patterns) => {
                    Place::Files(FileSource::new(source.files(patterns, &job.folder)))
                }
                Input::Topics(spec) => {
                    let topics = TopicSource::new(spec.as_ref().clone(), reading, &client_id(job))?;
                    Place::Topics(Arc::new(topics))
                }
            };
            Ok(Surveyed { spec: Arc::new(spec), record: source.kind, reading, place })
        };
        let sources = job.sources.iter().map(open).collect::<Result<_, Error>>()?;
        Ok(Surveyor { sources, seats, troubles: BTreeMap::new(), roster, assignments })
    }

    /// Tells the groups of topics how far the job is committed. Nothing depends on it.
    pub(crate) fn tell_groups(&mut self, positions: &[Position], observer: &dyn Observer) {
        for source in &self.sources {
            let Place::Topics(topics) = &source.place else { continue };
            let name = &source.spec.source;
            let mut marks = Vec::new();
            for position in positions.iter().filter(|at| at.origin.source == *name) {
                if let Ok(Mark::Topic(mark)) = serde_json::from_value(position.mark.clone()) {
                    marks.push((mark, position.next));
                }
            }
            let told = topics.tell_group(marks.iter().map(|(mark, next)| (mark, *next)));
            if let Err(error) = told {
                say_once(&mut self.troubles, name, &error.to_string(), observer);
            }
        }
    }

    /// Tells how far the partitions of topics are behind.
    pub(crate) fn tell_lags(&self, metrics: &Metrics) {
        let now_ms = i64::try_from(now_ms()).unwrap_or(i64::MAX);
        for source in &self.sources {
            let Place::Topics(topics) = &source.place else { continue };
            for (topic, number, lag) in topics.lags() {
                let partition = format!("{topic}/{number}");
                // Before the first message nobody knows how long it has been there.
                let seconds = lag.seconds(now_ms).unwrap_or(0.0);
                let lag = Lag { records: lag.records(), seconds };
                metrics.set_lag(&source.spec.source, &partition, Some(lag));
            }
        }
    }

    /// Looks for partitions, and hands out those that have something to read and are not read yet. Bounded sources are
    /// looked through once, with the run's start. Then brokers are waited for, until the run `is_over`.
    ///
    /// # Errors
    /// If a bounded source's files are not there as they should be, brokers do not let us in, or rows of a topic are gone.
    pub(crate) fn survey(
        &mut self,
        start: Start,
        observer: &dyn Observer,
        is_over: &dyn Fn() -> bool,
    ) -> Result<(), Error> {
        for source in &mut self.sources {
            if start == Start::Joining && source.reading == Reading::Bounded {
                continue;
            }
            let name = source.spec.source.clone();
            let mut known = self.roster.known(&name);
            let Seen { found, gone, notices } = match &mut source.place {
                // Nobody says that other processes see the same disk.
                Place::Files(_) if self.seats.index != 0 => continue,
                Place::Files(files) => {
                    let known: Vec<Known> = known.iter().filter_map(Known::file).collect();
                    files.survey(&known)?.into()
                }
                Place::Topics(topics) => {
                    let mut say = |trouble: &str| {
                        say_once(&mut self.troubles, &name, trouble, observer);
                    };
                    // Where others stand with their partitions is not known here.
                    let seats = self.seats;
                    known.retain(|known| seats.reads(&name, &known.partition));
                    let mut seen: Seen = look(topics, &known, start, &mut say, is_over)?.into();
                    seen.found.retain(|found| seats.reads(&name, found.partition()));
                    seen
                }
            };
            notices.iter().for_each(|notice| observer.note(notice));
            let fresh = self.roster.fresher_than(&name, &known);
            let open = self.roster.open(&name);
            for found in found {
                let is_new = of(&known, &found).is_none();
                if is_new
                    && (fresh.iter().any(|mark| found.may_be_copy_of(mark))
                        || open.iter().any(|mark| found.lies_where(mark)))
                {
                    continue;
                }
                if let Some(offer) = self.roster.offer(&name, &found, of(&known, &found)) {
                    let (owner, spec) = (offer.owner, Arc::clone(&source.spec));
                    let (record, reading) = (source.record, source.reading);
                    let assigned = Assigned { spec, record, reading, found, offer, start };
                    self.assignments.hand(owner, Errand::Read(assigned));
                }
            }
            if source.reading == Reading::Followed {
                for missing in self.roster.missing(&name, &gone) {
                    let (owner, spec) = (missing.offer.owner, Arc::clone(&source.spec));
                    self.assignments.hand(owner, Errand::End(spec, source.record, missing));
                }
            }
        }
        Ok(())
    }
}

/// Asks brokers which partitions there are: at the start until they say so, later once.
fn look(
    topics: &Arc<TopicSource>,
    known: &[Known<Mark>],
    start: Start,
    say: &mut dyn FnMut(&str),
    is_over: &dyn Fn() -> bool,
) -> Result<TopicSurvey, Error> {
    let begin = match start {
        Start::WithTheRun => topics.spec().start,
        // What is found while the job runs was made while it ran.
        Start::Joining => kafka::Start::Earliest,
    };
    loop {
        match topics.survey(known, begin) {
            Err(error) if error.retryable() => {
                say(&error.to_string());
                if start == Start::Joining || is_over() {
                    return Ok(TopicSurvey::default());
                }
                std::thread::sleep(ASK_AGAIN_AFTER);
            }
            // The clock would pass what is found later, and a bounded job would end without it.
            Ok(survey)
                if start == Start::WithTheRun && !survey.unanswered.is_empty() && !is_over() =>
            {
                say(&format!("no broker leads {} for now", survey.unanswered.join(", ")));
                std::thread::sleep(ASK_AGAIN_AFTER);
            }
            Ok(survey) => {
                say("");
                return Ok(survey);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Notes what is in the way of a source's brokers, unless it was the last that was noted. Nothing is: it is over.
fn say_once(
    troubles: &mut BTreeMap<String, String>,
    source: &str,
    trouble: &str,
    observer: &dyn Observer,
) {
    let before = troubles.insert(source.to_owned(), trouble.to_owned()).unwrap_or_default();
    match (trouble, before.as_str()) {
        ("", "") => {}
        ("", _) => observer.note(&format!("source {source}: brokers answer")),
        (trouble, before) if trouble == before => {}
        (trouble, _) => {
            observer.note(&format!(
                "source {source}: {trouble}; they are asked again until they answer"
            ));
        }
    }
}

/// As what brokers know a job's clients.
fn client_id(job: &Job) -> String {
    format!("quorate-{}", job.name)
}

/// What a survey took the partition for that was found.
fn of<'a>(known: &'a [Known<Mark>], found: &Found) -> Option<&'a Known<Mark>> {
    let at = known.binary_search_by(|known| known.partition.as_str().cmp(found.partition()));
    at.ok().map(|at| &known[at])
}
