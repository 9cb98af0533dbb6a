//! A task that has closed and can still be revised.

use std::collections::BTreeSet;
use std::sync::Arc;

use quorate_schemas::id::{Id, Name};
use quorate_schemas::record::{Control, ControlAction, Gold, Placed, Task, TaskKind, Vote};
use quorate_schemas::table::{
    CloseRule, DecisionRow, DecisionStatus, OutRow, RevisionReason, UndecidedReason, VoteRow,
    VoteStatus,
};
use quorate_schemas::time::Micros;

use super::order::insert_least;
use super::refuse::{one_too_many, too_late};
use super::seats::Seat;
use super::tally::{Leader, Tally, micros};
use super::walk::Walk;
use super::{Due, Fact, Moment};
use crate::effects::Effects;
use crate::kept::{Held, unsaved};
use crate::rules::{Occasion, Rules};

/// How and when a task closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closing {
    pub(crate) at: Micros,
    pub(crate) rule: CloseRule,
    /// The era whose weights decide.
    pub(crate) era: i64,
}

impl Closing {
    /// No era begins after that of the last row of the input.
    pub(crate) fn by_era(self, last: i64) -> Closing {
        Closing { era: self.era.min(last), ..self }
    }
}

/// A closed task.
pub(crate) struct Closed {
    closing: Closing,
    declared: Option<Task>,
    golds: Vec<Placed<Gold>>,
    overrides: Vec<Placed<Control>>,
    /// In order of their agents' names; tables share them.
    pub(super) votes: Arc<Vec<VoteRow>>,
    /// Those of them that no file of retained rows has.
    unsaved: Vec<usize>,
    /// Votes that others have replaced, which no file has either.
    replaced: Vec<Held>,
    pub(super) row: Arc<DecisionRow>,
    /// Everything up to here is in `row`; before the first revision, nothing is.
    revised_to: Option<Micros>,
    /// Where the last revision does not follow from the rules as they are now: when it is to be made anew.
    owed_at: Option<Micros>,
    /// The revision that is among the retained rows.
    kept: Option<Arc<DecisionRow>>,
}

impl Closed {
    pub(crate) fn new(
        id: &Id,
        closing: Closing,
        opened_at: Micros,
        declared: Option<Task>,
        walk: Walk,
        (golds, overrides): (Vec<Placed<Gold>>, Vec<Placed<Control>>),
        rules: &Rules,
    ) -> Closed {
        let mut seats = walk.seats.into_seats();
        seats.sort_by(|a, b| a.vote.body.agent.name().cmp(b.vote.body.agent.name()));
        let fresh = seats.iter().enumerate().filter(|(_, seat)| !seat.saved);
        let unsaved = fresh.map(|(at, _)| at).collect();
        let mut votes: Vec<VoteRow> = Vec::with_capacity(seats.len());
        votes.extend(seats.into_iter().map(unweighed));
        let mut replaced = walk.replaced;
        replaced.retain(|held| !held.saved);
        let policy = &rules.policy;
        let task = declared.as_ref();
        let row = DecisionRow {
            event_time: closing.at,
            revision: 0,
            task: id.clone(),
            domain: task.map_or_else(|| rules.nowhere.clone(), |task| task.domain.clone()),
            kind: task.map_or(TaskKind::Choice, |task| task.kind),
            status: DecisionStatus::Undecided(UndecidedReason::NoVotes),
            is_final: false,
            reason: RevisionReason::Closed,
            answer: None,
            confidence_micros: 0,
            support_micros: 0,
            runner_up_micros: 0,
            total_micros: 0,
            eligible_micros: 0,
            eligible_basis: rules.basis(),
            quorum: task.and_then(|task| task.quorum).unwrap_or(policy.quorum),
            votes: 0,
            abstentions: 0,
            excluded: 0,
            options: 0,
            superseded: walk.superseded,
            duplicates: walk.duplicates,
            method: Name::new(policy.method.word()),
            era: closing.era,
            opened_at,
            closed_at: closing.at,
            close_rule: closing.rule,
            gold: None,
        };
        Closed {
            closing,
            declared,
            golds,
            overrides,
            votes: Arc::new(votes),
            unsaved,
            replaced,
            row: Arc::new(row),
            revised_to: None,
            owed_at: None,
            kept: None,
        }
    }

    /// The revision that `written` says was the last.
    pub(crate) fn at_revision(mut self, written: &DecisionRow, rules: &Rules) -> Closed {
        self.revise(written.event_time, rules);
        let row = Arc::make_mut(&mut self.row);
        row.revision = written.revision;
        row.reason = written.reason;
        self.revised_to = Some(written.event_time);
        self.kept = Some(Arc::clone(&self.row));
        self
    }

    /// What was written does not follow from the rules: they are new, and the task is decided anew by them. That is as
    /// of now, everything before `settled` being settled.
    pub(crate) fn owe(&mut self, written: Arc<DecisionRow>, settled: Micros, rules: &Rules) {
        let latest = settled.saturating_sub(1).min(self.final_after(rules));
        self.owed_at = Some(latest.max(written.event_time));
        self.kept = Some(Arc::clone(&written));
        self.row = written;
    }

    /// The last revision.
    pub(crate) fn row(&self) -> &DecisionRow {
        &self.row
    }

    /// The last revision, if it is to be kept now, and the one that was kept before, if there was one.
    pub(crate) fn keep(&mut self) -> Option<(Arc<DecisionRow>, Option<Arc<DecisionRow>>)> {
        if self.kept.as_ref() == Some(&self.row) {
            return None;
        }
        let before = self.kept.replace(Arc::clone(&self.row));
        Some((Arc::clone(&self.row), before))
    }

    /// Gives the votes that no file has; from then on one has them.
    pub(crate) fn unsaved(&mut self, each: &mut dyn FnMut(&Placed<Vote>)) {
        std::mem::take(&mut self.unsaved).into_iter().for_each(|at| each(&self.votes[at].vote));
        unsaved(&mut std::mem::take(&mut self.replaced), each);
    }

    fn final_after(&self, rules: &Rules) -> Micros {
        self.closing.at.saturating_add(rules.policy.finality_after)
    }

    /// Until when votes on a task of this name are late.
    pub(crate) fn forget_at(&self, rules: &Rules) -> Micros {
        self.final_after(rules).saturating_add(rules.policy.forget_after)
    }

    /// When it next has something to do.
    pub(crate) fn due(&self, rules: &Rules) -> Due {
        if let Some(at) = self.owed_at {
            return Due::Close(at);
        }
        let revised_to = self.revised_to.unwrap_or(Micros::MIN);
        let golds = self.golds.iter().map(|row| row.event_time);
        let facts = golds.chain(self.overrides.iter().map(|row| row.event_time));
        let next = facts.filter(|at| *at > revised_to).min();
        match next.filter(|at| *at <= self.final_after(rules)) {
            // Gold shows evidence, which must be in time for the next era.
            Some(at) => Due::Close(at),
            None => Due::Age(self.final_after(rules)),
        }
    }

    /// Takes a fact from after the close.
    pub(crate) fn receive(&mut self, fact: Fact, rules: &Rules, effects: &mut Effects) {
        let in_time = fact.event_time() <= self.final_after(rules);
        match fact {
            Fact::Gold(row) if in_time => {
                effects.keep(Fact::Gold(row.clone()).retained());
                let over = insert_least(&mut self.golds, *row);
                over.into_iter().for_each(|row| one_too_many(Fact::gold(row), effects));
            }
            Fact::Override(row) if in_time => {
                effects.keep(Fact::Override(row.clone()).retained());
                let over = insert_least(&mut self.overrides, *row);
                over.into_iter().for_each(|row| one_too_many(Fact::by_hand(row), effects));
            }
            fact => too_late(&fact, self.closing.at, effects),
        }
    }

    /// Writes the revisions before `moment`; true if the last of them is final.
    pub(crate) fn advance(&mut self, moment: Moment, rules: &Rules, effects: &mut Effects) -> bool {
        let last = self.final_after(rules);
        if self.revised_to.is_none() {
            self.first(rules, effects);
        }
        if let Some(at) = self.owed_at.take_if(|at| *at < moment.until) {
            self.anew(at, rules, effects);
        }
        for at in self.times_of_change(moment.until, last, rules) {
            self.change(at, rules, effects);
        }
        if !self.row.is_final && last < moment.until {
            // What was kept is buried.
            self.kept = None;
            let row = Arc::make_mut(&mut self.row);
            row.revision += 1;
            row.event_time = last;
            row.reason = RevisionReason::Final;
            row.is_final = true;
            effects.rows.push(OutRow::Decision(Arc::clone(&self.row)));
        }
        self.row.is_final
    }

    /// The first revision: the close itself.
    fn first(&mut self, rules: &Rules, effects: &mut Effects) {
        let at = self.closing.at;
        let tally = self.revise(at, rules);
        Arc::make_mut(&mut self.row).is_final = rules.policy.finality_after == 0;
        self.revised_to = Some(at);
        effects.rows.push(OutRow::Decision(Arc::clone(&self.row)));
        if !self.votes.is_empty() {
            effects.rows.push(OutRow::Votes(Arc::clone(&self.votes)));
        }
        self.show(&tally, self.closing.era, rules, effects);
    }

    /// The times in `(revised_to, last]`, before `until`, at which a fact may change the decision.
    fn times_of_change(&self, until: Micros, last: Micros, rules: &Rules) -> BTreeSet<Micros> {
        let after = self.revised_to.unwrap_or(self.closing.at);
        let last = last.min(until.saturating_sub(1));
        if last <= after {
            return BTreeSet::new();
        }
        let golds = self.golds.iter().map(|row| row.event_time);
        let facts = golds.chain(self.overrides.iter().map(|row| row.event_time));
        let mut times: BTreeSet<Micros> = facts.filter(|at| *at > after && *at <= last).collect();
        if rules.weights_depend_on_others() {
            // Who did not vote is part of what the votes are weighed against.
            times.extend(rules.registry.order_times(after, last));
        } else if rules.registry.order_times(after, last).next().is_some() {
            for vote in self.votes.iter() {
                times.extend(
                    rules
                        .registry
                        .orders_between(vote.agent(), after, last)
                        .map(|order| order.event_time),
                );
            }
        }
        times
    }

    /// Decides by rules that are not those of the revisions before: by what weights these came about is not known any
    /// more, so all votes are told again. What they have shown of their agents stays.
    fn anew(&mut self, at: Micros, rules: &Rules, effects: &mut Effects) {
        let revision = self.row.revision + 1;
        let row = Arc::make_mut(&mut self.row);
        row.method = Name::new(rules.policy.method.word());
        row.eligible_basis = rules.basis();
        let task = self.declared.as_ref();
        row.quorum = task.and_then(|task| task.quorum).unwrap_or(rules.policy.quorum);
        self.revise(at, rules);
        self.revised_to = Some(at);
        let row = Arc::make_mut(&mut self.row);
        row.revision = revision;
        row.reason = RevisionReason::Upgrade;
        Arc::make_mut(&mut self.votes).iter_mut().for_each(|vote| vote.revision = revision);
        if !self.votes.is_empty() {
            effects.rows.push(OutRow::Votes(Arc::clone(&self.votes)));
        }
        effects.rows.push(OutRow::Decision(Arc::clone(&self.row)));
    }

    fn change(&mut self, at: Micros, rules: &Rules, effects: &mut Effects) {
        let (row, votes) = (Arc::clone(&self.row), Arc::clone(&self.votes));
        let tally = self.revise(at, rules);
        self.revised_to = Some(at);
        let unchanged = DecisionRow { event_time: row.event_time, ..DecisionRow::clone(&self.row) };
        if unchanged == *row && votes == self.votes {
            self.row = row;
            return;
        }
        let why = self.why(at, rules);
        let now = Arc::make_mut(&mut self.row);
        now.revision += 1;
        now.reason = why;
        let revision = now.revision;
        let mut changed = Vec::new();
        for (vote, before) in Arc::make_mut(&mut self.votes)
            .iter_mut()
            .zip(votes.iter())
            .filter(|(vote, before)| vote != before)
        {
            debug_assert_eq!(vote.agent(), before.agent());
            vote.revision = revision;
            changed.push(vote.clone());
        }
        if !changed.is_empty() {
            effects.rows.push(OutRow::Votes(Arc::new(changed)));
        }
        effects.rows.push(OutRow::Decision(Arc::clone(&self.row)));
        if row.gold.is_none() && self.row.gold.is_some() {
            self.show(&tally, rules.policy.eras.era_of(at), rules, effects);
        }
    }

    fn why(&self, at: Micros, rules: &Rules) -> RevisionReason {
        if self.overrides.iter().any(|row| row.event_time == at) {
            return RevisionReason::Override;
        }
        let mut of_voters = self
            .votes
            .iter()
            .flat_map(|vote| rules.registry.orders_between(vote.agent(), at - 1, at));
        let of_others =
            || rules.registry.first_order_at(at).filter(|_| rules.weights_depend_on_others());
        match of_voters.next().or_else(of_others).map(|order| &order.body.action) {
            Some(ControlAction::Release { .. }) => RevisionReason::Release,
            Some(_) => RevisionReason::Quarantine,
            None => RevisionReason::Gold,
        }
    }

    /// Decides anew with what was known at `at`; the tally of what counted.
    fn revise(&mut self, at: Micros, rules: &Rules) -> Tally {
        let domain = self.row.domain.clone();
        let occasion =
            Occasion { domain: &domain, era: self.closing.era, opened_at: self.row.opened_at, at };
        let votes = Arc::make_mut(&mut self.votes);
        for vote in votes.iter_mut() {
            vote.status = if !vote.value().is_answer() {
                VoteStatus::Abstained
            } else if rules.registry.quarantined(vote.agent(), at) {
                VoteStatus::Quarantined
            } else {
                VoteStatus::Counted
            };
        }
        let counted = |vote: &&VoteRow| vote.status == VoteStatus::Counted;
        let weighing = rules.weigh(occasion, votes.iter().filter(counted).map(VoteRow::agent));
        let mut tally = Tally::default();
        for vote in votes.iter_mut() {
            vote.weight_micros = match vote.status {
                VoteStatus::Counted => weighing.of(vote.agent()),
                VoteStatus::Abstained | VoteStatus::Quarantined => 0,
            };
            if let (VoteStatus::Counted, Some(label)) = (vote.status, vote.vote.body.value.said()) {
                tally.add(&label, vote.weight_micros);
            }
        }
        let voters = votes.iter().filter(counted).map(VoteRow::agent);
        let whole = rules.whole(&weighing, voters).unwrap_or_else(|| micros(tally.total_micros()));
        self.settle(at, &tally, whole, rules);
        tally
    }

    fn settle(&mut self, at: Micros, tally: &Tally, eligible_micros: i64, rules: &Rules) {
        let Leader { answer, runner_up, .. } = tally.leader();
        let weight_of = |label: &Name| micros(tally.weight_of(label));
        let support_micros = answer.as_ref().map_or(0, weight_of);
        let runner_up_micros = runner_up.as_ref().map_or(0, weight_of);
        let by_hand = self
            .overrides
            .iter()
            .rev()
            .find(|row| row.event_time <= at)
            .map(|row| &row.body.action);
        let row = Arc::make_mut(&mut self.row);
        row.event_time = at;
        row.eligible_micros = eligible_micros;
        row.total_micros = micros(tally.total_micros());
        row.votes = tally.votes();
        let with = |status: VoteStatus| {
            self.votes.iter().filter(|vote| vote.status == status).count() as u32
        };
        (row.abstentions, row.excluded) =
            (with(VoteStatus::Abstained), with(VoteStatus::Quarantined));
        (row.support_micros, row.runner_up_micros) = (support_micros, runner_up_micros);
        let declared = self.declared.as_ref().map_or(0, |task| task.options.len());
        row.options = if declared == 0 { tally.labels() as u32 } else { declared as u32 };
        let needed = self
            .declared
            .as_ref()
            .and_then(|task| task.min_votes)
            .unwrap_or(rules.policy.min_votes);
        row.status = if answer.is_none() {
            DecisionStatus::Undecided(UndecidedReason::NoVotes)
        } else if row.votes < needed {
            DecisionStatus::Undecided(UndecidedReason::TooFewVotes)
        } else if row.quorum.exceeded_by(support_micros, eligible_micros) {
            DecisionStatus::Quorate
        } else {
            DecisionStatus::Undecided(UndecidedReason::NoQuorum)
        };
        row.answer = answer;
        if let Some(ControlAction::Override { answer, .. }) = by_hand {
            row.status = DecisionStatus::Quorate;
            row.runner_up_micros =
                if row.answer.as_ref() == Some(answer) { runner_up_micros } else { support_micros };
            row.support_micros = weight_of(answer);
            row.answer = Some(answer.clone());
        }
        let log_odds = rules.policy.weights_are_log_odds();
        row.confidence_micros = match &row.answer {
            Some(answer) if log_odds => tally.posterior_micros(answer),
            Some(answer) => tally.share_micros(answer),
            None => 0,
        };
        row.gold = self
            .golds
            .iter()
            .rev()
            .find(|gold| gold.event_time <= at)
            .map(|gold| gold.body.answer.clone());
        for vote in Arc::make_mut(&mut self.votes) {
            vote.agrees =
                row.answer.is_some() && vote.value().said().as_deref() == row.answer.as_ref();
        }
    }
}

fn unweighed(seat: Seat) -> VoteRow {
    let (weight_micros, status) = (0, VoteStatus::Counted);
    VoteRow { vote: seat.vote, revision: 0, weight_micros, status, agrees: false }
}
