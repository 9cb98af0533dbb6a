//! `stacked`: what each agent's vote adds, beside the votes of the others.
//!
//! Weights by an agent's own record pay ten clones ten times. Here all are fitted together on the tasks whose answer is
//! known (a conditional logit), so that what is always said together is paid once, and who is reliably wrong counts
//! against what it says. The prior stands at a share of each agent's own log-odds, which is right where voters are few and
//! independent, and gives way where gold shows that they are not. Each domain is fitted by its own exams, around what all
//! domains together say, if that has proven to tell who is right in it, and else around each agent's record in it.
//!
//! 1. Weights are a function of the exams alone, in any order: of no earlier weight, nor of when a fit was made.
//! 2. An exam of an era counts 31/32 of one of the era after, and after [`MAX_ERAS`] of them nothing.
//! 3. A newcomer's weight is fixed, and low: [`newcomer_micros`].
//!
//! *State*: exams of [`MAX_ERAS`], at most [`MAX_VOTES`] votes of them; the oldest go first. *Cost* of
//! weights: some hundred walks over all votes.

use std::collections::{BTreeMap, VecDeque};

use quorate_schemas::id::Name;
use quorate_schemas::retained::Exam;

use crate::elementary::ln;
use crate::fit::{Answer, Prior, Questions, fit};

/// The prior's mean, as a share of an agent's log-odds. With [`PRECISION`] chosen once for all panels that we know
/// (`bench/RESULTS.md`).
const SHARE: f64 = 0.55;
/// How firmly the prior stands: as firmly as some thirty tasks on which a vote tips the scales.
const PRECISION: f64 = 7.0;
/// Imaginary tasks of a newcomer, and on how many of them it was right.
const PRIOR_SEEN: f64 = 4.0;
const PRIOR_RIGHT: f64 = 2.5;
/// The step of a weight, a sixty-fourth of a nat, in millionths: clones share a worth, so steps must be small.
const QUANTUM_MICROS: i64 = 15_625;
/// No vote counts more than these steps, for or against: four nats.
const MOST_STEPS: f64 = 256.0;
/// Less of an exam than this is what rounding leaves of none.
const SOMETHING: f64 = 1e-6;
/// One era of decay: a half-life of 22 eras.
const DECAY: f64 = 31.0 / 32.0;
/// So many different wrong answers and more are not told apart.
const OPTIONS_MAX: f64 = 32.0;
/// An exam counts for so many eras: in the last of them a fiftieth of what it did in the first.
pub const MAX_ERAS: i64 = 128;
/// Votes of exams that are kept.
pub const MAX_VOTES: usize = 1 << 20;
/// Votes that one exam may hold.
pub const MAX_VOTES_OF_EXAM: usize = 1 << 16;

/// What a vote of an agent without gold counts: a share of the log-odds of its imaginary tasks, ln(5/3), in whole
/// steps.
pub fn newcomer_micros() -> i64 {
    18 * QUANTUM_MICROS
}

/// The exams that weights rest on, oldest first, and of an era in order of names: neither arrival nor a secret decides.
#[derive(Clone, Debug, Default)]
pub struct Exams {
    exams: VecDeque<Exam>,
    votes: usize,
}

impl Exams {
    /// Takes exams of eras before `era`, which begins, in any order; those that have to go.
    pub fn enter(&mut self, era: i64, exams: Vec<Exam>) -> Vec<Exam> {
        self.votes += exams.iter().map(|exam| exam.votes.len()).sum::<usize>();
        self.exams.extend(exams);
        self.exams.make_contiguous().sort();
        let mut gone = Vec::new();
        let mut votes = self.votes;
        while let Some(oldest) = self
            .exams
            .pop_front_if(|oldest| votes > MAX_VOTES || oldest.era < era.saturating_sub(MAX_ERAS))
        {
            votes -= oldest.votes.len();
            gone.push(oldest);
        }
        self.votes = votes;
        gone
    }

    /// What a vote of each agent that sat an exam counts.
    pub fn weights(&self) -> Weights {
        let mut weights = Weights::default();
        let Some(newest) = self.exams.back().map(|exam| exam.era) else { return weights };
        let (mut era, mut factor) = (newest, 1.0);
        let mut domains: BTreeMap<&Name, Vec<(&Exam, f64)>> = BTreeMap::new();
        let mut all = Vec::with_capacity(self.exams.len());
        for exam in self.exams.iter().rev() {
            while era > exam.era {
                (era, factor) = (era - 1, factor * DECAY);
            }
            all.push((exam, factor));
            domains.entry(&exam.domain).or_default().push((exam, factor));
        }
        let all = Sitting::of(&all);
        let whole = all.worth(&all.log_odds());
        let here = domains.into_iter().map(|(domain, exams)| (domain, Sitting::of(&exams)));
        let here: Vec<(&Name, Sitting<'_>, bool)> = here
            .map(|(domain, here)| {
                let predicted = all.predicts(&here);
                (domain, here, predicted)
            })
            .collect();
        // What all say together holds where nothing is known only if it has held wherever something is.
        if here.len() > 1 && here.iter().all(|(_, _, predicted)| *predicted) {
            weights.everywhere =
                whole.iter().map(|(agent, worth)| ((*agent).clone(), micros(*worth))).collect();
        }
        for (domain, here, predicted) in &here {
            let own = here.log_odds();
            let mean = here.agents.iter().map(|(agent, nr)| match whole.get(agent) {
                Some(worth) if *predicted => *worth,
                _ => own[*nr as usize],
            });
            for (agent, worth) in here.worth(&mean.collect::<Vec<f64>>()) {
                let more = micros(worth) - weights.everywhere_of(agent);
                if more != 0 {
                    weights.domains.insert(((*domain).clone(), agent.clone()), more);
                }
            }
        }
        weights
    }
}

/// What votes count, in millionths of a nat: of each agent that sat an exam.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weights {
    /// In a domain of which nothing is known; nothing where what is known of others does not tell.
    pub everywhere: BTreeMap<Name, i64>,
    /// By domain and agent: how much more than everywhere, or less, where that is so.
    pub domains: BTreeMap<(Name, Name), i64>,
}

impl Weights {
    fn everywhere_of(&self, agent: &Name) -> i64 {
        self.everywhere.get(agent).copied().unwrap_or_else(newcomer_micros)
    }

    /// What a vote of `agent` counts in `domain`.
    pub fn of(&self, domain: &Name, agent: &Name) -> i64 {
        self.everywhere_of(agent)
            + self.domains.get(&(domain.clone(), agent.clone())).copied().unwrap_or(0)
    }
}

/// To the nearest step.
fn micros(worth: f64) -> i64 {
    let steps = (worth * 1e6 / QUANTUM_MICROS as f64).clamp(-MOST_STEPS, MOST_STEPS);
    (if steps < 0.0 { steps - 0.5 } else { steps + 0.5 }) as i64 * QUANTUM_MICROS
}

/// Exams, each with how much it counts, and those who sat them, numbered by their names.
struct Sitting<'a> {
    agents: BTreeMap<&'a Name, u32>,
    questions: Questions,
    seen: Vec<f64>,
    right: Vec<f64>,
    /// Wrong votes on tasks with several of them, and how many of the others they met on the same answer.
    wrong: f64,
    met: f64,
}

impl<'a> Sitting<'a> {
    fn of(exams: &[(&'a Exam, f64)]) -> Sitting<'a> {
        let sat = exams.iter().flat_map(|(exam, _)| &exam.votes);
        let mut agents: BTreeMap<&Name, u32> = sat.map(|(agent, _)| (agent, 0)).collect();
        (0..).zip(agents.values_mut()).for_each(|(next, number)| *number = next);
        let (seen, right) = (vec![0.0; agents.len()], vec![0.0; agents.len()]);
        let questions = Questions::default();
        let mut sitting = Sitting { agents, questions, seen, right, wrong: 0.0, met: 0.0 };
        exams.iter().for_each(|(exam, weight)| sitting.take(exam, *weight));
        sitting
    }

    fn take(&mut self, exam: &Exam, weight: f64) {
        let mut answers: BTreeMap<&Name, Vec<u32>> = BTreeMap::new();
        for (agent, label) in &exam.votes {
            answers.entry(label).or_default().extend(self.agents.get(agent));
        }
        let (mut wrong, mut pairs) = (0.0, 0.0);
        for (label, voters) in &answers {
            let right = **label == exam.answer;
            for voter in voters {
                self.seen[*voter as usize] += weight;
                self.right[*voter as usize] += if right { weight } else { 0.0 };
            }
            if !right {
                let count = voters.len() as f64;
                wrong += count;
                pairs += count * (count - 1.0);
            }
        }
        if wrong > 1.0 {
            self.wrong += weight * wrong;
            self.met += weight * pairs / (wrong - 1.0);
        }
        let answer =
            |label: &Name| if *label == exam.answer { Answer::Right } else { Answer::Wrong };
        let answers = answers.iter().map(|(label, voters)| (voters.as_slice(), answer(label)));
        self.questions.push(weight, answers);
    }

    /// How many options a task has in effect: one, and as many as it takes that two wrong votes meet as seldom as they
    /// do.
    fn options(&self) -> f64 {
        (1.0 + (self.wrong + 2.0) / (self.met + 2.0)).clamp(2.0, OPTIONS_MAX)
    }

    /// Whether those who are right more often outside of `here`, a part of these exams, are so in it: the covariance of
    /// the rates over those who are known in both, weighted by what was seen here, is positive.
    fn predicts(&self, here: &Sitting<'_>) -> bool {
        let (mut seen, mut right, mut rates, mut both) = (0.0, 0.0, 0.0, 0.0);
        for (agent, nr) in &here.agents {
            let Some(of_all) = self.agents.get(agent) else { continue };
            let (own, all) = (*nr as usize, *of_all as usize);
            let outside = self.seen[all] - here.seen[own];
            if outside > SOMETHING {
                let rate = (self.right[all] - here.right[own]) / outside;
                seen += here.seen[own];
                right += here.right[own];
                rates += here.seen[own] * rate;
                both += here.right[own] * rate;
            }
        }
        both * seen > right * rates
    }

    /// [`SHARE`] of the log-odds of each by its own record.
    fn log_odds(&self) -> Vec<f64> {
        let chance = 1.0 / self.options();
        let own = self.seen.iter().zip(&self.right).map(|(seen, right)| {
            let (seen, right) = (seen + PRIOR_SEEN, right + PRIOR_RIGHT);
            SHARE * ln(right * (1.0 - chance) / ((seen - right) * chance))
        });
        own.collect()
    }

    /// What each is worth beside the others, where it is worth its `mean` by itself.
    fn worth(&self, mean: &[f64]) -> BTreeMap<&'a Name, f64> {
        let worth = fit(&self.questions, &Prior { mean, precision: PRECISION });
        self.agents.keys().copied().zip(worth).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exam(nr: i64, answer: &str, votes: &[(&str, &str)]) -> Exam {
        let votes =
            votes.iter().map(|(agent, label)| (Name::new(agent), Name::new(label))).collect();
        Exam {
            era: nr / 10,
            known_at: nr,
            domain: Name::new("d"),
            task: format!("t{nr}").into(),
            answer: Name::new(answer),
            votes,
        }
    }

    /// A good agent, one that is right as often as not, ten that say what this one says, and one that is wrong.
    fn exams() -> Vec<Exam> {
        let clones: Vec<String> = (0..10).map(|nr| format!("clone-{nr}")).collect();
        let exam = |nr: i64| {
            let of = |right: bool| if right { "yes" } else { "no" };
            let (good, coin) = (of(nr % 10 != 3), of(nr % 2 == 0));
            let mut votes = vec![("bad", of(nr % 10 == 7)), ("coin", coin), ("good", good)];
            votes.extend(clones.iter().map(|clone| (clone.as_str(), coin)));
            exam(nr, "yes", &votes)
        };
        (0..60).map(exam).collect()
    }

    #[test]
    fn a_crowd_of_clones_weighs_what_one_of_them_does_and_who_is_wrong_weighs_against_itself() {
        let mut all = Exams::default();
        assert_eq!(all.enter(6, exams()), vec![]);
        let weights = all.weights();
        assert_eq!((weights.everywhere.len(), weights.domains.len()), (0, 13));
        let of = |agent: &str| weights.of(&Name::new("d"), &Name::new(agent));
        let clones: i64 = (0..10).map(|nr| of(&format!("clone-{nr}"))).sum();
        assert!(of("good") > 1_000_000 && of("bad") < -1_000_000, "{weights:?}");
        assert!(clones + of("coin") < of("good") / 2, "{weights:?}");
    }

    #[test]
    fn weights_are_of_the_exams_whatever_their_order_and_however_they_came() {
        let (mut at_once, mut one_by_one) = (Exams::default(), Exams::default());
        at_once.enter(6, exams());
        for exam in exams().into_iter().rev() {
            assert_eq!(one_by_one.enter(6, vec![exam]), []);
        }
        assert_eq!(at_once.weights(), one_by_one.weights());
    }

    #[test]
    fn what_is_long_ago_weighs_less_than_what_was_lately() {
        let at = |era: i64, answer: &str| Exam {
            era,
            ..exam(era, answer, &[("a", "yes"), ("b", "no")])
        };
        let mut all = Exams::default();
        all.enter(30, (0..30).map(|era| at(era, if era < 15 { "yes" } else { "no" })).collect());
        let weights = all.weights();
        let of = |agent: &str| weights.of(&Name::new("d"), &Name::new(agent));
        assert!(of("b") > of("a"), "{weights:?}");
    }

    #[test]
    fn the_oldest_exams_go_when_there_are_too_many_votes() {
        let big = |nr: i64| {
            let votes = (0..MAX_VOTES / 4).map(|nr| (format!("a{nr}").into(), Name::new("yes")));
            Exam { votes: votes.collect(), ..exam(nr, "yes", &[]) }
        };
        let mut all = Exams::default();
        assert_eq!(all.enter(1, (1..5).map(big).collect()), []);
        let gone = all.enter(1, vec![exam(0, "yes", &[("a", "yes")]), big(5)]);
        assert_eq!(gone.iter().map(|exam| exam.task.as_str()).collect::<Vec<_>>(), ["t0", "t1"]);
    }

    #[test]
    fn who_is_good_in_one_domain_and_bad_in_another_is_weighed_in_each() {
        let of = |domain: &str, nr: i64| {
            let said = if domain == "primes" { ["yes", "no"] } else { ["no", "yes"] };
            let votes = [("a", said[0]), ("b", said[1]), ("both", "yes")];
            Exam { domain: Name::new(domain), ..exam(nr, "yes", &votes) }
        };
        let mut all = Exams::default();
        all.enter(
            6,
            (0..60).map(|nr| of(if nr % 2 == 0 { "primes" } else { "squares" }, nr)).collect(),
        );
        let weights = all.weights();
        let in_domain =
            |domain: &str, agent: &str| weights.of(&Name::new(domain), &Name::new(agent));
        assert!(
            in_domain("primes", "a") > 500_000 && in_domain("squares", "a") < -500_000,
            "{weights:?}"
        );
        assert!(
            in_domain("primes", "b") < -500_000 && in_domain("squares", "b") > 500_000,
            "{weights:?}"
        );
        // One domain says the contrary of the other, so neither says anything of a third.
        assert_eq!(in_domain("cubes", "a"), newcomer_micros());
        assert_eq!(in_domain("primes", "nobody"), newcomer_micros());
    }

    #[test]
    fn what_has_held_in_all_domains_is_taken_to_hold_in_the_next() {
        let of = |domain: &str, nr: i64| {
            let said = |share: i64| if nr / 2 % 10 < share { "yes" } else { "no" };
            let votes = [("bad", said(2)), ("fair", said(6)), ("good", said(9))];
            Exam { domain: Name::new(domain), ..exam(nr, "yes", &votes) }
        };
        let mut all = Exams::default();
        all.enter(
            6,
            (0..60).map(|nr| of(if nr % 2 == 0 { "primes" } else { "squares" }, nr)).collect(),
        );
        let weights = all.weights();
        let cubes = |agent: &str| weights.of(&Name::new("cubes"), &Name::new(agent));
        assert!(cubes("good") > cubes("fair") && cubes("fair") > cubes("bad"), "{weights:?}");
        assert!(cubes("good") > newcomer_micros() && cubes("bad") < 0, "{weights:?}");
    }

    #[test]
    fn no_exam_counts_for_ever() {
        let mut all = Exams::default();
        all.enter(6, exams());
        assert_eq!(all.enter(MAX_ERAS, vec![]), []);
        assert_eq!(all.enter(MAX_ERAS + 1, vec![]).len(), 10);
        assert_eq!(all.enter(2 * MAX_ERAS, vec![]).len(), 50);
        assert_eq!(all.weights(), Weights::default());
    }

    #[test]
    fn without_exams_nobody_weighs_anything_else_than_a_newcomer() {
        assert_eq!(Exams::default().weights(), Weights::default());
        let expected = SHARE * (PRIOR_RIGHT / (PRIOR_SEEN - PRIOR_RIGHT)).ln() * 1e6;
        assert!((newcomer_micros() as f64 - expected).abs() <= QUANTUM_MICROS as f64 / 2.0);
    }
}
