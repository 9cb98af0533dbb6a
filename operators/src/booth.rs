//! One worker's tasks: takes facts as they come, and does what is due as the clock moves.
//!
//! Pure: it is given rows and clocks and returns effects. The timely operator around it ([`crate::decide`]) only
//! moves rows. Two indexes by time say which tasks a step of the clock concerns, so that a step costs what it
//! does and not what is open.
//!
//! 1. Facts are taken in any order; effects depend only on facts and clocks.
//! 2. Every task that has something to wait for is in exactly one index.
//! 3. The horizon is a lower bound: no task closes, and no gold shows evidence, before it.

#![expect(
    clippy::disallowed_methods,
    clippy::iter_over_hash_type,
    reason = "maps are gone through only into sets, sums and sorted lists: no order reaches an output"
)]

use std::collections::BTreeSet;

use quorate_schemas::clock::{Clock, Phase};
use quorate_schemas::id::{Digest, Id, IdKey};
use quorate_schemas::record::{Agent, Control, ControlAction, Placed};
use quorate_schemas::retained::{RetainedRow, WeightChange};
use quorate_schemas::table::{DecisionRow, OutRow};
use quorate_schemas::time::Micros;
use serde::{Deserialize, Serialize};

use crate::agenda::Agenda;
use crate::ballot::{Advanced, Ballot, Fact, Moment, Otherwise, Provisional};
use crate::clock::era_entered;
use crate::effects::{Effects, Gathered};
use crate::kept::Group;
use crate::maps::{DigestMap, IdMap, IdSet};
use crate::policy::Policy;
use crate::rules::Rules;

/// How far a worker's tasks reach into the past and the future.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Horizon {
    /// No task closes and no gold shows evidence before this time, as far as is known.
    pub next_close: Option<Micros>,
    /// Registrations and weights from before this time are not needed.
    pub oldest_needed: Micros,
}

/// What a restart found that does not follow from what was retained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The decision as it was written.
    pub written: DecisionRow,
    /// The decision as it follows now.
    pub derived: DecisionRow,
}

/// One worker's tasks.
pub struct Booth {
    rules: Rules,
    /// Rows that every worker holds are retained by one.
    keeps_shared: bool,
    ballots: DigestMap<Ballot>,
    /// Tasks of which something durable has changed since the last checkpoint.
    unsaved: Vec<Digest>,
    /// What has changed of those that are gone.
    gone: DigestMap<(Id, Group)>,
    agenda: Agenda,
    /// What closed tasks have shown, and was not told yet.
    shown: Gathered,
    /// The era whose weights are complete.
    entered: Option<i64>,
    /// Weights that the end of the input had told of eras which a reopened job has not entered.
    taken_back: Vec<WeightChange>,
    provisional: IdMap<Provisional>,
    touched: IdSet,
    /// Times of orders that the clock has not passed.
    ordered: BTreeSet<Micros>,
    settled: Micros,
    phase: Phase,
    oldest_needed: Micros,
}

impl Booth {
    /// An empty booth. Exactly one worker `keeps_shared` rows.
    pub fn new(policy: Policy, key: IdKey, keeps_shared: bool) -> Booth {
        Booth {
            rules: Rules::new(policy, key),
            keeps_shared,
            ballots: DigestMap::default(),
            unsaved: Vec::new(),
            gone: DigestMap::default(),
            agenda: Agenda::default(),
            shown: Gathered::default(),
            entered: None,
            taken_back: Vec::new(),
            provisional: IdMap::default(),
            touched: IdSet::default(),
            ordered: BTreeSet::new(),
            settled: Micros::MIN,
            phase: Phase::Running,
            oldest_needed: Micros::MIN,
        }
    }

    /// Takes a row that was retained before a restart.
    pub fn restore(&mut self, row: RetainedRow) {
        match row {
            RetainedRow::Agent(row) => {
                self.rules.registry.register(*row);
            }
            RetainedRow::Control(row) => {
                self.remember_order(*row);
            }
            RetainedRow::Weight(change) => self.rules.weights.change(&change),
            RetainedRow::Clock(clock) => {
                (self.settled, self.phase) = (clock.watermark, clock.phase);
                self.entered = era_entered(self.rules.policy.eras, clock);
            }
            RetainedRow::Standing(_)
            | RetainedRow::Domain(_)
            | RetainedRow::Fresh(_)
            | RetainedRow::Tick(_)
            | RetainedRow::Exam(_) => {}
            RetainedRow::Task(_)
            | RetainedRow::Vote(_)
            | RetainedRow::Gold(_)
            | RetainedRow::Override(_)
            | RetainedRow::Closed(_)
            | RetainedRow::Tombstone { .. }
            | RetainedRow::Duplicate { .. } => {
                let Some(task) = row.task().cloned() else { return };
                let new = || Ballot::new(task.clone(), Group::default());
                self.ballots.entry(task.digest()).or_insert_with(new).restore(row);
            }
        }
    }

    /// After the last restored row.
    ///
    /// # Errors
    /// If a closed task would be decided `otherwise` than it was, and that is refused.
    pub fn resume(&mut self, otherwise: Otherwise) -> Result<(), Box<Mismatch>> {
        self.rules.changed();
        for ballot in self.ballots.values_mut() {
            let differs = |both: Box<(DecisionRow, DecisionRow)>| Mismatch {
                written: both.0,
                derived: both.1,
            };
            let resumed = ballot.resume(self.settled, otherwise, &self.rules);
            resumed.map_err(|both| Box::new(differs(both)))?;
        }
        self.ballots.values_mut().for_each(|ballot| self.agenda.schedule(ballot, &self.rules));
        if let Some(era) = self.entered {
            self.taken_back = self.rules.weights.take_back_after(era);
            self.rules.changed();
        }
        Ok(())
    }

    /// Takes facts about tasks, in any order, in the batches in which they came.
    pub fn receive(&mut self, batches: Vec<Vec<Fact>>, effects: &mut Effects) {
        // As options they stay where they are in memory.
        let options = |facts: Vec<Fact>| facts.into_iter().map(Some).collect();
        let mut batches: Vec<Vec<Option<Fact>>> = batches.into_iter().map(options).collect();
        if self.rules.policy.updates {
            batches.iter().flatten().flatten().for_each(|fact| self.receive_provisional(fact));
        }
        // Those of one task one after the other: each ballot is looked up once, and what lies far from it in memory stays
        // at hand.
        let task = |fact: &Option<Fact>| Some(fact.as_ref()?.task()?.digest());
        let mut order: Vec<(Digest, usize, usize)> =
            Vec::with_capacity(batches.iter().map(Vec::len).sum());
        for (batch, facts) in batches.iter().enumerate() {
            let tasks = facts.iter().enumerate();
            order.extend(tasks.filter_map(|(at, fact)| Some((task(fact)?, batch, at))));
        }
        order.sort_unstable();
        for of_task in order.chunk_by(|a, b| a.0 == b.0) {
            let count = of_task.len();
            let fact = |&(_, batch, at): &(Digest, usize, usize)| batches[batch][at].take();
            let mut of_task = of_task.iter().filter_map(fact).peekable();
            let Some(task) = of_task.peek().and_then(Fact::task) else { continue };
            let ballot = match self.ballots.get_mut(&task.digest()) {
                Some(ballot) => ballot,
                None => {
                    let digest = task.digest();
                    let kept = self.gone.remove(&digest).map(|(_, kept)| kept);
                    let new = Ballot::new(task.clone(), kept.unwrap_or_default());
                    self.ballots.entry(digest).or_insert(new)
                }
            };
            ballot.expect(count);
            of_task.for_each(|fact| ballot.receive(fact, self.settled, &self.rules, effects));
            if ballot.kept().is_new() {
                self.unsaved.push(ballot.task().digest());
            }
            self.agenda.schedule(ballot, &self.rules);
        }
    }

    fn receive_provisional(&mut self, fact: &Fact) {
        let Some(task) = fact.task() else { return };
        if self.ballots.get(&task.digest()).is_some_and(|ballot| !ballot.is_open()) {
            return;
        }
        let (domain, vote) = match fact {
            Fact::Task(row) => (row.body.domain.clone(), None),
            Fact::Vote(vote) => (self.rules.nowhere.clone(), Some(vote)),
            Fact::Gold(_) | Fact::Override(_) => return,
        };
        let new = || Provisional::new(domain, fact.event_time());
        let running = self.provisional.entry(task.clone()).or_insert_with(new);
        if let Some(vote) = vote {
            running.take(vote, &self.rules);
            self.touched.insert(task.clone());
        }
    }

    /// Takes a registration; every worker takes all of them.
    pub fn register(&mut self, row: Placed<Agent>, effects: &mut Effects) {
        if self.rules.registry.register(row.clone()) && self.keeps_shared {
            effects.keep_shared(RetainedRow::Agent(Box::new(row)));
        }
        self.rules.changed();
    }

    /// Takes an order about an agent; every worker takes all of them.
    pub fn order(&mut self, row: Placed<Control>, effects: &mut Effects) {
        if !self.remember_order(row.clone()) {
            return;
        }
        if self.keeps_shared {
            effects.keep_shared(RetainedRow::Control(Box::new(row.clone())));
        }
        self.rules.changed();
        if let ControlAction::Quarantine { agent } | ControlAction::Release { agent } =
            &row.body.action
        {
            for (task, running) in &mut self.provisional {
                running.ordered(agent, &self.rules);
                self.touched.insert(task.clone());
            }
        }
    }

    fn remember_order(&mut self, row: Placed<Control>) -> bool {
        self.ordered.insert(row.event_time);
        self.rules.registry.order(row)
    }

    /// Takes a change of weight, kept as it was published; every worker takes all of them.
    pub fn weigh(&mut self, change: &WeightChange) {
        self.rules.weights.change(change);
        self.rules.changed();
    }

    /// Moves to `clock`: everything due before its watermark happens.
    pub fn advance(&mut self, clock: Clock, effects: &mut Effects) {
        for change in std::mem::take(&mut self.taken_back) {
            if self.keeps_shared {
                effects.drop_shared(RetainedRow::Weight(Box::new(change)));
            }
        }
        let moment =
            Moment { until: clock.watermark, phase: clock.phase, greatest: clock.greatest };
        let mut tasks = self.agenda.due_before(moment.until);
        let ordered = self.ordered.first().is_some_and(|at| *at < moment.until);
        if clock.phase != self.phase {
            tasks.extend(self.ballots.keys());
        } else if ordered {
            let closed = self.ballots.iter().filter(|(_, ballot)| ballot.is_closed());
            tasks.extend(closed.map(|(task, _)| *task));
        }
        tasks.sort_unstable();
        tasks.dedup();
        for task in tasks {
            self.step(task, moment, effects);
        }
        self.ordered = self.ordered.split_off(&moment.until);
        let eras = self.rules.policy.eras;
        let turned =
            clock.phase != self.phase || eras.era_of(self.settled) != eras.era_of(moment.until);
        (self.settled, self.phase) = (moment.until, clock.phase);
        let entered = era_entered(eras, clock);
        if std::mem::replace(&mut self.entered, entered) != entered {
            // The weights of the era that begins rest on it.
            self.shown.tell(&mut effects.shown);
        }
        if turned {
            self.look_back();
            self.forget(clock, effects);
        }
    }

    fn step(&mut self, task: Digest, moment: Moment, effects: &mut Effects) {
        let Some(ballot) = self.ballots.get_mut(&task) else { return };
        std::mem::swap(&mut self.shown, &mut effects.gathered);
        let advanced = ballot.advance(moment, &self.rules, effects);
        std::mem::swap(&mut self.shown, &mut effects.gathered);
        if advanced != Advanced::Waits {
            self.provisional.remove(ballot.task());
            self.touched.remove(ballot.task());
        }
        if ballot.kept().is_new() {
            self.unsaved.push(task);
        }
        self.agenda.schedule(ballot, &self.rules);
        if advanced == Advanced::Gone
            && let Some(mut ballot) = self.ballots.remove(&task)
        {
            self.agenda.take_off(&mut ballot);
            if ballot.kept().has_changed() {
                self.gone.insert(task, ballot.into_kept());
            }
        }
    }

    /// At the end of a checkpoint: what has changed of what is durable of tasks since the last one, and what they have
    /// shown.
    pub fn save(&mut self, effects: &mut Effects) {
        self.shown.tell(&mut effects.shown);
        for task in std::mem::take(&mut self.unsaved) {
            if let Some(ballot) = self.ballots.get_mut(&task) {
                ballot.save(&mut effects.keep);
            } else if let Some((task, kept)) = self.gone.get_mut(&task) {
                kept.save(task.name(), |_| {}, &mut effects.keep);
            }
        }
        self.gone.clear();
    }

    /// Finds since when registrations and weights are needed: from the start of the oldest task's era.
    fn look_back(&mut self) {
        let eras = self.rules.policy.eras;
        let needs = self.ballots.values().filter_map(Ballot::needs_since).min();
        let oldest = needs.unwrap_or(self.settled).min(self.settled);
        self.oldest_needed = eras.start_of(eras.era_of(oldest));
    }

    /// What no open task can ask about any more goes.
    fn forget(&mut self, clock: Clock, effects: &mut Effects) {
        let oldest = clock.oldest_needed.min(clock.watermark);
        let forgotten = self.rules.registry.forget_before(oldest);
        // A job that is reopened goes on in the era of its last row.
        let era = self.rules.policy.eras.era_of(oldest.min(clock.greatest));
        let weights = self.rules.weights.forget_before(era);
        if self.keeps_shared {
            forgotten
                .agents
                .into_iter()
                .for_each(|row| effects.drop_shared(RetainedRow::Agent(Box::new(row))));
            forgotten
                .folded
                .into_iter()
                .for_each(|row| effects.keep_shared(RetainedRow::Agent(Box::new(row))));
            forgotten
                .orders
                .into_iter()
                .for_each(|row| effects.drop_shared(RetainedRow::Control(Box::new(row))));
            weights.into_iter().for_each(|change| {
                effects.drop_shared(RetainedRow::Weight(Box::new(change)));
            });
        }
    }

    /// The provisional outcomes that changed since the last call.
    pub fn updates(&mut self, effects: &mut Effects) {
        let mut touched: Vec<Id> = self.touched.drain().collect();
        touched.sort();
        for task in touched {
            let running = self.provisional.get_mut(&task);
            let row = running.and_then(|running| running.update(&task, &self.rules));
            effects.rows.extend(row.map(|row| OutRow::Update(Box::new(row))));
        }
    }

    /// How far the tasks reach.
    pub fn horizon(&self) -> Horizon {
        Horizon { next_close: self.agenda.next_close(), oldest_needed: self.oldest_needed }
    }

    /// How many tasks are open, closed and not final, and remembered.
    pub fn counts(&self) -> (usize, usize, usize) {
        let open = self.ballots.values().filter(|ballot| ballot.is_open()).count();
        let closed = self.ballots.values().filter(|ballot| ballot.is_closed()).count();
        (open, closed, self.ballots.len() - open - closed)
    }
}
