//! Why a task was decided as it was: from its rows alone, and by arithmetic of our own.
//!
//! ```text
//!   decisions ─► revisions of the task as of a commit
//!   votes ─────► who stood with what, and where each was read ──► derived anew: does it match?
//!   agent_reputation ─► what each weight rests on           └──► what would have changed it
//! ```
//!
//! *Cost*: reads every file of `decisions` and `votes` up to the commit, and of each the rows of this task; then
//! `agent_reputation` and `method_choices` once.

mod choice;
mod closeness;
mod evidence;
mod text;

use std::sync::{Arc, Mutex, PoisonError};

use quorate_connectors::store::Store;
use quorate_schemas::id::Name;
use quorate_schemas::table::Table;
use quorate_schemas::time::{Micros, format_rfc3339};
use serde::{Serialize, Serializer};

use crate::derive::Outcome;
use crate::error::{Error, Result};
use crate::near::Nearest;
use crate::read::{files_until, rows_with};
use crate::rows::{Decision, Vote, agent_parts};
use crate::snapshot::{Extent, Snapshot};
use crate::terms;
use crate::verify::{Finding, Findings, Known, check_life, lives_of};

pub use choice::Choice;
pub use closeness::{Change, Closeness};
pub use evidence::{Evidence, Shown};

/// Everything about one task's decision.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// The task.
    pub task_id: String,
    /// Its domain.
    pub domain: String,
    /// The job.
    pub job: String,
    /// The commit up to which rows were read.
    pub as_of_commit: u64,
    /// The decision's revisions, the last of them the one explained.
    pub revisions: Vec<Revision>,
    /// When the task opened.
    #[serde(serialize_with = "as_text")]
    pub opened_at: Micros,
    /// When it closed.
    #[serde(serialize_with = "as_text")]
    pub closed_at: Micros,
    /// What closed it.
    pub close_rule: String,
    /// Whether an operator has set the answer, so that it need not follow from the votes.
    pub set_by_hand: bool,
    /// The method that decided.
    pub method: String,
    /// The rule that was chosen to weigh the votes, where the method leaves that open.
    pub choice: Option<Choice>,
    /// The era whose weights decided.
    pub era: i64,
    /// Votes replaced by their agent's later ones.
    pub superseded: i64,
    /// Votes equal to ones that were there.
    pub duplicates: i64,
    /// The labels voted for, the heaviest first.
    pub labels: Vec<Label>,
    /// The votes that stood, the heaviest first.
    pub votes: Vec<Standing>,
    /// How close it was.
    pub closeness: Closeness,
    /// In what the decision differs from what follows from its votes: nothing, if all is well.
    pub differences: Vec<Finding>,
}

impl Explanation {
    /// Whether the decision is what follows from its votes.
    pub fn matches(&self) -> bool {
        self.differences.is_empty()
    }
}

/// One revision of the decision.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Revision {
    /// From 0.
    pub revision: i64,
    /// The commit that made it true.
    pub commit: i64,
    /// When it became so, in event time.
    #[serde(serialize_with = "as_text")]
    pub event_time: Micros,
    /// Why it was written.
    pub reason: String,
    /// `quorate` or `undecided`.
    pub state: String,
    /// Why it is undecided.
    pub undecided_reason: Option<String>,
    /// Whether none follows.
    pub is_final: bool,
    /// The leading answer.
    pub answer: Option<String>,
    /// The answer's posterior probability.
    pub confidence: f64,
    /// Its weight.
    pub support_weight: f64,
    /// The weight of all votes.
    pub total_weight: f64,
    /// What the quorum is a share of.
    pub eligible_weight: f64,
    /// What that is.
    pub eligible_basis: String,
    /// The share to exceed.
    pub quorum: String,
    /// Votes that counted.
    pub votes: i64,
    /// Agents whose last word was no answer.
    pub abstentions: i64,
    /// Agents in quarantine.
    pub excluded: i64,
    /// The right answer, once known.
    pub gold_answer: Option<String>,
}

/// A label and the weight behind it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Label {
    /// The label.
    pub label: String,
    /// Its weight.
    pub weight: f64,
    /// Of all votes' weight.
    pub share: f64,
    /// Votes for it.
    pub votes: usize,
}

/// A vote that stood.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Standing {
    /// Who voted.
    pub agent_id: String,
    /// In which version.
    pub version: Option<String>,
    /// For what.
    pub choice: Option<String>,
    /// What it counts.
    pub weight: f64,
    /// Of the weight of all votes.
    pub share: f64,
    /// `counted`, `abstained` or `quarantined`.
    pub status: String,
    /// Whether it is for the answer.
    pub agrees: bool,
    /// The revision from which this holds.
    pub since_revision: i64,
    /// When it was cast.
    #[serde(serialize_with = "as_text")]
    pub event_time: Micros,
    /// The source it was read from.
    pub source: String,
    /// The partition.
    pub partition: String,
    /// The place in it.
    pub position: i64,
    /// What its weight rests on; nothing for a newcomer's.
    pub evidence: Option<Evidence>,
}

/// Explains the decision on `task` as of `as_of`, by default the last commit.
///
/// # Errors
/// If the task has no decision by then, the log has no such commit, or the store cannot be read.
pub async fn explain(store: &Store, task: &str, as_of: Option<u64>) -> Result<Explanation> {
    let snapshot = Snapshot::load(store, Extent::Committed).await?;
    let last = snapshot.record.standing.checkpoint;
    let commit = as_of.unwrap_or(last);
    if commit > last {
        return Err(Error::UnknownCommit { commit, first: 1, last });
    }
    let terms = terms::read(store, &snapshot.record.fingerprint).await?.ok();
    let files = |table: Table| files_until(snapshot.files_of(table), commit);
    let nearest = Arc::new(Mutex::new(Nearest::to(task)));
    let decisions: Vec<Decision> = {
        let (nearest, wanted) = (Arc::clone(&nearest), task.to_owned());
        let is_wanted = move |found: &str| {
            nearest.lock().unwrap_or_else(PoisonError::into_inner).show(found);
            found == wanted
        };
        rows_with(store, Table::Decisions, &files(Table::Decisions), "task_id", is_wanted).await?
    };
    let wanted = task.to_owned();
    let votes: Vec<Vote> =
        rows_with(store, Table::Votes, &files(Table::Votes), "task_id", move |found| {
            found == wanted
        })
        .await?;
    let until = i64::try_from(commit).unwrap_or(i64::MAX);
    let decisions = decisions.into_iter().filter(|decision| decision.commit <= until).collect();
    let votes = votes.into_iter().filter(|vote| vote.commit <= until).collect();
    let mut findings = Findings::new(usize::MAX);
    let Some(life) = lives_of(decisions, votes, &mut findings).pop() else {
        let mut nearest = nearest.lock().unwrap_or_else(PoisonError::into_inner);
        let nearest = std::mem::replace(&mut *nearest, Nearest::to("")).found();
        return Err(Error::UnknownTask { task: task.to_owned(), as_of, nearest });
    };
    let known = Known { terms: terms.as_ref(), greatest: None };
    let set_by_hand = check_life(&life, |_| known, &mut findings);
    findings.name_files(|table, nr| {
        snapshot.files_of(table).get(nr as usize).map_or("", |file| &file.path)
    });
    let decision = life.decisions.last().expect("a life begins with a decision");
    let standing = life.votes_as_of(decision.revision);
    let evidence = evidence::of(store, &files(Table::AgentReputation), decision, &standing).await?;
    let choice = choice::of(store, &files(Table::MethodChoices), decision).await?;
    let outcome = Outcome::of(standing.iter().copied());
    Ok(Explanation {
        task_id: task.to_owned(),
        domain: decision.domain.to_string(),
        job: snapshot.record.job.clone(),
        as_of_commit: commit,
        revisions: life.decisions.iter().map(revision).collect(),
        opened_at: decision.opened_at,
        closed_at: decision.closed_at,
        close_rule: decision.close_rule.to_string(),
        set_by_hand,
        method: decision.method.to_string(),
        choice,
        era: decision.era,
        superseded: decision.superseded,
        duplicates: decision.duplicates,
        labels: labels(&outcome, &standing),
        votes: standings(&standing, decision, &evidence),
        closeness: Closeness::of(decision, &outcome, &standing),
        differences: findings.told,
    })
}

fn revision(decision: &Decision) -> Revision {
    let text = |name: &Option<Name>| name.as_ref().map(ToString::to_string);
    Revision {
        revision: decision.revision,
        commit: decision.commit,
        event_time: decision.event_time,
        reason: decision.reason.to_string(),
        state: decision.state.to_string(),
        undecided_reason: text(&decision.undecided_reason),
        is_final: decision.is_final,
        answer: text(&decision.answer),
        confidence: decision.confidence,
        support_weight: decision.support,
        total_weight: decision.total,
        eligible_weight: decision.eligible,
        eligible_basis: decision.eligible_basis.to_string(),
        quorum: decision.quorum.to_string(),
        votes: decision.votes,
        abstentions: decision.abstentions,
        excluded: decision.excluded,
        gold_answer: text(&decision.gold),
    }
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

fn labels(outcome: &Outcome, votes: &[&Vote]) -> Vec<Label> {
    let total = crate::rows::real(outcome.total_micros);
    let label = |(label, micros): &(Name, i128)| {
        let weight = crate::rows::real(*micros);
        let for_it = |vote: &&&Vote| {
            vote.status == crate::rows::Status::Counted && vote.label.as_ref() == Some(label)
        };
        Label {
            label: label.to_string(),
            weight,
            share: share(weight, total),
            votes: votes.iter().filter(for_it).count(),
        }
    };
    outcome.ranked.iter().map(label).collect()
}

fn standings(votes: &[&Vote], decision: &Decision, evidence: &evidence::ByAgent) -> Vec<Standing> {
    let mut votes = votes.to_vec();
    votes.sort_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| a.agent.cmp(&b.agent)));
    let standing = |vote: &&Vote| {
        let (agent_id, version) = agent_parts(&vote.agent);
        Standing {
            agent_id: agent_id.to_owned(),
            version: version.map(str::to_owned),
            choice: vote.label.as_ref().map(ToString::to_string),
            weight: vote.weight,
            share: share(vote.weight, decision.total),
            status: vote.status.word().to_owned(),
            agrees: vote.agrees,
            since_revision: vote.revision,
            event_time: vote.event_time,
            source: vote.origin.source.clone(),
            partition: vote.origin.partition.clone(),
            position: vote.position,
            evidence: evidence.get(&vote.agent).cloned(),
        }
    };
    votes.iter().map(standing).collect()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
fn as_text<S: Serializer>(time: &Micros, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&format_rfc3339(*time))
}
