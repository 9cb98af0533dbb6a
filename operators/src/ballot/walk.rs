//! Votes of one task in event-time order: each agent's last word, and when a rule is met.
//!
//! The order is (event time, agent's name, event id, value). It is total but for equal rows, so what a walk over
//! the same votes finds is the same however they arrived. Votes are only walked once the watermark has passed
//! them, so that none can come in between later.
//!
//! Votes from before a task's first declaration count as on a task that nobody declared, until that declaration takes
//! effect: then they are judged by it, all over again. Those that it refuses are told at the close. Equal ones count as
//! doubled before they are judged.
//!
//! A rule is met by a vote, never by an order or a new era, and a quorum only by votes that weigh something: agents
//! without any weight can't bring it about.

use quorate_schemas::id::Id;
use quorate_schemas::record::{Placed, Task, Vote};
use quorate_schemas::table::{CloseRule, RejectReason};
use quorate_schemas::time::Micros;

use super::order::vote_order;
use super::seats::{Seat, Seats};
use super::tally::{Tally, micros};
use crate::kept::{Held, unsaved};
use crate::rules::{Occasion, Rules};

/// What became of a vote.
pub(crate) enum Taken {
    /// It is its agent's last word now.
    Stands,
    /// It equals the one before.
    Duplicate(Held),
    /// It cannot count.
    Refused(Held, RejectReason, String),
}

/// The votes so far.
#[derive(Default)]
pub(crate) struct Walk {
    pub(crate) seats: Seats,
    pub(crate) first_vote: Option<Micros>,
    /// The first vote that ever stood, be it refused since.
    pub(crate) claimed: Option<Micros>,
    pub(crate) superseded: u32,
    pub(crate) duplicates: u32,
    /// Votes that the first declaration refused.
    pub(crate) refused: Vec<(Held, RejectReason, String)>,
    /// Votes that another one of their agent has replaced: until somebody has declared the task and files have them.
    pub(crate) replaced: Vec<Held>,
    declared: bool,
    rows: u32,
    answers: Answers,
    running: Option<Running>,
}

/// How many agents' answers stand, for jobs that close by their number, and as of which order this was counted.
#[derive(Default)]
struct Answers {
    count: u32,
    ordered: Option<Micros>,
}

/// A tally that follows the walk, for jobs that close by quorum, and what its weights are a function of.
struct Running {
    tally: Tally,
    era: i64,
    ordered: Micros,
    domain: Id,
}

impl Walk {
    /// Takes the next vote in order; `task` is the declaration that held at its time.
    pub(crate) fn take(&mut self, held: Held, task: Option<&Task>, rules: &Rules) -> Taken {
        let vote = &held.vote;
        if let Some((reason, detail)) = rules.refusal(vote, task) {
            return Taken::Refused(held, reason, detail);
        }
        let seat = self.seats.get(&vote.body.agent);
        if seat.is_some_and(|seat| vote_order(&seat.vote, vote).is_eq()) {
            self.duplicates = self.duplicates.saturating_add(1);
            return Taken::Duplicate(held);
        }
        let caps = rules.policy.caps;
        if self.rows >= caps.votes_per_task {
            let detail = format!(
                "the task holds {} votes already (limits.votes_per_task)",
                caps.votes_per_task
            );
            return Taken::Refused(held, RejectReason::TooManyVotes, detail);
        }
        let versions = seat.map_or(0, |seat| seat.versions);
        if versions >= caps.votes_per_agent_and_task {
            let detail = format!(
                "the agent has cast {versions} votes here (limits.votes_per_agent_and_task)"
            );
            return Taken::Refused(held, RejectReason::TooManyVotes, detail);
        }
        self.rows += 1;
        self.first_vote.get_or_insert(vote.event_time);
        self.claimed.get_or_insert(vote.event_time);
        if let Some(before) = self.seats.insert(Seat::new(held, versions + 1)) {
            self.superseded += 1;
            self.answers.count -= u32::from(before.answers);
            let label = before.vote.body.value.label();
            if let (Some(running), Some(label), Some(weight)) =
                (&mut self.running, label, before.running_micros)
            {
                running.tally.remove(&label, weight);
            }
            if !(self.declared && before.saved) {
                self.replaced.push(before.into_held());
            }
        }
        Taken::Stands
    }

    /// The task's first declaration takes effect: the votes so far are judged by it. Said again, it changes nothing.
    pub(crate) fn declare(&mut self, task: &Task, rules: &Rules) {
        if std::mem::replace(&mut self.declared, true) {
            return;
        }
        let Walk { seats, replaced, claimed, duplicates, .. } = std::mem::take(self);
        *self = Walk { claimed, duplicates, declared: true, ..Walk::default() };
        let seated = seats.into_seats().into_iter().map(Seat::into_held);
        let mut votes: Vec<Held> = seated.chain(replaced).collect();
        votes.sort_by(|a, b| vote_order(&a.vote, &b.vote));
        for held in votes {
            if let Taken::Refused(held, reason, detail) = self.take(held, Some(task), rules) {
                self.refused.push((held, reason, detail));
            }
        }
    }

    /// Gives the votes that no file has; from then on one has them.
    pub(crate) fn unsaved(&mut self, each: &mut dyn FnMut(&Placed<Vote>)) {
        for seat in self.seats.iter_mut() {
            if !std::mem::replace(&mut seat.saved, true) {
                each(&seat.vote);
            }
        }
        unsaved(self.refused.iter_mut().map(|(held, ..)| held), each);
        unsaved(&mut self.replaced, each);
        if self.declared {
            self.replaced.clear();
        }
    }

    /// The rule that the votes so far meet, asked after `agent`'s vote at `at` was taken.
    pub(crate) fn met(
        &mut self,
        agent: &Id,
        at: Micros,
        task: Option<&Task>,
        opened_at: Micros,
        rules: &Rules,
    ) -> Option<CloseRule> {
        let close = rules.policy.close;
        if close.votes.is_some_and(|votes| self.answers(agent, at, rules) >= votes) {
            return Some(CloseRule::Votes);
        }
        if !close.quorum {
            return None;
        }
        let domain = task.map_or(&rules.nowhere, |task| &task.domain);
        let occasion = Occasion { domain, era: rules.policy.eras.era_of(at), opened_at, at };
        let whole = self.follow(agent, occasion, rules);
        let tally = &self.running.as_ref()?.tally;
        let quorum = task.and_then(|task| task.quorum).unwrap_or(rules.policy.quorum);
        let enough = task.and_then(|task| task.min_votes).unwrap_or(rules.policy.min_votes);
        let whole = whole.unwrap_or_else(|| micros(tally.total_micros()));
        let reached = quorum.exceeded_by(micros(tally.most_micros()), whole);
        (reached && tally.votes() >= enough).then_some(CloseRule::Quorum)
    }

    /// How many agents' answers stand at `at`, once `agent`'s vote was taken: none of one that is in quarantine.
    fn answers(&mut self, agent: &Id, at: Micros, rules: &Rules) -> u32 {
        let stands = |seat: &Seat| {
            let said = seat.vote.body.value.is_answer();
            said && !rules.registry.quarantined(&seat.vote.body.agent, at)
        };
        let ordered = rules.registry.ordered_as_of(at);
        if self.answers.ordered.replace(ordered) == Some(ordered) {
            if let Some(seat) = self.seats.get_mut(agent) {
                seat.answers = stands(seat);
                self.answers.count += u32::from(seat.answers);
            }
        } else {
            self.answers.count = 0;
            for seat in self.seats.iter_mut() {
                seat.answers = stands(seat);
                self.answers.count += u32::from(seat.answers);
            }
        }
        self.answers.count
    }

    /// Brings the running tally up to `agent`'s vote; what the quorum is a share of, unless it is the tally's sum.
    fn follow(&mut self, agent: &Id, occasion: Occasion<'_>, rules: &Rules) -> Option<i64> {
        let ordered = rules.registry.ordered_as_of(occasion.at);
        let current = self.running.as_ref().is_some_and(|running| {
            running.era == occasion.era
                && running.ordered == ordered
                && running.domain == *occasion.domain
        });
        if !current || rules.weights_depend_on_voters() {
            let domain = occasion.domain.clone();
            self.seats.iter_mut().for_each(|seat| seat.running_micros = None);
            self.running =
                Some(Running { tally: Tally::default(), era: occasion.era, ordered, domain });
            let everybody: Vec<Id> = self.standing(occasion.at, rules).cloned().collect();
            let weighing = rules.weigh(occasion, everybody.iter());
            everybody.iter().for_each(|voter| self.seat_in_tally(voter, weighing.of(voter)));
            return rules.whole(&weighing, everybody.iter());
        }
        let standing = !rules.registry.quarantined(agent, occasion.at);
        let weighing = rules.weigh(occasion, standing.then_some(agent).into_iter());
        if standing {
            self.seat_in_tally(agent, weighing.of(agent));
        }
        // Where a cap cuts votes, all of them are weighed together, above.
        rules.whole(&weighing, std::iter::empty())
    }

    fn seat_in_tally(&mut self, agent: &Id, weight_micros: i64) {
        let Some((running, seat)) = self.running.as_mut().zip(self.seats.get_mut(agent)) else {
            return;
        };
        if let Some(label) = seat.vote.body.value.label() {
            running.tally.add(&label, weight_micros);
            seat.running_micros = Some(weight_micros);
        }
    }

    /// The agents that gave an answer and are not in quarantine at `at`.
    fn standing<'a>(&'a self, at: Micros, rules: &'a Rules) -> impl Iterator<Item = &'a Id> {
        let said = self.seats.iter().filter(|seat| seat.vote.body.value.is_answer());
        said.map(|seat| &seat.vote.body.agent)
            .filter(move |agent| !rules.registry.quarantined(agent, at))
    }
}
