//! Which tasks have something to do, and when.

use std::collections::BTreeSet;

use quorate_schemas::id::Digest;
use quorate_schemas::time::Micros;

use crate::ballot::{Ballot, Due};
use crate::rules::Rules;

/// Tasks by when they are due. Each ballot knows what stands here of it.
///
/// *Cost*: nothing for a fact that moves nothing.
#[derive(Default)]
pub(crate) struct Agenda {
    closing: BTreeSet<(Micros, Digest)>,
    aging: BTreeSet<(Micros, Digest)>,
}

impl Agenda {
    /// Puts `ballot` where it is due now.
    pub(crate) fn schedule(&mut self, ballot: &mut Ballot, rules: &Rules) {
        let due = ballot.due(rules);
        self.put(ballot, due);
    }

    /// Takes `ballot` off.
    pub(crate) fn take_off(&mut self, ballot: &mut Ballot) {
        self.put(ballot, None);
    }

    fn put(&mut self, ballot: &mut Ballot, due: Option<Due>) {
        let before = std::mem::replace(&mut ballot.scheduled, due);
        if before == due {
            return;
        }
        let task = ballot.task().digest();
        match before {
            Some(Due::Close(at)) => self.closing.remove(&(at, task)),
            Some(Due::Age(at)) => self.aging.remove(&(at, task)),
            None => false,
        };
        match due {
            Some(Due::Close(at)) => self.closing.insert((at, task)),
            Some(Due::Age(at)) => self.aging.insert((at, task)),
            None => false,
        };
    }

    /// The tasks that are due before `until`.
    pub(crate) fn due_before(&self, until: Micros) -> Vec<Digest> {
        let indexes = self.closing.iter().take_while(move |(at, _)| *at < until);
        let indexes = indexes.chain(self.aging.iter().take_while(move |(at, _)| *at < until));
        indexes.map(|(_, task)| *task).collect()
    }

    /// Before then nothing closes and no gold shows evidence.
    pub(crate) fn next_close(&self) -> Option<Micros> {
        self.closing.first().map(|(at, _)| *at)
    }
}
