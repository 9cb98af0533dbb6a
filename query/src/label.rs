//! Which answers a person should look up next: those that tell the most of the agents, by the votes that are there.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use quorate_connectors::store::Store;
use quorate_learning::exams::{Exams, Rule};
use quorate_learning::label::{Belief, Candidate, choose};
use quorate_schemas::id::Name;
use quorate_schemas::retained::Exam;
use quorate_schemas::time::{Micros, format_rfc3339};
use serde::Serialize;

use crate::error::Result;
use crate::read::each_life;
use crate::rows::{Decision, Status};
use crate::snapshot::{Extent, Snapshot};
use crate::verify::Life;

/// What a job's tasks have to say about what to ask.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Labelling {
    /// Known answers that the choice rests on.
    pub known: usize,
    /// Whether the job has come to the end of its input.
    pub finished: bool,
    /// What to ask, what tells the most first.
    pub proposals: Vec<Proposal>,
}

/// A task whose answer is worth knowing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Proposal {
    /// The task.
    pub task_id: String,
    /// Its domain.
    pub domain: String,
    /// When it closed.
    #[serde(serialize_with = "as_text")]
    pub closed_at: Micros,
    /// Whether its decision can still change.
    pub is_final: bool,
    /// What was decided.
    pub answer: Option<String>,
    /// How sure that is.
    pub confidence: f64,
    /// The labels that were voted for, and by how many agents; the most first.
    pub labels: Vec<(String, usize)>,
}

fn as_text<S: serde::Serializer>(time: &Micros, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&format_rfc3339(*time))
}

/// At most `count` tasks whose answers would tell much ([`quorate_learning::label`]), of those whose answer neither the job nor `answers` knows. Of a job
/// that has not finished only decisions that can still change are asked about: what comes later is too late.
///
/// # Errors
/// If the store cannot be read.
pub async fn proposals(
    store: &Store,
    answers: &BTreeMap<String, String>,
    count: usize,
) -> Result<Labelling> {
    let snapshot = Snapshot::load(store, Extent::Committed).await?;
    let finished = snapshot.record.standing.finished;
    let mut sat = Vec::new();
    each_life(store, &snapshot, |life| sat.extend(exam(life, answers))).await?;
    let known = sat.len();
    let (mut exams, last) = (Exams::default(), sat.iter().map(|exam| exam.era).max());
    exams.enter(last.map_or(0, |era| era.saturating_add(1)), sat);
    let belief = Belief::of(&exams, Rule::Stacked);
    let asked = |life: &Life| {
        let decision = life.decisions.last()?;
        let is_open = finished || !decision.is_final;
        (is_open && answer_of(decision, answers).is_none()).then(|| decision.clone())
    };
    let mut candidates = Vec::new();
    each_life(store, &snapshot, |life| {
        if let Some(decision) = asked(life) {
            let gain_micros = belief.gain_micros(&decision.domain, &votes(life, &decision));
            let Decision { task, domain, .. } = decision;
            candidates.push(Candidate { task, domain, gain_micros });
        }
    })
    .await?;
    let chosen = choose(&candidates, count);
    let places: BTreeMap<&Name, usize> =
        (0..).zip(&chosen).map(|(place, at)| (&candidates[*at].task, place)).collect();
    let mut found: Vec<(usize, Proposal)> = Vec::new();
    each_life(store, &snapshot, |life| {
        let named = life.decisions.last().and_then(|decision| places.get(&decision.task));
        if let Some((place, decision)) = named.zip(asked(life)) {
            found.push((*place, proposal(life, &decision)));
        }
    })
    .await?;
    found.sort_by_key(|(place, _)| *place);
    let proposals = found.into_iter().map(|(_, proposal)| proposal).collect();
    Ok(Labelling { known, finished, proposals })
}

fn answer_of<'a>(decision: &'a Decision, answers: &'a BTreeMap<String, String>) -> Option<&'a str> {
    let told = decision.gold.as_deref();
    told.or_else(|| answers.get(decision.task.as_str()).map(String::as_str))
}

/// Who said what, as of the last revision, in order of their names.
fn votes(life: &Life, decision: &Decision) -> Vec<(Name, Name)> {
    let counted = life
        .votes_as_of(decision.revision)
        .into_iter()
        .filter(|vote| vote.status == Status::Counted);
    let said = counted.filter_map(|vote| Some((vote.agent.clone(), vote.label.clone()?)));
    let mut votes: Vec<(Name, Name)> = said.collect();
    votes.sort();
    votes
}

/// A task whose answer is known.
fn exam(life: &Life, answers: &BTreeMap<String, String>) -> Option<Exam> {
    let decision = life.decisions.last()?;
    let answer = Name::new(answer_of(decision, answers)?);
    Some(Exam {
        era: decision.era,
        known_at: decision.event_time,
        domain: decision.domain.clone(),
        task: decision.task.clone(),
        answer,
        votes: votes(life, decision),
    })
}

fn proposal(life: &Life, decision: &Decision) -> Proposal {
    let mut counts: BTreeMap<Name, usize> = BTreeMap::new();
    for (_, label) in votes(life, decision) {
        *counts.entry(label).or_default() += 1;
    }
    let mut labels: Vec<(String, usize)> =
        counts.into_iter().map(|(label, votes)| (label.to_string(), votes)).collect();
    labels.sort_by_key(|(_, votes)| Reverse(*votes));
    Proposal {
        task_id: decision.task.to_string(),
        domain: decision.domain.to_string(),
        closed_at: decision.closed_at,
        is_final: decision.is_final,
        answer: decision.answer.as_ref().map(ToString::to_string),
        confidence: decision.confidence,
        labels,
    }
}
