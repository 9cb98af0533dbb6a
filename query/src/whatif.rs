//! The same votes under another policy: what would have been decided, and how right that would have been.
//!
//! Each task is decided once more from the votes that stand as of its last revision, as `verify` decides it: by
//! arithmetic over the tables alone. So it can be asked of any store, as often as one likes, and changes nothing.

mod text;

use std::collections::HashMap;
use std::io::BufRead;

use quorate_connectors::store::Store;
use quorate_schemas::ratio::Ratio;
use serde::{Deserialize, Serialize};

use crate::derive::Outcome;
use crate::error::Result;
use crate::read::each_life;
use crate::rows::{Decision, Status, Vote};
use crate::snapshot::{Extent, Snapshot};
use crate::terms;
use crate::verify::Life;

/// What a vote counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weights {
    /// What its row says.
    #[default]
    Committed,
    /// One: plain majority.
    Equal,
}

/// How tasks are decided once more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// What a vote counts.
    pub weights: Weights,
    /// The share that an answer must exceed; by default the one that held.
    pub quorum: Option<Ratio>,
}

/// What is known of a task besides what the job was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Truth {
    /// The right answer.
    pub answer: String,
    /// The answer that somebody tried to push through.
    pub pushed: Option<String>,
}

/// What is right, by task.
pub type Truths = HashMap<String, Truth>;

/// Reads what is right: JSON lines with `task_id`, `answer`, and perhaps the pushed `target`; other keys mean nothing.
///
/// # Errors
/// The number of the line that is none of these, and why.
pub fn read_truths(lines: impl BufRead) -> Result<Truths, String> {
    #[derive(Deserialize)]
    struct Line {
        task_id: String,
        answer: String,
        target: Option<String>,
    }
    let mut truths = Truths::new();
    for (number, line) in (1..).zip(lines.lines()) {
        let wrong = |error: &dyn std::fmt::Display| format!("{number}: {error}");
        let line = line.map_err(|error| wrong(&error))?;
        if !line.trim().is_empty() {
            let Line { task_id, answer, target } =
                serde_json::from_str(&line).map_err(|error| wrong(&error))?;
            truths.insert(task_id, Truth { answer, pushed: target });
        }
    }
    Ok(truths)
}

/// How many changed decisions are named.
const FLIPS_NAMED: usize = 10;

/// What is known of a task; nothing of one whose answer the job was told: that it could not get wrong.
fn truth_of<'t>(decision: &Decision, truths: Option<&'t Truths>) -> Option<&'t Truth> {
    truths.filter(|_| decision.gold.is_none())?.get(decision.task.as_str())
}

/// The answer by which a decision is scored: the truth where there are any, else what the job was told.
pub(crate) fn right_answer<'t>(
    decision: &'t Decision,
    truths: Option<&'t Truths>,
) -> Option<&'t str> {
    match truths {
        Some(_) => truth_of(decision, truths).map(|truth| truth.answer.as_str()),
        None => decision.gold.as_deref(),
    }
}

/// The comparison.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Whatif {
    /// The job.
    pub job: String,
    /// The commit that it is about.
    pub as_of_commit: u64,
    /// The method that decided.
    pub method: String,
    /// The other policy, in words.
    pub policy: String,
    /// Tasks that have closed.
    pub tasks: u64,
    /// Of them, those whose right answer is known for scoring.
    pub known: u64,
    /// Of the known, those on which an answer was pushed.
    pub attacked: u64,
    /// As it was decided.
    pub decided: Side,
    /// As it would have been.
    pub otherwise: Side,
    /// Tasks with another answer.
    pub changed: u64,
    /// Some of them: first those where only what was decided is right, the most votes for the other answer first.
    pub flips: Vec<Flip>,
}

/// What a policy comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Side {
    /// Tasks with a quorum.
    pub quorate: u64,
    /// Of the known: those whose leading answer is right, with a quorum or without.
    pub right: u64,
    /// Of the known: those with a quorum.
    pub quorate_known: u64,
    /// Of these: those whose answer is right.
    pub quorate_right: u64,
    /// Of the attacked: those whose leading answer is the pushed one.
    pub captured: u64,
}

/// A task that would have been decided otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Flip {
    /// The task.
    pub task_id: String,
    /// What was decided.
    pub decided: Option<String>,
    /// What would have been.
    pub otherwise: Option<String>,
    /// The right answer, where it is known.
    pub truth: Option<String>,
    /// Votes that counted.
    pub votes: i64,
    /// Of them, for what was decided.
    pub votes_decided: i64,
    /// Of them, for what would have been.
    pub votes_otherwise: i64,
}

impl Flip {
    /// Whether only what was decided is right.
    pub fn is_saved(&self) -> bool {
        self.truth.is_some() && self.truth == self.decided
    }

    fn rank(&self) -> (bool, i64) {
        (self.is_saved(), self.votes_otherwise - self.votes_decided)
    }
}

/// Decides every closed task of `store` once more. Answers are scored by `truths` where there are any, and then only on
/// tasks whose answer the job was never told; without, by the answers that the job was told.
///
/// # Errors
/// If the store cannot be read.
pub async fn whatif(store: &Store, policy: Policy, truths: Option<&Truths>) -> Result<Whatif> {
    let snapshot = Snapshot::load(store, Extent::Committed).await?;
    let commit = snapshot.record.standing.checkpoint;
    let terms = terms::read(store, &snapshot.record.fingerprint).await?.ok();
    let mut told = Whatif {
        job: snapshot.record.job.clone(),
        as_of_commit: commit,
        method: terms.as_ref().map_or_else(String::new, |terms| terms.method.clone()),
        policy: policy.words(),
        tasks: 0,
        known: 0,
        attacked: 0,
        decided: Side::default(),
        otherwise: Side::default(),
        changed: 0,
        flips: Vec::new(),
    };
    let min_votes = terms.map_or(1, |terms| terms.min_votes);
    let order = |flips: &mut Vec<Flip>| {
        flips.sort_by(|a, b| b.rank().cmp(&a.rank()).then_with(|| a.task_id.cmp(&b.task_id)));
        flips.truncate(FLIPS_NAMED);
    };
    each_life(store, &snapshot, |life| {
        told.add(life, policy, min_votes, truths);
        if told.flips.len() > 100 * FLIPS_NAMED {
            order(&mut told.flips);
        }
    })
    .await?;
    order(&mut told.flips);
    Ok(told)
}

impl Policy {
    fn words(self) -> String {
        let weights = match self.weights {
            Weights::Committed => "as weighed",
            Weights::Equal => "majority",
        };
        match self.quorum {
            Some(quorum) => format!("{weights}, quorum {quorum}"),
            None => weights.to_owned(),
        }
    }

    /// The leading answer, and whether it has a quorum.
    fn decide(self, decision: &Decision, votes: &[&Vote], min_votes: i64) -> (Outcome, bool) {
        let weighed = votes.iter().map(|vote| Vote {
            weight: match self.weights {
                Weights::Equal if vote.status == Status::Counted => 1.0,
                _ => vote.weight,
            },
            ..(*vote).clone()
        });
        let weighed: Vec<Vote> = weighed.collect();
        let outcome = Outcome::of(&weighed);
        let quorum =
            self.quorum.or_else(|| decision.quorum.parse().ok()).unwrap_or(Ratio::TWO_THIRDS);
        // Who could have voted and did not is in no row: the quorum is of the votes cast.
        let quorate = outcome.votes >= min_votes
            && outcome
                .answer()
                .is_some_and(|answer| outcome.exceeds(answer, quorum, outcome.total_micros));
        (outcome, quorate)
    }
}

impl Whatif {
    fn add(&mut self, life: &Life, policy: Policy, min_votes: i64, truths: Option<&Truths>) {
        let Some(decision) = life.decisions.last() else { return };
        let votes = life.votes_as_of(decision.revision);
        let (outcome, quorate) = policy.decide(decision, &votes, min_votes);
        let (decided, otherwise) = (decision.answer.as_ref(), outcome.answer());
        let truth = truth_of(decision, truths);
        let right = right_answer(decision, truths);
        let pushed = truth.and_then(|truth| truth.pushed.as_deref());
        self.tasks += 1;
        self.known += u64::from(right.is_some());
        self.attacked += u64::from(pushed.is_some());
        let sides = [
            (&mut self.decided, decided, decision.state == "quorate"),
            (&mut self.otherwise, otherwise, quorate),
        ];
        for (side, answer, quorate) in sides {
            let is_right = right.is_some() && right == answer.map(|answer| answer.as_str());
            side.quorate += u64::from(quorate);
            side.right += u64::from(is_right);
            side.quorate_known += u64::from(quorate && right.is_some());
            side.quorate_right += u64::from(quorate && is_right);
            let captured = pushed.is_some() && pushed == answer.map(|answer| answer.as_str());
            side.captured += u64::from(captured);
        }
        if decided == otherwise {
            return;
        }
        self.changed += 1;
        let number = |label: Option<&quorate_schemas::id::Name>| {
            label.and_then(|label| outcome.numbers.get(label)).copied().unwrap_or(0)
        };
        self.flips.push(Flip {
            task_id: decision.task.to_string(),
            decided: decided.map(ToString::to_string),
            otherwise: otherwise.map(ToString::to_string),
            truth: right.map(str::to_owned),
            votes: outcome.votes,
            votes_decided: number(decided),
            votes_otherwise: number(otherwise),
        });
    }
}
