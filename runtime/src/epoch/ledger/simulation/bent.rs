//! A commit lane's asks and facts on their way, bent by a mutation of how answers are understood.

use quorate_schemas::log::{HINT_PATH, LOG_PREFIX, ObjectName, Record, parse_hint};

use super::mutation::{Mutation, redrafted};
use crate::epoch::ledger::{Ask, Fact};

/// Passes everything through unless a rule is to be broken.
#[derive(Debug, Default)]
pub(super) struct Bent {
    mutation: Option<Mutation>,
    asked: Option<Ask>,
    /// The record on its way, and what came back last.
    sent: Option<(String, Vec<u8>)>,
    answer: Option<Fact>,
    /// The hinted number, until a record is sent.
    hint: Option<u64>,
    /// The number that was created last.
    created: Option<u64>,
}

impl Bent {
    pub(super) fn by(mutation: Option<Mutation>) -> Bent {
        Bent { mutation, ..Bent::default() }
    }

    pub(super) fn outgoing(&mut self, mut ask: Ask) -> Ask {
        let Some(mutation) = self.mutation else { return ask };
        if let Ask::Create { path, bytes } = &mut ask {
            let is_retry = self.sent.as_ref().is_some_and(|(sent, _)| sent == path);
            if is_retry && mutation == Mutation::DraftChangesOnRetry {
                *bytes = redrafted(bytes);
            }
            self.sent = Some((path.clone(), bytes.clone()));
            (self.answer, self.hint, self.created) = (None, None, None);
        }
        self.asked = Some(ask.clone());
        ask
    }

    pub(super) fn incoming(&mut self, fact: Fact) -> Fact {
        let (Some(mutation), Some(asked)) = (self.mutation, self.asked.take()) else { return fact };
        match asked {
            Ask::Create { path, .. } => self.created(mutation, &path, fact),
            Ask::Read { path } if path == HINT_PATH => {
                if let Fact::Present(bytes) = &fact {
                    self.hint = parse_hint(bytes);
                }
                fact
            }
            Ask::Read { path } => self.read(mutation, &path, fact),
            Ask::List { prefix: LOG_PREFIX, .. } => match mutation {
                Mutation::HintIsBelieved if self.hint.is_some() => Fact::Listed(Vec::new()),
                Mutation::NoLookAfterSleep if self.created.is_some() => Fact::Listed(Vec::new()),
                _ => fact,
            },
            _ => fact,
        }
    }

    fn created(&mut self, mutation: Mutation, path: &str, fact: Fact) -> Fact {
        let fact = match (mutation, fact) {
            (Mutation::AlreadyExistsIsOurs, Fact::AlreadyExists)
            | (Mutation::NoAnswerIsCommitted, Fact::Unanswered) => Fact::Created,
            (_, fact) => fact,
        };
        if fact == Fact::Created {
            self.created = seq_of(path);
        }
        self.answer = Some(fact.clone());
        fact
    }

    fn read(&mut self, mutation: Mutation, path: &str, fact: Fact) -> Fact {
        let is_after = |seq: Option<u64>| seq.is_some() && seq.map(|seq| seq + 1) == seq_of(path);
        let Some(ours) =
            self.sent.as_ref().filter(|(sent, _)| sent == path).map(|(_, bytes)| bytes)
        else {
            let is_hidden = mutation == Mutation::HintIsBelieved && is_after(self.hint)
                || mutation == Mutation::NoLookAfterSleep && is_after(self.created);
            return if is_hidden { Fact::Absent } else { fact };
        };
        let bent = match (mutation, &fact) {
            (Mutation::AlreadyExistsIsLost, Fact::Present(_) | Fact::Absent)
                if self.answer == Some(Fact::AlreadyExists) =>
            {
                b"another's".to_vec()
            }
            (Mutation::NothingFoundIsLost, Fact::Absent) => b"another's".to_vec(),
            (Mutation::OnlyIncarnationsAreCompared, Fact::Present(theirs))
                if incarnation_of(ours) == incarnation_of(theirs) =>
            {
                ours.clone()
            }
            _ => return fact,
        };
        // What is read after this is read by somebody who doesn't compare.
        self.sent = None;
        Fact::Present(bent)
    }
}

fn incarnation_of(bytes: &[u8]) -> Option<u64> {
    Record::from_bytes(bytes).map(|record| record.incarnation).ok()
}

fn seq_of(path: &str) -> Option<u64> {
    match ObjectName::parse(path) {
        Some(ObjectName::Log { seq }) => Some(seq),
        _ => None,
    }
}
