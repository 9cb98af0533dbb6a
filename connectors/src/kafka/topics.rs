//! The topics of one source: which partitions there are, and from where to where each has messages.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::consumer::Consumer as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::consumer::Consumer;
use super::judge::{Judged, Offsets, judge};
use super::mark::TopicMark;
use super::schema::Registry;
use super::spec::{Start, TopicPattern, TopicSpec};
use crate::error::Error;
use crate::source::{Known, Mark, Notice, Reading};

/// Brokers that do not answer for so long are asked again the next time.
const PATIENCE: Duration = Duration::from_secs(5);

/// The topics of one source.
pub struct TopicSource {
    spec: TopicSpec,
    reading: Reading,
    client_id: String,
    registry: Option<Registry>,
    /// What asks; each worker has another client to read with.
    asks: Consumer,
    readers: Mutex<BTreeMap<usize, Arc<Consumer>>>,
    lags: Mutex<BTreeMap<TopicMark, Lag>>,
    /// Topics that are waited for, each told once.
    awaited: Mutex<BTreeSet<String>>,
}

/// How far a partition is behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// The next offset to read.
    pub next: u64,
    /// The offset after the last message that brokers have.
    pub end: u64,
    /// When the last message was written that was read, in milliseconds since 1970; none before the first.
    pub read_ms: Option<i64>,
}

impl Lag {
    /// How many offsets are not read yet. With transactions some of them are no messages.
    pub fn records(&self) -> u64 {
        self.end.saturating_sub(self.next)
    }

    /// How long ago the last message was written that was read, if there are more; none if nothing was read yet.
    pub fn seconds(&self, now_ms: i64) -> Option<f64> {
        match (self.records(), self.read_ms) {
            (0, _) => Some(0.0),
            (_, read_ms) => read_ms.map(|read_ms| (now_ms - read_ms).max(0) as f64 / 1_000.0),
        }
    }
}

/// A partition to read.
#[derive(Clone, Debug)]
pub struct TopicEntry {
    /// Its name in the log and in the tables.
    pub partition: String,
    /// The next offset to read, as the log has it.
    pub next: u64,
    /// By what it is known again.
    pub mark: TopicMark,
    /// The offset after the last message that there was when it was looked at.
    pub end: u64,
    /// The first offset to read in fact, where what lies before it is gone.
    pub(super) begin: u64,
    pub(super) source: Arc<TopicSource>,
}

/// What a look at the topics gave.
#[derive(Debug, Default)]
pub struct TopicSurvey {
    /// Each partition, in order of its name.
    pub entries: Vec<TopicEntry>,
    /// Partitions that there are, and of which brokers cannot say more for now: while a broker starts they have no leader.
    /// Who begins without them begins too early.
    pub unanswered: Vec<String>,
    /// What an operator should know.
    pub notices: Vec<Notice>,
}

impl fmt::Debug for TopicSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TopicSource").field("spec", &self.spec).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TopicSource {
    /// The topics of a source that is read so; brokers know the clients as `client_id`.
    ///
    /// # Errors
    /// [`Error::Kafka`] if a client can't be made of the settings.
    pub fn new(spec: TopicSpec, reading: Reading, client_id: &str) -> Result<TopicSource, Error> {
        Ok(TopicSource {
            asks: Consumer::new(&spec, client_id)?,
            registry: spec.registry.clone().map(Registry::new),
            spec,
            reading,
            client_id: client_id.to_owned(),
            readers: Mutex::default(),
            lags: Mutex::default(),
            awaited: Mutex::default(),
        })
    }

    /// How it is read.
    pub fn spec(&self) -> &TopicSpec {
        &self.spec
    }

    /// Where the schemas of its values are found.
    pub(super) fn registry(&self) -> Option<&Registry> {
        self.registry.as_ref()
    }

    /// How long it is read.
    pub fn reading(&self) -> Reading {
        self.reading
    }

    /// The client by which a worker reads.
    pub(super) fn reader(&self, worker: usize) -> Result<Arc<Consumer>, Error> {
        let mut readers = lock(&self.readers);
        if let Some(reader) = readers.get(&worker) {
            return Ok(Arc::clone(reader));
        }
        let reader = Arc::new(Consumer::new(&self.spec, &self.client_id)?);
        readers.insert(worker, Arc::clone(&reader));
        Ok(reader)
    }

    /// A reader has come so far.
    pub(super) fn read_up_to(&self, mark: &TopicMark, next: u64, read_ms: Option<i64>) {
        let mut lags = lock(&self.lags);
        let lag = lags.entry(key(mark)).or_default();
        lag.next = next;
        lag.end = lag.end.max(next);
        lag.read_ms = read_ms.or(lag.read_ms);
    }

    /// How far each partition is behind: its topic and number, and the lag.
    pub fn lags(&self) -> Vec<(String, i32, Lag)> {
        let lags = lock(&self.lags);
        lags.iter().map(|(mark, lag)| (mark.topic.clone(), mark.number, *lag)).collect()
    }

    /// Tells the group how far the job is, now that it is committed.
    ///
    /// # Errors
    /// [`Error::Kafka`] if the client does not take it; nothing depends on it.
    pub fn tell_group<'a>(
        &self,
        positions: impl Iterator<Item = (&'a TopicMark, u64)>,
    ) -> Result<(), Error> {
        let positions: Vec<_> =
            positions.map(|(mark, next)| (mark.topic.clone(), mark.number, next)).collect();
        if positions.is_empty() { Ok(()) } else { self.asks.tell_group(&positions) }
    }

    /// Looks which partitions there are. `start`: where one begins that nobody knows.
    ///
    /// # Errors
    /// [`Error::Kafka`] if brokers do not answer, or if rows are gone and the job is not to go on without them.
    pub fn survey(
        self: &Arc<Self>,
        known: &[Known<Mark>],
        start: Start,
    ) -> Result<TopicSurvey, Error> {
        let mut survey = TopicSurvey::default();
        let about = self.spec.connection.address();
        survey.notices.extend(self.asks.serve().into_iter().map(|text| Notice::new(&about, text)));
        let found = self.partitions(&mut survey)?;
        let offsets = self.offsets(&found)?;
        survey.unanswered = unanswered(&found, &offsets);
        self.asks.works();
        // Those who read hear nothing where nobody writes.
        lock(&self.readers).values().for_each(|reader| reader.works());
        for ((topic, number), offsets) in offsets {
            let mark = TopicMark { topic, number, ..TopicMark::default() };
            lock(&self.lags).entry(key(&mark)).or_default().end = offsets.end;
            let Judged { partition, mark, next, begin, notice } =
                judge(&mark, offsets, known, start, self.spec.gone)?;
            survey.notices.extend(notice.map(|text| Notice::new(&partition, text)));
            survey.entries.push(TopicEntry {
                partition,
                next,
                mark,
                end: offsets.end,
                begin,
                source: Arc::clone(self),
            });
        }
        survey.entries.sort_by(|a, b| a.partition.cmp(&b.partition));
        Ok(survey)
    }

    /// The partitions of all topics that are meant.
    fn partitions(&self, survey: &mut TopicSurvey) -> Result<BTreeSet<(String, i32)>, Error> {
        let mut found = BTreeSet::new();
        let mut absent = Vec::new();
        for pattern in &self.spec.topics {
            let name = match pattern {
                TopicPattern::Name(name) => Some(name.as_str()),
                TopicPattern::Matching(_) => None,
            };
            let told = self.asks.client().fetch_metadata(name, PATIENCE);
            let told = told.map_err(|error| self.asks.failed(name.unwrap_or(""), &error))?;
            let before = found.len();
            for topic in told.topics().iter().filter(|topic| pattern.is_for(topic.name())) {
                let numbers = topic.partitions().iter().map(|partition| partition.id());
                found.extend(numbers.map(|number| (topic.name().to_owned(), number)));
            }
            if found.len() == before {
                absent.push(pattern.to_string());
            }
        }
        let mut awaited = lock(&self.awaited);
        for topic in &absent {
            if self.reading == Reading::Bounded {
                return Err(Error::Kafka {
                    about: format!("topic {topic}"),
                    reason: format!(
                        "there is none at {}: create it, or mend its name",
                        self.spec.connection.address()
                    ),
                    passes: false,
                });
            }
            if awaited.insert(topic.clone()) {
                let text = "there is no such topic yet: it is looked for again";
                survey.notices.push(Notice::new(format!("topic {topic}"), text));
            }
        }
        awaited.retain(|topic| absent.contains(topic));
        Ok(found)
    }

    /// From where to where each has messages.
    fn offsets(
        &self,
        partitions: &BTreeSet<(String, i32)>,
    ) -> Result<BTreeMap<(String, i32), Offsets>, Error> {
        let first = self.at(partitions, Offset::Beginning)?;
        let last = self.at(partitions, Offset::End)?;
        let both = first.into_iter().filter_map(|(partition, first)| {
            let end = *last.get(&partition)?;
            Some((partition, Offsets { first, end: end.max(first) }))
        });
        Ok(both.collect())
    }

    fn at(
        &self,
        partitions: &BTreeSet<(String, i32)>,
        which: Offset,
    ) -> Result<BTreeMap<(String, i32), u64>, Error> {
        if partitions.is_empty() {
            return Ok(BTreeMap::new());
        }
        let failed = |error| self.asks.failed("", &error);
        let mut asked = TopicPartitionList::with_capacity(partitions.len());
        for (topic, number) in partitions {
            asked.add_partition_offset(topic, *number, which).map_err(failed)?;
        }
        let told = self.asks.client().offsets_for_times(asked, PATIENCE).map_err(failed)?;
        let mut offsets = BTreeMap::new();
        for element in told.elements() {
            // One that has no leader for now is found at the next look.
            if let (Ok(()), Offset::Offset(offset)) = (element.error(), element.offset()) {
                let partition = (element.topic().to_owned(), element.partition());
                offsets.insert(partition, u64::try_from(offset).unwrap_or(0));
            }
        }
        Ok(offsets)
    }
}

fn unanswered(
    found: &BTreeSet<(String, i32)>,
    offsets: &BTreeMap<(String, i32), Offsets>,
) -> Vec<String> {
    let silent = found.iter().filter(|partition| !offsets.contains_key(*partition));
    silent.map(|(topic, number)| format!("{topic}/{number}")).collect()
}

/// The partition alone.
fn key(mark: &TopicMark) -> TopicMark {
    TopicMark { topic: mark.topic.clone(), number: mark.number, ..TopicMark::default() }
}
