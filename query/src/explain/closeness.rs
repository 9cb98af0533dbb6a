//! How close a decision was: the least that would have changed it.

use quorate_schemas::id::Name;
use quorate_schemas::ratio::Ratio;
use serde::Serialize;

use crate::derive::Outcome;
use crate::rows::{Decision, Status, Vote, agent_parts, micros, real};

/// The least that would have changed a decision.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Closeness {
    /// How far the answer leads, in weight.
    pub margin: f64,
    /// The hostile weight among its supporters that it tolerates.
    pub tolerated_hostile_weight: f64,
    /// The next answer.
    pub runner_up: Option<String>,
    /// Its weight.
    pub runner_up_weight: f64,
    /// The weight that the answer must exceed for a quorum.
    pub quorum_weight: f64,
    /// By how much it does; less than nothing if it does not.
    pub quorum_to_spare: f64,
    /// The fewest supporters that would have had to vote otherwise for another answer to lead.
    pub other_answer_by_changed_votes: Option<Change>,
    /// The fewest supporters that would have had to be left out for another answer to lead.
    pub other_answer_by_left_out_votes: Option<Change>,
    /// The fewest supporters that would have had to vote otherwise for the quorum to be missed.
    pub no_quorum_by_changed_votes: Option<Change>,
    /// The weight of further votes for the answer that would have made a quorum.
    pub quorum_by_more_weight: Option<f64>,
}

/// A change of some votes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// Whose votes, the heaviest first.
    pub agents: Vec<String>,
    /// Their weight.
    pub weight: f64,
    /// The label that they would have voted for, if one in particular.
    pub to: Option<String>,
}

impl Closeness {
    pub(super) fn of(decision: &Decision, outcome: &Outcome, votes: &[&Vote]) -> Closeness {
        let answer = decision.answer.as_ref();
        let support = answer.map_or(0, |answer| outcome.weight_of(answer));
        let next = answer.and_then(|answer| outcome.next_to(answer));
        let quorum: Ratio = decision.quorum.parse().unwrap_or(Ratio::TWO_THIRDS);
        let (above, below) = (i128::from(quorum.numerator()), i128::from(quorum.denominator()));
        let eligible = i128::from(micros(decision.eligible).unwrap_or(0));
        let supporters = supporters(votes, answer);
        let by_hand = answer.is_some() && answer != outcome.answer();
        let case = Case { answer, support, outcome, supporters: &supporters };
        let reached = support * below > eligible * above && decision.state == "quorate";
        let of_votes = decision.eligible_basis == "votes";
        Closeness {
            margin: decision.margin,
            tolerated_hostile_weight: decision.tolerated,
            runner_up: next.map(|(label, _)| label.to_string()),
            runner_up_weight: real(next.map_or(0, |(_, weight)| weight)),
            quorum_weight: real(eligible * above) / below as f64,
            quorum_to_spare: real(support * below - eligible * above) / below as f64,
            other_answer_by_changed_votes: if by_hand { None } else { case.changed() },
            other_answer_by_left_out_votes: if by_hand { None } else { case.left_out() },
            no_quorum_by_changed_votes: reached
                .then(|| case.least(None, |moved| (support - moved) * below <= eligible * above))
                .flatten(),
            quorum_by_more_weight: (!reached && answer.is_some() && eligible > 0)
                .then(|| more_weight(support, eligible, (above, below), of_votes))
                .flatten(),
        }
    }
}

/// Those whose vote for the answer counts something, the heaviest first.
fn supporters<'a>(votes: &[&'a Vote], answer: Option<&Name>) -> Vec<(&'a Name, i128)> {
    let for_it =
        votes.iter().filter(|vote| vote.status == Status::Counted && vote.label.as_ref() == answer);
    let mut found: Vec<(&Name, i128)> =
        for_it.map(|vote| (&vote.agent, i128::from(micros(vote.weight).unwrap_or(0)))).collect();
    found.retain(|(_, weight)| *weight > 0);
    found.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    found
}

/// The weight `w` of more votes for the answer with which it just exceeds the quorum, in millionths rounded up: from
/// (support + w) > q · (eligible + w) where the votes are the whole, else from support + w > q · eligible.
fn more_weight(
    support: i128,
    eligible: i128,
    (above, below): (i128, i128),
    of_votes: bool,
) -> Option<f64> {
    let lacking = eligible * above - support * below;
    let each = if of_votes { below - above } else { below };
    (each > 0).then(|| real((lacking.max(0) / each) + 1))
}

struct Case<'a> {
    answer: Option<&'a Name>,
    support: i128,
    outcome: &'a Outcome,
    supporters: &'a [(&'a Name, i128)],
}

impl Case<'_> {
    /// The fewest supporters, the heaviest first, whose weight is `enough`.
    fn least(&self, to: Option<&Name>, enough: impl Fn(i128) -> bool) -> Option<Change> {
        let mut moved = 0;
        for (nr, (_, weight)) in self.supporters.iter().enumerate() {
            moved += weight;
            if enough(moved) {
                let shown = |name: &Name| match agent_parts(name) {
                    (id, None) => id.to_owned(),
                    (id, Some(version)) => format!("{id} {version}"),
                };
                let agents = self.supporters[..=nr].iter().map(|(name, _)| shown(name)).collect();
                return Some(Change {
                    agents,
                    weight: real(moved),
                    to: to.map(ToString::to_string),
                });
            }
        }
        None
    }

    fn others(&self) -> impl Iterator<Item = &(Name, i128)> {
        self.outcome.ranked.iter().filter(|(label, _)| Some(label) != self.answer)
    }

    /// Whether a label leads over the answer with these weights.
    fn leads(&self, label: &Name, weight: i128, support: i128) -> bool {
        weight > support || (weight == support && Some(label) < self.answer)
    }

    fn changed(&self) -> Option<Change> {
        let mut best: Option<Change> = None;
        for (label, weight) in self.others() {
            let change = self.least(Some(label), |moved| {
                self.leads(label, weight + moved, self.support - moved)
            });
            best = fewer(best, change);
        }
        // All were of one mind: then more than half of them had to be of another.
        best.or_else(|| self.least(None, |moved| moved > self.support - moved))
    }

    fn left_out(&self) -> Option<Change> {
        let (label, weight) = self.others().next()?;
        self.least(Some(label), |gone| self.leads(label, *weight, self.support - gone))
    }
}

/// The one of fewer agents; of equals the first.
fn fewer(best: Option<Change>, other: Option<Change>) -> Option<Change> {
    match (best, other) {
        (Some(best), Some(other)) if other.agents.len() < best.agents.len() => Some(other),
        (None, other) => other,
        (best, _) => best,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        ranked: &[(&str, i128)],
        supporters: &[(&str, i128)],
        changed: Option<(usize, &str)>,
        left: Option<usize>,
    ) {
        let outcome = Outcome {
            ranked: ranked.iter().map(|(label, weight)| (Name::new(label), *weight)).collect(),
            ..Outcome::default()
        };
        let names: Vec<(Name, i128)> =
            supporters.iter().map(|(name, weight)| (Name::new(name), *weight)).collect();
        let supporters: Vec<(&Name, i128)> =
            names.iter().map(|(name, weight)| (name, *weight)).collect();
        let answer = outcome.answer();
        let support = answer.map_or(0, |answer| outcome.weight_of(answer));
        let case = Case { answer, support, outcome: &outcome, supporters: &supporters };
        let found =
            case.changed().map(|change| (change.agents.len(), change.to.unwrap_or_default()));
        assert_eq!(found, changed.map(|(agents, to)| (agents, to.to_owned())), "{ranked:?}");
        assert_eq!(case.left_out().map(|change| change.agents.len()), left, "{ranked:?}");
    }

    #[test]
    fn the_fewest_that_change_the_answer_are_the_heaviest() {
        check(&[("b", 6), ("a", 2)], &[("x", 3), ("y", 2), ("z", 1)], Some((1, "a")), Some(2));
        check(&[("a", 6), ("b", 2)], &[("x", 3), ("y", 2), ("z", 1)], Some((1, "b")), Some(2));
        check(
            &[("a", 4), ("b", 2)],
            &[("x", 1), ("y", 1), ("z", 1), ("w", 1)],
            Some((2, "b")),
            Some(3),
        );
    }

    #[test]
    fn a_tie_goes_to_the_smaller_label() {
        // Two against two after one has moved: `a` leads by its name, `c` does not.
        check(&[("b", 3), ("a", 1)], &[("x", 1), ("y", 1), ("z", 1)], Some((1, "a")), Some(2));
        check(&[("b", 3), ("c", 1)], &[("x", 1), ("y", 1), ("z", 1)], Some((2, "c")), Some(3));
    }

    #[test]
    fn of_one_mind_more_than_half_must_change_it() {
        check(&[("a", 4)], &[("x", 1), ("y", 1), ("z", 1), ("w", 1)], Some((3, "")), None);
        check(&[], &[], None, None);
    }

    #[test]
    fn the_weight_that_a_quorum_lacks_is_just_enough() {
        for (support, total) in [(2_000_000, 3_000_000), (1, 10), (500_000, 4_000_000)] {
            let more = (more_weight(support, total, (2, 3), true).unwrap() * 1e6).round() as i128;
            assert!(
                (support + more) * 3 > (total + more) * 2
                    && (support + more - 1) * 3 <= (total + more - 1) * 2
            );
            let more = (more_weight(support, total, (2, 3), false).unwrap() * 1e6).round() as i128;
            assert!((support + more) * 3 > total * 2 && (support + more - 1) * 3 <= total * 2);
        }
    }
}
