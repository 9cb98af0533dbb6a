//! Who was registered, and who was in quarantine, at any time that an open task may still ask about.
//!
//! *State*: per agent the registrations and orders since the oldest time that is still needed, and the last one
//! before it. Registrations and orders are few beside votes, so every worker holds all of them. A registration holds
//! until it is retired: whether an agent still votes is known only to the workers of its tasks, so its silence ends
//! nothing. *Cost*: a question is a search by time; a row that comes in order is a push.

#![expect(
    clippy::disallowed_methods,
    clippy::iter_over_hash_type,
    reason = "maps are gone through only into sets, sums and sorted lists: no order reaches an output"
)]

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::rc::Rc;

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
    /// The domains it may vote in, in order; empty where it may in all.
    domains: Rc<[Name]>,
}

impl Registration {
    /// Whether the agent may vote in `domain`.
    pub fn admits(&self, domain: &Id) -> bool {
        self.domains.is_empty() || self.domains.binary_search(domain.name()).is_ok()
    }

    /// What holds once `row` took effect, where `before` held until then.
    fn after(before: Option<&Registration>, row: &Agent) -> Option<Registration> {
        match row.action {
            AgentAction::Slash => before.map(|known| {
                let lost = row.stake.unwrap_or(u64::MAX);
                Registration { stake: known.stake.saturating_sub(lost), ..known.clone() }
            }),
            // What comes back after a retirement comes back as new.
            AgentAction::Retire => None,
            AgentAction::Register | AgentAction::Update => {
                let known = before.cloned().unwrap_or_default();
                let mut domains = row.domains.clone();
                domains.sort_unstable();
                Some(Registration {
                    family: row.family.clone().or(known.family),
                    stake: row.stake.unwrap_or(known.stake),
                    domains: if domains.is_empty() { known.domains } else { domains.into() },
                })
            }
        }
    }

    fn into_record(self, agent: Id) -> Agent {
        let action = AgentAction::Register;
        Agent {
            agent,
            action,
            operator: None,
            family: self.family,
            stake: Some(self.stake),
            domains: self.domains.to_vec(),
        }
    }
}

/// The registrations and orders of a job, by event time.
#[derive(Default)]
pub struct Registry {
    agents: IdMap<Vec<Said>>,
    orders: IdMap<Vec<Placed<Control>>>,
    registered_at: BTreeMap<Micros, u32>,
    ordered_at: BTreeMap<Micros, u32>,
}

/// What was said of one agent, and what holds from then on. Rows of an agent are in the order in which they take
/// effect: by event time, event id and content.
struct Said {
    row: Placed<Agent>,
    holds: Option<Registration>,
}

impl Borrow<Placed<Agent>> for Said {
    fn borrow(&self) -> &Placed<Agent> {
        &self.row
    }
}

/// Where `row` belongs in `history`; nothing if it is there: the same row again is the same row.
fn place_of<T: Ord>(history: &[impl Borrow<Placed<T>>], row: &Placed<T>) -> Option<usize> {
    let key = |known: &Placed<T>| {
        let time =
            known.event_time.cmp(&row.event_time).then_with(|| known.event_id.cmp(&row.event_id));
        time.then_with(|| known.body.cmp(&row.body))
    };
    history.binary_search_by(|known| key(known.borrow())).err()
}

/// How many rows of `history` lie before `time`.
fn before<T>(history: &[impl Borrow<Placed<T>>], time: Micros) -> usize {
    history.partition_point(|known| known.borrow().event_time < time)
}

/// How many rows of `history` lie at `time` or before.
fn until<T>(history: &[impl Borrow<Placed<T>>], time: Micros) -> usize {
    history.partition_point(|known| known.borrow().event_time <= time)
}

impl Registry {
    /// Takes a registration. False if it was there already.
    pub fn register(&mut self, row: Placed<Agent>) -> bool {
        let history = self.agents.entry(row.body.agent.clone()).or_default();
        let Some(at) = place_of(history, &row) else { return false };
        *self.registered_at.entry(row.event_time).or_default() += 1;
        history.insert(at, Said { row, holds: None });
        for at in at..history.len() {
            let (earlier, later) = history.split_at_mut(at);
            let held = earlier.last().and_then(|said| said.holds.as_ref());
            later[0].holds = Registration::after(held, &later[0].row.body);
        }
        true
    }

    /// Takes a quarantine or release. False if it was there already, or is an order about a task.
    pub fn order(&mut self, row: Placed<Control>) -> bool {
        let (ControlAction::Quarantine { agent } | ControlAction::Release { agent }) =
            &row.body.action
        else {
            return false;
        };
        let history = self.orders.entry(agent.clone()).or_default();
        let Some(at) = place_of(history, &row) else { return false };
        *self.ordered_at.entry(row.event_time).or_default() += 1;
        history.insert(at, row);
        true
    }

    /// What held of `agent` at `time`; `None` if it was not registered then.
    pub fn registration(&self, agent: &Id, time: Micros) -> Option<&Registration> {
        let history = self.agents.get(agent)?;
        history[..until(history, time)].last()?.holds.as_ref()
    }

    /// Whether `agent` was in quarantine at `time`.
    pub fn quarantined(&self, agent: &Id, time: Micros) -> bool {
        let Some(orders) = self.orders.get(agent) else { return false };
        let last = orders[..until(orders, time)].last();
        last.is_some_and(|row| matches!(row.body.action, ControlAction::Quarantine { .. }))
    }

    /// The orders about `agent` that took effect in `(after, until]`.
    pub fn orders_between(
        &self,
        agent: &Id,
        after: Micros,
        to: Micros,
    ) -> impl Iterator<Item = &Placed<Control>> {
        let orders = self.orders.get(agent).map_or(&[][..], Vec::as_slice);
        let from = until(orders, after);
        orders[from..until(orders, to).max(from)].iter()
    }

    /// The times in `(after, until]` at which an order about any agent took effect.
    pub fn order_times(&self, after: Micros, until: Micros) -> impl Iterator<Item = Micros> {
        let from = (Bound::Excluded(after), Bound::Included(until.max(after)));
        let times = (after < until).then(|| self.ordered_at.range(from)).into_iter().flatten();
        times.map(|(at, _)| *at)
    }

    /// Of the orders that took effect at `time` the first one about the agent with the least name.
    pub fn first_order_at(&self, time: Micros) -> Option<&Placed<Control>> {
        let of_agent = |agent: &Id| self.orders_between(agent, time - 1, time).next();
        let ordered = self.orders.keys().filter_map(|agent| Some((agent.name(), of_agent(agent)?)));
        ordered.min_by_key(|(agent, _)| *agent).map(|(_, order)| order)
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

    /// Forgets what no time from `oldest` on can ask about: each agent's rows before it are folded into one, or
    /// into none if it is not registered any more.
    pub fn forget_before(&mut self, oldest: Micros) -> Forgotten {
        let mut forgotten = Forgotten::default();
        for agent in self.agents() {
            self.fold_before(&agent, oldest, &mut forgotten);
        }
        for history in self.orders.values_mut() {
            let stale = before(history, oldest);
            // A release with nothing before it says what an empty history says.
            let needed = history[..stale]
                .last()
                .is_some_and(|row| matches!(row.body.action, ControlAction::Quarantine { .. }));
            forgotten.orders.extend(history.drain(..stale - usize::from(needed)));
        }
        forgotten.orders.iter().for_each(|row| count_down(&mut self.ordered_at, row.event_time));
        self.orders.retain(|_, history| !history.is_empty());
        forgotten
    }

    fn fold_before(&mut self, agent: &Id, oldest: Micros, forgotten: &mut Forgotten) {
        let Some(history) = self.agents.get(agent) else { return };
        let stale = before(history, oldest);
        let Some(Said { row, holds }) = history[..stale].last() else { return };
        let (last, folded) = (row.clone(), holds.clone());
        if stale == 1 && folded.is_some() {
            return;
        }
        let Some(history) = self.agents.get_mut(agent) else { return };
        forgotten.agents.extend(history.drain(..stale).map(|said| said.row));
        let gone = &forgotten.agents[forgotten.agents.len() - stale..];
        gone.iter().for_each(|row| count_down(&mut self.registered_at, row.event_time));
        if history.is_empty() {
            self.agents.remove(agent);
        }
        if let Some(folded) = folded {
            let row = Placed { body: folded.into_record(agent.clone()), ..last };
            forgotten.folded.push(row.clone());
            self.register(row);
        }
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

#[cfg(test)]
mod tests {
    use quorate_schemas::id::IdKey;
    use quorate_schemas::place::{Origin, Place};

    use super::*;

    fn placed<T>(event_time: Micros, body: T) -> Placed<T> {
        let origin = Origin { source: "agents".into(), partition: "p".into() }.shared();
        Placed { event_time, event_id: Name::default(), place: Place { origin, position: 0 }, body }
    }

    fn registered(action: AgentAction, stake: Option<u64>, family: Option<&str>) -> Agent {
        let agent = IdKey::new([1; 16]).id("a");
        Agent {
            agent,
            action,
            operator: None,
            family: family.map(Name::new),
            stake,
            domains: Vec::new(),
        }
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
            (from..70).map(|at| registry.registration(&agent, at).cloned()).collect::<Vec<_>>()
        };
        let stakes = answers(&registry, 5)
            .into_iter()
            .step_by(10)
            .map(|known| known.map(|known| known.stake));
        assert_eq!(
            stakes.collect::<Vec<_>>(),
            [None, Some(100), Some(70), Some(70), Some(0), None, Some(5)]
        );
        for oldest in [5, 15, 25, 35, 45, 55, 65] {
            let before = answers(&registry, oldest);
            let forgotten = registry.forget_before(oldest);
            assert_eq!(answers(&registry, oldest), before, "forgetting before {oldest}");
            assert!(forgotten.folded.len() <= 1);
            for at in oldest..69 {
                let same = registry.registered_as_of(at) == registry.registered_as_of(at + 1);
                assert!(
                    !same
                        || registry.registration(&agent, at)
                            == registry.registration(&agent, at + 1)
                );
            }
        }
        assert_eq!(registry.agents.values().map(Vec::len).sum::<usize>(), 1);
    }

    #[test]
    fn a_quarantine_holds_from_its_time_to_its_release() {
        let key = IdKey::new([1; 16]);
        let agent = key.id("a");
        let order = |at, action| {
            placed(at, Control { action, operator: Name::default(), reason: Name::default() })
        };
        let mut registry = Registry::default();
        registry.order(order(10, ControlAction::Quarantine { agent: agent.clone() }));
        registry.order(order(20, ControlAction::Release { agent: agent.clone() }));
        let held = |registry: &Registry| [9, 10, 19, 20].map(|at| registry.quarantined(&agent, at));
        assert_eq!(held(&registry), [false, true, true, false]);
        assert_eq!(registry.order_times(9, 20).collect::<Vec<_>>(), [10, 20]);
        assert_eq!(registry.order_times(10, 19).count() + registry.order_times(20, 20).count(), 0);
        assert_eq!(registry.forget_before(15).orders, []);
        assert_eq!(held(&registry)[2..], [true, false]);
        assert_eq!(registry.forget_before(25).orders.len(), 2);
        assert!(registry.orders.is_empty());
    }
}
