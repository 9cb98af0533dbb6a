//! A record on its way into the log, and the proof that it is there.

use std::fmt;
use std::sync::Arc;

use quorate_schemas::log::{Digest, HINT_PATH, Owner, Record, StagedFile, hint_bytes};

use super::ask::{Ask, Fact, Operation, Turn};
use super::attempt::{Attempt, Whose};
use super::find::Latest;
use super::lead::{Draft, Lead};
use super::look::{Above, Look};

/// A draft that was sent. It is driven until the log says whose record lies in its place.
///
/// A commit that took long, or that comes after a long silence of ours, looks whether anything lies above it before
/// it counts as committed: only then may it be published or swept by.
#[derive(Debug)]
pub struct Sent {
    frozen: Frozen,
    phase: Phase,
}

#[derive(Debug)]
struct Frozen {
    sealed: Box<Sealed>,
    before: Lead,
    sent_ms: Option<u64>,
}

#[derive(Debug)]
enum Phase {
    Attempting(Attempt),
    Looking(Look),
}

/// What became of a draft.
#[derive(Debug)]
pub enum Settled {
    /// It is in the log, and we go on leading.
    Committed(Lead, Committed),
    /// Somebody else leads. The process must stop, and publish and sweep nothing more.
    Fenced(Fenced),
}

/// The proof that a record is in the log: the only thing that may be published, and in whose name old objects may
/// be removed.
#[derive(Clone, Debug)]
pub struct Committed(Arc<Sealed>);

/// A record that doesn't change any more.
#[derive(Debug)]
pub(super) struct Sealed {
    pub(super) record: Record,
    pub(super) digest: Digest,
    /// What nobody needs any more once the record is committed.
    pub(super) garbage: Vec<String>,
}

/// What a committed record has for one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publishable<'a> {
    /// The record: what the destination's progress becomes.
    pub seq: u64,
    /// What the destination's progress must be before.
    pub after: u64,
    /// The files, in order of path.
    pub files: Vec<&'a StagedFile>,
}

/// Another run has taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fenced {
    /// Where in the log the other's record lies.
    pub seq: u64,
    /// The other, if its record could be read.
    pub by: Option<Owner>,
}

impl fmt::Display for Fenced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.by {
            Some(owner) => write!(f, "another run took over with log record {}: {owner}", self.seq),
            None => write!(f, "another run took over with log record {}", self.seq),
        }
    }
}

impl Fenced {
    pub(super) fn by_record(seq: u64, bytes: Option<&[u8]>) -> Fenced {
        let record = bytes.and_then(|bytes| Record::from_bytes(bytes).ok());
        Fenced { seq, by: record.map(|record| record.owner) }
    }
}

impl Committed {
    /// What was read from the log is in it.
    pub(super) fn read(latest: Latest) -> Committed {
        let Latest { record, digest } = latest;
        Committed(Arc::new(Sealed { record, digest, garbage: Vec::new() }))
    }

    /// Whoever calls this has it from the log that this very record is in it.
    pub(super) fn proven(sealed: Box<Sealed>) -> Committed {
        Committed(Arc::from(sealed))
    }

    /// The record.
    pub fn record(&self) -> &Record {
        &self.0.record
    }

    /// Its digest.
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// What the record has for a table, and the progress on which it must be published: the destination's, which is
    /// the number of the record published last. `None` if it has nothing.
    ///
    /// A destination that stands at this record or above has it already. One that stands below `after` lacks more:
    /// [`Follow`](super::Follow) finds it.
    pub fn files_for(&self, table: &str) -> Option<Publishable<'_>> {
        let commit = self.record().commit()?;
        let after = *commit.before.get(table)?;
        let files = commit.files.iter().filter(|file| file.table == table).collect();
        Some(Publishable { seq: self.record().seq, after, files })
    }

    /// What nobody needs any more now that this is committed: the files that it merged, and the outcomes of merges
    /// that came too late for it.
    pub(super) fn garbage(&self) -> &[String] {
        &self.0.garbage
    }

    /// The hint to write down, if this record is one that is hinted at. Fire and forget: it may fail, or land late
    /// over a better one.
    pub fn hint(&self, every: u64) -> Option<Ask> {
        let record = self.record();
        let due = record.is_claim() || record.seq.is_multiple_of(every.max(1));
        due.then(|| Ask::Put { path: HINT_PATH.to_owned(), bytes: hint_bytes(record.seq) })
    }
}

impl Sealed {
    /// Seals a record, and makes the attempt to put it into the log.
    pub(super) fn new(record: Record, garbage: Vec<String>) -> (Box<Sealed>, Attempt) {
        let bytes = record.to_bytes();
        let sealed = Sealed { digest: Digest::of(&bytes), garbage, record };
        let attempt = Attempt::new(sealed.record.path(), bytes);
        (Box::new(sealed), attempt)
    }
}

impl Sent {
    pub(super) fn new(draft: Draft) -> Sent {
        let (sealed, attempt) = Sealed::new(draft.record, draft.garbage);
        Sent {
            frozen: Frozen { sealed, before: draft.before, sent_ms: None },
            phase: Phase::Attempting(attempt),
        }
    }
}

impl Operation for Sent {
    type Outcome = Settled;

    fn next(self, fact: Fact, now_ms: u64) -> Turn<Sent> {
        match self.phase {
            Phase::Attempting(attempt) => self.frozen.attempt(attempt, fact, now_ms),
            Phase::Looking(look) => self.frozen.look(look, fact, now_ms),
        }
    }
}

impl Frozen {
    fn attempt(mut self, attempt: Attempt, fact: Fact, now_ms: u64) -> Turn<Sent> {
        let sent_ms = *self.sent_ms.get_or_insert(now_ms);
        match attempt.next(fact, now_ms) {
            Turn::Ask(attempt, ask) => {
                Turn::Ask(Sent { frozen: self, phase: Phase::Attempting(attempt) }, ask)
            }
            Turn::Done(Whose::Theirs(bytes)) => {
                Turn::Done(Settled::Fenced(Fenced::by_record(self.sealed.record.seq, Some(&bytes))))
            }
            Turn::Done(Whose::Ours) if self.slept(sent_ms, now_ms) => {
                let look = Look::above(self.sealed.record.seq);
                self.look(look, Fact::Begin, now_ms)
            }
            Turn::Done(Whose::Ours) => self.committed(),
        }
    }

    /// Whether so much time has passed, in sending or since the record before, that others may have moved on.
    fn slept(&self, sent_ms: u64, now_ms: u64) -> bool {
        let terms = &self.before.terms;
        let took_ms = now_ms.saturating_sub(sent_ms);
        let silent_ms = now_ms.saturating_sub(self.before.since_ms);
        took_ms > terms.slow_commit_ms || silent_ms > terms.silence_ms().max(terms.slow_commit_ms)
    }

    fn look(self, look: Look, fact: Fact, now_ms: u64) -> Turn<Sent> {
        match look.next(fact, now_ms) {
            Turn::Ask(look, ask) => {
                Turn::Ask(Sent { frozen: self, phase: Phase::Looking(look) }, ask)
            }
            Turn::Done(Above::Nothing) => self.committed(),
            Turn::Done(Above::Record(seq, bytes)) => {
                Turn::Done(Settled::Fenced(Fenced::by_record(seq, bytes.as_deref())))
            }
        }
    }

    fn committed(self) -> Turn<Sent> {
        let since_ms = self.sent_ms.unwrap_or(self.before.since_ms);
        let committed = Committed::proven(self.sealed);
        let lead = Lead { last: committed.clone(), terms: self.before.terms, since_ms };
        Turn::Done(Settled::Committed(lead, committed))
    }
}
