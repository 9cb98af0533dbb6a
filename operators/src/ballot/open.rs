//! A task that may still get votes.

use quorate_schemas::clock::Phase;
use quorate_schemas::id::Id;
use quorate_schemas::record::{Control, Gold, Placed, RecordKind, Task, Vote};
use quorate_schemas::retained::RetainedRow;
use quorate_schemas::table::{CloseRule, DecisionRow, RejectReason};
use quorate_schemas::time::{Micros, format_rfc3339};

use super::closed::{Closed, Closing};
use super::walk::{Taken, Walk, order};
use super::{Fact, Moment};
use crate::effects::{Effects, quoted};
use crate::rules::Rules;

/// The facts of an open task.
#[derive(Default)]
pub(crate) struct Open {
    tasks: Vec<Placed<Task>>,
    golds: Vec<Placed<Gold>>,
    overrides: Vec<Placed<Control>>,
    pending: Vec<Placed<Vote>>,
    earliest_pending: Option<Micros>,
    walk: Walk,
    /// What a restart found written of its close.
    pub(crate) restored: Option<DecisionRow>,
}

/// What a step made of an open task.
pub(crate) enum After {
    /// It is open still.
    StillOpen,
    /// There is nothing to decide: no vote counted and nobody declared it.
    Nothing,
    /// It closed.
    Closed(Box<Closed>),
}

impl Open {
    /// Adds a fact.
    pub(crate) fn insert(&mut self, fact: Fact) {
        match fact {
            Fact::Vote(vote) => {
                let earliest = self.earliest_pending.get_or_insert(vote.event_time);
                *earliest = vote.event_time.min(*earliest);
                self.pending.push(vote);
            }
            Fact::Task(task) => insert_in_order(&mut self.tasks, task),
            Fact::Gold(gold) => insert_in_order(&mut self.golds, gold),
            Fact::Override(order) => insert_in_order(&mut self.overrides, order),
        }
    }

    /// Adds a fact of an input row, within the task's bounds.
    pub(crate) fn receive(&mut self, fact: Fact, rules: &Rules, effects: &mut Effects) {
        self.insert(fact);
        let most = rules.policy.caps.votes_per_task as usize;
        if self.pending.len() >= most.saturating_mul(2).max(1_024) {
            self.squeeze(most, effects);
        }
    }

    /// A vote equal to a kept one was dropped before a restart.
    pub(crate) fn count_duplicate(&mut self) {
        self.walk.duplicates += 1;
    }

    /// Drops what the task's bound would refuse anyway: equal votes, then all but the least `most`.
    fn squeeze(&mut self, most: usize, effects: &mut Effects) {
        self.pending.sort_by(order);
        let mut kept: Vec<Placed<Vote>> = Vec::with_capacity(most);
        for vote in self.pending.drain(..) {
            if kept.last().is_some_and(|last| order(last, &vote).is_eq()) {
                self.walk.duplicates += 1;
                effects.keep(RetainedRow::Duplicate { task: vote.body.task.clone() });
                effects.drop(RetainedRow::Vote(vote));
            } else if kept.len() < most {
                kept.push(vote);
            } else {
                let detail = format!("the task holds {most} votes already (limits.votes_per_task)");
                effects.refuse(&vote, RejectReason::TooManyVotes, detail);
                effects.drop(RetainedRow::Vote(vote));
            }
        }
        self.pending = kept;
    }

    /// When it opened: its first declaration or the first vote that counts.
    pub(crate) fn opened_at(&self) -> Option<Micros> {
        let declared = self.tasks.first().map(|task| task.event_time);
        let voted = least(self.walk.first_vote, self.earliest_pending);
        least(declared, voted)
    }

    /// A time before which it certainly neither closes nor ends.
    pub(crate) fn due(&self, rules: &Rules) -> Option<Micros> {
        let close = rules.policy.close;
        let by_rule = close.votes.is_some() || close.quorum;
        let opened = self.opened_at();
        let after = opened.zip(close.after).map(|(opened, after)| opened.saturating_add(after));
        let deadline = self.tasks.iter().filter_map(|task| task.body.deadline).min();
        let deadline = deadline.map(|at| opened.map_or(at, |opened| at.max(opened)));
        let rule = self.earliest_pending.filter(|_| by_rule);
        let due = least(least(after, deadline), rule);
        due.or_else(|| opened.is_none().then(|| self.given_up_at(rules)).flatten())
    }

    /// When gold or an override of a task that nobody declares or votes on is given up.
    fn given_up_at(&self, rules: &Rules) -> Option<Micros> {
        let golds = self.golds.iter().map(|row| row.event_time);
        let last = golds.chain(self.overrides.iter().map(|row| row.event_time)).max()?;
        let policy = &rules.policy;
        let patience = policy.close.after.unwrap_or(Micros::MAX / 2).saturating_add(policy.forget_after);
        Some(last.saturating_add(patience))
    }

    /// Settles what lies before `moment` and closes the task if that closes it.
    pub(crate) fn advance(&mut self, id: &Id, moment: Moment, rules: &Rules, effects: &mut Effects) -> After {
        let closing = self.closes_before(moment.until, rules, effects).or_else(|| self.closes_at_end(moment, rules));
        if let Some(closing) = closing {
            return After::Closed(Box::new(std::mem::take(self).close(id, closing, rules, effects)));
        }
        let unopened = self.tasks.is_empty() && self.pending.is_empty() && self.walk.seats.is_empty();
        let ended = moment.phase == Phase::End || self.given_up_at(rules).is_none_or(|at| at < moment.until);
        if unopened && ended {
            self.give_up(effects);
            return After::Nothing;
        }
        After::StillOpen
    }

    /// At the end of the input: gold tasks first, with the weights so far; the others in an era of their own.
    fn closes_at_end(&self, moment: Moment, rules: &Rules) -> Option<Closing> {
        let opened = !self.tasks.is_empty() || !self.walk.seats.is_empty();
        let last_era = rules.policy.eras.era_of(moment.greatest);
        let era = match moment.phase {
            Phase::EndOfGold if !self.golds.is_empty() => last_era,
            Phase::End => last_era + 1,
            Phase::EndOfGold | Phase::Running => return None,
        };
        opened.then_some(Closing { at: moment.greatest, rule: CloseRule::EndOfInput, era })
    }

    /// Walks the votes before `until`; how the task closes, if it does before then.
    fn closes_before(&mut self, until: Micros, rules: &Rules, effects: &mut Effects) -> Option<Closing> {
        let at = |(at, rule)| Closing { at, rule, era: rules.policy.eras.era_of(at) };
        if self.due(rules).is_none_or(|due| due >= until) && until < Micros::MAX {
            return None;
        }
        let (mut ready, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.pending).into_iter().partition(|vote| vote.event_time < until);
        ready.sort_by(order);
        self.pending = later;
        let mut met: Option<(Micros, CloseRule)> = None;
        let mut ready = ready.into_iter();
        for vote in ready.by_ref() {
            let closing = met.or_else(|| self.due_exactly(until, rules));
            if closing.is_some_and(|(at, _)| vote.event_time > at) {
                self.pending.push(vote);
                break;
            }
            met = met.or(self.settle(vote, rules, effects));
        }
        self.pending.extend(ready);
        self.earliest_pending = self.pending.iter().map(|vote| vote.event_time).min();
        met.or_else(|| self.due_exactly(until, rules)).filter(|(at, _)| *at < until).map(at)
    }

    /// Takes one vote in order; the rule that it meets.
    fn settle(&mut self, vote: Placed<Vote>, rules: &Rules, effects: &mut Effects) -> Option<(Micros, CloseRule)> {
        let (at, agent) = (vote.event_time, vote.body.agent.clone());
        let task = declared(&self.tasks, at);
        match self.walk.take(vote, task, rules) {
            Taken::Duplicate => None,
            Taken::Refused(vote, reason, detail) => {
                effects.refuse(&vote, reason, detail);
                effects.drop(RetainedRow::Vote(vote));
                None
            }
            Taken::Stands => {
                let declared_at = self.tasks.first().map(|task| task.event_time).filter(|first| *first <= at);
                let opened_at = least(declared_at, self.walk.first_vote)?;
                self.walk.met(&agent, at, task, opened_at, rules).map(|rule| (at, rule))
            }
        }
    }

    /// When it closes by time, given the declarations before `until` and the votes walked so far.
    fn due_exactly(&self, until: Micros, rules: &Rules) -> Option<(Micros, CloseRule)> {
        let declared = self.tasks.iter().take_while(|task| task.event_time < until);
        let first_declared = declared.clone().next().map(|task| task.event_time);
        let opened = least(first_declared, self.walk.first_vote)?;
        let after = rules.policy.close.after.and_then(|after| {
            let empty = first_declared.map(|declared| declared.saturating_add(after));
            let voted = self.walk.first_vote.filter(|first| empty.is_none_or(|empty| *first <= empty));
            voted.map(|first| first.saturating_add(after)).or(empty)
        });
        let mut deadline: Option<Micros> = None;
        for task in declared {
            // A declaration after the close it would move comes too late.
            if least(after, deadline).is_some_and(|close| close < task.event_time) {
                break;
            }
            deadline = task.body.deadline.map(|at| at.max(opened));
        }
        match (after, deadline) {
            (Some(after), Some(deadline)) if after < deadline => Some((after, CloseRule::After)),
            (_, Some(deadline)) => Some((deadline, CloseRule::Deadline)),
            (Some(after), None) => Some((after, CloseRule::After)),
            (None, None) => None,
        }
    }

    fn close(self, id: &Id, closing: Closing, rules: &Rules, effects: &mut Effects) -> Closed {
        for vote in &self.pending {
            let detail = format!("the task closed at {}", format_rfc3339(closing.at));
            effects.refuse(vote, RejectReason::Late, detail);
            effects.drop(RetainedRow::Vote(vote.clone()));
        }
        let declared = declared(&self.tasks, closing.at).cloned();
        let first = self.tasks.first().map(|task| task.event_time).filter(|first| *first <= closing.at);
        let opened_at = least(first, self.walk.first_vote).unwrap_or(closing.at);
        Closed::new(id, closing, opened_at, declared, self.walk, (self.golds, self.overrides), rules)
    }

    /// Closes as `written` says it closed, saying nothing of what was said then, and goes on to its revision.
    pub(crate) fn close_as_written(mut self, written: &DecisionRow, rules: &Rules, silent: &mut Effects) -> Closed {
        let mut votes = std::mem::take(&mut self.pending);
        votes.retain(|vote| vote.event_time <= written.closed_at);
        votes.sort_by(order);
        for vote in votes {
            self.settle(vote, rules, silent);
        }
        let closing = Closing { at: written.closed_at, rule: written.close_rule, era: written.era };
        self.close(&written.task, closing, rules, silent).as_revised(written, rules)
    }

    fn give_up(&mut self, effects: &mut Effects) {
        for gold in self.golds.drain(..) {
            let (task, answer) = (quoted(gold.body.task.name()), quoted(&gold.body.answer));
            let line = format!("{{\"task_id\":{task},\"answer\":{answer}}}");
            let detail = "no task of this name was declared or voted on".to_owned();
            let reason = RejectReason::UnknownTask;
            effects.refuse_record(RecordKind::Gold, gold.event_time, &gold.place, reason, detail, line);
        }
        for order in self.overrides.drain(..) {
            let line = format!("{:?}", order.body.action);
            let detail = "no task of this name was declared or voted on".to_owned();
            let reason = RejectReason::UnknownTask;
            effects.refuse_record(RecordKind::Control, order.event_time, &order.place, reason, detail, line);
        }
    }
}

/// The declaration that holds at `time`: the last one by then.
fn declared(tasks: &[Placed<Task>], time: Micros) -> Option<&Task> {
    tasks.iter().take_while(|task| task.event_time <= time).last().map(|task| &task.body)
}

fn least(a: Option<Micros>, b: Option<Micros>) -> Option<Micros> {
    a.into_iter().chain(b).min()
}

/// Inserts by (event time, event id, content); an equal row changes nothing.
fn insert_in_order<T: Ord>(rows: &mut Vec<Placed<T>>, row: Placed<T>) {
    let key = |row: &Placed<T>, other: &Placed<T>| {
        let time = row.event_time.cmp(&other.event_time).then_with(|| row.event_id.cmp(&other.event_id));
        time.then_with(|| row.body.cmp(&other.body))
    };
    if let Err(at) = rows.binary_search_by(|known| key(known, &row)) {
        rows.insert(at, row);
    }
}
