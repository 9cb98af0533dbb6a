//! Who was registered, and who was in quarantine, at any time that an open task may still ask about.
//!
//! State: per agent the registrations and orders since the oldest time that is still needed, and the last one
//! before it. Registrations and orders are few beside votes, so every worker holds all of them.

use std::collections::BTreeMap;

use quorate_schemas::id::{Id, Name};
use quorate_schemas::record::{Agent, AgentAction, Control, ControlAction, Placed};
use quorate_schemas::time::Micros;

use crate::maps::IdMap;

/// What holds of an agent at some time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registration {
    /// The family it is capped with.
    pub family: Option<Name>,
    /// Amount at risk, in its smallest unit.
    pub stake: u64,
    /// The domains it may vote in; empty where it may in all.
    pub domains: Vec<Name>,
    /// Whether it is eligible at all.
    pub active: bool,
}

impl Registration {
    /// Whether the agent may vote in `domain`.
    pub fn admits(&self, domain: &Id) -> bool {
        self.active && (self.domains.is_empty() || self.domains.contains(domain.name()))
    }
}

/// The registrations and orders of a job, by event time.
#[derive(Default)]
pub struct Registry {
    agents: IdMap<BTreeMap<Order, Placed<Agent>>>,
    orders: IdMap<BTreeMap<Order, Placed<Control>>>,
    registered_at: BTreeMap<Micros, u32>,
    ordered_at: BTreeMap<Micros, u32>,
}

/// The place of a row in its agent's history: later rows win, and equal times are decided by content.
type Order = (Micros, Name, u64);

/// Two different rows of one time and event id still need an order that does not depend on arrival.
fn fingerprint(text: String) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

impl Registry {
    /// Takes a registration. False if it was there already.
    pub fn register(&mut self, row: Placed<Agent>) -> bool {
        let order = (row.event_time, row.event_id.clone(), fingerprint(format!("{:?}", row.body)));
        let at = row.event_time;
        let new = self.agents.entry(row.body.agent.clone()).or_default().insert(order, row).is_none();
        if new {
            *self.registered_at.entry(at).or_default() += 1;
        }
        new
    }

    /// Takes a quarantine or release. False if it was there already, or is an order about a task.
    pub fn order(&mut self, row: Placed<Control>) -> bool {
        let (ControlAction::Quarantine { agent } | ControlAction::Release { agent }) = &row.body.action else {
            return false;
        };
        let order = (row.event_time, row.event_id.clone(), fingerprint(format!("{:?}", row.body)));
        let at = row.event_time;
        let new = self.orders.entry(agent.clone()).or_default().insert(order, row).is_none();
        if new {
            *self.ordered_at.entry(at).or_default() += 1;
        }
        new
    }

    /// What held of `agent` at `time`; `None` if it was never registered by then.
    pub fn registration(&self, agent: &Id, time: Micros) -> Option<Registration> {
        let mut found: Option<Registration> = None;
        for row in self.agents.get(agent)?.values().take_while(|row| row.event_time <= time) {
            let body = &row.body;
            let mut next = found.unwrap_or_default();
            match body.action {
                AgentAction::Slash => next.stake = next.stake.saturating_sub(body.stake.unwrap_or(u64::MAX)),
                // What comes back after a retirement comes back as new.
                AgentAction::Retire => next = Registration::default(),
                AgentAction::Register | AgentAction::Update => {
                    next.active = true;
                    next.family = body.family.clone().or(next.family);
                    next.stake = body.stake.unwrap_or(next.stake);
                    if !body.domains.is_empty() {
                        next.domains.clone_from(&body.domains);
                    }
                }
            }
            found = Some(next);
        }
        found
    }

    /// Whether `agent` was in quarantine at `time`.
    pub fn quarantined(&self, agent: &Id, time: Micros) -> bool {
        let Some(orders) = self.orders.get(agent) else { return false };
        let last = orders.values().take_while(|row| row.event_time <= time).last();
        last.is_some_and(|row| matches!(row.body.action, ControlAction::Quarantine { .. }))
    }

    /// The times in `(after, until]` at which an order about `agent` took effect.
    pub fn orders_between(&self, agent: &Id, after: Micros, until: Micros) -> impl Iterator<Item = &Placed<Control>> {
        let orders = self.orders.get(agent).into_iter().flat_map(BTreeMap::values);
        orders.skip_while(move |row| row.event_time <= after).take_while(move |row| row.event_time <= until)
    }

    /// Whether any order took effect in `from..until`.
    pub fn ordered_in(&self, from: Micros, until: Micros) -> bool {
        from < until && self.ordered_at.range(from..until).next().is_some()
    }

    /// The time of the last registration at or before `time`: equal times mean equal registrations.
    pub fn registered_as_of(&self, time: Micros) -> Micros {
        self.registered_at.range(..=time).next_back().map_or(Micros::MIN, |(at, _)| *at)
    }

    /// The time of the last order at or before `time`: equal times mean equal quarantines.
    pub fn ordered_as_of(&self, time: Micros) -> Micros {
        self.ordered_at.range(..=time).next_back().map_or(Micros::MIN, |(at, _)| *at)
    }

    /// Every agent that ever registered and is remembered, by name.
    pub fn agents(&self) -> Vec<Id> {
        let mut agents: Vec<Id> = self.agents.keys().cloned().collect();
        agents.sort_by(|a, b| a.name().cmp(b.name()));
        agents
    }

    /// Forgets what no time from `oldest` on can ask about: each agent's rows before it are folded into one.
    pub fn forget_before(&mut self, oldest: Micros) -> Forgotten {
        let mut forgotten = Forgotten::default();
        let stale: Vec<Id> = self.agents().into_iter().filter(|agent| self.rows_before(agent, oldest) > 1).collect();
        for agent in stale {
            let folded = self.registration(&agent, oldest - 1).unwrap_or_default();
            let Some(history) = self.agents.get_mut(&agent) else { continue };
            let mut last = None;
            while history.first_key_value().is_some_and(|((at, ..), _)| *at < oldest) {
                let Some((_, row)) = history.pop_first() else { break };
                count_down(&mut self.registered_at, row.event_time);
                forgotten.agents.push(row.clone());
                last = Some(row);
            }
            if let Some(mut row) = last {
                row.body = folded.into_record(agent);
                forgotten.folded.push(row.clone());
                self.register(row);
            }
        }
        for history in self.orders.values_mut() {
            let before = history.values().take_while(|row| row.event_time < oldest).count();
            let mut drop = before.saturating_sub(1);
            // A release with nothing before it says what an empty history says.
            let last = before.checked_sub(1).and_then(|at| history.values().nth(at));
            drop += usize::from(last.is_some_and(|row| matches!(row.body.action, ControlAction::Release { .. })));
            for _ in 0..drop {
                let Some((_, row)) = history.pop_first() else { break };
                count_down(&mut self.ordered_at, row.event_time);
                forgotten.orders.push(row);
            }
        }
        self.orders.retain(|_, history| !history.is_empty());
        forgotten
    }

    fn rows_before(&self, agent: &Id, oldest: Micros) -> usize {
        let history = self.agents.get(agent).into_iter().flat_map(BTreeMap::keys);
        history.take_while(|(at, ..)| *at < oldest).count()
    }
}

/// What [`Registry::forget_before`] changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Registrations that went.
    pub agents: Vec<Placed<Agent>>,
    /// The registrations that stand for them now.
    pub folded: Vec<Placed<Agent>>,
    /// Orders that went.
    pub orders: Vec<Placed<Control>>,
}

fn count_down(times: &mut BTreeMap<Micros, u32>, at: Micros) {
    if let Some(count) = times.get_mut(&at) {
        *count -= 1;
        if *count == 0 {
            times.remove(&at);
        }
    }
}

impl Registration {
    fn into_record(self, agent: Id) -> Agent {
        let action = if self.active { AgentAction::Register } else { AgentAction::Retire };
        Agent { agent, action, operator: None, family: self.family, stake: Some(self.stake), domains: self.domains }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use quorate_schemas::id::IdKey;
    use quorate_schemas::place::{Origin, Place};

    use super::*;

    fn placed<T>(event_time: Micros, body: T) -> Placed<T> {
        let origin = Arc::new(Origin { source: "agents".into(), partition: "p".into() });
        Placed { event_time, event_id: Name::default(), place: Place { origin, position: 0 }, body }
    }

    fn registered(action: AgentAction, stake: Option<u64>, family: Option<&str>) -> Agent {
        let agent = IdKey::new([1; 16]).id("a");
        Agent { agent, action, operator: None, family: family.map(Name::new), stake, domains: Vec::new() }
    }

    #[test]
    fn forgetting_changes_no_answer_about_times_that_are_still_needed() {
        let mut registry = Registry::default();
        for (at, row) in [
            (10, registered(AgentAction::Register, Some(100), Some("f"))),
            (20, registered(AgentAction::Slash, Some(30), None)),
            (30, registered(AgentAction::Update, None, Some("g"))),
            (40, registered(AgentAction::Slash, None, None)),
            (50, registered(AgentAction::Retire, None, None)),
            (60, registered(AgentAction::Register, Some(5), None)),
        ] {
            assert!(registry.register(placed(at, row.clone())));
            assert!(!registry.register(placed(at, row)), "the same registration twice is one");
        }
        let agent = IdKey::new([1; 16]).id("a");
        let answers = |registry: &Registry, from| {
            (from..70).map(|at| (registry.registration(&agent, at), registry.registered_as_of(at))).collect::<Vec<_>>()
        };
        let stakes = answers(&registry, 5).into_iter().step_by(10).map(|(r, _)| r.map(|r| (r.stake, r.active)));
        let expected = [None, Some((100, true)), Some((70, true)), Some((70, true)), Some((0, true)), Some((0, false))];
        assert_eq!(stakes.take(6).collect::<Vec<_>>(), expected);
        for oldest in [5, 15, 25, 35, 45, 55, 65] {
            let before = answers(&registry, oldest);
            let forgotten = registry.forget_before(oldest);
            assert_eq!(answers(&registry, oldest), before, "forgetting before {oldest}");
            assert!(forgotten.folded.len() <= 1);
        }
        assert_eq!(registry.agents.values().map(BTreeMap::len).sum::<usize>(), 1);
    }

    #[test]
    fn a_quarantine_holds_from_its_time_to_its_release() {
        let key = IdKey::new([1; 16]);
        let agent = key.id("a");
        let order = |at, action| placed(at, Control { action, operator: Name::default(), reason: Name::default() });
        let mut registry = Registry::default();
        registry.order(order(10, ControlAction::Quarantine { agent: agent.clone() }));
        registry.order(order(20, ControlAction::Release { agent: agent.clone() }));
        let held = |registry: &Registry| [9, 10, 19, 20].map(|at| registry.quarantined(&agent, at));
        assert_eq!(held(&registry), [false, true, true, false]);
        assert!(registry.ordered_in(10, 11) && !registry.ordered_in(11, 20));
        assert_eq!(registry.forget_before(15).orders, []);
        assert_eq!(held(&registry)[2..], [true, false]);
        assert_eq!(registry.forget_before(25).orders.len(), 2);
        assert!(registry.orders.is_empty());
    }
}
