//! From the votes that stood to what the decision says.

use std::collections::BTreeMap;

use quorate_schemas::id::Name;
use quorate_schemas::ratio::Ratio;

use crate::rows::{Status, Vote, micros};

/// What votes amount to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Labels with their weight in millionths: the heaviest first, of equals the smallest; where no vote weighs
    /// anything, by their numbers of votes.
    pub(crate) ranked: Vec<(Name, i128)>,
    /// How many votes each label has.
    pub(crate) numbers: BTreeMap<Name, i64>,
    /// What speaks for and against, whatever it is for.
    pub(crate) total_micros: i128,
    pub(crate) votes: i64,
    pub(crate) abstentions: i64,
    pub(crate) excluded: i64,
}

/// What a vote says where none weighs anything.
const ONE_MICROS: i128 = 1_000_000;

impl Outcome {
    /// The outcome of one vote of each agent. A weight that is no number of millionths counts nothing.
    pub(crate) fn of<'a>(votes: impl IntoIterator<Item = &'a Vote>) -> Outcome {
        let mut outcome = Outcome::default();
        let mut sums: BTreeMap<Name, i128> = BTreeMap::new();
        for vote in votes {
            match (vote.status, &vote.label) {
                (Status::Counted, Some(label)) => {
                    let weight = i128::from(micros(vote.weight).unwrap_or(0));
                    *sums.entry(label.clone()).or_default() += weight;
                    *outcome.numbers.entry(label.clone()).or_default() += 1;
                    outcome.total_micros += weight.abs();
                    outcome.votes += 1;
                }
                (Status::Quarantined, _) => outcome.excluded += 1,
                (Status::Abstained | Status::Counted, _) => outcome.abstentions += 1,
            }
        }
        outcome.ranked = sums.into_iter().collect();
        // Stable, and labels came in order: so ties stay with the smallest.
        let numbers = &outcome.numbers;
        outcome.ranked.sort_by_key(|(_, weight)| -weight);
        if outcome.total_micros == 0 {
            outcome.ranked.sort_by_key(|(label, _)| -numbers.get(label).copied().unwrap_or(0));
        }
        outcome
    }

    pub(crate) fn answer(&self) -> Option<&Name> {
        self.ranked.first().map(|(label, _)| label)
    }

    pub(crate) fn weight_of(&self, label: &Name) -> i128 {
        self.ranked.iter().find(|(found, _)| found == label).map_or(0, |(_, weight)| *weight)
    }

    /// The heaviest label but for this one, and its weight.
    pub(crate) fn next_to(&self, label: &Name) -> Option<(&Name, i128)> {
        self.ranked.iter().find(|(found, _)| found != label).map(|(found, weight)| (found, *weight))
    }

    /// What speaks for a label: its weight, or one a vote where no vote weighs anything.
    fn speaks(&self, label: &Name) -> i128 {
        match self.total_micros {
            0 => ONE_MICROS * i128::from(self.numbers.get(label).copied().unwrap_or(0)),
            _ => self.weight_of(label),
        }
    }

    /// What speaks for all labels but this one, the most first.
    fn others<'a>(&'a self, label: &'a Name) -> impl Iterator<Item = i128> {
        self.ranked
            .iter()
            .filter(move |(found, _)| found != label)
            .map(|(found, _)| self.speaks(found))
    }

    /// The label's share of what speaks for all, in millionths, rounded down.
    pub(crate) fn share_micros(&self, label: &Name) -> i128 {
        let own = self.speaks(label);
        let all = own + self.others(label).sum::<i128>();
        if all == 0 { 0 } else { own * 1_000_000 / all }
    }

    /// The label's posterior where weights are log-odds: exp(w) over the sum of all labels' exp(w); nothing for one
    /// that nobody voted for.
    pub(crate) fn posterior(&self, label: &Name) -> f64 {
        if !self.numbers.contains_key(label) {
            return 0.0;
        }
        let own = self.speaks(label);
        let odds = self.others(label).map(|other| ((other - own) as f64 / 1e6).exp());
        1.0 / (1.0 + odds.sum::<f64>())
    }

    /// Whether the label's weight exceeds `quorum` of `eligible_micros`, exactly.
    pub(crate) fn exceeds(&self, label: &Name, quorum: Ratio, eligible_micros: i128) -> bool {
        let (part, whole) = (self.weight_of(label), eligible_micros);
        whole > 0
            && part * i128::from(quorum.denominator()) > whole * i128::from(quorum.numerator())
    }

    /// What the others decide without one vote for `label` of this weight: whether it is that label; nothing where
    /// nothing speaks for any, or as much for two labels as for none else.
    pub(crate) fn others_agree(&self, label: &Name, weight_micros: i128) -> Option<bool> {
        let left_out = if self.total_micros == 0 { ONE_MICROS } else { weight_micros };
        let own = self.speaks(label) - left_out;
        let mut others = self.others(label);
        let (first, second) = (others.next().unwrap_or(0), others.next().unwrap_or(0));
        let most = own.max(first);
        let shared = (own == first) || (most == first && first == second);
        (most > 0 && !shared).then_some(own == most)
    }
}

#[cfg(test)]
mod tests {
    use quorate_schemas::place::Origin;

    use super::*;

    fn vote((label, weight): (&str, f64)) -> Vote {
        let abstains = label.is_empty();
        Vote {
            file: 0,
            commit: 1,
            revision: 0,
            event_time: 0,
            task: "t".into(),
            agent: "a".into(),
            label: (!abstains).then(|| label.into()),
            weight,
            status: if abstains { Status::Abstained } else { Status::Counted },
            agrees: false,
            origin: Origin { source: "votes".into(), partition: "p".into() }.shared(),
            position: 0,
        }
    }

    fn outcome(votes: &[(&str, f64)]) -> Outcome {
        let votes: Vec<Vote> = votes.iter().copied().map(vote).collect();
        Outcome::of(&votes)
    }

    #[test]
    fn the_heaviest_label_leads_and_ties_go_to_the_smallest() {
        let tied = outcome(&[("b", 1.0), ("a", 0.5), ("a", 0.5), ("", 0.0)]);
        assert_eq!(tied.answer().map(Name::as_str), Some("a"));
        assert_eq!(tied.next_to(&"a".into()), Some((&"b".into(), 1_000_000)));
        assert_eq!((tied.votes, tied.abstentions, tied.total_micros), (3, 1, 2_000_000));
        assert_eq!(outcome(&[]).answer(), None);
    }

    #[test]
    fn where_nothing_weighs_anything_the_number_of_votes_leads_and_nothing_stands_behind_it() {
        let equal = outcome(&[("a", 0.0), ("b", 0.0), ("b", 0.0)]);
        assert_eq!(equal.answer().map(Name::as_str), Some("b"));
        assert_eq!((equal.weight_of(&"b".into()), equal.share_micros(&"b".into())), (0, 666_666));
        assert!(!equal.exceeds(&"b".into(), Ratio::TWO_THIRDS, equal.total_micros));
    }

    #[test]
    fn two_thirds_are_exceeded_by_more_than_two_thirds_alone() {
        let two = outcome(&[("a", 1.0), ("a", 1.0), ("b", 1.0)]);
        assert!(!two.exceeds(&"a".into(), Ratio::TWO_THIRDS, two.total_micros));
        assert!(two.exceeds(&"a".into(), Ratio::TWO_THIRDS, two.total_micros - 1));
        assert!(!two.exceeds(&"a".into(), Ratio::TWO_THIRDS, 0));
    }

    /// What the rule says in words: leave the vote out, add up the rest, look for one greatest.
    fn without(votes: &[(&str, f64)], at: usize) -> Option<bool> {
        let mut rest = votes.to_vec();
        let (own, _) = rest.remove(at);
        // Where nothing weighs anything, each counts one.
        if votes.iter().all(|(_, weight)| *weight == 0.0) {
            rest.iter_mut().for_each(|(_, weight)| *weight = 1.0);
        }
        let rest = outcome(&rest);
        let most = rest.ranked.first().map_or(0, |(_, weight)| *weight);
        let first: Vec<&Name> =
            rest.ranked.iter().filter(|(_, weight)| *weight == most).map(|(l, _)| l).collect();
        (most > 0 && first.len() == 1).then(|| first[0] == own)
    }

    proptest::proptest! {
        #[test]
        fn what_the_others_decide_is_what_they_decide_alone(
            votes in proptest::collection::vec(("[a-d]", 0..4i64), 1..9),
        ) {
            let votes: Vec<(&str, f64)> = votes.iter().map(|(l, w)| (l.as_str(), *w as f64)).collect();
            let all = outcome(&votes);
            for (at, (label, weight)) in votes.iter().enumerate() {
                let found = all.others_agree(&Name::new(label), (*weight * 1e6) as i128);
                proptest::prop_assert_eq!(found, without(&votes, at));
            }
        }
    }
}
