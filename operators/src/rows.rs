//! What flows: feeds, which only pass by, and rows, which accumulate.
//!
//! A source gives a [`Feed`]: it can be mapped, filtered, split and merged, no more. Joins and reductions exist on
//! [`Rows`]. The only ways from one to the other are the durable ones ([`mod@crate::retain`], [`crate::decide`]):
//! so no stateful operator sits upstream of a durable cut, and the compiler checks it.

use differential_dataflow::{AsCollection, VecCollection};
use timely::ExchangeData;
use timely::dataflow::StreamVec;
use timely::dataflow::operators::vec::{Filter, Map};
use timely::dataflow::operators::{Concat, Exchange};

/// Timely's timestamp here: a short span of input. Its high bits number the checkpoint.
pub type Epoch = u64;

/// Rows that pass by, each once.
#[derive(Clone)]
pub struct Feed<'s, D: Clone + 'static>(pub(crate) StreamVec<'s, Epoch, D>);

impl<'s, D: Clone + 'static> Feed<'s, D> {
    /// A feed of what an input gives.
    pub fn of(stream: StreamVec<'s, Epoch, D>) -> Feed<'s, D> {
        Feed(stream)
    }

    /// The stream below, for an outlet.
    pub fn into_stream(self) -> StreamVec<'s, Epoch, D> {
        self.0
    }

    /// Each row as `logic` makes it.
    pub fn map<D2: Clone + 'static>(self, logic: impl FnMut(D) -> D2 + 'static) -> Feed<'s, D2> {
        Feed(self.0.map(logic))
    }

    /// The rows for which `keep` holds.
    pub fn filter(self, keep: impl FnMut(&D) -> bool + 'static) -> Feed<'s, D> {
        Feed(self.0.filter(keep))
    }

    /// For each row what `logic` makes of it, if anything.
    pub fn filter_map<D2: Clone + 'static>(
        self,
        logic: impl FnMut(D) -> Option<D2> + 'static,
    ) -> Feed<'s, D2> {
        Feed(self.0.flat_map(logic))
    }

    /// The rows of both.
    pub fn merge(self, other: Feed<'s, D>) -> Feed<'s, D> {
        Feed(self.0.concat(other.0))
    }
}

impl<'s, D: ExchangeData + Clone> Feed<'s, D> {
    /// A copy of each row for every worker.
    pub fn for_all(self) -> Feed<'s, D> {
        let peers = self.0.scope().peers() as u64;
        let copies = self.0.flat_map(move |row| (0..peers).map(move |to| (to, row.clone())));
        Feed(copies.exchange(|(to, _)| *to).map(|(_, row)| row))
    }
}

/// A collection: rows with signed multiplicities that change from epoch to epoch.
#[derive(Clone)]
pub struct Rows<'s, D: Clone + 'static>(pub(crate) VecCollection<'s, Epoch, D, i64>);

impl<'s, D: Clone + 'static> Rows<'s, D> {
    /// The collection of what an operator of ours emits.
    pub(crate) fn of(stream: StreamVec<'s, Epoch, (D, Epoch, i64)>) -> Rows<'s, D> {
        Rows(stream.as_collection())
    }

    /// Each row as `logic` makes it.
    pub fn map<D2: Clone + 'static>(self, logic: impl FnMut(D) -> D2 + 'static) -> Rows<'s, D2> {
        Rows(self.0.map(logic))
    }
}
