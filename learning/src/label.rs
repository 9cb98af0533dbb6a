//! Which answers are worth knowing next.
//!
//! An answer tells of those who voted on its task what is not certain before: under a conditional logit, the variance of
//! whether each has said the right thing, p(1 − p), where p is how likely the label is that it said. The more is known of
//! an agent, the less another task adds. What an answer would tell is therefore
//!
//! ```text
//!   Σ_a p_a (1 − p_a) / (λ + h_a),     h_a = Σ over known answers of p_a (1 − p_a)
//! ```
//!
//! by which one answer lessens the variance of all worths together (A-optimality, by the diagonal of the information alone:
//! Chaloner and Verdinelli, "Bayesian experimental design", 1995). But the tasks that would tell the most are an odd lot, in
//! which those who are good elsewhere need not be: weights that rest on them alone are worse than on as many drawn at
//! random (`bench/RESULTS.md`). So answers are drawn among the [`BEST`] of each domain.
//!
//! What is believed changes with every answer, so a few at a time are asked for. *Cost*: a walk over all votes.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use quorate_schemas::id::Name;

use crate::elementary::exp;
use crate::exams::{Exams, Rule};
use crate::stacked::STACKED;
use crate::weights::Weights;

/// One task of so many of a domain is among those that are drawn from.
pub const BEST: usize = 4;

/// A task whose answer could be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its name.
    pub task: Name,
    /// Its domain.
    pub domain: Name,
    /// What its answer would tell: [`Belief::gain_micros`].
    pub gain_micros: i64,
}

/// What is believed of votes, and how well agents are known.
#[derive(Clone, Debug)]
pub struct Belief {
    weights: Weights,
    known: BTreeMap<Name, f64>,
}

impl Belief {
    /// What `exams` say under `rule`.
    pub fn of(exams: &Exams, rule: Rule) -> Belief {
        let (weights, _) = exams.weights(rule);
        let mut belief = Belief { weights, known: BTreeMap::new() };
        for (exam, factor) in exams.weighed() {
            for (agent, variance) in belief.variances(&exam.domain, &exam.votes) {
                *belief.known.entry(agent.clone()).or_default() += factor * variance;
            }
        }
        belief
    }

    /// What the answer to a task would tell of those who voted on it, in millionths: a number to compare by.
    pub fn gain_micros(&self, domain: &Name, votes: &[(Name, Name)]) -> i64 {
        let of = |(agent, variance): (&Name, f64)| {
            variance / (STACKED.precision + self.known.get(agent).copied().unwrap_or(0.0))
        };
        (self.variances(domain, votes).into_iter().map(of).sum::<f64>() * 1e6) as i64
    }

    /// Of each who voted, how uncertain it is whether it said the right thing.
    fn variances<'v>(&self, domain: &Name, votes: &'v [(Name, Name)]) -> Vec<(&'v Name, f64)> {
        let mut worth: BTreeMap<&Name, f64> = BTreeMap::new();
        for (agent, label) in votes {
            *worth.entry(label).or_default() += self.weights.of(domain, agent) as f64 / 1e6;
        }
        let most = worth.values().copied().fold(f64::MIN, f64::max);
        worth.values_mut().for_each(|worth| *worth = exp(*worth - most));
        let whole: f64 = worth.values().sum();
        let variance = |label: &Name| {
            let likely = worth.get(label).copied().unwrap_or(0.0) / whole;
            likely * (1.0 - likely)
        };
        votes.iter().map(|(agent, label)| (agent, variance(label))).collect()
    }
}

/// The places of at most `count` tasks to ask about, drawn among the best of each domain; those that tell the most first.
/// The same candidates give the same ones, in whatever order they come.
pub fn choose(candidates: &[Candidate], count: usize) -> Vec<usize> {
    let mut domains: BTreeMap<&Name, Vec<usize>> = BTreeMap::new();
    for (at, candidate) in candidates.iter().enumerate().filter(|(_, one)| one.gain_micros > 0) {
        domains.entry(&candidate.domain).or_default().push(at);
    }
    let mut best: Vec<usize> = Vec::new();
    for mut places in domains.into_values() {
        let all = places.len();
        places.sort_by_key(|at| (Reverse(candidates[*at].gain_micros), &candidates[*at].task));
        best.extend(places.into_iter().take(all.div_ceil(BEST)));
    }
    best.sort_by_key(|at| (drawn(&candidates[*at].task), &candidates[*at].task));
    best.truncate(count);
    best.sort_by_key(|at| (Reverse(candidates[*at].gain_micros), &candidates[*at].task));
    best
}

/// A number that has nothing to do with what a task is about (FNV-1a).
fn drawn(task: &Name) -> u64 {
    task.bytes().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use quorate_schemas::retained::Exam;

    use super::*;

    fn votes(said: &[(&str, &str)]) -> Vec<(Name, Name)> {
        said.iter().map(|(agent, label)| (Name::new(agent), Name::new(label))).collect()
    }

    fn gain(exams: Vec<Exam>, said: &[(&str, &str)]) -> i64 {
        let mut all = Exams::default();
        all.enter(1, exams);
        Belief::of(&all, Rule::Stacked).gain_micros(&Name::new("d"), &votes(said))
    }

    #[test]
    fn the_more_it_is_disputed_and_the_more_vote_the_more_an_answer_tells() {
        let of = |said: &[(&str, &str)]| gain(Vec::new(), said);
        let agreed = of(&[("a", "x"), ("b", "x"), ("c", "x")]);
        let outvoted = of(&[("a", "x"), ("b", "x"), ("c", "x"), ("e", "x"), ("d", "y")]);
        let even = of(&[("a", "x"), ("b", "x"), ("c", "y"), ("d", "y"), ("e", "x")]);
        assert_eq!((agreed, of(&[])), (0, 0));
        assert!(0 < outvoted && outvoted < even, "{outvoted} {even}");
        assert!(of(&[("a", "x"), ("b", "y")]) < even);
    }

    #[test]
    fn of_who_is_known_another_answer_tells_less() {
        let exam = |nr: i64| Exam {
            era: 0,
            known_at: nr,
            domain: Name::new("d"),
            task: format!("e{nr}").into(),
            answer: Name::new(if nr % 2 == 0 { "x" } else { "y" }),
            votes: votes(&[("a", "x"), ("b", "y")]),
        };
        let exams = || (0..40).map(exam).collect();
        let known = gain(exams(), &[("a", "x"), ("b", "y")]);
        assert!(known < gain(exams(), &[("c", "x"), ("d", "y")]), "{known}");
    }

    #[test]
    fn tasks_are_drawn_among_the_best_of_each_domain_in_whatever_order_they_come() {
        let candidate = |nr: i64| Candidate {
            task: format!("t{nr}").into(),
            domain: Name::new(if nr < 20 { "small" } else { "large" }),
            gain_micros: nr % 20,
        };
        let mut all: Vec<Candidate> = (0..100).map(candidate).collect();
        let names = |all: &[Candidate], count: usize| -> Vec<Name> {
            choose(all, count).into_iter().map(|at| all[at].task.clone()).collect()
        };
        // Those that would tell nothing are none of them: 19 of the small domain, 76 of the large one.
        let chosen = choose(&all, 1_000);
        assert_eq!(chosen.len(), 5 + 19);
        assert!(chosen.iter().all(|at| all[*at].gain_micros >= 15), "{chosen:?}");
        assert!(chosen.is_sorted_by_key(|at| Reverse(all[*at].gain_micros)));
        let few = names(&all, 6);
        assert_eq!(few.len(), 6);
        all.reverse();
        assert_eq!(names(&all, 6), few);
        assert_eq!(choose(&all, 0), Vec::<usize>::new());
        assert_eq!(choose(&[], 3), Vec::<usize>::new());
    }
}
