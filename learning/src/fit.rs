//! The most likely worth of voters, given questions with known answers: a conditional logit under a Gaussian prior.
//!
//! P(answer = k) ∝ exp(Σ θ_a over the voters a of k). The worth θ maximises
//!
//! ```text
//!   Σ_q w_q ln P(right answer of q) − λ/2 Σ_a (θ_a − m_a)²
//! ```
//!
//! (McFadden, "Conditional logit analysis of qualitative choice behavior", 1974, eq. 18, with a prior.) It is strictly
//! concave, so there is one maximum. Found by Newton's method, each step by conjugate gradients, so that no matrix is
//! ever held: *cost* of a round is a walk over all votes, and there are at most [`NEWTON`] · [`GRADIENTS`] of them.
//!
//! Two voters that always say the same share one worth between them, which is the point: agreement that is always
//! there is paid once.

use crate::elementary::{exp, ln};

const NEWTON: usize = 25;
const GRADIENTS: usize = 60;
/// A step is solved to this share of its gradient.
const SOLVED: f64 = 1e-3;
/// Steps smaller than this, in nats, change no weight.
const SETTLED: f64 = 1e-4;

/// Questions with known answers, and who said what: voters are numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Questions {
    weights: Vec<f64>,
    /// Of each question, where its answers end in `answers`.
    ends: Vec<u32>,
    /// Of each question, the place of its right answer; none where nobody gave it, which says nothing here.
    right: Vec<Option<u32>>,
    /// Of each answer, where its voters end in `voters`.
    answers: Vec<u32>,
    voters: Vec<u32>,
}

impl Questions {
    /// Adds a question of this weight, with the voters of each answer that was given.
    pub(crate) fn push<'a>(
        &mut self,
        weight: f64,
        answers: impl Iterator<Item = (&'a [u32], Answer)>,
    ) {
        let mut right = None;
        for (voters, answer) in answers {
            if answer == Answer::Right {
                right = Some(self.answers.len() as u32);
            }
            self.voters.extend_from_slice(voters);
            self.answers.push(self.voters.len() as u32);
        }
        self.right.push(right);
        self.ends.push(self.answers.len() as u32);
        self.weights.push(weight);
    }

    /// The voters of the answer at `at`.
    fn voters(&self, at: usize) -> &[u32] {
        let from = at.checked_sub(1).map_or(0, |before| self.answers[before]);
        &self.voters[from as usize..self.answers[at] as usize]
    }

    /// Weight, places of all answers, and the place of the right one, of the questions whose right answer was given.
    fn each(&self) -> impl Iterator<Item = (f64, std::ops::Range<usize>, usize)> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let places = starts.zip(&self.ends).map(|(from, to)| from as usize..*to as usize);
        let known = self.weights.iter().zip(places).zip(&self.right);
        known.filter_map(|((weight, places), right)| Some((*weight, places, (*right)? as usize)))
    }

    fn sum(&self, at: usize, of: &[f64]) -> f64 {
        self.voters(at).iter().map(|voter| of[*voter as usize]).sum()
    }

    fn add(&self, at: usize, what: f64, to: &mut [f64]) {
        self.voters(at).iter().for_each(|voter| to[*voter as usize] += what);
    }
}

/// Whether an answer is the known one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Right,
    Wrong,
}

/// Where the prior stands, and how firmly.
pub(crate) struct Prior<'a> {
    /// What each voter is worth without any question, in nats.
    pub(crate) mean: &'a [f64],
    /// λ: one over the variance around it.
    pub(crate) precision: f64,
}

/// The worth of each voter, in nats.
pub(crate) fn fit(questions: &Questions, prior: &Prior<'_>) -> Vec<f64> {
    let mut worth = prior.mean.to_vec();
    let mut here = Place::at(questions, prior, &worth);
    for _ in 0..NEWTON {
        let step = here.step(questions, prior);
        if step.iter().all(|by| by.abs() < SETTLED) {
            break;
        }
        let mut share = 1.0;
        // Far from the maximum a whole step may lead beyond it.
        let moved = loop {
            let there: Vec<f64> =
                worth.iter().zip(&step).map(|(from, by)| from + share * by).collect();
            let next = Place::at(questions, prior, &there);
            if next.value >= here.value {
                break Some((there, next));
            }
            share *= 0.5;
            if share < 1e-6 {
                break None;
            }
        };
        let Some((there, next)) = moved else { break };
        (worth, here) = (there, next);
    }
    worth
}

/// What is to be maximised, at one worth of all voters.
struct Place {
    value: f64,
    gradient: Vec<f64>,
    /// Of each answer, how likely it is the right one.
    likely: Vec<f64>,
}

impl Place {
    fn at(questions: &Questions, prior: &Prior<'_>, worth: &[f64]) -> Place {
        let off: Vec<f64> = worth.iter().zip(prior.mean).map(|(at, mean)| at - mean).collect();
        let mut value = -0.5 * prior.precision * dot(&off, &off);
        let mut gradient: Vec<f64> = off.iter().map(|off| -prior.precision * off).collect();
        let mut likely = vec![0.0; questions.answers.len()];
        for (weight, places, right) in questions.each() {
            let own = &mut likely[places.clone()];
            places
                .clone()
                .zip(own.iter_mut())
                .for_each(|(at, sum)| *sum = questions.sum(at, worth));
            let speaks = likely[right];
            let own = &mut likely[places.clone()];
            let most = own.iter().copied().fold(f64::MIN, f64::max);
            own.iter_mut().for_each(|sum| *sum = exp(*sum - most));
            let whole: f64 = own.iter().sum();
            own.iter_mut().for_each(|part| *part /= whole);
            value += weight * (speaks - most - ln(whole));
            for at in places {
                let hit = if at == right { 1.0 } else { 0.0 };
                questions.add(at, weight * (hit - likely[at]), &mut gradient);
            }
        }
        Place { value, gradient, likely }
    }

    /// How the gradient falls along `along`: the negative Hessian times it.
    fn curvature(&self, questions: &Questions, prior: &Prior<'_>, along: &[f64]) -> Vec<f64> {
        let mut curved: Vec<f64> = along.iter().map(|by| prior.precision * by).collect();
        let mut sums = Vec::new();
        for (weight, places, _) in questions.each() {
            sums.clear();
            sums.extend(places.clone().map(|at| questions.sum(at, along)));
            let likely = &self.likely[places.clone()];
            let mean = dot(likely, &sums);
            for (at, (likely, sum)) in places.zip(likely.iter().zip(&sums)) {
                questions.add(at, weight * likely * (sum - mean), &mut curved);
            }
        }
        curved
    }

    /// Newton's step, by conjugate gradients.
    fn step(&self, questions: &Questions, prior: &Prior<'_>) -> Vec<f64> {
        let mut step = vec![0.0; self.gradient.len()];
        let mut left = self.gradient.clone();
        let mut along = left.clone();
        let mut size = dot(&left, &left);
        let enough = size * SOLVED * SOLVED;
        for _ in 0..GRADIENTS {
            if size <= enough {
                break;
            }
            let curved = self.curvature(questions, prior, &along);
            let by = size / dot(&along, &curved);
            step.iter_mut().zip(&along).for_each(|(step, along)| *step += by * along);
            left.iter_mut().zip(&curved).for_each(|(left, curved)| *left -= by * curved);
            let before = std::mem::replace(&mut size, dot(&left, &left));
            let turn = size / before;
            along.iter_mut().zip(&left).for_each(|(along, left)| *along = left + turn * *along);
        }
        step
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn questions(rows: &[(Vec<Vec<u32>>, usize)]) -> Questions {
        let mut questions = Questions::default();
        for (answers, right) in rows {
            let of = |at: usize| if at == *right { Answer::Right } else { Answer::Wrong };
            let answers = answers.iter().enumerate();
            questions.push(1.0, answers.map(|(at, voters)| (voters.as_slice(), of(at))));
        }
        questions
    }

    #[test]
    fn one_voter_is_worth_the_log_odds_that_its_record_and_the_prior_give() {
        // Against an unpaid second voter: right nine of ten times. At the maximum 9 − 10p = λθ, p = 1/(1 + e^−θ).
        let rows: Vec<(Vec<Vec<u32>>, usize)> =
            (0..10).map(|nr| (vec![vec![0], vec![]], usize::from(nr == 0))).collect();
        let worth = fit(&questions(&rows), &Prior { mean: &[0.0], precision: 0.5 })[0];
        let p = 1.0 / (1.0 + (-worth).exp());
        assert!((9.0 - 10.0 * p - 0.5 * worth).abs() < 1e-3, "{worth}");
    }

    #[test]
    fn clones_share_what_one_of_them_alone_would_be_worth() {
        let of = |clones: u32| {
            let voters: Vec<u32> = (0..clones).collect();
            let rows: Vec<(Vec<Vec<u32>>, usize)> = (0..40)
                .map(|nr| (vec![voters.clone(), vec![clones]], usize::from(nr % 4 == 0)))
                .collect();
            let mean = vec![0.0; clones as usize + 1];
            fit(&questions(&rows), &Prior { mean: &mean, precision: 0.1 })
        };
        let (one, ten) = (of(1), of(10));
        assert!(ten[..10].iter().all(|worth| (worth - ten[0]).abs() < 1e-3));
        // Over the one that says the contrary, three of four times wrongly.
        let (one, ten) = (one[0] - one[1], ten[..10].iter().sum::<f64>() - ten[10]);
        assert!((one - 3f64.ln()).abs() < 0.1 && (ten - one).abs() < 0.1 * one, "{one} and {ten}");
    }

    #[test]
    fn without_a_question_or_with_none_whose_answer_was_given_all_are_worth_what_they_were() {
        let mean = [0.25, -1.0, 3.0];
        let prior = Prior { mean: &mean, precision: 7.0 };
        assert_eq!(fit(&Questions::default(), &prior), mean);
        assert_eq!(fit(&questions(&[(vec![vec![0, 1], vec![2]], 9)]), &prior), mean);
    }

    proptest! {
        /// At a maximum of what is concave nothing is to be gained in any direction.
        #[test]
        fn no_voter_could_be_worth_anything_better(
            rows in proptest::collection::vec((proptest::collection::vec(0..4usize, 6), 0..4usize), 1..30),
            mean in proptest::collection::vec(-2.0..2.0f64, 6),
            precision in 0.2..20.0f64,
        ) {
            let row = |(votes, right): &(Vec<usize>, usize)| {
                let voters = |answer| (0..6).filter(|voter| votes[*voter as usize] == answer).collect();
                ((0..4).map(voters).collect::<Vec<Vec<u32>>>(), *right)
            };
            let questions = questions(&rows.iter().map(row).collect::<Vec<_>>());
            let prior = Prior { mean: &mean, precision };
            let worth = fit(&questions, &prior);
            let place = Place::at(&questions, &prior, &worth);
            prop_assert!(place.gradient.iter().all(|slope| slope.abs() < 1e-2), "{:?}", place.gradient);
            for voter in 0..6 {
                for by in [-0.1, 0.1] {
                    let mut other = worth.clone();
                    other[voter] += by;
                    prop_assert!(Place::at(&questions, &prior, &other).value < place.value);
                }
            }
        }
    }
}
