//! Which answers are worth knowing next.
//!
//! An answer tells of those who voted on its task what is not certain before: under a conditional logit, the variance of
//! whether each has said the right thing, p(1 − p), where p is how likely the label is that it said. The more is known of
//! an agent, the less another task adds. So the tasks are chosen one after the other, each the one of the most
//!
//! ```text
//!   Σ_a p_a (1 − p_a) / (λ + h_a),     h_a = Σ over what is known or chosen of p_a (1 − p_a)
//! ```
//!
//! which is the design that lessens the variance of all worths together fastest (A-optimality, by the diagonal of the
//! information alone: Chaloner and Verdinelli, "Bayesian experimental design", 1995). What is believed changes with every
//! answer, so a few at a time are asked for.
//!
//! *Cost*: of a choice, a walk over the votes of all candidates.

use std::collections::BTreeMap;

use quorate_schemas::id::Name;

use crate::elementary::exp;
use crate::exams::{Exams, Rule};
use crate::stacked::STACKED;
use crate::weights::Weights;

/// A task whose answer could be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its name.
    pub task: Name,
    /// Its domain.
    pub domain: Name,
    /// Who said what.
    pub votes: Vec<(Name, Name)>,
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
    pub fn gain_micros(&self, candidate: &Candidate) -> i64 {
        (self.gain(&self.variances(&candidate.domain, &candidate.votes)) * 1e6) as i64
    }

    /// The places of the tasks whose answers tell the most, the best first, at most `count`; of equal ones the first.
    pub fn choose(mut self, candidates: &[Candidate], count: usize) -> Vec<usize> {
        let variances: Vec<Vec<(&Name, f64)>> = candidates
            .iter()
            .map(|candidate| self.variances(&candidate.domain, &candidate.votes))
            .collect();
        let mut left: Vec<usize> = (0..candidates.len()).collect();
        let mut chosen = Vec::new();
        while chosen.len() < count {
            let gains = left.iter().enumerate().map(|(nr, at)| (self.gain(&variances[*at]), nr));
            let best = gains.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
            let Some((gain, nr)) = best else { break };
            if gain <= 0.0 {
                break;
            }
            // The order of those that are left decides between equals.
            let at = left.remove(nr);
            for (agent, variance) in &variances[at] {
                *self.known.entry((*agent).clone()).or_default() += variance;
            }
            chosen.push(at);
        }
        chosen
    }

    fn gain(&self, variances: &[(&Name, f64)]) -> f64 {
        let of = |(agent, variance): &(&Name, f64)| {
            variance / (STACKED.precision + self.known.get(*agent).copied().unwrap_or(0.0))
        };
        variances.iter().map(of).sum()
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

#[cfg(test)]
mod tests {
    use quorate_schemas::retained::Exam;

    use super::*;

    fn votes(said: &[(&str, &str)]) -> Vec<(Name, Name)> {
        said.iter().map(|(agent, label)| (Name::new(agent), Name::new(label))).collect()
    }

    fn candidate(task: &str, said: &[(&str, &str)]) -> Candidate {
        Candidate { task: Name::new(task), domain: Name::new("d"), votes: votes(said) }
    }

    fn chosen(exams: Vec<Exam>, candidates: &[Candidate], count: usize) -> Vec<&str> {
        let mut all = Exams::default();
        all.enter(1, exams);
        let places = Belief::of(&all, Rule::Stacked).choose(candidates, count);
        places.into_iter().map(|at| candidates[at].task.as_str()).collect()
    }

    #[test]
    fn a_task_on_which_all_agree_is_asked_for_last_or_not_at_all() {
        let candidates = [
            candidate("agreed", &[("a", "x"), ("b", "x"), ("c", "x")]),
            candidate("split", &[("a", "x"), ("b", "x"), ("c", "y")]),
            candidate("nobody", &[]),
        ];
        assert_eq!(chosen(Vec::new(), &candidates, 9), ["split"]);
        assert_eq!(chosen(Vec::new(), &candidates, 0), Vec::<&str>::new());
        assert_eq!(chosen(Vec::new(), &[], 3), Vec::<&str>::new());
    }

    #[test]
    fn who_is_known_less_is_asked_about_first() {
        let exam = |nr: i64| Exam {
            era: 0,
            known_at: nr,
            domain: Name::new("d"),
            task: format!("e{nr}").into(),
            answer: Name::new(if nr % 2 == 0 { "x" } else { "y" }),
            votes: votes(&[("a", "x"), ("b", "y")]),
        };
        let candidates = [
            candidate("of the known", &[("a", "x"), ("b", "y")]),
            candidate("of strangers", &[("c", "x"), ("d", "y")]),
        ];
        let best = chosen((0..40).map(exam).collect(), &candidates, 1);
        assert_eq!(best, ["of strangers"]);
    }

    #[test]
    fn what_was_chosen_makes_another_of_the_same_worth_less() {
        let same = [("a", "x"), ("b", "y"), ("c", "x")];
        let candidates = [
            candidate("1", &same),
            candidate("2", &same),
            candidate("other", &[("d", "x"), ("e", "y")]),
        ];
        assert_eq!(chosen(Vec::new(), &candidates, 3), ["1", "2", "other"]);
        let many: Vec<Candidate> = (0..40)
            .map(|nr| candidate(&nr.to_string(), &same))
            .chain([candidate("other", &[("d", "x"), ("e", "y")])])
            .collect();
        assert!(chosen(Vec::new(), &many, 20).contains(&"other"));
    }
}
