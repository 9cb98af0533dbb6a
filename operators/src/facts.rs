//! Facts on their way to the workers of their tasks.
//!
//! In memory they are moved as they are. Between processes most of them are votes, so these are written field by field,
//! without a description of their types, and where they were read once for all of them (what that is worth:
//! `bench/RESULTS.md`, Topics). Both ends are of one build, which processes of a cluster make sure of before they exchange
//! anything.

use std::io::Write;

use quorate_schemas::id::{Digest, Id, Name};
use quorate_schemas::place::{Origin, OriginRef, Place};
use quorate_schemas::record::{Number, Placed, Value, Vote};
use timely::Accountable;
use timely::bytes::arc::Bytes;
use timely::container::{DrainContainer, PushInto, SizableContainer};
use timely::dataflow::channels::ContainerBytes;

use crate::ballot::Fact;

/// How many facts travel together: some fifty kilobytes, of which what surrounds a message is little.
const TOGETHER: usize = 256;

/// Some facts, in one message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts(Vec<Fact>);

impl Facts {
    /// What is in it.
    pub fn into_vec(self) -> Vec<Fact> {
        self.0
    }
}

impl Accountable for Facts {
    fn record_count(&self) -> i64 {
        self.0.record_count()
    }
}

impl DrainContainer for Facts {
    type Item<'a> = Fact;
    type DrainIter<'a> = std::vec::Drain<'a, Fact>;

    fn drain(&mut self) -> Self::DrainIter<'_> {
        self.0.drain(..)
    }
}

impl SizableContainer for Facts {
    fn at_capacity(&self) -> bool {
        self.0.len() >= TOGETHER
    }

    fn ensure_capacity(&mut self, stash: &mut Option<Facts>) {
        if self.0.capacity() == 0 {
            *self = stash.take().unwrap_or_default();
            self.0.clear();
        }
        self.0.reserve_exact(TOGETHER.saturating_sub(self.0.len()));
    }
}

impl PushInto<Fact> for Facts {
    fn push_into(&mut self, fact: Fact) {
        self.0.push(fact);
    }
}

/// ```text
///   votes u32 │ origins u32 │ source, partition … │ vote … │ everything else, as timely writes a Vec
/// ```
impl ContainerBytes for Facts {
    fn from_bytes(mut bytes: Bytes) -> Facts {
        let mut from = Reader(&bytes);
        let mut facts = from.votes().expect("what a process of this build has written");
        let read = bytes.len() - from.0.len();
        bytes.extract_to(aligned(read));
        facts.append(&mut Vec::from_bytes(bytes));
        Facts(facts)
    }

    fn length_in_bytes(&self) -> usize {
        let mut length = Length(0);
        self.write_votes(&mut length);
        aligned(length.0) + self.others().length_in_bytes()
    }

    fn into_bytes<W: Write>(&self, writer: &mut W) {
        let mut to = Buffer(Vec::with_capacity(self.0.len() * VOTE_BYTES_ABOUT));
        self.write_votes(&mut to);
        to.0.resize(aligned(to.0.len()), 0);
        writer.write_all(&to.0).expect("a message is as long as it was said to be");
        self.others().into_bytes(writer);
    }
}

/// What a vote takes with short names.
const VOTE_BYTES_ABOUT: usize = 128;

/// Timely lays out messages in units of this.
fn aligned(length: usize) -> usize {
    length.next_multiple_of(8)
}

impl Facts {
    /// What is written as timely does: it is few.
    fn others(&self) -> Vec<Fact> {
        let is_other = |fact: &&Fact| !matches!(fact, Fact::Vote(_));
        self.0.iter().filter(is_other).cloned().collect()
    }

    fn write_votes(&self, to: &mut impl Sink) {
        let votes = || {
            self.0.iter().filter_map(|fact| match fact {
                Fact::Vote(vote) => Some(vote),
                Fact::Task(_) | Fact::Gold(_) | Fact::Override(_) => None,
            })
        };
        let mut origins = Origins::default();
        votes().for_each(|vote| {
            origins.nr_of(vote.place.origin);
        });
        to.length(votes().count());
        to.length(origins.known.len());
        for origin in &origins.known {
            to.text(&origin.source);
            to.text(&origin.partition);
        }
        for Placed { event_time, event_id, place, body: Vote { task, agent, value } } in votes() {
            to.bytes(&event_time.to_le_bytes());
            to.bytes(&place.position.to_le_bytes());
            to.length(origins.nr_of(place.origin));
            to.text(event_id);
            to.id(task);
            to.id(agent);
            to.value(value);
        }
    }
}

/// Where the votes of a message were read: a partition or two.
#[derive(Default)]
struct Origins {
    known: Vec<OriginRef>,
    last: usize,
}

impl Origins {
    fn nr_of(&mut self, origin: OriginRef) -> usize {
        if self.known.get(self.last) != Some(&origin) {
            self.last = self.known.iter().position(|known| *known == origin).unwrap_or_else(|| {
                self.known.push(origin);
                self.known.len() - 1
            });
        }
        self.last
    }
}

/// Where votes are written to.
trait Sink {
    fn bytes(&mut self, bytes: &[u8]);

    fn length(&mut self, length: usize) {
        let length = u32::try_from(length).expect("a message holds less than 4 GiB");
        self.bytes(&length.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.length(text.len());
        self.bytes(text.as_bytes());
    }

    fn id(&mut self, id: &Id) {
        self.bytes(&id.digest().to_le_bytes());
        self.text(id.name());
    }

    fn number(&mut self, number: Number) {
        self.bytes(&number.to_le_bytes());
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Abstain => self.bytes(&[0]),
            Value::Choice(label) => {
                self.bytes(&[1]);
                self.text(label);
            }
            Value::Number(number) => {
                self.bytes(&[2]);
                self.number(*number);
            }
            Value::Ranking(ranked) => {
                self.bytes(&[3]);
                self.text(&ranked.0);
                self.text(&ranked.1);
            }
            Value::Score(scored) => {
                self.bytes(&[4]);
                self.text(&scored.0);
                self.number(scored.1);
            }
        }
    }
}

struct Buffer(Vec<u8>);

impl Sink for Buffer {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

/// Only counts.
struct Length(usize);

impl Sink for Length {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
}

/// What is left to read. Everything is `None` where the bytes are not what a [`Sink`] was given.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn votes(&mut self) -> Option<Vec<Fact>> {
        let votes = self.length()?;
        let origins = self.length()?;
        let mut known = Vec::new();
        for _ in 0..origins {
            let (source, partition) = (self.text()?.to_owned(), self.text()?.to_owned());
            known.push(Origin { source, partition }.shared());
        }
        let mut facts = Vec::with_capacity(votes.min(TOGETHER));
        for _ in 0..votes {
            let event_time = i64::from_le_bytes(self.array()?);
            let position = u64::from_le_bytes(self.array()?);
            let origin = *known.get(self.length()?)?;
            let event_id = self.name()?;
            let (task, agent, value) = (self.id()?, self.id()?, self.value()?);
            let (place, body) = (Place { origin, position }, Vote { task, agent, value });
            facts.push(Fact::Vote(Placed { event_time, event_id, place, body }));
        }
        Some(facts)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(u32::from_le_bytes(self.array()?)).ok()
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.length()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    fn name(&mut self) -> Option<Name> {
        self.text().map(Name::new)
    }

    fn id(&mut self) -> Option<Id> {
        let digest = Digest::from_le_bytes(self.array()?);
        Some(Id::of_digest(digest, self.name()?))
    }

    fn number(&mut self) -> Option<Number> {
        Number::from_le_bytes(self.array()?)
    }

    fn value(&mut self) -> Option<Value> {
        Some(match self.array::<1>()? {
            [0] => Value::Abstain,
            [1] => Value::Choice(self.name()?),
            [2] => Value::Number(self.number()?),
            [3] => Value::Ranking(Box::new((self.name()?, self.name()?))),
            [4] => Value::Score(Box::new((self.name()?, self.number()?))),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use quorate_schemas::id::IdKey;
    use quorate_schemas::record::Gold;
    use timely::bytes::arc::BytesMut;

    use super::*;

    fn placed<T>(nr: u64, partition: &str, body: T) -> Placed<T> {
        let origin = Origin { source: "votes".to_owned(), partition: partition.to_owned() };
        let place = Place { origin: origin.shared(), position: nr };
        Placed { event_time: -5 + nr as i64, event_id: Name::new(format!("e{nr}")), place, body }
    }

    fn facts() -> Facts {
        let key = IdKey::new([7; 16]);
        let long = "a name that is too long to lie in the row itself, ü".repeat(5);
        let number = |value| Number::new(value).expect("it is finite");
        let values = [
            Value::Abstain,
            Value::Choice(Name::new("yes")),
            Value::Choice(Name::new("")),
            Value::Number(number(-0.1)),
            Value::Ranking(Box::new((Name::new("a"), Name::new(&long)))),
            Value::Score(Box::new((Name::new(&long), number(1e308)))),
        ];
        let mut facts = Facts::default();
        for (nr, value) in (0..).zip(values) {
            let (task, agent) = (key.id(&long), key.agent(&format!("a{nr}"), Some("2")));
            let partition = ["p", "q"][nr as usize % 2];
            facts.push_into(Fact::vote(placed(nr, partition, Vote { task, agent, value })));
        }
        facts
    }

    /// As it is between processes: with whatever lies behind.
    fn sent(facts: &Facts) -> Facts {
        let mut bytes = Vec::new();
        facts.into_bytes(&mut bytes);
        assert_eq!((bytes.len(), bytes.len() % 8), (facts.length_in_bytes(), 0));
        Facts::from_bytes(BytesMut::from(bytes).freeze())
    }

    #[test]
    fn votes_arrive_as_they_were_sent() {
        assert_eq!(sent(&Facts::default()), Facts::default());
        let votes = facts();
        let arrived = sent(&votes);
        assert_eq!(arrived, votes);
        // An id is equal by its digest alone.
        let names = |facts: &Facts| -> Vec<Name> {
            facts.0.iter().filter_map(|fact| Some(fact.task()?.name().clone())).collect()
        };
        assert_eq!(names(&arrived), names(&votes));
    }

    #[test]
    fn everything_else_arrives_after_the_votes() {
        let key = IdKey::new([7; 16]);
        let (task, answer) = (key.id("t"), Name::new("yes"));
        let gold = Fact::gold(placed(1, "g", Gold { task, answer }));
        let mut mixed = Facts::default();
        mixed.push_into(gold.clone());
        facts().into_vec().into_iter().for_each(|vote| mixed.push_into(vote));
        let mut expected = facts();
        expected.push_into(gold);
        assert_eq!(sent(&mixed), expected);
    }

    #[test]
    #[should_panic(expected = "what a process of this build has written")]
    fn bytes_that_end_too_soon_are_not_taken_for_fewer_votes() {
        let mut bytes = Vec::new();
        facts().into_bytes(&mut bytes);
        bytes.truncate(bytes.len() / 2);
        Facts::from_bytes(BytesMut::from(bytes).freeze());
    }
}
