//! One start of the program: lanes that ask and wait at the same time, and what they share.

use std::collections::BTreeMap;

use super::Violation;
use super::bent::Bent;
use super::commit_lane::CommitLane;
use super::encounters::Encounters;
use super::merge_lane::MergeLane;
use super::mutation::Mutation;
use super::oracle::Oracle;
use super::rng::Rng;
use super::scenario::Scenario;
use super::upkeep_lane::UpkeepLane;
use crate::epoch::ledger::{Applicant, Ask, Committed, Fact, Merged, Terms};

/// What a lane wants done.
#[derive(Clone, Debug)]
pub(super) enum Want {
    Store(Ask),
    /// How far a table's destination has come.
    Progress(String),
    /// Publish, if the destination stands at `after`.
    Publish {
        table: String,
        after: u64,
        seq: u64,
        files: Vec<String>,
    },
}

/// What became of it.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Store(Fact),
    Progress(u64),
    Published,
    /// The destination stands elsewhere.
    NotPublished,
    Unanswered,
}

impl Answer {
    /// The store's answer.
    pub(super) fn fact(self) -> Fact {
        match self {
            Answer::Store(fact) => fact,
            _ => Fact::Unanswered,
        }
    }
}

/// What a lane does next.
#[derive(Debug)]
pub(super) enum Move<L> {
    Want(L, Want),
    Stop(Stopped),
}

impl<L> Move<L> {
    pub(super) fn ask(lane: L, ask: Ask) -> Move<L> {
        Move::Want(lane, Want::Store(ask))
    }

    pub(super) fn wait(lane: L, ms: u64) -> Move<L> {
        Move::ask(lane, Ask::Wait { ms })
    }

    pub(super) fn map<M>(self, wrap: impl FnOnce(L) -> M) -> Move<M> {
        match self {
            Move::Want(lane, want) => Move::Want(wrap(lane), want),
            Move::Stop(stopped) => Move::Stop(stopped),
        }
    }
}

/// Why a contender ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    Fenced,
    Held,
    Finished,
    /// It noticed in time that somebody else leads, and dies without ceremony.
    Outdated,
}

/// What lanes of one contender tell each other.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// The last record known to be committed.
    pub(super) latest: Option<Committed>,
    /// How far each table's destination had come when it was last asked.
    pub(super) progress: BTreeMap<String, u64>,
    /// Records whose replaced files are not swept yet.
    pub(super) to_sweep: Vec<Committed>,
    /// Merges to enter with the next commit.
    pub(super) merged: Vec<Merged>,
    pub(super) merges: u32,
    /// How often the upkeep lane has begun something.
    pub(super) rounds: u64,
}

/// Who a contender is, for all of its lanes.
#[derive(Debug)]
pub(super) struct Who {
    pub(super) id: u64,
    pub(super) terms: Terms,
    pub(super) shared: Shared,
}

/// The world around a contender.
pub(super) struct Around<'a> {
    pub(super) now_ms: u64,
    pub(super) scenario: &'a Scenario,
    pub(super) mutation: Option<Mutation>,
    pub(super) oracle: &'a mut Oracle,
    pub(super) met: &'a mut Encounters,
    pub(super) rng: &'a mut Rng,
}

/// The lanes of a contender, by number.
pub(super) const LANES: usize = 4;

#[derive(Debug)]
enum Lane {
    Commit(CommitLane),
    Upkeep(UpkeepLane),
    Merge(MergeLane),
}

/// One start of the program.
#[derive(Debug)]
pub(super) struct Contender {
    pub(super) who: Who,
    pub(super) paused_until_ms: u64,
    lanes: [Option<Lane>; LANES],
    bent: Bent,
}

impl Contender {
    pub(super) fn new(
        id: u64,
        applicant: Applicant,
        scenario: &Scenario,
        mutation: Option<Mutation>,
    ) -> Contender {
        let terms = mutation.map_or(scenario.terms, |mutation| mutation.terms(scenario.terms));
        let lanes = [
            Lane::Commit(CommitLane::new(applicant, terms)),
            Lane::Upkeep(UpkeepLane::Resting),
            // Two that don't know of each other, so that merges race.
            Lane::Merge(MergeLane::Resting),
            Lane::Merge(MergeLane::Resting),
        ];
        Contender {
            who: Who { id, terms, shared: Shared::default() },
            paused_until_ms: 0,
            lanes: lanes.map(Some),
            bent: Bent::by(mutation),
        }
    }

    /// Whether a record of this contender is on its way.
    pub(super) fn is_sending(&self) -> bool {
        matches!(&self.lanes[0], Some(Lane::Commit(CommitLane::Sending(_))))
    }

    /// Gives a lane its answer; it says what it wants next, or that the contender stops.
    pub(super) fn step(
        &mut self,
        lane: usize,
        answer: Answer,
        around: Around<'_>,
    ) -> Result<Result<Want, Stopped>, Violation> {
        let who = &mut self.who;
        let next = match self.lanes[lane].take().expect("a lane has one answer at a time") {
            Lane::Commit(commit) => {
                let fact = self.bent.incoming(answer.fact());
                commit.next(fact, who, around)?.map(Lane::Commit)
            }
            Lane::Upkeep(upkeep) => upkeep.next(answer, who, around)?.map(Lane::Upkeep),
            Lane::Merge(merge) => merge.next(answer.fact(), who, around)?.map(Lane::Merge),
        };
        match next {
            Move::Stop(stopped) => Ok(Err(stopped)),
            Move::Want(next, want) => {
                let want = match (&next, want) {
                    (Lane::Commit(_), Want::Store(ask)) => Want::Store(self.bent.outgoing(ask)),
                    (_, want) => want,
                };
                self.lanes[lane] = Some(next);
                Ok(Ok(want))
            }
        }
    }
}
