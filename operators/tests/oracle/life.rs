//! One task's life, told minute by minute: at each time at which anything could happen, everything of that time does.

use std::collections::{BTreeMap, BTreeSet};

use quorate_schemas::record::{Placed, RecordKind, Task, Vote};
use quorate_schemas::table::{CloseRule, RejectReason};
use quorate_schemas::time::Micros;

use super::Question;
use super::roll::{Asked, Roll};
use crate::view::View;

/// How the open part of a life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Closed {
        at: Micros,
        rule: CloseRule,
    },
    /// Gold or an override of a task that never came to be.
    GivenUp {
        at: Micros,
    },
    /// Not before the end of the input.
    Open,
}

/// The open part of a life.
pub(crate) struct Life<'a> {
    pub(crate) ending: Ending,
    pub(crate) opened_at: Option<Micros>,
    /// The declaration that holds at the end.
    pub(crate) declared: Option<&'a Task>,
    /// Each agent's last word.
    pub(crate) standing: BTreeMap<String, &'a Placed<Vote>>,
    pub(crate) superseded: u32,
    pub(crate) duplicates: u32,
    /// Votes that could not count.
    pub(crate) refused: Vec<View>,
    /// Votes that were accepted while nobody had declared the task.
    early: Vec<&'a Placed<Vote>>,
    rows: u32,
    versions: BTreeMap<String, u32>,
    first_declared: Option<Micros>,
    first_voted: Option<Micros>,
}

pub(crate) fn late_or_refused(vote: &Placed<Vote>, reason: RejectReason) -> View {
    View::Reject {
        record: RecordKind::Vote,
        reason,
        event_time: vote.event_time,
        task: vote.body.task.name().to_string(),
        agent: Some(vote.body.agent.name().to_string()),
    }
}

impl<'a> Life<'a> {
    /// `end`: the time of the last row of all.
    pub(crate) fn live(roll: &Roll<'_>, question: &Question<'a>, end: Micros) -> Life<'a> {
        let mut life = Life {
            ending: Ending::Open,
            opened_at: None,
            declared: None,
            standing: BTreeMap::new(),
            superseded: 0,
            duplicates: 0,
            refused: Vec::new(),
            early: Vec::new(),
            rows: 0,
            versions: BTreeMap::new(),
            first_declared: None,
            first_voted: None,
        };
        let mut patience: Option<Micros> = None;
        let held_open = roll.policy.close.after.is_none();
        // Where only the end of the input closes what is left, no deadline after it does.
        for now in
            times_of_interest(roll, question).into_iter().filter(|now| !held_open || *now <= end)
        {
            if let (None, Some(at)) = (life.opened_at, patience.filter(|at| now > *at)) {
                life.ending = Ending::GivenUp { at };
                return life;
            }
            let unclaimed = question.golds.iter().any(|row| row.event_time == now)
                || question.overrides.iter().any(|row| row.event_time == now);
            if unclaimed {
                let waits = roll.policy.close.after.unwrap_or(Micros::MAX / 2);
                patience = Some(now + waits.min(Micros::MAX / 4) + roll.policy.forget_after);
            }
            if let Some(rule) = life.pass(roll, question, now) {
                life.ending = Ending::Closed { at: now, rule };
                return life;
            }
        }
        if let (None, Some(at)) = (life.opened_at, patience) {
            life.ending = Ending::GivenUp { at };
        }
        life
    }

    /// Everything of the time `now`; the rule by which it closes the task.
    fn pass(&mut self, roll: &Roll<'_>, question: &Question<'a>, now: Micros) -> Option<CloseRule> {
        if let Some(last) = question.declarations.iter().rfind(|row| row.event_time == now) {
            self.declared = Some(&last.body);
            if self.first_declared.is_none() {
                self.first_declared = Some(now);
                self.judge_again(roll);
            }
        }
        let mut met = None;
        for vote in question.votes.iter().filter(|vote| vote.event_time == now) {
            let stands = self.take(roll, vote);
            if stands && met.is_none() {
                met = self.rule_met(roll, now);
            }
        }
        met.or_else(|| self.time_is_up(roll, question, now))
    }

    /// Judges the votes from before the first declaration by it, as if none had been taken.
    fn judge_again(&mut self, roll: &Roll<'_>) {
        self.standing.clear();
        self.versions.clear();
        (self.superseded, self.rows, self.first_voted) = (0, 0, None);
        for vote in std::mem::take(&mut self.early) {
            self.take(roll, vote);
        }
        self.opened_at = self.first_declared.into_iter().chain(self.first_voted).min();
    }

    /// Whether `vote` is its agent's last word now.
    fn take(&mut self, roll: &Roll<'_>, vote: &'a Placed<Vote>) -> bool {
        if let Some(reason) = roll.refusal(vote, self.declared) {
            self.refused.push(late_or_refused(vote, reason));
            return false;
        }
        let agent = vote.body.agent.name().to_string();
        let same = |before: &&Placed<Vote>| {
            (before.event_time, &before.event_id, &before.body.value)
                == (vote.event_time, &vote.event_id, &vote.body.value)
        };
        if self.standing.get(&agent).is_some_and(same) {
            self.duplicates += 1;
            return false;
        }
        let caps = roll.policy.caps;
        let versions = self.versions.entry(agent.clone()).or_default();
        if self.rows == caps.votes_per_task || *versions == caps.votes_per_agent_and_task {
            self.refused.push(late_or_refused(vote, RejectReason::TooManyVotes));
            return false;
        }
        *versions += 1;
        self.rows += 1;
        if self.declared.is_none() {
            self.early.push(vote);
        }
        self.first_voted.get_or_insert(vote.event_time);
        self.opened_at.get_or_insert(vote.event_time);
        self.superseded += u32::from(self.standing.insert(agent, vote).is_some());
        true
    }

    /// The agents whose answers count at `now`.
    pub(crate) fn counted(&self, roll: &Roll<'_>, now: Micros) -> BTreeSet<String> {
        let answers = self.standing.iter().filter(|(_, vote)| vote.body.value.label().is_some());
        answers
            .map(|(agent, _)| agent.clone())
            .filter(|agent| !roll.quarantined(agent, now))
            .collect()
    }

    fn rule_met(&self, roll: &Roll<'_>, now: Micros) -> Option<CloseRule> {
        let policy = &roll.policy;
        let counted = self.counted(roll, now);
        if policy.close.votes.is_some_and(|votes| counted.len() >= votes as usize) {
            return Some(CloseRule::Votes);
        }
        let domain = self.declared.map_or("", |task| task.domain.name().as_str());
        let opened_at = self.opened_at.unwrap_or(now);
        let asked = Asked { domain, era: policy.eras.era_of(now), opened_at, at: now };
        let (weights, whole) = roll.weigh(asked, &counted);
        let mut support: BTreeMap<String, i64> = BTreeMap::new();
        for agent in &counted {
            let label = self.standing[agent].body.value.label().expect("it counts");
            *support.entry(label.to_string()).or_default() +=
                weights.get(agent).copied().unwrap_or(0);
        }
        let quorum = self.declared.and_then(|task| task.quorum).unwrap_or(policy.quorum);
        let needed = self.declared.and_then(|task| task.min_votes).unwrap_or(policy.min_votes);
        let reached = support.values().any(|support| quorum.exceeded_by(*support, whole));
        (policy.close.quorum && reached && counted.len() >= needed as usize)
            .then_some(CloseRule::Quorum)
    }

    fn time_is_up(
        &self,
        roll: &Roll<'_>,
        question: &Question<'a>,
        now: Micros,
    ) -> Option<CloseRule> {
        let after = roll.policy.close.after.and_then(|after| {
            let empty = self.first_declared.map(|declared| declared + after);
            let voted = self.first_voted.filter(|voted| empty.is_none_or(|empty| *voted <= empty));
            voted.map(|voted| voted + after).or(empty)
        });
        let declared = question.declarations.iter().rfind(|row| row.event_time <= now);
        let deadline = declared.and_then(|row| Some(row.body.deadline?.max(row.event_time)));
        let closes = after.into_iter().chain(deadline).min().filter(|at| *at <= now)?;
        assert_eq!(closes, now, "a time at which a task closes was passed over");
        Some(if deadline == Some(now) { CloseRule::Deadline } else { CloseRule::After })
    }
}

/// Every time of a fact, and every time at which one could let the task close.
fn times_of_interest(roll: &Roll<'_>, question: &Question<'_>) -> BTreeSet<Micros> {
    let facts = question.times();
    let after = facts.iter().filter_map(|at| Some(at + roll.policy.close.after?));
    let deadlines =
        question.declarations.iter().filter_map(|row| Some(row.body.deadline?.max(row.event_time)));
    facts.iter().copied().chain(after).chain(deadlines).collect()
}
