//! One partition of a topic, read from an offset on.

use std::sync::Arc;
use std::time::Duration;

use quorate_schemas::time::Micros;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Headers as _, OwnedMessage};

use super::consumer::{Consumer, Queue};
use super::judge::{Offsets, begin_after, fails};
use super::mark::{Last, TopicMark};
use super::message::{Beside, Message, row};
use super::schema::{Framed, Lookup, SCHEMA_HEADER, unframe};
use super::spec::{Gone, Tombstones};
use super::topics::{TopicEntry, TopicSource};
use crate::decode::Wanted;
use crate::error::Error;
use crate::inlet::Limits;
use crate::source::{Cut, Notice, ReadStep, Reading};

/// The key under which a map finds what stands beside a message's value.
const METADATA: &str = "kafka";

const TOMBSTONE: &str = "a message without a value (of a compacted topic: what had this key is deleted); write tombstones = \
                         \"skip\" if that means nothing here";

/// What became of a message.
enum Taken {
    /// It was read before.
    Passed,
    /// It is a row, or one that can't be used.
    Row,
    /// What it takes to read it is on its way.
    Waits,
}

/// What a payload is.
enum Value {
    /// What it is a row of, as it stands.
    Itself,
    /// This row.
    Row(Vec<u8>),
    /// None: why.
    Broken(String),
    /// That shows once its schema is here; with what is in the way.
    Coming(Option<String>),
}

/// Reads one partition.
pub struct TopicReader {
    source: Arc<TopicSource>,
    consumer: Arc<Consumer>,
    queue: Arc<Queue>,
    partition: String,
    mark: TopicMark,
    /// The next offset to read, as the log will have it.
    next: u64,
    /// The message before the first one to read, which must be what it was.
    proof: Option<Last>,
    /// Where a bounded source ends.
    end: Option<u64>,
    /// After the last offset that brokers are known to have had.
    seen_end: u64,
    beside: Beside,
    line_bytes_max: usize,
    reject_bytes_max: usize,
    bytes: u64,
    read_ms: Option<i64>,
    /// The next message, where its schema is on its way; and what was last said to be in the way of that.
    pending: Option<OwnedMessage>,
    trouble: String,
    /// Whether brokers had no more after the last message.
    at_end: bool,
    done: bool,
    notices: Vec<Notice>,
}

impl TopicReader {
    /// Begins to read an entry's partition, by the client of this worker.
    ///
    /// # Errors
    /// [`Error::Kafka`] if the client can't be made, or does not take the partition.
    pub fn open(
        entry: &TopicEntry,
        worker: usize,
        wanted: &Wanted,
        limits: &Limits,
    ) -> Result<TopicReader, Error> {
        let (source, mark) = (Arc::clone(&entry.source), entry.mark.clone());
        let consumer = source.reader(worker)?;
        let proof = mark.last.clone().filter(|last| last.offset + 1 == entry.begin);
        let from = proof.as_ref().map_or(entry.begin, |last| last.offset);
        let queue = consumer.assign(&mark.topic, mark.number, from)?;
        let end = (source.reading() == Reading::Bounded).then_some(entry.end);
        let mut reader = TopicReader {
            queue: Arc::new(queue),
            partition: entry.partition.clone(),
            mark,
            next: entry.next,
            proof,
            end,
            seen_end: entry.end,
            beside: if wanted.has(METADATA) { Beside::Everything } else { Beside::CloudEvents },
            line_bytes_max: limits.line_bytes_max,
            reject_bytes_max: limits.reject_bytes_max,
            bytes: 0,
            read_ms: None,
            pending: None,
            trouble: String::new(),
            at_end: false,
            done: false,
            notices: Vec::new(),
            source,
            consumer,
        };
        reader.pass_over(entry.begin);
        Ok(reader)
    }

    /// Nothing before `offset` is there to be read.
    fn pass_over(&mut self, offset: u64) {
        self.next = self.next.max(offset);
    }

    /// The next offset to read.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// By what it is known again.
    pub fn mark(&self) -> &TopicMark {
        &self.mark
    }

    /// After the last offset that is known to be there.
    pub fn seen_end(&self) -> u64 {
        // A message that waits for its schema is there to be read.
        if self.pending.is_some() { self.next } else { self.seen_end.max(self.next) }
    }

    /// Whether there is nothing to read because nobody wrote anything: its end was reached, brokers answer, and no message
    /// waits for its schema.
    pub fn is_caught_up(&self) -> bool {
        self.at_end && self.pending.is_none() && !self.consumer.is_in_trouble()
    }

    /// Whether it was read to its end.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// How many bytes were read since this was last asked.
    pub fn take_bytes(&mut self) -> u64 {
        std::mem::take(&mut self.bytes)
    }

    /// What is new to say about it.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Reads about `budget_bytes`, and gives the rows in them. Never waits.
    ///
    /// # Errors
    /// [`Error::Kafka`] if rows are gone and the job is not to go on without them. Brokers that do not answer are no
    /// error: they are waited for, and a notice says so.
    pub fn read(
        &mut self,
        budget_bytes: usize,
        _now_us: Micros,
        take: &mut dyn FnMut(Cut<'_>),
    ) -> Result<ReadStep, Error> {
        for text in self.consumer.serve() {
            self.notices.push(Notice::new(format!("topic {}", self.mark.topic), text));
        }
        // What is being read is borrowed from the queue, and what follows from it changes the reader.
        let queue = Arc::clone(&self.queue);
        let mut left = budget_bytes.max(1);
        let mut last = None;
        let step = loop {
            if self.done || self.is_at_end() {
                self.done = true;
                break ReadStep::Done;
            }
            if left == 0 {
                break ReadStep::More;
            }
            // One whose schema was not here yet comes first.
            if let Some(message) = self.pending.take() {
                match self.take_one(&message, &mut left, take) {
                    Taken::Passed => {}
                    Taken::Row => self.mark.last = Some(digest(&message)),
                    Taken::Waits => {
                        self.pending = Some(message);
                        break ReadStep::Waiting;
                    }
                }
                continue;
            }
            match queue.poll(Duration::ZERO) {
                None => break ReadStep::Waiting,
                Some(Ok(message)) => {
                    if let Some(proof) = self.proof.take()
                        && proof.offset == offset(&message)
                        && proof != digest(&message)
                    {
                        drop(message);
                        break self.is_another_topic(proof.offset)?;
                    }
                    match self.take_one(&message, &mut left, take) {
                        Taken::Passed => {}
                        Taken::Row => last = Some(message),
                        Taken::Waits => {
                            self.pending = Some(message.detach());
                            break ReadStep::Waiting;
                        }
                    }
                }
                Some(Err(error)) => match self.answer(&error)? {
                    None => {}
                    Some(step) => break step,
                },
            }
        };
        if let Some(message) = last {
            self.mark.last = Some(digest(&message));
            self.consumer.works();
            self.source.read_up_to(&self.mark, self.next, self.read_ms);
        }
        Ok(step)
    }

    /// Takes one message, if what it takes to read it is here.
    fn take_one<M: rdkafka::Message>(
        &mut self,
        message: &M,
        left: &mut usize,
        take: &mut dyn FnMut(Cut<'_>),
    ) -> Taken {
        let mut given = given(message, self.beside);
        if given.offset < self.next {
            return Taken::Passed;
        }
        let payload = message.payload();
        let read = match payload.map(|payload| self.value(&given, payload)) {
            None => Ok(None),
            Some(Value::Itself) => Ok(None),
            Some(Value::Row(row)) => Ok(Some(row)),
            Some(Value::Broken(what)) => Err(what),
            Some(Value::Coming(trouble)) => {
                if let Some(trouble) = trouble.filter(|trouble| *trouble != self.trouble) {
                    let text = format!("{trouble}; it is asked again until it answers");
                    self.notices.push(Notice::new(&self.partition, text));
                    self.trouble = trouble;
                }
                return Taken::Waits;
            }
        };
        self.trouble.clear();
        self.at_end = false;
        let bytes = given.key.map_or(0, <[u8]>::len) + payload.map_or(0, <[u8]>::len);
        *left = left.saturating_sub(bytes + 1);
        self.bytes += bytes as u64;
        self.next = given.offset + 1;
        self.read_ms = given.time_ms.or(self.read_ms);
        let position = given.offset;
        match (payload, &read) {
            (None, _) if self.source.spec().tombstones == Tombstones::Skip => {}
            (None, _) => take(self.broken(position, given.key.unwrap_or_default(), TOMBSTONE)),
            (Some(bytes), _) if bytes.len() > self.line_bytes_max => take(Cut::TooLong {
                position,
                first: &bytes[..bytes.len().min(self.reject_bytes_max)],
                bytes_total: bytes.len() as u64,
            }),
            (Some(bytes), Err(what)) => take(self.broken(position, bytes, what)),
            (Some(bytes), Ok(decoded)) => {
                given.value = decoded.as_deref().unwrap_or(bytes);
                let row = row(&given, self.beside);
                take(Cut::Message { position, bytes, row: &row });
            }
        }
        Taken::Row
    }

    fn broken<'b>(&self, position: u64, bytes: &'b [u8], what: &'b str) -> Cut<'b> {
        let first = &bytes[..bytes.len().min(self.reject_bytes_max)];
        Cut::Broken { position, first, bytes_total: bytes.len() as u64, what }
    }

    /// What a payload is, by the schema that it was written by.
    fn value(&self, given: &Message<'_>, payload: &[u8]) -> Value {
        let Some(registry) = self.source.registry() else { return Value::Itself };
        let framed = unframe(self.source.spec().encoding, given.header(SCHEMA_HEADER), payload);
        let Framed { id, path, body } = match framed {
            Ok(None) => return Value::Itself,
            Ok(Some(framed)) => framed,
            Err(what) => return Value::Broken(what),
        };
        match registry.look_up(&id) {
            Lookup::Here(codec) => match codec.row(&path, body) {
                Ok(row) => Value::Row(row),
                Err(what) => Value::Broken(format!("{what} ({id})")),
            },
            Lookup::Unknown(why) => Value::Broken(why),
            Lookup::Coming(trouble) => Value::Coming(trouble),
        }
    }

    fn is_at_end(&self) -> bool {
        self.end.is_some_and(|end| self.next >= end)
    }

    /// What follows from something that came in place of a message; nothing if reading goes on.
    fn answer(&mut self, error: &KafkaError) -> Result<Option<ReadStep>, Error> {
        if let KafkaError::PartitionEOF(_) = error {
            // What lies between the last message and the end are marks of transactions, or not committed yet.
            if self.end.is_some() {
                self.done = true;
                return Ok(Some(ReadStep::Done));
            }
            self.at_end = true;
            return Ok(Some(ReadStep::Waiting));
        }
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                self.go_on_after_a_gap()
            }
            Some(
                RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownPartition,
            ) => {
                let text = "brokers do not know it any more: was the topic deleted? It is looked for again";
                self.notices.push(Notice::new(&self.partition, text));
                Ok(Some(ReadStep::Waiting))
            }
            // Of all else the client tries again, and says itself what is in the way.
            _ => Ok(None),
        }
    }

    /// Brokers do not have the next offset.
    fn go_on_after_a_gap(&mut self) -> Result<Option<ReadStep>, Error> {
        let (topic, number) = (self.mark.topic.clone(), self.mark.number);
        let (first, end) = match self.consumer.offsets(&topic, number) {
            Ok((first, end)) => (first, end),
            // They are asked again as the client finds the offset missing again.
            Err(error) if error.retryable() => {
                self.consumer.seek(&topic, number, self.next)?;
                return Ok(Some(ReadStep::Waiting));
            }
            Err(error) => return Err(error),
        };
        if self.next > end {
            return self.is_another_topic(self.next).map(Some);
        }
        if self.next >= first {
            // It is there by now.
            self.consumer.seek(&topic, number, self.next)?;
            return Ok(Some(ReadStep::Waiting));
        }
        let lost = first - self.next;
        let what = format!(
            "the {lost} offsets from {} to {first} are gone from the topic before they were read",
            self.next
        );
        let begin = begin_after(self.source.spec().gone, Offsets { first, end })
            .ok_or_else(|| fails(&self.partition, &what, lost))?;
        self.notices
            .push(Notice::new(&self.partition, format!("{what}: it goes on at offset {begin}")));
        self.consumer.seek(&topic, number, begin)?;
        self.pass_over(begin);
        Ok(Some(ReadStep::Waiting))
    }

    /// What is under this name now is another topic. The partition is over; a survey finds the other one.
    fn is_another_topic(&mut self, offset: u64) -> Result<ReadStep, Error> {
        let what = format!(
            "at offset {offset} is not what the job has read there: the topic was deleted and made anew"
        );
        if self.source.spec().gone == Gone::Fail {
            return Err(fails(&self.partition, &what, self.seen_end()));
        }
        let text = format!("{what}: this partition is over, and its messages are another one");
        self.notices.push(Notice::new(&self.partition, text));
        self.mark.replaced = true;
        self.done = true;
        Ok(ReadStep::Done)
    }
}

impl Drop for TopicReader {
    fn drop(&mut self) {
        self.consumer.unassign(&self.mark.topic, self.mark.number);
    }
}

fn offset<M: rdkafka::Message>(message: &M) -> u64 {
    u64::try_from(message.offset()).unwrap_or(0)
}

fn given<M: rdkafka::Message>(message: &M, beside: Beside) -> Message<'_> {
    let headers = message
        .headers()
        .map(|headers| headers.iter().map(|header| (header.key, header.value)).collect::<Vec<_>>());
    Message {
        // The name is measured and checked at each call.
        topic: if beside == Beside::Everything { message.topic() } else { "" },
        number: message.partition(),
        offset: offset(message),
        time_ms: message.timestamp().to_millis(),
        key: message.key(),
        value: &[],
        headers: headers.unwrap_or_default(),
    }
}

fn digest<M: rdkafka::Message>(message: &M) -> Last {
    let time_ms = message.timestamp().to_millis();
    Last::of(offset(message), time_ms, message.key(), message.payload())
}
