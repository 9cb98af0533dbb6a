//! Nobody holds more than a share of the weight: agents of one family together, and each agent alone.
//!
//! The limit is the one weight L for which `min(w, L)` over all families gives each at most `cap` of the sum:
//! with the k heaviest families at the limit, L = cap · (k·L + rest), so L = cap · rest / (1 − k·cap).

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

/// `members` with weights cut so that no family (and so no agent) holds more than `cap` of their sum; within a
/// family all are cut in proportion, rounded down to a millionth. Where there are fewer than 1/cap families that
/// weigh anything, nothing can keep each below the cap: then all families weigh as much as the lightest.
pub fn capped(mut members: Vec<Member>, cap: Ratio) -> Vec<Member> {
    let mut families: BTreeMap<Group, i128> = BTreeMap::new();
    for member in &members {
        *families.entry(Group::of(member)).or_default() += i128::from(member.weight_micros.max(0));
    }
    let mut sums: Vec<i128> = families.values().copied().filter(|sum| *sum > 0).collect();
    sums.sort_unstable_by(|a, b| b.cmp(a));
    let limit = limit(&sums, cap);
    for member in &mut members {
        let sum = families.get(&Group::of(member)).copied().unwrap_or(0);
        if sum > limit {
            let cut = i128::from(member.weight_micros.max(0)) * limit / sum;
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

/// The greatest weight a family may have; `sums` are the families' weights, heaviest first.
fn limit(sums: &[i128], cap: Ratio) -> i128 {
    let (above, below) = (i128::from(cap.numerator()), i128::from(cap.denominator()));
    let mut rest: i128 = sums.iter().sum();
    for (heavier, sum) in sums.iter().enumerate() {
        let room = below - above * heavier as i128;
        if room <= 0 {
            return sums.last().copied().unwrap_or(0);
        }
        // With the `heavier` ones at the limit, does this one stay below it?
        if *sum * room <= above * rest {
            return above * rest / room;
        }
        rest -= sum;
    }
    sums.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
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

    fn check(weights: &[(&str, i64)], cap: &str, expected: &[i64]) {
        let got: Vec<i64> = capped(members(weights), cap.parse().unwrap())
            .iter()
            .map(|m| m.weight_micros)
            .collect();
        assert_eq!(got, expected, "{weights:?} capped at {cap}");
    }

    #[test]
    fn the_heavy_are_cut_to_the_share_and_the_light_are_left() {
        check(&[("", 30), ("", 30), ("", 30), ("", 30)], "1/3", &[30, 30, 30, 30]);
        check(&[("", 900), ("", 30), ("", 30), ("", 30)], "1/3", &[45, 30, 30, 30]);
        check(&[("", 900), ("", 800), ("", 30), ("", 30)], "1/3", &[60, 60, 30, 30]);
        check(&[("f", 60), ("f", 30), ("", 30), ("", 30)], "1/3", &[20, 10, 30, 30]);
        check(&[], "1/3", &[]);
        check(&[("", 0), ("", 0)], "1/3", &[0, 0]);
    }

    #[test]
    fn where_the_cap_cannot_hold_all_families_weigh_the_same() {
        check(&[("", 900), ("", 30)], "1/3", &[30, 30]);
        check(&[("f", 500), ("f", 500)], "1/3", &[500, 500]);
    }

    proptest::proptest! {
        #[test]
        fn no_family_exceeds_the_cap(
            weights in proptest::collection::vec((0..6u8, 0..1_000_000_000i64), 0..40),
            numerator in 1..10u32,
        ) {
            let cap = Ratio::new(numerator, 10).unwrap();
            let names = ["", "a", "b", "c", "d", "e"];
            let given: Vec<(&str, i64)> = weights.iter().map(|(f, w)| (names[*f as usize], *w)).collect();
            let result = capped(members(&given), cap);
            let total: i64 = result.iter().map(|m| m.weight_micros).sum();
            let mut families: BTreeMap<Group, i64> = BTreeMap::new();
            for (before, after) in members(&given).iter().zip(&result) {
                proptest::prop_assert!(after.weight_micros <= before.weight_micros);
                *families.entry(Group::of(after)).or_default() += after.weight_micros;
            }
            families.retain(|_, sum| *sum > 0);
            // Each member may lose a millionth to rounding, so the sum may be short by as many.
            let slack = result.len() as i64 + 1;
            if families.len() as u32 * numerator >= 10 {
                for sum in families.values() {
                    proptest::prop_assert!(sum * 10 <= (total + slack) * i64::from(numerator), "{sum} of {total}");
                }
            }
        }
    }
}
