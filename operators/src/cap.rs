//! Nobody holds more than a share of the whole: agents of one family together, and each agent alone.
//!
//! The whole is what all weigh before anything is cut, and it stays the whole: what is cut is nobody's, and a quorum
//! must be exceeded with what is left. So a cap raises nobody's share, and a share is as hard to come by with a cap as
//! without: weights of dust move the others by as little as they weigh.
//!
//! (The other reading, a share of what is left after the cut, has no solution but nothing at all where fewer than
//! 1/cap families weigh anything, and next to none where the rest of them is dust: two honest families and one agent
//! of a millionth would all be cut to a millionth each. Here such a domain keeps its weights up to the cap. If they
//! don't suffice for a quorum, its tasks are undecided, as they should be: nothing keeps each of two below a third.)

use std::collections::BTreeMap;

use quorate_schemas::id::{Id, Name};
use quorate_schemas::ratio::Ratio;

/// One agent of a panel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The agent.
    pub agent: Id,
    /// The family it is capped with; alone without one.
    pub family: Option<Name>,
    /// What its vote counts, in millionths.
    pub weight_micros: i64,
}

/// What all of `members` weigh, in millionths.
pub fn whole(members: &[Member]) -> i128 {
    members.iter().map(|member| i128::from(member.weight_micros.max(0))).sum()
}

/// `members` with weights cut so that no family (and so no agent) holds more than `cap` of what all weighed before.
/// Within a family all are cut in proportion, each rounded down to a millionth.
pub fn capped(mut members: Vec<Member>, cap: Ratio) -> Vec<Member> {
    let (above, below) = (i128::from(cap.numerator()), i128::from(cap.denominator()));
    let most = whole(&members) * above;
    let mut families: BTreeMap<Group, i128> = BTreeMap::new();
    for member in &members {
        *families.entry(Group::of(member)).or_default() += i128::from(member.weight_micros.max(0));
    }
    for member in &mut members {
        let held = families.get(&Group::of(member)).copied().unwrap_or(0) * below;
        if held > most {
            // A weight is at most 10^12 and a share's terms are below 2^32, so nothing comes near 128 bits.
            let cut = i128::from(member.weight_micros.max(0)) * most / held;
            member.weight_micros = i64::try_from(cut).unwrap_or(i64::MAX);
        }
    }
    members
}

/// Agents capped together: a family, or one agent without a family.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Family(Name),
    Alone(Id),
}

impl Group {
    fn of(member: &Member) -> Group {
        match &member.family {
            Some(family) => Group::Family(family.clone()),
            None => Group::Alone(member.agent.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use quorate_schemas::id::IdKey;

    use super::*;

    fn members(weights: &[(&str, i64)]) -> Vec<Member> {
        let key = IdKey::new([1; 16]);
        let member = |(at, (family, weight)): (usize, &(&str, i64))| Member {
            agent: key.id(&format!("a{at}")),
            family: (!family.is_empty()).then(|| Name::new(family)),
            weight_micros: *weight,
        };
        weights.iter().enumerate().map(member).collect()
    }

    fn weights(weights: &[(&str, i64)], cap: Ratio) -> Vec<i64> {
        capped(members(weights), cap).iter().map(|member| member.weight_micros).collect()
    }

    fn check(given: &[(&str, i64)], cap: &str, expected: &[i64]) {
        assert_eq!(weights(given, cap.parse().unwrap()), expected, "{given:?} capped at {cap}");
    }

    #[test]
    fn the_heavy_are_cut_to_the_share_and_the_light_are_left() {
        check(&[("", 30), ("", 30), ("", 30), ("", 30)], "1/3", &[30, 30, 30, 30]);
        check(&[("", 900), ("", 30), ("", 30), ("", 30)], "1/3", &[330, 30, 30, 30]);
        check(&[("", 900), ("", 800), ("", 30), ("", 40)], "1/3", &[590, 590, 30, 40]);
        check(&[("f", 60), ("f", 30), ("", 30), ("", 30)], "1/3", &[33, 16, 30, 30]);
        check(&[], "1/3", &[]);
        check(&[("", 0), ("", 0)], "1/3", &[0, 0]);
    }

    #[test]
    fn where_fewer_families_weigh_anything_than_the_cap_asks_for_each_keeps_the_cap() {
        check(&[("f", 500), ("f", 500)], "1/3", &[166, 166]);
        check(&[("", 600), ("", 300)], "1/3", &[300, 300]);
    }

    #[test]
    fn dust_takes_nothing_from_two_honest_families() {
        let mut given = vec![("f", 1_000_000); 5];
        given.extend([("g", 1_000_000); 5]);
        let without = weights(&given, Ratio::ONE_THIRD);
        given.push(("", 1));
        let with = weights(&given, Ratio::ONE_THIRD);
        assert_eq!((&with[..10], with[10]), (&without[..], 1));
        assert_eq!(with[0], 666_666);
    }

    const NAMES: [&str; 6] = ["", "a", "b", "c", "d", "e"];

    fn any_members() -> impl Strategy<Value = Vec<(&'static str, i64)>> {
        let weight = prop_oneof![0..20i64, 0..1_000_000_000i64, Just(1_000_000_000_000i64)];
        proptest::collection::vec((0..6usize, weight), 0..40)
            .prop_map(|members| members.into_iter().map(|(f, w)| (NAMES[f], w)).collect())
    }

    fn any_cap() -> impl Strategy<Value = Ratio> {
        (1..10u32).prop_map(|numerator| Ratio::new(numerator, 10).unwrap())
    }

    fn sum(weights: impl IntoIterator<Item = i64>) -> i128 {
        weights.into_iter().map(i128::from).sum()
    }

    proptest! {
        #[test]
        fn no_family_exceeds_the_cap_and_no_agent_gains(given in any_members(), cap in any_cap()) {
            let after = capped(members(&given), cap);
            let whole = whole(&members(&given));
            let mut families: BTreeMap<Group, (i128, i128)> = BTreeMap::new();
            for (before, after) in members(&given).iter().zip(&after) {
                prop_assert!((0..=before.weight_micros).contains(&after.weight_micros));
                let sums = families.entry(Group::of(after)).or_default();
                sums.0 += i128::from(before.weight_micros);
                sums.1 += i128::from(after.weight_micros);
            }
            for (before, after) in families.into_values() {
                prop_assert!(after * i128::from(cap.denominator()) <= whole * i128::from(cap.numerator()));
                // Nothing is cut but to the cap, less a millionth for each that is rounded.
                let most = before.min(whole * i128::from(cap.numerator()) / i128::from(cap.denominator()));
                prop_assert!(most - after <= given.len() as i128);
            }
        }

        #[test]
        fn who_weighs_more_counts_no_less(given in any_members(), cap in any_cap(), more in 1..1_000_000_000i64) {
            let after = weights(&given, cap);
            for (one, other) in given.iter().zip(&after).flat_map(|one| given.iter().zip(&after).map(move |other| (one, other))) {
                let comparable = one.0.0 == other.0.0;
                prop_assert!(!comparable || one.0.1 > other.0.1 || one.1 <= other.1, "{one:?} {other:?}");
            }
            let Some(((_, first), _)) = given.split_first() else { return Ok(()) };
            let mut richer = given.clone();
            richer[0].1 = first + more;
            let then = weights(&richer, cap);
            prop_assert!(then[0] >= after[0], "more weight counts no less");
            let of_others = |at: &usize| given[*at].0.is_empty() || given[*at].0 != given[0].0;
            for at in (1..given.len()).filter(of_others) {
                prop_assert!(then[at] >= after[at], "what one family gains another does not lose");
            }
        }

        #[test]
        fn dust_moves_shares_by_as_little_as_it_weighs(
            given in any_members(), cap in any_cap(), dust in proptest::collection::vec(0..4i64, 1..20),
        ) {
            let (before, whole_before) = (weights(&given, cap), sum(given.iter().map(|(_, w)| *w)));
            let mut dusty = given.clone();
            dusty.extend(dust.iter().map(|weight| ("", *weight)));
            let (after, whole_after) = (weights(&dusty, cap), sum(dusty.iter().map(|(_, w)| *w)));
            prop_assume!(whole_before > 0);
            let dust = sum(dust);
            for (before, after) in before.iter().zip(&after) {
                // |after / whole_after − before / whole_before| ≤ (dust + 1) / whole_before
                let moved = i128::from(*after) * whole_before - i128::from(*before) * whole_after;
                prop_assert!(moved.abs() <= (dust + 1) * whole_after, "{before} of {whole_before}, {after} of {whole_after}");
            }
            prop_assert!(sum(after[given.len()..].iter().copied()) <= dust);
        }
    }
}
