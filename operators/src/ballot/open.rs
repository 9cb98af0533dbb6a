//! A task that may still get votes.

use std::sync::Arc;

use quorate_schemas::clock::Phase;
use quorate_schemas::id::Id;
use quorate_schemas::record::{Control, Gold, Placed, Task, Vote};
use quorate_schemas::retained::RetainedRow;
use quorate_schemas::table::{CloseRule, DecisionRow, RejectReason};
use quorate_schemas::time::Micros;

use super::closed::{Closed, Closing};
use super::later::Later;
use super::order::{RECORDS, counting, insert, take_after, take_excess, vote_order};
use super::refuse::{one_too_many, refuse};
use super::walk::{Taken, Walk};
use super::{Due, Fact, Moment};
use crate::effects::Effects;
use crate::kept::{Held, unsaved};
use crate::rules::Rules;

/// So many votes are held before those that are settled are counted, so that what a task holds stays within its
/// bounds. It changes nothing else: what is settled can be counted at any time.
const CROWD: usize = 1_024;

/// The facts of an open task.
#[derive(Default)]
pub(crate) struct Open {
    tasks: Vec<Placed<Task>>,
    golds: Vec<Placed<Gold>>,
    overrides: Vec<Placed<Control>>,
    pending: Vec<Held>,
    earliest_pending: Option<Micros>,
    /// Pending votes at which the settled ones are counted.
    crowd: usize,
    walk: Walk,
    /// What a restart found written of its close.
    pub(crate) restored: Option<Arc<DecisionRow>>,
}

/// What a step made of an open task.
pub(crate) enum After {
    /// It is open still.
    StillOpen,
    /// There is nothing to decide: nobody declared it and no vote counted. The facts after it was given up are left.
    GivenUp(Later),
    /// It closed. The facts after its close are left.
    Closed(Box<Closed>, Later),
}

impl Open {
    /// Adds a fact.
    pub(crate) fn insert(&mut self, fact: Fact) {
        match fact {
            Fact::Vote(vote) => self.hold(Held::new(vote)),
            Fact::Task(task) => insert(&mut self.tasks, *task),
            Fact::Gold(gold) => insert(&mut self.golds, *gold),
            Fact::Override(order) => insert(&mut self.overrides, *order),
        }
    }

    /// Adds a vote.
    pub(crate) fn hold(&mut self, held: Held) {
        let at = held.vote.event_time;
        self.earliest_pending = Some(self.earliest_pending.map_or(at, |earliest| earliest.min(at)));
        self.pending.push(held);
    }

    /// Makes room for so many votes: once there are some, for as many again.
    pub(crate) fn expect(&mut self, votes: usize) {
        match self.pending.capacity() {
            // Many tasks never get more.
            0 => self.pending.reserve_exact(votes),
            _ => self.pending.reserve(votes),
        }
    }

    /// Gives the votes that no file has; from then on one has them.
    pub(crate) fn unsaved(&mut self, each: &mut dyn FnMut(&Placed<Vote>)) {
        unsaved(&mut self.pending, each);
        self.walk.unsaved(each);
    }

    /// Adds a fact of an input row; everything before `settled` is settled.
    pub(crate) fn receive(
        &mut self,
        fact: Fact,
        settled: Micros,
        rules: &Rules,
        effects: &mut Effects,
    ) {
        self.insert(fact);
        let most = self.tasks.len().max(self.golds.len()).max(self.overrides.len());
        if most > RECORDS {
            self.refuse_excess(settled, effects);
        }
        if self.pending.len() >= self.crowd.max(CROWD) {
            let closed = self.walk_to(settled, rules, effects);
            debug_assert!(closed.is_none(), "the clock closes a task before its facts are taken");
            self.crowd = self.pending.len().saturating_mul(2);
        }
    }

    /// So many votes equal to kept ones were dropped before a restart.
    pub(crate) fn count_duplicates(&mut self, count: u32) {
        self.walk.duplicates = self.walk.duplicates.saturating_add(count);
    }

    /// Refuses settled records of which there are too many. While the task is open, all before `until` are of its life.
    fn refuse_excess(&mut self, until: Micros, effects: &mut Effects) {
        let mut excess = Vec::new();
        take_excess(&mut self.tasks, until, Fact::declaration, &mut excess);
        take_excess(&mut self.golds, until, Fact::gold, &mut excess);
        take_excess(&mut self.overrides, until, Fact::by_hand, &mut excess);
        excess.into_iter().for_each(|fact| one_too_many(fact, effects));
    }

    /// Takes out the facts after `time`.
    pub(crate) fn split_after(&mut self, time: Micros) -> Later {
        let mut later = Later::default();
        take_after(&mut self.tasks, time, Fact::declaration, &mut later.records);
        take_after(&mut self.golds, time, Fact::gold, &mut later.records);
        take_after(&mut self.overrides, time, Fact::by_hand, &mut later.records);
        later.votes.extend(self.pending.extract_if(.., |held| held.vote.event_time > time));
        self.find_earliest();
        later
    }

    fn find_earliest(&mut self) {
        self.earliest_pending = self.pending.iter().map(|held| held.vote.event_time).min();
    }

    /// A time before which it did not open, as far as is known: its first declaration or vote, which may be one that
    /// does not count.
    pub(crate) fn opened_at(&self) -> Option<Micros> {
        let declared = self.tasks.first().map(|task| task.event_time);
        let voted = least(self.walk.claimed, self.earliest_pending);
        least(declared, voted)
    }

    /// A time before which it certainly neither closes nor ends.
    pub(crate) fn due(&self, rules: &Rules) -> Option<Due> {
        let close = self.closes_no_sooner_than(rules);
        match self.given_up_at(rules) {
            None => close.map(Due::Close),
            Some(end) => Some(close.map_or(Due::Age(end), |close| Due::Close(close.min(end)))),
        }
    }

    fn closes_no_sooner_than(&self, rules: &Rules) -> Option<Micros> {
        let close = rules.policy.close;
        let declared = counting(&self.tasks);
        // Once a first vote counts, its time is settled: it won't close sooner for having been declared before.
        let after = match close_after(close.after, declared, self.walk.first_vote) {
            settled @ Some(_) if self.walk.first_vote.is_some() => settled,
            _ => self
                .opened_at()
                .zip(close.after)
                .map(|(opened, after)| opened.saturating_add(after)),
        };
        let timed = closes_by_time(after, declared).map(|(at, _)| at);
        least(timed, self.earliest_pending.filter(|_| close.votes.is_some() || close.quorum))
    }

    /// When gold and overrides are given up, if nobody declares the task or votes on it by then; `None` where
    /// there are none, or somebody has. Each of them that comes before then is waited for in turn.
    fn given_up_at(&self, rules: &Rules) -> Option<Micros> {
        if self.golds.is_empty() && self.overrides.is_empty() {
            return None;
        }
        let policy = &rules.policy;
        let patience =
            policy.close.after.unwrap_or(Micros::MAX / 2).saturating_add(policy.forget_after);
        let golds = counting(&self.golds).iter().map(|row| row.event_time);
        let overrides = counting(&self.overrides).iter().map(|row| row.event_time);
        let mut times: Vec<Micros> = golds.chain(overrides).collect();
        times.sort_unstable();
        let mut end: Option<Micros> = None;
        for at in times {
            if end.is_none_or(|end| at <= end) {
                end = Some(at.saturating_add(patience));
            }
        }
        let declared = self.tasks.first().map(|task| task.event_time);
        end.filter(|end| self.walk.claimed.is_none() && declared.is_none_or(|at| at > *end))
    }

    /// Settles what lies before `moment` and closes the task if that closes it.
    pub(crate) fn advance(
        &mut self,
        id: &Id,
        moment: Moment,
        rules: &Rules,
        effects: &mut Effects,
    ) -> After {
        let last_era = rules.policy.eras.era_of(moment.greatest);
        if let Some(end) = self.given_up_at(rules).filter(|end| *end < moment.until) {
            // Votes that don't count open nothing, so those until then must be looked at.
            if let Some(closing) = self.walk_to(end.saturating_add(1), rules, effects) {
                let closing = closing.by_era(last_era);
                return self.close(id, closing, rules, effects);
            }
            if self.walk.claimed.is_none() {
                let later = self.split_after(end);
                self.give_up(effects);
                return After::GivenUp(later);
            }
        }
        let closing = self
            .closes_before(moment, rules, effects)
            .map(|closing| closing.by_era(last_era))
            .or_else(|| self.closes_at_end(moment, rules));
        if let Some(closing) = closing {
            return self.close(id, closing, rules, effects);
        }
        let waits_for_more =
            moment.phase != Phase::End && !(self.golds.is_empty() && self.overrides.is_empty());
        if self.opened_at().is_some() || waits_for_more {
            return After::StillOpen;
        }
        self.give_up(effects);
        After::GivenUp(Later::default())
    }

    /// At the end of the input: gold tasks first, with the weights so far; the others in an era of their own.
    fn closes_at_end(&self, moment: Moment, rules: &Rules) -> Option<Closing> {
        let last_era = rules.policy.eras.era_of(moment.greatest);
        let era = match moment.phase {
            Phase::EndOfGold if !self.golds.is_empty() => last_era,
            Phase::End => last_era + 1,
            Phase::EndOfGold | Phase::Running => return None,
        };
        self.opened_at()?;
        Some(Closing { at: moment.greatest, rule: CloseRule::EndOfInput, era })
    }

    fn closes_before(
        &mut self,
        moment: Moment,
        rules: &Rules,
        effects: &mut Effects,
    ) -> Option<Closing> {
        let ended = moment.until == Micros::MAX;
        if self.closes_no_sooner_than(rules).is_none_or(|close| close >= moment.until) && !ended {
            return None;
        }
        // A task held open to the end of the input is not held longer by a deadline after it.
        let until = match rules.policy.close.after {
            None if ended => moment.greatest.saturating_add(1),
            _ => moment.until,
        };
        self.walk_to(until, rules, effects)
    }

    /// Counts the votes before `until` in their order; how the task closes, if it does before then.
    fn walk_to(&mut self, until: Micros, rules: &Rules, effects: &mut Effects) -> Option<Closing> {
        let is_ready = |held: &mut Held| held.vote.event_time < until;
        let mut ready = match self.pending.iter_mut().all(is_ready) {
            true => std::mem::take(&mut self.pending),
            false => self.pending.extract_if(.., is_ready).collect(),
        };
        ready.sort_by(|a, b| vote_order(&a.vote, &b.vote));
        self.walk.seats.reserve(ready.len());
        let mut ready = ready.into_iter();
        let mut met: Option<(Micros, CloseRule)> = None;
        let mut timed = self.closes_in_time(until, rules);
        let declared_at = self.tasks.first().map(|task| task.event_time);
        // A declaration takes effect before the votes of its time, unless the task has closed before it.
        let holds = |close: Option<(Micros, CloseRule)>, by: Micros| {
            let declared_at = declared_at.filter(|at| *at <= by);
            declared_at.is_some_and(|at| close.is_none_or(|(close, _)| at <= close))
        };
        for held in ready.by_ref() {
            let at = held.vote.event_time;
            if holds(met.or(timed), at) {
                self.declare(rules);
                timed = self.closes_in_time(until, rules);
            }
            if met.or(timed).is_some_and(|(close, _)| at > close) {
                self.pending.push(held);
                break;
            }
            let first_vote = self.walk.first_vote;
            met = met.or(self.settle(held, rules, effects));
            if self.walk.first_vote != first_vote {
                timed = self.closes_in_time(until, rules);
            }
        }
        self.pending.extend(ready);
        self.find_earliest();
        if holds(met.or(timed), until.saturating_sub(1)) {
            self.declare(rules);
            timed = self.closes_in_time(until, rules);
        }
        let (at, rule) = met.or(timed).filter(|(at, _)| *at < until)?;
        Some(Closing { at, rule, era: rules.policy.eras.era_of(at) })
    }

    /// Judges the votes so far by the first declaration.
    fn declare(&mut self, rules: &Rules) {
        let first = self.tasks.first().map(|task| task.event_time);
        if let Some(task) = first.and_then(|first| declared(&self.tasks, first)) {
            self.walk.declare(task, rules);
        }
    }

    /// Takes one vote in order; the rule that it meets.
    fn settle(
        &mut self,
        held: Held,
        rules: &Rules,
        effects: &mut Effects,
    ) -> Option<(Micros, CloseRule)> {
        let at = held.vote.event_time;
        let close = rules.policy.close;
        let by_rule = close.votes.is_some() || close.quorum;
        let agent = by_rule.then(|| held.vote.body.agent.clone());
        let task = declared(&self.tasks, at);
        match self.walk.take(held, task, rules) {
            Taken::Duplicate(held) => {
                let task = held.vote.body.task.clone();
                effects.keep(RetainedRow::Duplicate { task, count: 1 });
                held.leave(effects);
                None
            }
            Taken::Refused(held, reason, detail) => {
                effects.refuse(&held.vote, reason, detail);
                held.leave(effects);
                None
            }
            Taken::Stands => {
                let agent = agent?;
                let declared_at =
                    self.tasks.first().map(|task| task.event_time).filter(|first| *first <= at);
                let opened_at = least(declared_at, self.walk.first_vote)?;
                self.walk.met(&agent, at, task, opened_at, rules).map(|rule| (at, rule))
            }
        }
    }

    /// When it closes by time, given the declarations before `until` and the votes walked so far.
    fn closes_in_time(&self, until: Micros, rules: &Rules) -> Option<(Micros, CloseRule)> {
        let declared = counting(&self.tasks);
        let declared = &declared[..declared.partition_point(|task| task.event_time < until)];
        let after = close_after(rules.policy.close.after, declared, self.walk.first_vote);
        closes_by_time(after, declared)
    }

    fn close(&mut self, id: &Id, closing: Closing, rules: &Rules, effects: &mut Effects) -> After {
        let later = self.split_after(closing.at);
        self.refuse_excess(Micros::MAX, effects);
        for (held, reason, detail) in std::mem::take(&mut self.walk.refused) {
            effects.refuse(&held.vote, reason, detail);
            held.leave(effects);
        }
        After::Closed(Box::new(std::mem::take(self).closed(id, closing, rules)), later)
    }

    fn closed(self, id: &Id, closing: Closing, rules: &Rules) -> Closed {
        let opened_at = least(self.tasks.first().map(|task| task.event_time), self.walk.first_vote);
        let declared = declared(&self.tasks, closing.at).cloned();
        let by_hand = (self.golds, self.overrides);
        Closed::new(
            id,
            closing,
            opened_at.unwrap_or(closing.at),
            declared,
            self.walk,
            by_hand,
            rules,
        )
    }

    /// Closes as `written` says it closed, saying nothing of what was said then, and goes on to its revision. Left
    /// are the facts after its name is forgotten.
    pub(crate) fn close_as_written(
        mut self,
        written: &DecisionRow,
        rules: &Rules,
    ) -> (Closed, Later) {
        let mut silent = Effects::default();
        let (mut later, after) = (Later::default(), self.split_after(written.closed_at));
        let mut votes = std::mem::take(&mut self.pending);
        votes.sort_by(|a, b| vote_order(&a.vote, &b.vote));
        let declared_at = self.tasks.first().map(|task| task.event_time);
        for held in votes {
            if declared_at.is_some_and(|at| at <= held.vote.event_time) {
                self.declare(rules);
            }
            self.settle(held, rules, &mut silent);
        }
        self.declare(rules);
        let closing = Closing { at: written.closed_at, rule: written.close_rule, era: written.era };
        let mut closed = self.closed(&written.task, closing, rules);
        // Votes from before then are late, and were told.
        let forget_at = closed.forget_at(rules);
        later.votes.extend(after.votes.into_iter().filter(|held| held.vote.event_time > forget_at));
        for fact in after.records {
            match fact.event_time() > forget_at {
                true => later.push(fact),
                false => closed.receive(fact, rules, &mut silent),
            }
        }
        (closed.at_revision(written, rules), later)
    }

    fn give_up(&mut self, effects: &mut Effects) {
        self.refuse_excess(Micros::MAX, effects);
        let golds = self.golds.drain(..).map(Fact::gold);
        for fact in golds.chain(self.overrides.drain(..).map(Fact::by_hand)) {
            let detail = "no task of this name was declared or voted on".to_owned();
            refuse(&fact, RejectReason::UnknownTask, detail, effects);
        }
    }
}

/// When `after` of the job closes a task: after its first vote, or without one by then after its declaration.
fn close_after(
    after: Option<Micros>,
    declared: &[Placed<Task>],
    first_vote: Option<Micros>,
) -> Option<Micros> {
    let after = after?;
    let empty = declared.first().map(|first| first.event_time.saturating_add(after));
    let voted = first_vote.filter(|first| empty.is_none_or(|empty| *first <= empty));
    voted.map(|first| first.saturating_add(after)).or(empty)
}

/// When a task closes by time: `after` of the job, or the deadline of the declaration that holds, whichever comes
/// first. A declaration after the close that it would move comes too late, and none closes a task before itself.
fn closes_by_time(after: Option<Micros>, declared: &[Placed<Task>]) -> Option<(Micros, CloseRule)> {
    let mut deadline: Option<Micros> = None;
    for task in declared {
        if least(after, deadline).is_some_and(|close| close < task.event_time) {
            break;
        }
        deadline = task.body.deadline.map(|at| at.max(task.event_time));
    }
    match (after, deadline) {
        (Some(after), Some(deadline)) if after < deadline => Some((after, CloseRule::After)),
        (_, Some(deadline)) => Some((deadline, CloseRule::Deadline)),
        (Some(after), None) => Some((after, CloseRule::After)),
        (None, None) => None,
    }
}

/// The declaration that holds at `time`: the last one by then.
fn declared(tasks: &[Placed<Task>], time: Micros) -> Option<&Task> {
    let counting = counting(tasks);
    let by_then = counting.partition_point(|task| task.event_time <= time);
    counting[..by_then].last().map(|task| &task.body)
}

fn least(a: Option<Micros>, b: Option<Micros>) -> Option<Micros> {
    a.into_iter().chain(b).min()
}
