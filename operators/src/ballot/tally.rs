//! From weighted votes to an answer.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use quorate_schemas::id::Name;

/// Sums of weight by label, kept by addition and subtraction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    sums: BTreeMap<Name, Sum>,
    total_micros: i64,
    votes: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    weight_micros: i64,
    votes: u32,
}

/// Who leads, and by how much.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Leader {
    pub(crate) answer: Option<Name>,
    pub(crate) support_micros: i64,
    pub(crate) runner_up_micros: i64,
    pub(crate) runner_up: Option<Name>,
    pub(crate) third_micros: i64,
}

impl Tally {
    pub(crate) fn add(&mut self, label: &Name, weight_micros: i64) {
        let sum = self.sums.entry(label.clone()).or_default();
        sum.weight_micros = sum.weight_micros.saturating_add(weight_micros);
        sum.votes += 1;
        self.total_micros = self.total_micros.saturating_add(weight_micros);
        self.votes += 1;
    }

    pub(crate) fn remove(&mut self, label: &Name, weight_micros: i64) {
        let Some(sum) = self.sums.get_mut(label) else { return };
        sum.weight_micros -= weight_micros;
        sum.votes -= 1;
        self.total_micros -= weight_micros;
        self.votes -= 1;
        if sum.votes == 0 {
            self.sums.remove(label);
        }
    }

    pub(crate) fn votes(&self) -> u32 {
        self.votes
    }

    pub(crate) fn total_micros(&self) -> i64 {
        self.total_micros
    }

    pub(crate) fn weight_of(&self, label: &Name) -> i64 {
        self.sums.get(label).map_or(0, |sum| sum.weight_micros)
    }

    /// How many labels were voted for.
    pub(crate) fn labels(&self) -> usize {
        self.sums.len()
    }

    /// The label with the greatest weight; of equals the smallest label.
    pub(crate) fn leader(&self) -> Leader {
        let mut leader = Leader::default();
        for (label, sum) in &self.sums {
            // Labels come in order, so only a strictly greater weight displaces an earlier one.
            let weight = sum.weight_micros;
            if leader.answer.is_none() || weight > leader.support_micros {
                leader.third_micros = leader.runner_up_micros;
                (leader.runner_up, leader.runner_up_micros) =
                    (leader.answer.take(), leader.support_micros);
                (leader.answer, leader.support_micros) = (Some(label.clone()), weight);
            } else if leader.runner_up.is_none() || weight > leader.runner_up_micros {
                leader.third_micros = leader.runner_up_micros;
                (leader.runner_up, leader.runner_up_micros) = (Some(label.clone()), weight);
            } else {
                leader.third_micros = leader.third_micros.max(weight);
            }
        }
        leader
    }

    /// The answer's share of the weight, in millionths.
    pub(crate) fn share_micros(&self, answer: &Name) -> i64 {
        let (part, whole) = (i128::from(self.weight_of(answer)), i128::from(self.total_micros));
        if whole == 0 { 0 } else { i64::try_from(part * 1_000_000 / whole).unwrap_or(0) }
    }

    /// The answer's posterior where weights are log-odds in nats and votes are independent given the answer:
    /// exp(w_answer) / Σ exp(w_label) over the labels voted for, in millionths.
    pub(crate) fn posterior_micros(&self, answer: &Name) -> i64 {
        let most = self.sums.values().map(|sum| sum.weight_micros).max().unwrap_or(0);
        let part = |weight_micros: i64| exp_of_minus(most.saturating_sub(weight_micros));
        let whole: u128 = self.sums.values().map(|sum| part(sum.weight_micros)).sum();
        let own = self.sums.get(answer).map_or(0, |sum| part(sum.weight_micros));
        (own * 1_000_000 + whole / 2).checked_div(whole).unwrap_or(0) as i64
    }
}

/// The unit in which [`exp_of_minus`] answers.
const EXP_UNIT: u128 = 1_000_000_000_000_000_000;

/// e^(−x) · 10^18, for x ≥ 0 in millionths: by integers, so that it is the same on every machine. The whole part by
/// multiplication with e^(−1), the rest by its series; within a few units of the last place.
fn exp_of_minus(micros: i64) -> u128 {
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
        let (first, second, third) =
            (self.support_micros, self.runner_up_micros, self.third_micros);
        if self.answer.as_ref() == Some(label) {
            let own = first - weight_micros;
            return match own.cmp(&second) {
                Ordering::Greater => Some(true),
                Ordering::Equal => None,
                Ordering::Less => (second != third).then_some(false),
            };
        }
        let rest = if self.runner_up.as_ref() == Some(label) {
            third.max(second - weight_micros)
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
    fn what_was_added_and_removed_leaves_no_trace() {
        let mut changed = tally(&[("a", 3), ("b", 2)]);
        changed.add(&Name::new("c"), 7);
        changed.remove(&Name::new("c"), 7);
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
                let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
                rest.iter().for_each(|(label, weight)| *sums.entry(label).or_default() += weight);
                let most = sums.values().copied().max().unwrap_or(0);
                let first: Vec<&str> = sums.iter().filter(|(_, sum)| **sum == most).map(|(l, _)| *l).collect();
                let expected = (most > 0 && first.len() == 1).then(|| first == [*own]);
                proptest::prop_assert_eq!(leader.others_agree(&Name::new(own), *weight), expected);
            }
        }
    }
}
