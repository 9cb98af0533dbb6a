//! `stacked`: what each agent's vote adds, beside the votes of the others.
//!
//! Weights by an agent's own record pay ten clones ten times. Here all are fitted together on the tasks whose answer is
//! known (a conditional logit), so that what is always said together is paid once, and who is reliably wrong counts
//! against what it says. The prior stands at a share of each agent's own log-odds, which is right where voters are few and
//! independent, and gives way where gold shows that they are not. Each domain is fitted by its own exams, around what all
//! domains together say, if that has proven to tell who is right in it, and else around each agent's record in it.
//!
//! A newcomer's weight is fixed, and low ([`newcomer_micros`](crate::weights::newcomer_micros)). *Cost*: some hundred
//! walks over all votes.

use std::collections::BTreeMap;

use quorate_schemas::id::Name;

use crate::exams::Weighed;
use crate::sitting::Sitting;
use crate::weights::{Weights, micros};

/// Where the prior stands, as a share of an agent's log-odds, and how firmly: as firmly as some four times as many tasks on
/// which a vote tips the scales. With an infinite precision nothing is fitted: each is weighed by its own record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stance {
    pub(crate) share: f64,
    pub(crate) precision: f64,
}

/// Chosen once for all panels that we know (`bench/RESULTS.md`).
pub(crate) const STACKED: Stance = Stance { share: 0.55, precision: 7.0 };

/// What a vote of each agent that sat an exam counts.
pub(crate) fn weights(exams: &[Weighed<'_>], stance: Stance) -> Weights {
    let mut weights = Weights::default();
    let mut domains: BTreeMap<&Name, Vec<Weighed<'_>>> = BTreeMap::new();
    for (exam, factor) in exams {
        domains.entry(&exam.domain).or_default().push((exam, *factor));
    }
    let all = Sitting::of(exams);
    let whole = worth(&all, &all.log_odds(stance.share), stance);
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
        let own = here.log_odds(stance.share);
        let mean = here.agents.iter().map(|(agent, nr)| match whole.get(agent) {
            Some(worth) if *predicted => *worth,
            _ => own[*nr as usize],
        });
        for (agent, worth) in worth(here, &mean.collect::<Vec<f64>>(), stance) {
            weights.set(domain, agent, micros(worth));
        }
    }
    weights
}

fn worth<'a>(sitting: &Sitting<'a>, mean: &[f64], stance: Stance) -> BTreeMap<&'a Name, f64> {
    let worth = match stance.precision.is_finite() {
        true => sitting.worth(mean, stance.precision),
        false => mean.to_vec(),
    };
    sitting.agents.keys().copied().zip(worth).collect()
}

#[cfg(test)]
mod tests {
    use quorate_schemas::retained::Exam;

    use super::*;
    use crate::exams::{Exams, MAX_ERAS, MAX_VOTES, Rule};
    use crate::sitting::{PRIOR_RIGHT, PRIOR_SEEN};
    use crate::weights::{QUANTUM_MICROS, newcomer_micros};

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
        let weights = all.weights(Rule::Stacked).0;
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
        assert_eq!(at_once.weights(Rule::Stacked), one_by_one.weights(Rule::Stacked));
    }

    #[test]
    fn what_is_long_ago_weighs_less_than_what_was_lately() {
        let at = |era: i64, answer: &str| Exam {
            era,
            ..exam(era, answer, &[("a", "yes"), ("b", "no")])
        };
        let mut all = Exams::default();
        all.enter(30, (0..30).map(|era| at(era, if era < 15 { "yes" } else { "no" })).collect());
        let weights = all.weights(Rule::Stacked).0;
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
        let weights = all.weights(Rule::Stacked).0;
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
        let weights = all.weights(Rule::Stacked).0;
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
        assert_eq!(all.weights(Rule::Stacked).0, Weights::default());
    }

    #[test]
    fn without_exams_nobody_weighs_anything_else_than_a_newcomer() {
        assert_eq!(Exams::default().weights(Rule::Stacked).0, Weights::default());
        let expected = STACKED.share * (PRIOR_RIGHT / (PRIOR_SEEN - PRIOR_RIGHT)).ln() * 1e6;
        assert!((newcomer_micros() as f64 - expected).abs() <= QUANTUM_MICROS as f64 / 2.0);
    }
}
