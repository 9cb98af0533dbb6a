//! `auto`: of several rules the one that does best on known answers that it has not seen, domain by domain.
//!
//! Every rule is fitted to three quarters of the exams and asked how likely it holds the answers of the last quarter, four
//! times, so that each exam is held out once. [`stacked`] stands unless another one is better by more
//! than twice the standard error of the difference: a choice that follows noise is worse than none. Where fewer than
//! [`LEAST`] answers are known in a domain, what holds for all domains together holds there, and where fewer are known in
//! all, `stacked` does, which then is nearly what a newcomer weighs, for everyone.
//!
//! *Cost*: some twenty fits, of the newest [`MAX_TRIED`] votes, and those of the chosen rules to all.

use std::collections::{BTreeMap, BTreeSet};

use quorate_schemas::id::Name;
use quorate_schemas::retained::Exam;

use crate::elementary::{exp, ln};
use crate::exams::Weighed;
use crate::stacked::{self, STACKED, Stance};
use crate::weights::Weights;

/// Parts of which each is held out once.
const FOLDS: usize = 4;
/// Fewer known answers than these choose nothing.
pub const LEAST: usize = 16;
/// So many votes are tried on: the newest.
pub const MAX_TRIED: usize = 1 << 14;
/// By so many standard errors another rule must be better.
const SURE: f64 = 2.0;

/// The rules, first the one that stands where none is better. The others were among the best on one panel or another
/// (`bench/RESULTS.md`).
const CANDIDATES: [(&str, Candidate); 6] = [
    ("stacked", Candidate::Stacked(STACKED)),
    // Voters are many and alike: only gold says what they are worth.
    ("stacked_dense", Candidate::Stacked(Stance { share: 0.0, precision: 10.0 })),
    // The same, where gold is plenty.
    ("stacked_loose", Candidate::Stacked(Stance { share: 0.0, precision: 3.0 })),
    // Voters are few, or meet seldom.
    ("stacked_sparse", Candidate::Stacked(Stance { share: 1.0, precision: 30.0 })),
    ("weighted", Candidate::Stacked(Stance { share: 1.0, precision: f64::INFINITY })),
    ("majority", Candidate::Majority),
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Candidate {
    /// Each its own record, or all fitted together.
    Stacked(Stance),
    /// Every vote counts the same.
    Majority,
}

impl Candidate {
    fn weights(self, exams: &[Weighed<'_>]) -> Weights {
        match self {
            Candidate::Stacked(stance) => stacked::weights(exams, stance),
            Candidate::Majority => Weights::default(),
        }
    }
}

/// Why a rule was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It does better than the one that stands where none does.
    Better,
    /// None does better.
    NoneBetter,
    /// Too few answers are known to tell.
    FewAnswers,
}

impl Reason {
    /// The word in the table.
    pub fn word(self) -> &'static str {
        match self {
            Reason::Better => "better",
            Reason::NoneBetter => "none_better",
            Reason::FewAnswers => "few_answers",
        }
    }
}

/// How a rule did in a domain, on answers that it had not seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The domain; `None` of all together.
    pub domain: Option<Name>,
    /// The rule.
    pub rule: &'static str,
    /// Why it was chosen, if it was.
    pub chosen: Option<Reason>,
    /// Known answers that were held out, each once.
    pub tasks: usize,
    /// How likely it held them: the mean logarithm, in millionths of a nat.
    pub likelihood_micros: i64,
    /// By how much that is more than under `stacked`.
    pub advantage_micros: i64,
    /// The standard error of this difference.
    pub error_micros: i64,
}

/// What a vote of each agent that sat an exam counts, and how the rules did.
pub(crate) fn weights(exams: &[Weighed<'_>]) -> (Weights, Vec<Trial>) {
    let mut sums: BTreeMap<Option<&Name>, Sums> = BTreeMap::new();
    let tried = tried(exams);
    for fold in 0..FOLDS {
        let part = |held_out: bool| {
            let parts = tried.iter().enumerate();
            parts.filter(move |(nr, _)| (nr % FOLDS == fold) == held_out).map(|(_, exam)| *exam)
        };
        let seen: Vec<Weighed<'_>> = part(false).collect();
        let fitted = CANDIDATES.map(|(_, candidate)| candidate.weights(&seen));
        for (exam, _) in part(true) {
            if let Some(likelihoods) = likelihoods(exam, &fitted) {
                sums.entry(None).or_default().add(likelihoods);
                sums.entry(Some(&exam.domain)).or_default().add(likelihoods);
            }
        }
    }
    let of_all = sums.get(&None).and_then(Sums::choice).map_or(0, |(nr, _)| nr);
    let few = (of_all, Reason::FewAnswers);
    let choice_in = |domain: Option<&Name>| {
        sums.get(&domain).and_then(Sums::choice).map_or(of_all, |(nr, _)| nr)
    };
    let trials = sums
        .iter()
        .flat_map(|(domain, sums)| sums.trials((*domain).cloned(), sums.choice().unwrap_or(few)));
    let trials = trials.collect();

    let mut sat: BTreeMap<&Name, BTreeSet<&Name>> = BTreeMap::new();
    for (exam, _) in exams {
        sat.entry(&exam.domain).or_default().extend(exam.votes.iter().map(|(agent, _)| agent));
    }
    let chosen: BTreeSet<usize> =
        sat.keys().map(|domain| choice_in(Some(domain))).chain([of_all]).collect();
    let fitted: BTreeMap<usize, Weights> =
        chosen.into_iter().map(|nr| (nr, CANDIDATES[nr].1.weights(exams))).collect();
    let everywhere = fitted.get(&of_all).map(|of_all| of_all.everywhere.clone());
    let mut weights =
        Weights { everywhere: everywhere.unwrap_or_default(), domains: BTreeMap::new() };
    for (domain, agents) in sat {
        let Some(fitted) = fitted.get(&choice_in(Some(domain))) else { continue };
        agents.into_iter().for_each(|agent| {
            weights.set(domain, agent, fitted.of(domain, agent));
        });
    }
    (weights, trials)
}

/// The newest exams that hold at most [`MAX_TRIED`] votes.
fn tried<'a>(exams: &[Weighed<'a>]) -> Vec<Weighed<'a>> {
    let mut votes = 0;
    let newest = exams.iter().take_while(|(exam, _)| {
        votes += exam.votes.len();
        votes <= MAX_TRIED
    });
    newest.copied().collect()
}

type Likelihoods = [f64; CANDIDATES.len()];

/// How likely each rule holds the answer of an exam; `None` where nobody gave it, which says nothing of any.
fn likelihoods(exam: &Exam, fitted: &[Weights; CANDIDATES.len()]) -> Option<Likelihoods> {
    let mut labels: BTreeMap<&Name, Vec<&Name>> = BTreeMap::new();
    for (agent, label) in &exam.votes {
        labels.entry(label).or_default().push(agent);
    }
    labels.get(&exam.answer)?;
    Some(std::array::from_fn(|nr| {
        let weight = |agent: &&Name| fitted[nr].of(&exam.domain, agent) as f64 / 1e6;
        let worth = |agents: &Vec<&Name>| agents.iter().map(weight).sum::<f64>();
        let all: Vec<f64> = labels.values().map(worth).collect();
        let most = all.iter().copied().fold(f64::MIN, f64::max);
        let whole: f64 = all.iter().map(|one| exp(one - most)).sum();
        labels.get(&exam.answer).map_or(0.0, worth) - most - ln(whole)
    }))
}

/// Sums over exams that were held out.
#[derive(Clone, Debug, Default)]
struct Sums {
    tasks: usize,
    likelihood: Likelihoods,
    /// By how much more likely than under the first rule, and the squares of it.
    more: Likelihoods,
    squares: Likelihoods,
}

impl Sums {
    fn add(&mut self, likelihoods: Likelihoods) {
        self.tasks += 1;
        for (nr, likelihood) in likelihoods.into_iter().enumerate() {
            let more = likelihood - likelihoods[0];
            self.likelihood[nr] += likelihood;
            self.more[nr] += more;
            self.squares[nr] += more * more;
        }
    }

    /// By how much a rule is better than the first, for a task, and the standard error of that.
    fn advantage(&self, nr: usize) -> (f64, f64) {
        let tasks = self.tasks as f64;
        let mean = self.more[nr] / tasks;
        let variance = (self.squares[nr] / tasks - mean * mean).max(0.0);
        (mean, (variance / tasks).sqrt())
    }

    /// The rule that does best, and why; `None` where too little is known.
    fn choice(&self) -> Option<(usize, Reason)> {
        if self.tasks < LEAST {
            return None;
        }
        let better = (1..CANDIDATES.len()).filter(|nr| {
            let (mean, error) = self.advantage(*nr);
            mean > SURE * error
        });
        let best = better.max_by(|a, b| self.more[*a].total_cmp(&self.more[*b]).then(b.cmp(a)));
        Some(best.map_or((0, Reason::NoneBetter), |nr| (nr, Reason::Better)))
    }

    fn trials(
        &self,
        domain: Option<Name>,
        (chosen, why): (usize, Reason),
    ) -> impl Iterator<Item = Trial> {
        (0..CANDIDATES.len()).map(move |nr| {
            let micros = |nats: f64| (nats * 1e6) as i64;
            let (mean, error) = self.advantage(nr);
            Trial {
                domain: domain.clone(),
                rule: CANDIDATES[nr].0,
                chosen: (nr == chosen).then_some(why),
                tasks: self.tasks,
                likelihood_micros: micros(self.likelihood[nr] / self.tasks as f64),
                advantage_micros: micros(mean),
                error_micros: micros(error),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exams::{Exams, Rule};
    use crate::weights::newcomer_micros;

    fn exam(nr: u32, domain: &str, votes: &[(String, &str)]) -> Exam {
        let mut votes: Vec<(Name, Name)> =
            votes.iter().map(|(agent, label)| (agent.into(), Name::new(label))).collect();
        votes.sort();
        Exam {
            era: 0,
            known_at: nr.into(),
            domain: Name::new(domain),
            task: format!("t{nr}").into(),
            answer: Name::new("yes"),
            votes,
        }
    }

    /// A number below a hundred, drawn for a pair.
    fn drawn(a: u32, b: u32) -> u32 {
        let mut x = a.wrapping_mul(0x9e37_79b9) ^ b.wrapping_mul(0x85eb_ca6b);
        x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
        x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
        (x ^ (x >> 16)) % 100
    }

    /// Agents that are right so often, in percent, each by itself.
    fn crowd(nr: u32, domain: &str, right: &[u32]) -> Exam {
        let said = |(agent, right): (usize, &u32)| {
            let word = if drawn(nr, agent as u32) < *right { "yes" } else { "no" };
            (format!("a{agent:02}"), word)
        };
        exam(nr, domain, &right.iter().enumerate().map(said).collect::<Vec<_>>())
    }

    fn chosen(exams: Vec<Exam>) -> (Weights, BTreeMap<Option<Name>, (&'static str, Reason)>) {
        let mut all = Exams::default();
        all.enter(1, exams);
        let (weights, trials) = all.weights(Rule::Auto);
        let chosen = trials
            .into_iter()
            .filter_map(|trial| Some((trial.domain, (trial.rule, trial.chosen?))));
        (weights, chosen.collect())
    }

    #[test]
    fn few_answers_choose_nothing() {
        let exams = |count: u32| (0..count).map(|nr| crowd(nr, "d", &[90, 80, 60])).collect();
        let (weights, choices) = chosen(exams(LEAST as u32 - 1));
        assert!(choices.values().all(|choice| *choice == ("stacked", Reason::FewAnswers)));
        let mut plain = Exams::default();
        plain.enter(1, exams(LEAST as u32 - 1));
        assert_eq!(weights, plain.weights(Rule::Stacked).0);
        assert_eq!(chosen(Vec::new()), (Weights::default(), BTreeMap::new()));
    }

    #[test]
    fn a_domain_with_few_answers_does_as_all_do_together() {
        let of = |nr: u32| crowd(nr, if nr < 5 { "small" } else { "large" }, &[95, 90, 30, 40, 50]);
        let (_, choices) = chosen((0..400).map(of).collect());
        let of_all = choices[&None].0;
        assert_eq!(choices[&Some(Name::new("small"))], (of_all, Reason::FewAnswers));
    }

    #[test]
    fn many_independent_agents_of_which_some_are_good_are_not_left_to_the_majority() {
        let rights: Vec<u32> = (0..20).map(|nr| if nr < 4 { 90 } else { 45 }).collect();
        let (weights, choices) = chosen((0..300).map(|nr| crowd(nr, "d", &rights)).collect());
        assert_ne!(choices[&None].0, "majority");
        let of = |agent: &str| weights.of(&Name::new("d"), &Name::new(agent));
        assert!(of("a00") > 3 * of("a10").abs(), "{weights:?}");
    }

    #[test]
    fn where_records_say_nothing_the_rule_with_the_fewest_claims_does_best() {
        // Everybody is right as often as everybody else, and tasks are many times fewer than agents.
        let rights = [70; 60];
        let (weights, choices) = chosen((0..40).map(|nr| crowd(nr, "d", &rights)).collect());
        let said = choices[&None];
        assert!(said.1 != Reason::FewAnswers, "{said:?}");
        let least = weights.domains.values().min().copied().unwrap_or(0) + newcomer_micros();
        assert!(least > -newcomer_micros(), "{said:?}: {weights:?}");
    }

    #[test]
    fn a_choice_is_of_the_exams_whatever_their_order() {
        let exams: Vec<Exam> = (0..80).map(|nr| crowd(nr, "d", &[90, 70, 60, 30])).collect();
        let (mut one, mut other) = (Exams::default(), Exams::default());
        one.enter(1, exams.clone());
        exams.into_iter().rev().for_each(|exam| drop(other.enter(1, vec![exam])));
        assert_eq!(one.weights(Rule::Auto), other.weights(Rule::Auto));
    }
}
