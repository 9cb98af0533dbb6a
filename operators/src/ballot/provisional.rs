//! What an open task would decide if it closed now.
//!
//! A vote is counted the moment it arrives, with the weights of the era in which the task opened, so that a vote
//! costs the same however crowded the task is and an era's end re-weights nothing. Caps are left to the close.

use quorate_schemas::id::{Id, Name};
use quorate_schemas::record::{Placed, Vote};
use quorate_schemas::table::{DecisionUpdateRow, RejectReason};
use quorate_schemas::time::Micros;

use super::tally::Tally;
use crate::maps::IdMap;
use crate::policy::StakeRule;
use crate::rules::{Occasion, Rules};

/// The running outcome of one open task.
pub(crate) struct Provisional {
    domain: Id,
    opened_at: Micros,
    seen_to: Micros,
    seats: IdMap<Seat>,
    tally: Tally,
    revision: u32,
    last: Option<(Option<Name>, i64, i64, u32)>,
}

struct Seat {
    vote: Placed<Vote>,
    counted: Option<i128>,
}

impl Provisional {
    /// A task that opened at `opened_at` in `domain`.
    pub(crate) fn new(domain: Id, opened_at: Micros) -> Provisional {
        let (seats, tally) = (IdMap::default(), Tally::default());
        Provisional { domain, opened_at, seen_to: opened_at, seats, tally, revision: 0, last: None }
    }

    /// Takes a vote: the greatest (event time, event id, value) of an agent stands.
    pub(crate) fn take(&mut self, vote: &Placed<Vote>, rules: &Rules) {
        let refused = rules.refusal(vote, None).map(|(reason, _)| reason);
        if refused.is_some_and(|reason| reason != RejectReason::UnknownTask) {
            return;
        }
        let version =
            |vote: &Placed<Vote>| (vote.event_time, vote.event_id.clone(), vote.body.value.clone());
        let agent = vote.body.agent.clone();
        if self.seats.get(&agent).is_some_and(|seat| version(&seat.vote) >= version(vote)) {
            return;
        }
        self.seen_to = self.seen_to.max(vote.event_time);
        self.leave(&agent);
        self.seats.insert(agent.clone(), Seat { vote: vote.clone(), counted: None });
        self.enter(&agent, rules);
    }

    /// An agent was quarantined or released: its vote leaves or comes back at once.
    pub(crate) fn ordered(&mut self, agent: &Id, rules: &Rules) {
        self.leave(agent);
        self.enter(agent, rules);
    }

    fn leave(&mut self, agent: &Id) {
        let Some(seat) = self.seats.get_mut(agent) else { return };
        if let (Some(amount), Some(label)) = (seat.counted.take(), seat.vote.body.value.label()) {
            self.tally.remove(&label, amount);
        }
    }

    fn enter(&mut self, agent: &Id, rules: &Rules) {
        let Some(seat) = self.seats.get_mut(agent) else { return };
        let Some(label) = seat.vote.body.value.label() else { return };
        if rules.registry.quarantined(agent, Micros::MAX) {
            return;
        }
        // Amounts, not weights: what all stakes come to may change while votes come in.
        let amount =
            rules.amount(agent, occasion(&self.domain, self.opened_at, self.seen_to, rules));
        self.tally.add(&label, amount);
        seat.counted = Some(amount);
    }

    /// A row, if the outcome is not what the last one said.
    pub(crate) fn update(&mut self, task: &Id, rules: &Rules) -> Option<DecisionUpdateRow> {
        let answer = self.tally.leader().answer;
        let here = occasion(&self.domain, self.opened_at, self.seen_to, rules);
        let support = answer.as_ref().map_or(0, |label| self.tally.weight_of(label));
        let support_micros = rules.weight_of(support, here);
        let total_micros = rules.weight_of(self.tally.total_micros(), here);
        let now = (answer.clone(), support_micros, total_micros, self.tally.votes());
        if self.last.as_ref() == Some(&now) {
            return None;
        }
        self.last = Some(now);
        let log_odds = rules.policy.method.learns() && rules.policy.stake == StakeRule::Ignore;
        let confidence = answer.as_ref().map_or(0, |answer| match log_odds {
            true => self.tally.posterior_micros(answer),
            false => self.tally.share_micros(answer),
        });
        self.revision += 1;
        Some(DecisionUpdateRow {
            event_time: self.seen_to,
            revision: self.revision - 1,
            task: task.clone(),
            answer,
            confidence_micros: confidence,
            support_micros,
            total_micros,
            votes: self.tally.votes(),
            opened_at: self.opened_at,
        })
    }
}

fn occasion<'a>(domain: &'a Id, opened_at: Micros, at: Micros, rules: &Rules) -> Occasion<'a> {
    Occasion { domain, era: rules.policy.eras.era_of(opened_at), opened_at, at }
}
