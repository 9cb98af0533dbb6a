//! From weighted votes to an answer.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use quorate_schemas::id::Name;

use crate::weights::ONE;

/// Sums of weight by label, kept by addition and subtraction: exact, so that what is taken off leaves no trace.
///
/// Weights may be negative: of agents that are reliably wrong. What speaks in all is then what speaks for and against.
///
/// Votes that all weigh nothing still say something: then the number of votes ranks the labels. It makes an answer and
/// its confidence, never weight: support and total stay nothing, which exceeds no quorum.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    sums: BTreeMap<Name, Sum>,
    total_micros: i128,
    votes: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    weight_micros: i128,
    votes: u32,
}

/// Who leads, and what speaks for each: weight, or one a vote where no vote weighs anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Leader {
    pub(crate) answer: Option<Name>,
    pub(crate) runner_up: Option<Name>,
    first: i128,
    second: i128,
    third: i128,
    by_number: bool,
}

impl Tally {
    pub(crate) fn add(&mut self, label: &Name, weight_micros: impl Into<i128>) {
        let weight_micros = weight_micros.into();
        // Most votes are for labels that others have voted for.
        let sum = match self.sums.get_mut(label) {
            Some(sum) => sum,
            None => self.sums.entry(label.clone()).or_default(),
        };
        sum.weight_micros += weight_micros;
        sum.votes += 1;
        self.total_micros += weight_micros.abs();
        self.votes += 1;
    }

    pub(crate) fn remove(&mut self, label: &Name, weight_micros: impl Into<i128>) {
        let weight_micros = weight_micros.into();
        let Some(sum) = self.sums.get_mut(label) else { return };
        sum.weight_micros -= weight_micros;
        sum.votes -= 1;
        self.total_micros -= weight_micros.abs();
        self.votes -= 1;
        if sum.votes == 0 {
            self.sums.remove(label);
        }
    }

    pub(crate) fn votes(&self) -> u32 {
        self.votes
    }

    pub(crate) fn total_micros(&self) -> i128 {
        self.total_micros
    }

    pub(crate) fn weight_of(&self, label: &Name) -> i128 {
        self.sums.get(label).map_or(0, |sum| sum.weight_micros)
    }

    /// The greatest weight of a label.
    pub(crate) fn most_micros(&self) -> i128 {
        self.sums.values().map(|sum| sum.weight_micros).max().unwrap_or(0)
    }

    /// How many labels were voted for.
    pub(crate) fn labels(&self) -> usize {
        self.sums.len()
    }

    fn by_number(&self) -> bool {
        self.total_micros == 0
    }

    fn speaks(&self, sum: Sum) -> i128 {
        if self.by_number() { i128::from(sum.votes) * i128::from(ONE) } else { sum.weight_micros }
    }

    /// The label for which most speaks; of equals the smallest.
    pub(crate) fn leader(&self) -> Leader {
        let mut leader = Leader { by_number: self.by_number(), ..Leader::default() };
        for (label, sum) in &self.sums {
            // Labels come in order, so only a strictly greater weight displaces an earlier one.
            let weight = self.speaks(*sum);
            if leader.answer.is_none() || weight > leader.first {
                leader.third = leader.second;
                (leader.runner_up, leader.second) = (leader.answer.take(), leader.first);
                (leader.answer, leader.first) = (Some(label.clone()), weight);
            } else if leader.runner_up.is_none() || weight > leader.second {
                leader.third = leader.second;
                (leader.runner_up, leader.second) = (Some(label.clone()), weight);
            } else {
                leader.third = leader.third.max(weight);
            }
        }
        leader
    }

    /// The answer's share of all that speaks, in millionths.
    pub(crate) fn share_micros(&self, answer: &Name) -> i64 {
        let part = self.sums.get(answer).map_or(0, |sum| self.speaks(*sum));
        let whole = if self.by_number() {
            i128::from(self.votes) * i128::from(ONE)
        } else {
            self.total_micros
        };
        if whole == 0 { 0 } else { i64::try_from(part.max(0) * 1_000_000 / whole).unwrap_or(0) }
    }

    /// The answer's posterior where weights are log-odds in nats and votes are independent given the answer:
    /// exp(w_answer) / Σ exp(w_label) over the labels voted for, in millionths.
    pub(crate) fn posterior_micros(&self, answer: &Name) -> i64 {
        let most = self.sums.values().map(|sum| self.speaks(*sum)).max().unwrap_or(0);
        let part = |sum: &Sum| exp_of_minus(most - self.speaks(*sum));
        let whole: u128 = self.sums.values().map(part).sum();
        let own = self.sums.get(answer).map_or(0, part);
        (own * 1_000_000 + whole / 2).checked_div(whole).unwrap_or(0) as i64
    }
}

/// A sum of weights as rows have it.
pub(crate) fn micros(sum: i128) -> i64 {
    i64::try_from(sum).unwrap_or(i64::MAX)
}

/// The unit in which [`exp_of_minus`] answers.
const EXP_UNIT: u128 = 1_000_000_000_000_000_000;

/// e^(−x) · 10^18, for x ≥ 0 in millionths: by integers, so that it is the same on every machine. The whole part by
/// multiplication with e^(−1), the rest by its series; within a few units of the last place.
fn exp_of_minus(micros: i128) -> u128 {
    const E_OF_MINUS_ONE: u128 = 367_879_441_171_442_322;
    let micros = u128::try_from(micros).unwrap_or(0);
    let (whole, rest) = (micros / 1_000_000, micros % 1_000_000);
    if whole > 42 {
        return 0;
    }
    let (mut term, mut sum, mut taken) = (EXP_UNIT, 0, 0);
    for place in 1..=24 {
        // Terms alternate and shrink, so the sum never falls below what is taken off it.
        if place % 2 == 1 {
            sum += term
        } else {
            taken += term
        }
        term = term * rest / (1_000_000 * place);
    }
    (0..whole).fold(sum - taken, |value, _| value * E_OF_MINUS_ONE / EXP_UNIT)
}

impl Leader {
    /// Whether the others' strict leader is `label`, once a vote of `weight_micros` for `label` is left out; `None`
    /// where the others have none: a tie among them says nothing.
    pub(crate) fn others_agree(&self, label: &Name, weight_micros: i64) -> Option<bool> {
        let (first, second, third) = (self.first, self.second, self.third);
        let left_out = i128::from(if self.by_number { ONE } else { weight_micros });
        if self.answer.as_ref() == Some(label) {
            let own = first - left_out;
            return match own.cmp(&second) {
                Ordering::Greater => Some(true),
                Ordering::Equal => None,
                Ordering::Less => (second != third).then_some(false),
            };
        }
        let rest = if self.runner_up.as_ref() == Some(label) {
            third.max(second - left_out)
        } else {
            second
        };
        (rest != first).then_some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(votes: &[(&str, i64)]) -> Tally {
        let mut tally = Tally::default();
        votes.iter().for_each(|(label, weight)| tally.add(&Name::new(label), *weight));
        tally
    }

    #[test]
    fn ties_go_to_the_smallest_label() {
        let leader = tally(&[("b", 2), ("a", 1), ("a", 1), ("c", 2)]).leader();
        assert_eq!(leader.answer.as_deref(), Some("a"));
        assert_eq!(leader.runner_up.as_deref(), Some("b"));
    }

    #[test]
    fn where_nothing_weighs_anything_the_number_of_votes_leads_and_nothing_stands_behind_it() {
        let tally = tally(&[("a", 0), ("b", 0), ("b", 0)]);
        let leader = tally.leader();
        assert_eq!((leader.answer.as_deref(), leader.runner_up.as_deref()), (Some("b"), Some("a")));
        assert_eq!((tally.most_micros(), tally.total_micros()), (0, 0));
        assert_eq!(tally.share_micros(&Name::new("b")), 666_666);
        assert_eq!(tally.posterior_micros(&Name::new("b")), 731_059);
    }

    #[test]
    fn what_was_added_and_removed_leaves_no_trace() {
        let mut changed = tally(&[("a", 3), ("b", 2)]);
        for weight in [7, i64::MAX, i64::MAX] {
            changed.add(&Name::new("c"), weight);
        }
        for weight in [i64::MAX, 7, i64::MAX] {
            changed.remove(&Name::new("c"), weight);
        }
        assert_eq!(changed, tally(&[("a", 3), ("b", 2)]));
    }

    #[test]
    fn a_posterior_is_that_of_independent_votes() {
        let check = |weights: &[(&str, i64)], answer: &str| {
            let exp = |weight: &i64| (*weight as f64 / 1e6).exp();
            let total: f64 = weights.iter().map(|(_, weight)| exp(weight)).sum();
            let own = weights
                .iter()
                .find(|(label, _)| *label == answer)
                .map_or(0.0, |(_, weight)| exp(weight));
            let expected = (1e6 * (own / total)).round() as i64;
            assert_eq!(
                tally(weights).posterior_micros(&Name::new(answer)),
                expected,
                "{weights:?} {answer}"
            );
        };
        check(&[("a", 500_000)], "a");
        check(&[("a", 500_000)], "b");
        for quanta in 0..300 {
            check(&[("a", 62_500 * quanta), ("b", 1_000_000), ("c", 0)], "a");
            check(&[("a", 62_500 * quanta), ("b", 1_000_000), ("c", 0)], "b");
        }
        check(&[("a", 700_000_000), ("b", 699_000_000)], "a");
        check(&[("a", 700_000_000), ("b", 699_000_000)], "c");
        check(&[], "a");
    }

    #[test]
    fn leaving_a_vote_out_follows_the_vectors_of_the_rule() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/weights.json")).unwrap();
        let cases = vectors["leave_one_out"].as_array().unwrap();
        assert!(!cases.is_empty());
        for case in cases {
            let support = case["support"].as_object().unwrap();
            let support: Vec<(&str, i64)> =
                support.iter().map(|(l, w)| (l.as_str(), w.as_i64().unwrap())).collect();
            let label = Name::new(case["label"].as_str().unwrap());
            let agrees =
                tally(&support).leader().others_agree(&label, case["own"].as_i64().unwrap());
            assert_eq!(agrees, case["others_agree"].as_bool(), "{case}");
        }
    }

    #[test]
    fn the_exponential_is_that_of_the_library_to_nine_digits() {
        for micros in [0, 1, 62_500, 500_000, 999_999, 1_000_000, 3_141_593, 17_000_001, 42_999_999]
        {
            let expected = (-(micros as f64) / 1e6).exp();
            let got = exp_of_minus(micros) as f64 / EXP_UNIT as f64;
            assert!(
                (got - expected).abs() <= 1e-9 * expected + 1e-17,
                "{micros}: {got} and {expected}"
            );
        }
        assert_eq!(exp_of_minus(43_000_000), 0);
    }

    proptest::proptest! {
        #[test]
        fn what_the_others_say_is_what_a_tally_without_the_vote_says(
            votes in proptest::collection::vec(("[a-d]", 0..4i64), 1..8),
        ) {
            let votes: Vec<(&str, i64)> = votes.iter().map(|(l, w)| (l.as_str(), *w)).collect();
            let leader = tally(&votes).leader();
            for (at, (own, weight)) in votes.iter().enumerate() {
                let mut rest = votes.clone();
                rest.remove(at);
                // Where nothing weighs anything, each counts one.
                let weightless = votes.iter().all(|(_, weight)| *weight == 0);
                let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
                let speaks = |weight: &i64| if weightless { 1 } else { *weight };
                rest.iter().for_each(|(label, weight)| *sums.entry(label).or_default() += speaks(weight));
                let most = sums.values().copied().max().unwrap_or(0);
                let first: Vec<&str> = sums.iter().filter(|(_, sum)| **sum == most).map(|(l, _)| *l).collect();
                let expected = (most > 0 && first.len() == 1).then(|| first == [*own]);
                proptest::prop_assert_eq!(leader.others_agree(&Name::new(own), *weight), expected);
            }
        }
    }
}
