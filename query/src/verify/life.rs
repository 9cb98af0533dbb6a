//! One task from its opening to its last revision: its rows, their order, and that one of them is the last.

use std::collections::{BTreeMap, BTreeSet};

use quorate_schemas::id::Name;
use quorate_schemas::table::Table;
use quorate_schemas::time::format_rfc3339;

use super::decision::{Known, check_revision, is_set_by_hand};
use super::finding::{Check, Finding, Findings};
use crate::derive::{Outcome, fits};
use crate::rows::{Decision, Status, Vote, micros};
use crate::terms::Terms;

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

/// The rows of each task.
pub(crate) fn by_task(
    decisions: Vec<Decision>,
    votes: Vec<Vote>,
) -> BTreeMap<Name, (Vec<Decision>, Vec<Vote>)> {
    let mut tasks: BTreeMap<Name, (Vec<Decision>, Vec<Vote>)> = BTreeMap::new();
    for decision in decisions {
        tasks.entry(decision.task.clone()).or_default().0.push(decision);
    }
    for vote in votes {
        tasks.entry(vote.task.clone()).or_default().1.push(vote);
    }
    tasks
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

/// Checks all of one life; `known_at` gives the terms of a commit, which an upgrade of the job can change, and how far its input was. Whether its
/// answer was set by hand: then it is taken as it is, since an operator's orders are in no table.
pub(crate) fn check_life<'t>(
    life: &Life,
    known_at: impl Fn(i64) -> Known<'t>,
    findings: &mut Findings,
) -> bool {
    check_rows(life, findings);
    check_order(life, &known_at, findings);
    let mut by_hand: Option<Name> = None;
    for (at, decision) in life.decisions.iter().enumerate() {
        let known = known_at(decision.commit);
        let votes = life.votes_as_of(decision.revision);
        let outcome = Outcome::of(votes.iter().copied());
        let ordered = decision.reason == "override";
        if ordered || (by_hand.is_none() && is_set_by_hand(decision, &outcome, known.terms)) {
            by_hand.clone_from(&decision.answer);
        }
        let before = at.checked_sub(1).map(|before| &life.decisions[before]);
        check_revision(decision, before, &outcome, by_hand.as_ref(), known, findings);
        check_agreement(decision, &votes, findings);
    }
    by_hand.is_some()
}

/// The votes' own rows: one of an agent in a revision, none of an agent that did not vote by the close.
fn check_rows(life: &Life, findings: &mut Findings) {
    let revisions: BTreeSet<i64> =
        life.decisions.iter().map(|decision| decision.revision).collect();
    // Who is reliably wrong counts against what it says, where votes are weighed so.
    let fitted = life.decisions.iter().any(|decision| fits(&decision.method).is_some());
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
            Some(weight) if (weight < 0 && !fitted) || (weight != 0 && !counts) => {
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
fn check_order<'t>(life: &Life, known_at: &impl Fn(i64) -> Known<'t>, findings: &mut Findings) {
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
        check_final(last, before, known_at(last.commit).terms, findings);
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
