//! The rule, from numbers to a number. All values are millionths of a task unless they say otherwise.

use quorate_schemas::retained::{DomainRecord, Evidence};

/// One task.
const TASK: i64 = 1_000_000;
/// A newcomer is taken for one that was right on 2.5 of 4 tasks of two options.
const PRIOR: Pool = Pool { seen: 4 * TASK, right: 2_500_000, chance: 2 * TASK };
/// Gold from other domains counts at most as much as these tasks.
const ELSEWHERE_MAX: i64 = 8 * TASK;
/// So many agreements count as one known answer.
const CONSENSUS_RATE: i64 = 8;
/// Agreement counts at most as much as these tasks.
const CONSENSUS_MAX: i64 = 8 * TASK;
/// A domain's decisions must prove themselves against these tasks.
const TRUST_PRIOR: i64 = 4 * TASK;
/// Wrong answers cluster, so more options than these guess no worse.
const OPTIONS_MAX: u32 = 3;
/// The step of a weight: a sixteenth of a nat, in millionths.
const QUANTUM_MICROS: i64 = 62_500;
/// Evidence beyond a billion tasks is not told apart; keeps products within 128 bits.
const MOST: i64 = 1_000_000_000 * TASK;
/// Leave-one-out consensus needs at least so many others.
pub const MIN_OTHERS: u32 = 3;

/// round(e^(k/16) · 10^6) for k = 1 to 32: the odds at which a weight takes its k-th step.
const ODDS: [i128; 32] = [
    1_064_494, 1_133_148, 1_206_230, 1_284_025, 1_366_838, 1_454_991, 1_548_830, 1_648_721,
    1_755_055, 1_868_246, 1_988_737, 2_117_000, 2_253_535, 2_398_875, 2_553_589, 2_718_282,
    2_893_596, 3_080_217, 3_278_874, 3_490_343, 3_715_451, 3_955_077, 4_210_157, 4_481_689,
    4_770_733, 5_078_419, 5_405_949, 5_754_603, 6_125_743, 6_520_819, 6_941_376, 7_389_056,
];

/// The tasks a weight rests on: seen, right, and how many a guess would have been right on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Tasks.
    pub seen: i64,
    /// Of those, right.
    pub right: i64,
    /// Of those, right by chance.
    pub chance: i64,
}

impl Pool {
    /// The pool of an agent in a domain: its evidence there, its gold in all other domains (if that `transfers`),
    /// and how far the domain's decisions are trusted, in millionths.
    pub fn of(evidence: &Evidence, elsewhere: Pool, transfers: bool, trust_micros: i64) -> Pool {
        let mut pool = Pool {
            seen: evidence.gold_seen.min(MOST) + PRIOR.seen,
            right: evidence.gold_right.min(MOST) + PRIOR.right,
            chance: evidence.gold_chance.min(MOST) + PRIOR.chance,
        };
        if transfers && elsewhere.seen > 0 {
            pool.add(elsewhere.seen.min(ELSEWHERE_MAX), elsewhere);
        }
        let agreed = Pool {
            seen: evidence.consensus_seen,
            right: evidence.consensus_right,
            chance: evidence.consensus_chance,
        };
        if agreed.seen > 0 {
            let most = (agreed.seen / CONSENSUS_RATE).min(CONSENSUS_MAX);
            pool.add(share(most, trust_micros, TASK), agreed);
        }
        pool
    }

    /// Adds `tasks` of the kind that `like` holds.
    fn add(&mut self, tasks: i64, like: Pool) {
        self.seen += tasks;
        self.right += share(tasks, like.right, like.seen);
        self.chance += share(tasks, like.chance, like.seen);
    }

    /// The weight it earns, in millionths of a nat.
    pub fn weight_micros(self) -> i64 {
        let (seen, right, chance) =
            (i128::from(self.seen), i128::from(self.right), i128::from(self.chance));
        let for_it = right * (seen - chance) * 1_000_000;
        let against = (seen - right) * chance;
        ODDS.partition_point(|odds| for_it >= against * odds) as i64 * QUANTUM_MICROS
    }

    /// The share of right answers, in millionths.
    pub fn accuracy_micros(self) -> i64 {
        share(TASK, self.right, self.seen)
    }
}

/// `whole · part / of`, rounded down.
fn share(whole: i64, part: i64, of: i64) -> i64 {
    let share = i128::from(whole) * i128::from(part) / i128::from(of);
    i64::try_from(share).unwrap_or(i64::MAX)
}

/// What a vote without any evidence counts under `weighted`, in millionths of a nat.
pub fn prior_micros() -> i64 {
    PRIOR.weight_micros()
}

/// How likely a guess is right on a task with so many options, in millionths.
pub fn chance_micros(options: u32) -> i64 {
    TASK / i64::from(options.clamp(2, OPTIONS_MAX))
}

/// One era of decay: a half-life of 22 eras.
pub(super) fn decayed(value: i64) -> i64 {
    share(value, 31, 32)
}

/// How far agreement counts in a domain, in millionths: how much better than a coin its decisions were on its gold.
pub fn trust_micros(record: &DomainRecord) -> i64 {
    let excess = 2 * record.gold_hits - record.gold_tasks;
    if excess <= 0 { 0 } else { share(TASK, excess, record.gold_tasks + TRUST_PRIOR) }
}

/// Whether agents' rates elsewhere predict what they get right on a domain's gold: their covariance over the
/// agents, weighted by gold seen in the domain, is positive. `rows`: (gold seen and right here, and elsewhere).
pub fn transfers(rows: impl Iterator<Item = (i64, i64, i64, i64)>) -> bool {
    let (mut seen, mut right, mut seen_rate, mut right_rate) = (0i128, 0i128, 0i128, 0i128);
    for (n, r, m, q) in rows {
        let (n, r, m, q) = (n / 1_000, r / 1_000, m / 1_000, q / 1_000);
        if n == 0 || m == 0 {
            continue;
        }
        let rate = i128::from(TASK) * i128::from(q) / i128::from(m);
        seen += i128::from(n);
        right += i128::from(r);
        seen_rate += i128::from(n) * rate;
        right_rate += i128::from(r) * rate;
    }
    right_rate * seen > right * seen_rate
}
