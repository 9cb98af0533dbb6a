//! The weight rule: from what was shown to what a vote counts. Every division rounds down.
//!
//! A weight is ln(odds of being right / odds of guessing right) in the task's domain, in sixteenths of a nat between
//! 0 and 2. It rests on a newcomer's four imaginary tasks; the agent's gold in the domain; its gold elsewhere, where
//! that proved to predict this domain's gold, worth at most eight tasks; and its agreement with the others, an eighth
//! of a task each, worth at most eight tasks times how much better than a coin the domain decided its own gold.

use super::shown::{Evidence, Record};

/// One task, in millionths.
pub(super) const TASK: i64 = 1_000_000;
/// Agreement with fewer others says nothing.
pub(super) const LEAST_OTHERS: usize = 3;
/// What a vote of an agent counts of whom nothing is known: half a nat.
pub(super) const NEWCOMER_MICROS: i64 = 500_000;

const U: i128 = TASK as i128;
const MOST_EVIDENCE: i128 = 1_000_000_000 * U;
const QUANTUM_MICROS: i64 = 62_500;
/// `round(e^(k/16) · 10^6)` for k = 1 to 32.
const ODDS: [i128; 32] = [
    1064494, 1133148, 1206230, 1284025, 1366838, 1454991, 1548830, 1648721, 1755055, 1868246,
    1988737, 2117000, 2253535, 2398875, 2553589, 2718282, 2893596, 3080217, 3278874, 3490343,
    3715451, 3955077, 4210157, 4481689, 4770733, 5078419, 5405949, 5754603, 6125743, 6520819,
    6941376, 7389056,
];

/// Gold seen, right, and right by chance.
pub(super) type Gold = [i128; 3];

/// What a weight rests on, in millionths of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pool {
    seen: i128,
    right: i128,
    chance: i128,
}

impl Pool {
    pub(super) fn of(own: &Evidence, elsewhere: Gold, transfers: bool, trust_micros: i128) -> Pool {
        let [gold_seen, gold_right, gold_chance, seen, right, chance] = own.map(i128::from);
        let mut pool = Pool {
            seen: gold_seen.min(MOST_EVIDENCE) + 4 * U,
            right: gold_right.min(MOST_EVIDENCE) + 5 * U / 2,
            chance: gold_chance.min(MOST_EVIDENCE) + 2 * U,
        };
        if transfers {
            pool.add(elsewhere[0].min(8 * U), elsewhere);
        }
        pool.add((seen / 8).min(8 * U) * trust_micros / U, [seen, right, chance]);
        pool
    }

    /// Adds `tasks` of which as many are right, and right by chance, as of those in `like`.
    fn add(&mut self, tasks: i128, like: Gold) {
        if like[0] > 0 {
            self.seen += tasks;
            self.right += tasks * like[1] / like[0];
            self.chance += tasks * like[2] / like[0];
        }
    }

    pub(super) fn weight_micros(self) -> i64 {
        let for_it = self.right * (self.seen - self.chance) * 1_000_000;
        let against = (self.seen - self.right) * self.chance;
        ODDS.iter().take_while(|odds| for_it >= against * **odds).count() as i64 * QUANTUM_MICROS
    }

    pub(super) fn accuracy_micros(self) -> i64 {
        i64::try_from(U * self.right / self.seen).unwrap_or(i64::MAX)
    }
}

/// How likely a guess is right on a task of so many options, in millionths.
pub(super) fn chance_micros(options: i64) -> i64 {
    TASK / options.clamp(2, 3)
}

/// What is left of a number after an era.
pub(super) fn decayed(number: i64) -> i64 {
    i64::try_from(i128::from(number) * 31 / 32).unwrap_or(i64::MAX)
}

/// How much better than a coin a domain decided its gold, in millionths.
pub(super) fn trust_micros([tasks, hits]: Record) -> i128 {
    let (tasks, hits) = (i128::from(tasks), i128::from(hits));
    let excess = 2 * hits - tasks;
    if excess <= 0 { 0 } else { U * excess / (tasks + 4 * U) }
}

/// Whether rates elsewhere predict what agents get right on a domain's gold. Of each agent with evidence in the
/// domain: gold seen and right here, seen and right elsewhere.
pub(super) fn transfers(agents: impl Iterator<Item = [i128; 4]>) -> bool {
    let (mut seen, mut right, mut seen_rate, mut right_rate) = (0, 0, 0, 0);
    for [n, r, m, q] in agents.map(|numbers| numbers.map(|number| number / 1_000)) {
        if n > 0 && m > 0 {
            let rate = U * q / m;
            seen += n;
            right += r;
            seen_rate += n * rate;
            right_rate += r * rate;
        }
    }
    right_rate * seen > right * seen_rate
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(own: Evidence, elsewhere: Gold, transfers: bool, trust: i128, quanta: i64) {
        let weight = Pool::of(&own, elsewhere, transfers, trust).weight_micros();
        assert_eq!(weight, quanta * QUANTUM_MICROS, "{own:?} {elsewhere:?} {transfers} {trust}");
    }

    #[test]
    fn a_newcomer_counts_half_a_nat_and_one_wrong_answer_takes_it() {
        check([0; 6], [0; 3], true, 0, 8);
        assert_eq!(Pool::of(&[0; 6], [0; 3], true, 0).weight_micros(), NEWCOMER_MICROS);
        check([TASK, 0, TASK / 2, 0, 0, 0], [0; 3], false, 0, 0);
        check([TASK, 0, TASK / 3, 0, 0, 0], [0; 3], false, 0, 2);
    }

    #[test]
    fn gold_elsewhere_counts_where_it_transfers_and_agreement_where_it_is_trusted() {
        let elsewhere = [100 * U, 100 * U, 50 * U];
        check([0; 6], elsewhere, false, 0, 8);
        assert!(Pool::of(&[0; 6], elsewhere, true, 0).weight_micros() > NEWCOMER_MICROS);
        let agreeing = [0, 0, 0, 80 * TASK, 80 * TASK, 40 * TASK];
        check(agreeing, [0; 3], false, 0, 8);
        assert!(Pool::of(&agreeing, [0; 3], false, U / 2).weight_micros() > NEWCOMER_MICROS);
    }

    #[test]
    fn trust_is_nothing_for_a_domain_that_decides_no_better_than_a_coin() {
        assert_eq!(
            [[10, 5], [10, 4], [0, 0]].map(|record| trust_micros(record.map(|n| n * TASK))),
            [0, 0, 0]
        );
        assert_eq!(trust_micros([6 * TASK, 6 * TASK]), 600_000);
    }
}
