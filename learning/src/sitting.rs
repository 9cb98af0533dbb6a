//! Who was how often right on some exams, and how they err together.

use std::collections::BTreeMap;

use quorate_schemas::id::Name;
use quorate_schemas::retained::Exam;

use crate::elementary::ln;
use crate::exams::Weighed;
use crate::fit::{Answer, Prior, Questions, fit};

/// Imaginary tasks of a newcomer, and on how many of them it was right.
pub(crate) const PRIOR_SEEN: f64 = 4.0;
pub(crate) const PRIOR_RIGHT: f64 = 2.5;
/// Less of an exam than this is what rounding leaves of none.
const SOMETHING: f64 = 1e-6;
/// So many different wrong answers and more are not told apart.
const OPTIONS_MAX: f64 = 32.0;

/// Exams, each with how much it counts, and those who sat them, numbered by their names.
pub(crate) struct Sitting<'a> {
    pub(crate) agents: BTreeMap<&'a Name, u32>,
    questions: Questions,
    seen: Vec<f64>,
    right: Vec<f64>,
    /// Wrong votes on tasks with several of them, and how many of the others they met on the same answer.
    wrong: f64,
    met: f64,
}

impl<'a> Sitting<'a> {
    pub(crate) fn of(exams: &[Weighed<'a>]) -> Sitting<'a> {
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
    pub(crate) fn predicts(&self, here: &Sitting<'_>) -> bool {
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

    /// So much of the log-odds of each by its own record.
    pub(crate) fn log_odds(&self, share: f64) -> Vec<f64> {
        let chance = 1.0 / self.options();
        let own = self.seen.iter().zip(&self.right).map(|(seen, right)| {
            let (seen, right) = (seen + PRIOR_SEEN, right + PRIOR_RIGHT);
            share * ln(right * (1.0 - chance) / ((seen - right) * chance))
        });
        own.collect()
    }

    /// What each is worth beside the others, where it is worth its `mean` by itself, as firmly as `precision` says.
    pub(crate) fn worth(&self, mean: &[f64], precision: f64) -> Vec<f64> {
        fit(&self.questions, &Prior { mean, precision })
    }
}
