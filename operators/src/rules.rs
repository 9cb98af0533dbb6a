//! Who may vote, and what each vote counts: the policy applied to registrations, orders and weights.
//!
//! Everything here is a function of event time: a registration counts from its own time on, an order from its, a
//! weight from the start of its era. Nothing depends on when a row arrived.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use quorate_schemas::id::{Id, IdKey};
use quorate_schemas::record::{Placed, Task, Value, Vote};
use quorate_schemas::table::{EligibleBasis, RejectReason};
use quorate_schemas::time::Micros;

use crate::cap::{Member, capped, whole};
use crate::maps::IdMap;
use crate::policy::{Method, Policy, QuorumOf, StakeRule, Unknown};
use crate::registry::Registry;
use crate::weights::{ONE, Weights};

/// What all stake that counts in a domain weighs together, in millionths: a stake weighs its share of it, rounded down.
/// So stakes of any size tell apart, down to a millionth of a millionth of all, and no sum of weights leaves 64 bits
/// or what a DOUBLE holds exactly.
pub const STAKED_MICROS: i64 = 1_000_000 * ONE;

/// When and where a question of weight is asked.
#[derive(Clone, Copy, Debug)]
pub struct Occasion<'a> {
    /// The task's domain.
    pub domain: &'a Id,
    /// The era whose weights hold.
    pub era: i64,
    /// When the task opened: who registered later is not eligible for it.
    pub opened_at: Micros,
    /// The time asked about: who is in quarantine then does not count.
    pub at: Micros,
}

/// What votes count on an occasion.
pub enum Weighing<'r> {
    /// Each by itself.
    Each(&'r Rules, Occasion<'r>),
    /// Some agents together; others nothing.
    Together(Rc<Panel>),
}

/// Some agents, and what each of their votes counts.
#[derive(Debug, Default)]
pub struct Panel {
    weights: IdMap<Counts>,
    /// What all of them weigh, before any cap, in millionths.
    eligible_micros: i64,
}

/// What a vote counts, and what it would count if nothing were capped, in millionths.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    weight_micros: i64,
    uncut_micros: i64,
}

impl Weighing<'_> {
    /// What a vote of `agent` counts; nothing for one that is not among those who count.
    pub fn of(&self, agent: &Id) -> i64 {
        match self {
            Weighing::Each(rules, occasion) => rules.raw(agent, *occasion),
            Weighing::Together(panel) => {
                panel.weights.get(agent).map_or(0, |counts| counts.weight_micros)
            }
        }
    }

    /// What a vote of `agent` would count if nothing were capped.
    fn uncut(&self, agent: &Id) -> i64 {
        match self {
            Weighing::Each(..) => self.of(agent),
            Weighing::Together(panel) => {
                panel.weights.get(agent).map_or(0, |counts| counts.uncut_micros)
            }
        }
    }

    /// What all who are eligible weigh, before any cap, in millionths: nothing where each is weighed by itself.
    fn eligible_micros(&self) -> i64 {
        match self {
            Weighing::Each(..) => 0,
            Weighing::Together(panel) => panel.eligible_micros,
        }
    }
}

/// The policy of a job with what it is applied to.
pub struct Rules {
    /// What the job has chosen.
    pub policy: Policy,
    /// Who is registered and who in quarantine.
    pub registry: Registry,
    /// What votes count, by era.
    pub weights: Weights,
    /// The domain of tasks that name none.
    pub nowhere: Id,
    /// Weighings of whole domains: many tasks ask the same.
    panels: RefCell<BTreeMap<PanelKey, Rc<Panel>>>,
    /// All stakes of whole domains, likewise, by domain, era and last registration.
    staked: RefCell<BTreeMap<(Id, i64, Micros), i128>>,
}

/// Domain, era, last registration and last order: what a domain's weighing is a function of.
type PanelKey = (Id, i64, Micros, Micros);

/// Weighings kept at once; beyond it all are dropped and made again.
const MAX_PANELS: usize = 1_024;

impl Rules {
    /// The rules at the start of a job, whose identities are under `key`.
    pub fn new(policy: Policy, key: IdKey) -> Rules {
        let everywhere = policy.method.fits().map(|_| key.everywhere());
        let weights = Weights::new(policy.method.newcomer_micros(), everywhere);
        let (registry, nowhere) = (Registry::default(), key.id(""));
        let (panels, staked) = (RefCell::default(), RefCell::default());
        Rules { policy, registry, weights, nowhere, panels, staked }
    }

    /// Must be called when registrations, orders or weights changed: what was computed from them is void.
    pub fn changed(&mut self) {
        self.panels.borrow_mut().clear();
        self.staked.borrow_mut().clear();
    }

    /// Why `vote` cannot count on a task that was declared as `task`; `None` if it can.
    pub fn refusal(
        &self,
        vote: &Placed<Vote>,
        task: Option<&Task>,
    ) -> Option<(RejectReason, String)> {
        if let Value::Score(..) = vote.body.value {
            let why = format!(
                "method {} counts labels, not scores of responses",
                self.policy.method.word()
            );
            return Some((RejectReason::UnsupportedVote, why));
        }
        let agent = &vote.body.agent;
        let registration = self.registry.registration(agent, vote.event_time);
        match registration {
            None if self.policy.unknown_agents == Unknown::Reject => {
                let why = format!(
                    "agent {:?} is not registered at the vote's event time",
                    agent.agent_id()
                );
                return Some((RejectReason::UnknownAgent, why));
            }
            Some(known) if task.is_some_and(|task| !known.admits(&task.domain)) => {
                let why =
                    format!("agent {:?} is not registered for the task's domain", agent.agent_id());
                return Some((RejectReason::WrongDomain, why));
            }
            _ => {}
        }
        let Some(task) = task else {
            let why = "the task is not declared at the vote's event time".to_owned();
            return (self.policy.unknown_tasks == Unknown::Reject)
                .then_some((RejectReason::UnknownTask, why));
        };
        let label = vote.body.value.label()?;
        let among = task.options.is_empty() || task.options.contains(&label);
        (!among).then(|| {
            (RejectReason::NotAnOption, format!("{label:?} is none of the task's options"))
        })
    }

    /// What a vote of `agent` counts before caps, in millionths.
    pub fn raw(&self, agent: &Id, occasion: Occasion<'_>) -> i64 {
        self.weight_of(self.amount(agent, occasion), occasion)
    }

    /// What [`Rules::raw`] scales: amounts add up, whatever else is at stake.
    pub(crate) fn amount(&self, agent: &Id, occasion: Occasion<'_>) -> i128 {
        let base = match self.policy.method {
            Method::Majority => ONE,
            Method::Weighted | Method::Stacked | Method::Auto => {
                self.weights.at(agent, occasion.domain, occasion.era)
            }
        };
        let base = if self.policy.weighs_parts() { base.max(0) } else { base };
        match self.policy.stake {
            StakeRule::Ignore => base.into(),
            StakeRule::Linear => i128::from(self.stake(agent, occasion)) * i128::from(base),
        }
    }

    /// What `amount` of all that counts weighs, in millionths.
    pub(crate) fn weight_of(&self, amount: i128, occasion: Occasion<'_>) -> i64 {
        match self.policy.stake {
            StakeRule::Ignore => micros(amount),
            StakeRule::Linear => scaled(amount, self.staked(occasion)),
        }
    }

    /// What `agent` has at stake, if it was registered for the domain when the era began or the task opened.
    fn stake(&self, agent: &Id, occasion: Occasion<'_>) -> u64 {
        // Stake changes at an era's start like every weight; a newcomer counts as when the task opened.
        let begun = self.policy.eras.start_of(occasion.era);
        let [at_start, at_open] =
            [begun, occasion.opened_at].map(|at| self.registry.registration(agent, at));
        let admitted =
            [at_start, at_open].iter().flatten().any(|known| known.admits(occasion.domain));
        at_start.or(at_open).filter(|_| admitted).map_or(0, |known| known.stake)
    }

    /// All amounts that count in a domain. In quarantine or not: so a weight, once given, does not change with who
    /// else may vote.
    fn staked(&self, occasion: Occasion<'_>) -> i128 {
        let registered = self.registry.registered_as_of(occasion.opened_at);
        let key = (occasion.domain.clone(), occasion.era, registered);
        if let Some(staked) = self.staked.borrow().get(&key) {
            return *staked;
        }
        let amounts = self.registry.agents().into_iter().map(|agent| self.amount(&agent, occasion));
        let staked = amounts.sum();
        let mut kept = self.staked.borrow_mut();
        if kept.len() >= MAX_PANELS {
            kept.clear();
        }
        kept.insert(key, staked);
        staked
    }

    /// What the quorum is a share of under this policy.
    pub fn basis(&self) -> EligibleBasis {
        match (self.policy.quorum_of, self.policy.registered) {
            (QuorumOf::Votes, _) => EligibleBasis::Votes,
            (QuorumOf::Eligible, true) => EligibleBasis::Registered,
            (QuorumOf::Eligible, false) => EligibleBasis::Voters,
        }
    }

    /// What the quorum is a share of where `voters` voted; `None` where it is the sum of what their votes count.
    /// What a cap takes away is still part of it: nobody's share grows because another's is cut.
    pub fn whole<'v>(
        &self,
        weighing: &Weighing<'_>,
        voters: impl Iterator<Item = &'v Id>,
    ) -> Option<i64> {
        match self.policy.quorum_of {
            QuorumOf::Eligible => Some(weighing.eligible_micros()),
            QuorumOf::Votes => {
                self.policy.cap.map(|_| voters.map(|voter| weighing.uncut(voter)).sum())
            }
        }
    }

    /// Whether a decision can change with agents that have not voted on the task.
    pub fn weights_depend_on_others(&self) -> bool {
        self.policy.cap.is_some() || self.policy.quorum_of == QuorumOf::Eligible
    }

    /// Whether what a vote counts can change with who else votes on the same task.
    pub fn weights_depend_on_voters(&self) -> bool {
        let eligible = self.policy.quorum_of == QuorumOf::Eligible;
        (self.policy.cap.is_some() || eligible) && !(self.policy.registered && eligible)
    }

    /// What the votes of `voters` count, none of them in quarantine at the time asked about.
    pub fn weigh<'r, 'v>(
        &'r self,
        occasion: Occasion<'r>,
        voters: impl Iterator<Item = &'v Id>,
    ) -> Weighing<'r> {
        if self.policy.cap.is_none() && self.policy.quorum_of == QuorumOf::Votes {
            return Weighing::Each(self, occasion);
        }
        let voters: Vec<&Id> = voters.collect();
        if self.policy.registered {
            let panel = self.panel(occasion);
            let strangers = voters.iter().any(|voter| !panel.weights.contains_key(*voter));
            if self.policy.quorum_of == QuorumOf::Eligible || !strangers {
                return Weighing::Together(panel);
            }
        }
        // Who votes here is weighed with those of whom the domain has heard lately.
        let mut members = self.known(occasion);
        members.extend(voters.into_iter().cloned());
        members.sort_by(|a, b| a.name().cmp(b.name()));
        members.dedup();
        Weighing::Together(Rc::new(self.together(occasion, members)))
    }

    fn panel(&self, occasion: Occasion<'_>) -> Rc<Panel> {
        let registered = self.registry.registered_as_of(occasion.opened_at);
        let key = (
            occasion.domain.clone(),
            occasion.era,
            registered,
            self.registry.ordered_as_of(occasion.at),
        );
        if let Some(panel) = self.panels.borrow().get(&key) {
            return Rc::clone(panel);
        }
        let panel = Rc::new(self.together(occasion, self.known(occasion)));
        let mut panels = self.panels.borrow_mut();
        if panels.len() >= MAX_PANELS {
            panels.clear();
        }
        panels.insert(key, Rc::clone(&panel));
        panel
    }

    /// The agents that are eligible without having voted on the task, by name.
    fn known(&self, occasion: Occasion<'_>) -> Vec<Id> {
        let mut agents = if self.policy.registered {
            let admitted = |agent: &Id| {
                let registration = self.registry.registration(agent, occasion.opened_at);
                registration.is_some_and(|known| known.admits(occasion.domain))
            };
            self.registry.agents().into_iter().filter(admitted).collect()
        } else {
            self.weights.voters(occasion.domain, occasion.era)
        };
        agents.retain(|agent| !self.registry.quarantined(agent, occasion.at));
        agents
    }

    fn together(&self, occasion: Occasion<'_>, agents: Vec<Id>) -> Panel {
        let member = |agent: Id| {
            let registration = self.registry.registration(&agent, occasion.opened_at);
            let family = registration.and_then(|known| known.family.clone());
            Member { weight_micros: self.raw(&agent, occasion), agent, family }
        };
        let members: Vec<Member> = agents.into_iter().map(member).collect();
        let uncut: Vec<i64> = members.iter().map(|member| member.weight_micros).collect();
        let eligible_micros = micros(whole(&members));
        let members = match self.policy.cap {
            Some(cap) => capped(members, cap),
            None => members,
        };
        let counts = members.into_iter().zip(uncut).map(|(member, uncut_micros)| {
            (member.agent, Counts { weight_micros: member.weight_micros, uncut_micros })
        });
        Panel { weights: counts.collect(), eligible_micros }
    }
}

/// The share of [`STAKED_MICROS`] that `amount` is of all that is at stake, rounded down.
fn scaled(amount: i128, staked: i128) -> i64 {
    if staked <= 0 {
        return 0;
    }
    // A stake is below 2^64 and a weight at most 2·10^6, so a single amount times 10^12 stays below 2^127. Sums of
    // many, which only a provisional outcome asks for, may not: then both lose the same low bits.
    let room = i128::MAX / i128::from(STAKED_MICROS);
    let shift = (0..).find(|shift| amount >> shift <= room).unwrap_or(0);
    micros((amount >> shift) * i128::from(STAKED_MICROS) / (staked >> shift).max(1))
}

fn micros(sum: i128) -> i64 {
    i64::try_from(sum).unwrap_or(i64::MAX)
}
