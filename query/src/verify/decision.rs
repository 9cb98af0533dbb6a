//! One task: each revision of its decision follows from the votes as of that revision, and one of them is the last.

use std::collections::{BTreeMap, BTreeSet};

use quorate_schemas::id::Name;
use quorate_schemas::ratio::Ratio;
use quorate_schemas::table::Table;
use quorate_schemas::time::{Micros, format_rfc3339};

use super::finding::{Check, Finding, Findings};
use crate::derive::Outcome;
use crate::rows::{Decision, Status, Vote, is_micros, micros};
use crate::terms::Terms;

/// How far a confidence may be off: it is rounded to millionths, and exponentials differ a little between machines.
const CONFIDENCE_SLACK: f64 = 1.5e-6;

/// A task from its opening to its last revision. A name can live again once it was forgotten.
#[derive(Clone, Debug, Default)]
pub(crate) struct Life {
    /// By revision.
    pub(crate) decisions: Vec<Decision>,
    pub(crate) votes: Vec<Vote>,
}

impl Life {
    /// The votes that stood as of a revision: of each agent its last row by then.
    pub(crate) fn votes_as_of(&self, revision: i64) -> Vec<&Vote> {
        let mut standing: BTreeMap<&Name, &Vote> = BTreeMap::new();
        for vote in self.votes.iter().filter(|vote| vote.revision <= revision) {
            match standing.get(&vote.agent) {
                Some(later) if later.revision > vote.revision => {}
                _ => {
                    standing.insert(&vote.agent, vote);
                }
            }
        }
        standing.into_values().collect()
    }
}

/// The lives of one task. A vote belongs to the first life that closed after it was cast: votes of the next one are
/// cast after the name was forgotten.
pub(crate) fn lives_of(
    mut decisions: Vec<Decision>,
    mut votes: Vec<Vote>,
    findings: &mut Findings,
) -> Vec<Life> {
    decisions.sort_by_key(|decision| {
        (decision.closed_at, decision.opened_at, decision.revision, decision.commit)
    });
    votes.sort_by(|a, b| (a.revision, &a.agent).cmp(&(b.revision, &b.agent)));
    let mut lives: Vec<Life> = Vec::new();
    for decision in decisions {
        let key = |decision: &Decision| (decision.closed_at, decision.opened_at);
        match lives.last_mut() {
            Some(life) if life.decisions.last().is_some_and(|last| key(last) == key(&decision)) => {
                life.decisions.push(decision);
            }
            _ => lives.push(Life { decisions: vec![decision], votes: Vec::new() }),
        }
    }
    for vote in votes {
        let at = lives.partition_point(|life| life.decisions[0].closed_at < vote.event_time);
        match lives.get_mut(at) {
            Some(life) => life.votes.push(vote),
            None => findings.add(about_vote(
                &vote,
                Check::Vote,
                "it was cast after the close of its task, or its task never closed",
            )),
        }
    }
    lives
}

pub(crate) fn about(decision: &Decision, check: Check, what: &str) -> Finding {
    let finding = Finding::new(check, what).in_row_of(Table::Decisions, decision.file);
    finding.key("task_id", &decision.task).key("revision", decision.revision)
}

pub(crate) fn about_vote(vote: &Vote, check: Check, what: &str) -> Finding {
    let finding = Finding::new(check, what).in_row_of(Table::Votes, vote.file);
    finding.key("task_id", &vote.task).agent(&vote.agent).key("revision", vote.revision)
}

/// Checks all of one life; `terms_at` gives the terms of a commit, which an upgrade of the job can change.
pub(crate) fn check_life<'t>(
    life: &Life,
    terms_at: impl Fn(i64) -> Option<&'t Terms>,
    findings: &mut Findings,
) {
    check_rows(life, findings);
    check_order(life, &terms_at, findings);
    let mut by_hand: Option<Name> = None;
    for (at, decision) in life.decisions.iter().enumerate() {
        if decision.reason == "override" {
            by_hand.clone_from(&decision.answer);
        }
        let before = at.checked_sub(1).map(|before| &life.decisions[before]);
        let terms = terms_at(decision.commit);
        let votes = life.votes_as_of(decision.revision);
        let outcome = Outcome::of(votes.iter().copied());
        let mut derived = Derived { decision, findings };
        derived.check_counts(&outcome, terms);
        derived.check_answer(&outcome, by_hand.as_ref());
        derived.check_state(&outcome, terms, by_hand.is_some());
        derived.check_confidence(&outcome, terms);
        derived.check_times(before, terms);
        check_agreement(decision, &votes, findings);
    }
}

/// The votes' own rows: one of an agent in a revision, none of an agent that did not vote by the close.
fn check_rows(life: &Life, findings: &mut Findings) {
    let revisions: BTreeSet<i64> =
        life.decisions.iter().map(|decision| decision.revision).collect();
    let mut seen: BTreeSet<(&Name, i64)> = BTreeSet::new();
    for vote in &life.votes {
        if !seen.insert((&vote.agent, vote.revision)) {
            findings.add(about_vote(vote, Check::Vote, "the row is there twice"));
        }
        if !revisions.contains(&vote.revision) {
            findings.add(about_vote(vote, Check::Vote, "its decision has no such revision"));
        } else if vote.revision > 0 && !seen.contains(&(&vote.agent, 0)) {
            findings.add(about_vote(vote, Check::Vote, "it did not stand when the task closed"));
        }
        let counts = vote.status == Status::Counted;
        match micros(vote.weight) {
            None => findings.add(
                about_vote(vote, Check::Vote, "weight, in whole millionths")
                    .differs("a number of them", vote.weight),
            ),
            Some(weight) if weight < 0 || (!counts && weight != 0) => {
                findings.add(about_vote(vote, Check::Vote, "weight").differs(0, vote.weight));
            }
            Some(_) => {}
        }
        if vote.label.is_some() == (vote.status == Status::Abstained) {
            let label = vote.label.as_deref().unwrap_or("no answer");
            findings.add(
                about_vote(vote, Check::Vote, "status of a vote that says this")
                    .differs(label, vote.status.word()),
            );
        }
    }
}

/// Revisions follow each other from 0, and nothing follows the final one.
fn check_order<'t>(
    life: &Life,
    terms_at: &impl Fn(i64) -> Option<&'t Terms>,
    findings: &mut Findings,
) {
    for (expected, decision) in life.decisions.iter().enumerate() {
        if decision.revision != expected as i64 {
            let finding = about(decision, Check::Finality, "revision, counted from 0 without gaps");
            findings.add(finding.differs(expected, decision.revision));
            break;
        }
    }
    let finals = life.decisions.iter().position(|decision| decision.is_final);
    for late in finals.map_or(&[][..], |last| &life.decisions[last + 1..]) {
        findings.add(about(late, Check::Finality, "it comes after the final revision"));
    }
    if let Some((last, before)) =
        life.decisions.split_last().and_then(|(last, rest)| Some((last, rest.last()?)))
        && last.is_final
    {
        check_final(last, before, terms_at(last.commit), findings);
    }
}

/// The final revision says again what the one before said.
fn check_final(last: &Decision, before: &Decision, terms: Option<&Terms>, findings: &mut Findings) {
    let Decision { file, commit, revision, event_time, .. } = last.clone();
    let again = Decision {
        file,
        commit,
        revision,
        event_time,
        is_final: true,
        reason: Name::new("final"),
        ..before.clone()
    };
    if *last != again {
        findings.add(about(
            last,
            Check::Finality,
            "the final revision differs from the one before it",
        ));
    }
    if let Some(terms) = terms {
        let expected = last.closed_at.saturating_add(terms.finality_after_us);
        if last.event_time != expected {
            let finding =
                about(last, Check::Finality, "event_time, the close and the time to revise it");
            findings
                .add(finding.differs(format_rfc3339(expected), format_rfc3339(last.event_time)));
        }
    }
}

/// Each vote's row says whether it is for the answer as of the revision.
fn check_agreement(decision: &Decision, votes: &[&Vote], findings: &mut Findings) {
    for vote in votes {
        let agrees = decision.answer.is_some() && vote.label == decision.answer;
        if vote.agrees != agrees {
            let answer = decision.answer.as_deref().unwrap_or("none");
            let what =
                format!("agrees, with the answer {answer:?} of revision {}", decision.revision);
            findings.add(about_vote(vote, Check::Vote, &what).differs(agrees, vote.agrees));
        }
    }
}

/// One revision against what follows from its votes.
struct Derived<'a> {
    decision: &'a Decision,
    findings: &'a mut Findings,
}

impl Derived<'_> {
    fn differs(
        &mut self,
        column: &str,
        expected: impl std::fmt::Display,
        found: impl std::fmt::Display,
    ) {
        self.findings.add(about(self.decision, Check::Decision, column).differs(expected, found));
    }

    fn number(&mut self, column: &str, expected: i64, found: i64) {
        if expected != found {
            self.differs(column, expected, found);
        }
    }

    fn weight(&mut self, column: &str, expected_micros: i128, found: f64) {
        if !is_micros(found, expected_micros) {
            self.differs(column, crate::rows::real(expected_micros), found);
        }
    }

    fn check_counts(&mut self, outcome: &Outcome, terms: Option<&Terms>) {
        let decision = self.decision;
        self.number("votes", outcome.votes, decision.votes);
        self.number("abstentions", outcome.abstentions, decision.abstentions);
        self.number("excluded", outcome.excluded, decision.excluded);
        self.weight("total_weight", outcome.total_micros, decision.total);
        // Where tasks are declared they may name their options, and not all of them need be voted for.
        if terms.is_some_and(|terms| !terms.declared) {
            self.number("options", outcome.ranked.len() as i64, decision.options);
        }
        if let Some(terms) = terms.filter(|terms| decision.method != terms.method) {
            self.differs("method", &terms.method, &decision.method);
        }
    }

    fn check_answer(&mut self, outcome: &Outcome, by_hand: Option<&Name>) {
        let decision = self.decision;
        let answer = by_hand.or(outcome.answer());
        if decision.answer.as_ref() != answer {
            let word = |answer: Option<&Name>| {
                answer.map_or_else(|| "none".to_owned(), |label| format!("{label:?}"))
            };
            self.differs("answer", word(answer), word(decision.answer.as_ref()));
        }
        let support = answer.map_or(0, |answer| outcome.weight_of(answer));
        let runner_up =
            answer.and_then(|answer| outcome.next_to(answer)).map_or(0, |(_, weight)| weight);
        self.weight("support_weight", support, decision.support);
        self.weight("runner_up_weight", runner_up, decision.runner_up);
        let margin = support - runner_up;
        self.weight("margin", margin, decision.margin);
        self.weight("tolerated_hostile_weight", ((margin - 1) / 2).max(0), decision.tolerated);
    }

    fn check_state(&mut self, outcome: &Outcome, terms: Option<&Terms>, by_hand: bool) {
        let decision = self.decision;
        if decision.eligible_basis == "votes" {
            self.weight("eligible_weight", outcome.total_micros, decision.eligible);
        } else if decision.eligible < decision.total {
            self.differs(
                "eligible_weight, at least the weight of the votes",
                decision.total,
                decision.eligible,
            );
        }
        let Ok(quorum) = decision.quorum.parse::<Ratio>() else {
            return self.differs("quorum", "a ratio", &decision.quorum);
        };
        if let Some(terms) = terms.filter(|terms| !terms.declared && terms.quorum != quorum) {
            self.differs("quorum", terms.quorum, quorum);
        }
        let eligible = i128::from(micros(decision.eligible).unwrap_or(0));
        let reached =
            outcome.answer().is_some_and(|answer| outcome.exceeds(answer, quorum, eligible));
        let few = terms.map(|terms| outcome.votes < terms.min_votes);
        let own_number = terms.is_none_or(|terms| terms.declared);
        let found = decision.undecided_reason.as_deref();
        let expected = match (outcome.answer(), few) {
            _ if by_hand => None,
            (None, _) => Some("no_votes"),
            // A task's own number of votes is in no table: then its decision is believed.
            _ if own_number && found == Some("too_few_votes") => found,
            (_, Some(true)) if !own_number => Some("too_few_votes"),
            _ if reached => None,
            _ => Some("no_quorum"),
        };
        let state = if expected.is_some() { "undecided" } else { "quorate" };
        if decision.state != state {
            self.differs("state", state, &decision.state);
        }
        if found != expected {
            self.differs("undecided_reason", expected.unwrap_or("none"), found.unwrap_or("none"));
        }
    }

    fn check_confidence(&mut self, outcome: &Outcome, terms: Option<&Terms>) {
        let Some(terms) = terms else { return };
        let decision = self.decision;
        let expected = match &decision.answer {
            None => 0.0,
            Some(answer) if terms.weights_are_log_odds() => outcome.posterior(answer),
            Some(answer) => crate::rows::real(outcome.share_micros(answer)),
        };
        // Also says no to what is not a number.
        let near = (decision.confidence - expected).abs() <= CONFIDENCE_SLACK;
        if !near {
            self.differs("confidence", format!("{expected:.6}"), decision.confidence);
        }
    }

    fn check_times(&mut self, before: Option<&Decision>, terms: Option<&Terms>) {
        let decision = self.decision;
        self.number(
            "time_to_decision_ms",
            (decision.closed_at - decision.opened_at) / 1_000,
            decision.time_to_decision_ms,
        );
        let time = |derived: &mut Self, column: &str, right: bool, at: Micros, found: Micros| {
            if !right {
                derived.differs(column, format_rfc3339(at), format_rfc3339(found));
            }
        };
        let (opened, closed) = (decision.opened_at, decision.closed_at);
        time(self, "opened_at, no later than the close", opened <= closed, closed, opened);
        match before {
            None => {
                time(
                    self,
                    "event_time, of the close",
                    decision.event_time == closed,
                    closed,
                    decision.event_time,
                );
                if decision.reason != "closed" && decision.reason != "override" {
                    self.differs("reason", "closed", &decision.reason);
                }
            }
            Some(before) => {
                // The final revision may come at the very time of the last change.
                let later = decision.event_time > before.event_time
                    || (decision.is_final && decision.event_time == before.event_time);
                time(
                    self,
                    "event_time, later than the revision before",
                    later,
                    before.event_time,
                    decision.event_time,
                );
                self.number("superseded", before.superseded, decision.superseded);
                self.number("duplicates", before.duplicates, decision.duplicates);
                self.number("era", before.era, decision.era);
            }
        }
        let matched = decision.gold.as_ref().map(|gold| decision.answer.as_ref() == Some(gold));
        if decision.gold_match != matched {
            self.differs(
                "gold_match",
                format!("{matched:?}"),
                format!("{:?}", decision.gold_match),
            );
        }
        let Some(terms) = terms else { return };
        let last = closed.saturating_add(terms.finality_after_us);
        time(
            self,
            "event_time, no later than the task could be revised",
            decision.event_time <= last,
            last,
            decision.event_time,
        );
        if before.is_none() {
            // At the end of the input gold tasks close in its last era and the others in the one after.
            let after_gold = decision.close_rule == "end_of_input" && decision.gold.is_none();
            self.number("era", terms.era_of(closed) + i64::from(after_gold), decision.era);
        }
    }
}
