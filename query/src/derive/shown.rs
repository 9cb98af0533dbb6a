//! What closed tasks show of the agents that voted on them, summed by the era in which they show it.

use std::collections::BTreeMap;

use quorate_learning::exams::{MAX_VOTES_OF_EXAM, Rule};
use quorate_schemas::id::Name;
use quorate_schemas::retained::Exam;
use quorate_schemas::time::Micros;

use super::outcome::Outcome;
use super::rule::{self, TASK};
use crate::rows::{Status, Vote, micros};

/// The rule by which a method fits weights to exams, if it does.
pub(crate) fn fits(method: &str) -> Option<Rule> {
    match method {
        "stacked" => Some(Rule::Stacked),
        "auto" => Some(Rule::Auto),
        _ => None,
    }
}

/// What an agent has shown in a domain: gold seen, right, by chance; decisions seen, agreed with, by chance. In
/// millionths of a task.
pub(crate) type Evidence = [i64; 6];

/// How a domain's decisions did on its gold: tasks, and tasks decided right. In millionths of a task.
pub(crate) type Record = [i64; 2];

/// Evidence by era, domain and agent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    pub(crate) eras: BTreeMap<i64, Era>,
}

/// What became known in one era.
#[derive(Clone, Debug, Default)]
pub(crate) struct Era {
    /// By domain and agent; all zero where an agent voted and that shows nothing.
    pub(crate) agents: BTreeMap<(Name, Name), Evidence>,
    pub(crate) domains: BTreeMap<Name, Record>,
    /// Tasks whose answers became known, where votes are weighed by them together.
    pub(crate) exams: Vec<Exam>,
}

/// A decision, as far as it shows something.
pub(crate) struct Showing<'a> {
    pub(crate) era: i64,
    pub(crate) event_time: Micros,
    pub(crate) method: &'a str,
    pub(crate) task: &'a Name,
    pub(crate) domain: &'a Name,
    /// How many labels an answer was one of.
    pub(crate) options: i64,
    pub(crate) answer: Option<&'a Name>,
    pub(crate) gold: Option<&'a Name>,
}

impl Shown {
    /// Adds all of what `more` shows.
    pub(crate) fn merge(&mut self, more: Shown) {
        for (era, more) in more.eras {
            let sum = self.eras.entry(era).or_default();
            for (seat, evidence) in more.agents {
                add(sum.agents.entry(seat).or_default(), evidence);
            }
            for (domain, record) in more.domains {
                add(sum.domains.entry(domain).or_default(), record);
            }
            sum.exams.extend(more.exams);
        }
    }

    /// Adds what `votes`, one of each agent, show by this decision: with gold, who was right; without, who agreed
    /// with the others, if they are at least three and of one mind.
    pub(crate) fn add(&mut self, showing: &Showing<'_>, votes: &[&Vote]) {
        let counted = |vote: &&&Vote| vote.status == Status::Counted;
        let labelled: Vec<(&Vote, &Name)> = votes
            .iter()
            .filter(counted)
            .filter_map(|vote| Some((*vote, vote.label.as_ref()?)))
            .collect();
        if labelled.is_empty() {
            return;
        }
        let outcome = Outcome::of(labelled.iter().map(|(vote, _)| *vote));
        let chance = rule::chance_micros(showing.options);
        let fits = fits(showing.method).is_some();
        let era = self.eras.entry(showing.era).or_default();
        let one_if = |right: bool| if right { TASK } else { 0 };
        for (vote, label) in &labelled {
            let sum = era.agents.entry((showing.domain.clone(), vote.agent.clone())).or_default();
            if let Some(gold) = showing.gold {
                add(sum, [TASK, one_if(gold == *label), chance, 0, 0, 0]);
            } else if !fits && labelled.len() > rule::LEAST_OTHERS {
                let weight = i128::from(micros(vote.weight).unwrap_or(0));
                if let Some(agrees) = outcome.others_agree(label, weight) {
                    add(sum, [0, 0, 0, TASK, one_if(agrees), chance]);
                }
            }
        }
        if let Some(gold) = showing.gold {
            add(
                era.domains.entry(showing.domain.clone()).or_default(),
                [TASK, one_if(showing.answer == Some(gold))],
            );
            if fits {
                era.exams.push(exam(showing, gold, &labelled));
            }
        }
    }
}

fn exam(showing: &Showing<'_>, answer: &Name, labelled: &[(&Vote, &Name)]) -> Exam {
    let mut labelled = labelled.to_vec();
    labelled.sort_by_key(|(vote, _)| (vote.event_time, &vote.agent));
    labelled.truncate(MAX_VOTES_OF_EXAM);
    let mut votes: Vec<(Name, Name)> =
        labelled.into_iter().map(|(vote, label)| (vote.agent.clone(), label.clone())).collect();
    votes.sort();
    Exam {
        era: showing.era,
        known_at: showing.event_time,
        domain: showing.domain.clone(),
        task: showing.task.clone(),
        answer: answer.clone(),
        votes,
    }
}

fn add<const N: usize>(sum: &mut [i64; N], more: [i64; N]) {
    sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
}
