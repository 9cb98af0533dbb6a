//! What a closed task decides, as of any time after its close.

use std::collections::BTreeMap;

use quorate_operators::policy::{Method, QuorumOf, StakeRule};
use quorate_schemas::id::{Id, Name};
use quorate_schemas::record::{ControlAction, TaskKind, Vote};
use quorate_schemas::record::{Placed, Task};
use quorate_schemas::retained::Exam;
use quorate_schemas::table::{
    CloseRule, DecisionRow, DecisionStatus, EligibleBasis, RevisionReason, UndecidedReason,
    VoteRow, VoteStatus,
};
use quorate_schemas::time::Micros;

use super::Question;
use super::learning::{ONE, Shown};
use super::roll::{Asked, Roll};
use crate::harness::key;
use crate::scenario::place;

/// A task that has closed.
pub(crate) struct Case<'a> {
    pub(crate) id: &'a Id,
    pub(crate) question: &'a Question<'a>,
    pub(crate) closed_at: Micros,
    pub(crate) rule: CloseRule,
    pub(crate) era: i64,
    pub(crate) opened_at: Micros,
    pub(crate) declared: Option<&'a Task>,
    pub(crate) standing: &'a BTreeMap<String, &'a Placed<Vote>>,
    pub(crate) superseded: u32,
    pub(crate) duplicates: u32,
}

/// A decision and the votes it rests on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) row: DecisionRow,
    pub(crate) votes: Vec<VoteRow>,
}

impl Case<'_> {
    pub(crate) fn domain(&self) -> &str {
        self.declared.map_or("", |task| task.domain.name().as_str())
    }

    fn gold(&self, at: Micros) -> Option<Name> {
        let mut known = self.question.golds.iter().filter(|row| row.event_time <= at);
        known.next_back().map(|row| row.body.answer.clone())
    }

    fn by_hand(&self, at: Micros) -> Option<Name> {
        let mut ordered = self.question.overrides.iter().filter(|row| row.event_time <= at);
        ordered.next_back().map(|row| match &row.body.action {
            ControlAction::Override { answer, .. } => answer.clone(),
            other => panic!("not an override: {other:?}"),
        })
    }

    /// The verdict with everything known at `at`.
    pub(crate) fn verdict(&self, roll: &Roll<'_>, at: Micros) -> Verdict {
        let policy = &roll.policy;
        let status = |agent: &String, vote: &Placed<Vote>| match vote.body.value.label() {
            None => VoteStatus::Abstained,
            Some(_) if roll.quarantined(agent, at) => VoteStatus::Quarantined,
            Some(_) => VoteStatus::Counted,
        };
        let statuses: BTreeMap<&String, VoteStatus> =
            self.standing.iter().map(|(agent, vote)| (agent, status(agent, vote))).collect();
        let with = |wanted| statuses.iter().filter(move |(_, status)| **status == wanted);
        let counted = with(VoteStatus::Counted).map(|(agent, _)| (*agent).clone()).collect();
        let asked = Asked { domain: self.domain(), era: self.era, opened_at: self.opened_at, at };
        let (mut weights, whole) = roll.weigh(asked, &counted);
        weights.retain(|agent, _| counted.contains(agent));
        let weight = |agent: &String| weights.get(agent).copied().unwrap_or(0);
        let label = |agent: &String| self.standing[agent].body.value.label().expect("it counts");
        let mut support: BTreeMap<Name, i64> = BTreeMap::new();
        counted.iter().for_each(|agent| *support.entry(label(agent)).or_default() += weight(agent));
        let total: i64 = counted.iter().map(|agent| weight(agent).abs()).sum();
        // Where nothing weighs anything, the number of votes ranks the labels, and nothing else.
        let mut speaks = support.clone();
        if total == 0 {
            speaks.values_mut().for_each(|number| *number = 0);
            counted.iter().for_each(|agent| *speaks.entry(label(agent)).or_default() += ONE);
        }
        let spoken: i64 = speaks.values().sum();
        let mut ranked: Vec<&Name> = support.keys().collect();
        ranked.sort_by_key(|label| (-speaks[*label], label.as_str()));
        let of = |rank: usize| ranked.get(rank).map_or(0, |label| support[*label]);
        let elected = ranked.first().map(|label| (*label).clone());
        let by_hand = self.by_hand(at);
        let answer = by_hand.clone().or_else(|| elected.clone());
        let quorum = self.declared.and_then(|task| task.quorum).unwrap_or(policy.quorum);
        let needed = self.declared.and_then(|task| task.min_votes).unwrap_or(policy.min_votes);
        let undecided = [
            (counted.is_empty(), UndecidedReason::NoVotes),
            (counted.len() < needed as usize, UndecidedReason::TooFewVotes),
            (!quorum.exceeded_by(of(0), whole), UndecidedReason::NoQuorum),
        ];
        let undecided = undecided.into_iter().find(|(holds, _)| *holds && by_hand.is_none());
        let own = answer.as_ref().map_or(0, |answer| support.get(answer).copied().unwrap_or(0));
        let log_odds = policy.method != Method::Majority
            && policy.stake == StakeRule::Ignore
            && policy.cap.is_none();
        let confidence = match &answer {
            None => 0,
            Some(answer) if log_odds && speaks.contains_key(answer) => {
                let own = speaks[answer];
                let others = speaks.values().map(|weight| ((weight - own) as f64 / 1e6).exp());
                (1e6 / others.sum::<f64>()).round() as i64
            }
            Some(_) if spoken == 0 => 0,
            Some(answer) => {
                let own = speaks.get(answer).copied().unwrap_or(0);
                i64::try_from(i128::from(own) * 1_000_000 / i128::from(spoken)).expect("a share")
            }
        };
        let row = DecisionRow {
            event_time: at,
            revision: 0,
            task: self.id.clone(),
            domain: key().id(self.domain()),
            kind: self.declared.map_or(TaskKind::Choice, |task| task.kind),
            status: undecided
                .map_or(DecisionStatus::Quorate, |(_, why)| DecisionStatus::Undecided(why)),
            is_final: false,
            reason: RevisionReason::Closed,
            confidence_micros: confidence,
            support_micros: own,
            runner_up_micros: if answer == elected { of(1) } else { of(0) },
            total_micros: total,
            eligible_micros: whole,
            eligible_basis: match (policy.quorum_of, policy.registered) {
                (QuorumOf::Votes, _) => EligibleBasis::Votes,
                (QuorumOf::Eligible, true) => EligibleBasis::Registered,
                (QuorumOf::Eligible, false) => EligibleBasis::Voters,
            },
            quorum,
            votes: counted.len() as u32,
            abstentions: with(VoteStatus::Abstained).count() as u32,
            excluded: with(VoteStatus::Quarantined).count() as u32,
            options: self
                .declared
                .map(|task| task.options.len())
                .filter(|n| *n > 0)
                .unwrap_or(support.len()) as u32,
            superseded: self.superseded,
            duplicates: self.duplicates,
            method: Name::new(policy.method.word()),
            era: self.era,
            opened_at: self.opened_at,
            closed_at: self.closed_at,
            close_rule: self.rule,
            gold: self.gold(at),
            answer: answer.clone(),
        };
        let vote = |(agent, vote): (&String, &&Placed<Vote>)| VoteRow {
            vote: Placed { place: place(0), ..(*vote).clone() },
            revision: 0,
            weight_micros: weight(agent),
            status: statuses[agent],
            agrees: answer.is_some() && vote.body.value.label() == answer,
        };
        Verdict { row, votes: self.standing.iter().map(vote).collect() }
    }
}

impl Verdict {
    /// What it shows of its voters and of its domain, in `era`.
    pub(crate) fn shows(&self, era: i64, method: Method) -> Vec<Shown> {
        const TASK: i64 = 1_000_000;
        let domain = self.row.domain.name().to_string();
        let chance = if self.row.options <= 2 { TASK / 2 } else { TASK / 3 };
        let right = |right: bool| if right { TASK } else { 0 };
        let counted: Vec<&VoteRow> =
            self.votes.iter().filter(|vote| vote.status == VoteStatus::Counted).collect();
        let mut shown = Vec::new();
        for voter in &counted {
            let said = voter.value().label();
            let numbers = match &self.row.gold {
                Some(gold) => [TASK, right(said.as_ref() == Some(gold)), chance, 0, 0, 0],
                // Where votes are weighed by known answers alone, agreement shows nothing.
                None if method.fits().is_some() => [0; 6],
                None => match others_say(&counted, voter).filter(|_| counted.len() >= 4) {
                    Some(label) => [0, 0, 0, TASK, right(said == Some(label)), chance],
                    None => [0; 6],
                },
            };
            let agent = Some(voter.agent().name().to_string());
            shown.push(Shown { era, domain: domain.clone(), agent, numbers });
        }
        if let Some(gold) = self.row.gold.as_ref().filter(|_| !counted.is_empty()) {
            let numbers = [TASK, right(self.row.answer.as_ref() == Some(gold)), 0, 0, 0, 0];
            shown.push(Shown { era, domain, agent: None, numbers });
        }
        shown
    }

    /// The exam that it is, if its answer is known and anybody's vote counted.
    pub(crate) fn exam(&self, era: i64) -> Option<Exam> {
        let counted = self.votes.iter().filter(|vote| vote.status == VoteStatus::Counted);
        let said = |vote: &VoteRow| {
            (vote.agent().name().clone(), vote.value().label().expect("it counts"))
        };
        let votes: BTreeMap<Name, Name> = counted.map(said).collect();
        let [domain, task] = [&self.row.domain, &self.row.task].map(|id| id.name().clone());
        let answer = self.row.gold.clone().filter(|_| !votes.is_empty())?;
        let known_at = self.row.event_time;
        Some(Exam { era, known_at, domain, task, answer, votes: votes.into_iter().collect() })
    }
}

/// The one label for which most speaks but for `left_out`, if there is one: weight, or one a vote where none weighs
/// anything.
fn others_say(counted: &[&VoteRow], left_out: &VoteRow) -> Option<Name> {
    let weightless = counted.iter().all(|vote| vote.weight_micros == 0);
    let mut support: BTreeMap<Name, i64> = BTreeMap::new();
    for vote in counted.iter().filter(|vote| vote.agent() != left_out.agent()) {
        *support.entry(vote.value().label()?).or_default() +=
            if weightless { ONE } else { vote.weight_micros };
    }
    let most = support.values().copied().max().filter(|most| *most > 0)?;
    let mut heaviest = support.into_iter().filter(|(_, weight)| *weight == most);
    heaviest.next().filter(|_| heaviest.next().is_none()).map(|(label, _)| label)
}
