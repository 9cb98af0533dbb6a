//! Who is registered, who is in quarantine, whose vote is refused, and what votes weigh together.

use std::collections::{BTreeMap, BTreeSet};

use quorate_learning::exams::Rule;
use quorate_operators::policy::{Method, Policy, QuorumOf, StakeRule, Unknown};
use quorate_schemas::id::Name;
use quorate_schemas::record::{
    Agent, AgentAction, Control, ControlAction, Placed, Task, Value, Vote,
};
use quorate_schemas::table::RejectReason;
use quorate_schemas::time::Micros;

use super::learning::{Learnt, ONE};
use crate::scenario::Row;

/// A policy, and everything that is known of agents.
pub(crate) struct Roll<'a> {
    pub(crate) policy: Policy,
    registrations: Vec<&'a Placed<Agent>>,
    orders: Vec<&'a Placed<Control>>,
    learnt: &'a Learnt,
}

/// What was registered of an agent.
#[derive(Clone, Default)]
struct Registered {
    family: Option<Name>,
    stake: u64,
    domains: Vec<Name>,
}

/// What is asked when votes are weighed.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) domain: &'a str,
    pub(crate) era: i64,
    pub(crate) opened_at: Micros,
    pub(crate) at: Micros,
}

impl<'a> Roll<'a> {
    pub(crate) fn new(policy: Policy, rows: &'a [Row], learnt: &'a Learnt) -> Roll<'a> {
        let mut registrations: Vec<&Placed<Agent>> = Vec::new();
        let mut orders: Vec<&Placed<Control>> = Vec::new();
        for row in rows {
            match row {
                Row::Agent(row) => registrations.push(row),
                Row::Order(row) => orders.push(row),
                Row::Fact(_) => {}
            }
        }
        registrations
            .sort_by_key(|row| (row.event_time, &row.event_id, row.body.agent.name(), &row.body));
        registrations.dedup_by_key(|row| (row.event_time, &row.event_id, &row.body));
        orders.sort_by_key(|row| (row.event_time, &row.event_id, &row.body));
        Roll { policy, registrations, orders, learnt }
    }

    fn registered(&self, agent: &str, at: Micros) -> Option<Registered> {
        let mut known: Option<Registered> = None;
        for row in &self.registrations {
            if row.event_time > at || row.body.agent.name() != agent {
                continue;
            }
            known = match (row.body.action, known) {
                (AgentAction::Retire, _) | (AgentAction::Slash, None) => None,
                (AgentAction::Slash, Some(known)) => {
                    let stake =
                        row.body.stake.map_or(0, |slashed| known.stake - known.stake.min(slashed));
                    Some(Registered { stake, ..known })
                }
                (AgentAction::Register | AgentAction::Update, known) => {
                    let before = known.unwrap_or_default();
                    let domains = if row.body.domains.is_empty() {
                        before.domains
                    } else {
                        row.body.domains.clone()
                    };
                    Some(Registered {
                        family: row.body.family.clone().or(before.family),
                        stake: row.body.stake.unwrap_or(before.stake),
                        domains,
                    })
                }
            };
        }
        known
    }

    fn admitted(&self, agent: &str, domain: &str, at: Micros) -> bool {
        let known = self.registered(agent, at);
        known.is_some_and(|known| {
            known.domains.is_empty() || known.domains.iter().any(|known| known == domain)
        })
    }

    /// The orders about `agent` in `(after, until]`.
    pub(crate) fn orders_about(
        &self,
        agent: &str,
        after: Micros,
        until: Micros,
    ) -> Vec<&'a Placed<Control>> {
        let about = |row: &&&Placed<Control>| match &row.body.action {
            ControlAction::Quarantine { agent: whose }
            | ControlAction::Release { agent: whose } => whose.name() == agent,
            ControlAction::Override { .. } => false,
        };
        let within = |row: &&&Placed<Control>| row.event_time > after && row.event_time <= until;
        self.orders.iter().filter(about).filter(within).copied().collect()
    }

    /// Everybody an order was ever about.
    pub(crate) fn ordered_agents(&self) -> BTreeSet<&'a str> {
        let whose = self.orders.iter().filter_map(|row| match &row.body.action {
            ControlAction::Quarantine { agent } | ControlAction::Release { agent } => {
                Some(agent.name().as_str())
            }
            ControlAction::Override { .. } => None,
        });
        whose.collect()
    }

    pub(crate) fn quarantined(&self, agent: &str, at: Micros) -> bool {
        let orders = self.orders_about(agent, Micros::MIN, at);
        orders.last().is_some_and(|row| matches!(row.body.action, ControlAction::Quarantine { .. }))
    }

    /// Why a vote can't count where `task` is declared.
    pub(crate) fn refusal(&self, vote: &Placed<Vote>, task: Option<&Task>) -> Option<RejectReason> {
        let (agent, at) = (vote.body.agent.name(), vote.event_time);
        let registered = self.registered(agent, at).is_some();
        let foreign =
            registered && task.is_some_and(|task| !self.admitted(agent, task.domain.name(), at));
        let options =
            task.map(|task| task.options.as_slice()).filter(|options| !options.is_empty());
        let refusals = [
            (matches!(vote.body.value, Value::Score(..)), RejectReason::UnsupportedVote),
            (
                !registered && self.policy.unknown_agents == Unknown::Reject,
                RejectReason::UnknownAgent,
            ),
            (foreign, RejectReason::WrongDomain),
            (
                task.is_none() && self.policy.unknown_tasks == Unknown::Reject,
                RejectReason::UnknownTask,
            ),
            (
                options
                    .zip(vote.body.value.label())
                    .is_some_and(|(options, label)| !options.contains(&label)),
                RejectReason::NotAnOption,
            ),
        ];
        refusals.into_iter().find(|(refused, _)| *refused).map(|(_, reason)| reason)
    }

    /// What a vote counts before stakes are scaled.
    fn amount(&self, agent: &str, asked: Asked<'_>) -> i128 {
        let weight = match self.policy.method {
            Method::Majority => ONE,
            Method::Weighted => self.learnt.weight(asked.era, asked.domain, agent),
            Method::Stacked => self.learnt.fitted(Rule::Stacked, (asked.era, asked.domain, agent)),
            Method::Auto => self.learnt.fitted(Rule::Auto, (asked.era, asked.domain, agent)),
        };
        // A part of a whole is never less than nothing.
        let parts = self.policy.stake != StakeRule::Ignore
            || self.policy.cap.is_some()
            || self.policy.quorum_of == QuorumOf::Eligible;
        let weight = if parts { weight.max(0) } else { weight };
        if self.policy.stake == StakeRule::Ignore {
            return weight.into();
        }
        let begins = self.policy.eras.start_of(asked.era);
        let here = self.admitted(agent, asked.domain, begins)
            || self.admitted(agent, asked.domain, asked.opened_at);
        let known = self.registered(agent, begins).or(self.registered(agent, asked.opened_at));
        let stake = known.filter(|_| here).map_or(0, |known| known.stake);
        i128::from(stake) * i128::from(weight)
    }

    /// A stake weighs its share of all that is at stake in the domain, of a million.
    fn raw(&self, agent: &str, asked: Asked<'_>) -> i64 {
        let amount = self.amount(agent, asked);
        if self.policy.stake == StakeRule::Ignore {
            return i64::try_from(amount).expect("a weight is small");
        }
        let all: i128 = self.names().iter().map(|name| self.amount(name, asked)).sum();
        let share = if all == 0 { 0 } else { amount * 1_000_000_000_000 / all };
        i64::try_from(share).expect("a share of a million")
    }

    /// Everybody who ever registered.
    fn names(&self) -> BTreeSet<String> {
        self.registrations.iter().map(|row| row.body.agent.name().to_string()).collect()
    }

    /// What the votes of `voters` count, and what a quorum is a share of.
    pub(crate) fn weigh(
        &self,
        asked: Asked<'_>,
        voters: &BTreeSet<String>,
    ) -> (BTreeMap<String, i64>, i64) {
        let of_eligible = self.policy.quorum_of == QuorumOf::Eligible;
        let mut members = voters.clone();
        if of_eligible || self.policy.cap.is_some() {
            let known = if self.policy.registered {
                self.names()
                    .into_iter()
                    .filter(|name| self.admitted(name, asked.domain, asked.opened_at))
                    .collect()
            } else {
                self.learnt.voters(asked.era, asked.domain)
            };
            if self.policy.registered && of_eligible {
                // Who is not registered when the task opens is not eligible, vote or not.
                members.clear();
            }
            members.extend(known.into_iter().filter(|name| !self.quarantined(name, asked.at)));
        }
        let mut weights: BTreeMap<String, i64> = BTreeMap::new();
        for name in members {
            let weight = self.raw(&name, asked);
            weights.insert(name, weight);
        }
        // What a cap cuts is nobody's, and still part of the whole.
        let whole = weights
            .iter()
            .filter(|(name, _)| of_eligible || voters.contains(*name))
            .map(|(_, weight)| weight.abs())
            .sum();
        if let Some(cap) = self.policy.cap {
            self.cap(&mut weights, asked, (cap.numerator().into(), cap.denominator().into()));
        }
        (weights, whole)
    }

    /// Cuts families to `above / below` of what all weigh.
    fn cap(
        &self,
        weights: &mut BTreeMap<String, i64>,
        asked: Asked<'_>,
        (above, below): (i128, i128),
    ) {
        let family = |name: &String| {
            let known = self.registered(name, asked.opened_at).and_then(|known| known.family);
            known.map_or(format!("alone {name}"), |family| format!("family {family}"))
        };
        let mut sums: BTreeMap<String, i128> = BTreeMap::new();
        for (name, weight) in weights.iter() {
            *sums.entry(family(name)).or_default() += i128::from(*weight);
        }
        let all: i128 = sums.values().sum();
        for (name, weight) in weights.iter_mut() {
            let sum = sums[&family(name)];
            if sum * below > all * above {
                let cut = i128::from(*weight) * all * above / (sum * below);
                *weight = i64::try_from(cut).expect("it was cut");
            }
        }
    }
}
