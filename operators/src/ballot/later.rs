//! Facts that are of a later task of the same name.

use quorate_schemas::record::{Placed, Vote};
use quorate_schemas::time::Micros;

use super::Fact;
use crate::kept::{Held, unsaved};

/// Facts that wait until a name is free again: votes apart, which know whether a file has them.
#[derive(Default)]
pub(crate) struct Later {
    pub(crate) votes: Vec<Held>,
    /// All others.
    pub(crate) records: Vec<Fact>,
}

impl Later {
    pub(crate) fn is_empty(&self) -> bool {
        self.votes.is_empty() && self.records.is_empty()
    }

    /// Adds a fact of an input row.
    pub(crate) fn push(&mut self, fact: Fact) {
        match fact {
            Fact::Vote(vote) => self.votes.push(Held::new(vote)),
            record => self.records.push(record),
        }
    }

    pub(crate) fn append(&mut self, mut more: Later) {
        self.votes.append(&mut more.votes);
        self.records.append(&mut more.records);
    }

    /// The first event time.
    pub(crate) fn earliest(&self) -> Option<Micros> {
        let voted = self.votes.iter().map(|held| held.vote.event_time);
        voted.chain(self.records.iter().map(Fact::event_time)).min()
    }

    /// Gives the votes that no file has; from then on one has them.
    pub(crate) fn unsaved(&mut self, each: &mut dyn FnMut(&Placed<Vote>)) {
        unsaved(&mut self.votes, each);
    }
}
