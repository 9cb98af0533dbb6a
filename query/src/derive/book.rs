//! Weights era by era, from what was shown.
//!
//! A(e), the evidence at the start of era e, is 31/32 of A(e − 1), rounded down, plus what era e − 1 has shown; W(e)
//! is a function of A(e). Only eras that are asked about, and those after one that has shown something, are visited;
//! what lies between is decay, one rounded step an era.

use std::collections::{BTreeMap, BTreeSet};

use quorate_learning::auto::Trial;
use quorate_learning::exams::{Exams, MAX_ERAS};
use quorate_learning::weights::Weights;
use quorate_schemas::id::Name;
use quorate_schemas::retained::Exam;

use super::rule::{self, Gold, NEWCOMER_MICROS, Pool};
use super::shown::{Era, Evidence, Record, Shown, fits};

/// A row that `agent_reputation` must have: of an agent that has shown something in the era before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) weight_micros: i64,
    pub(crate) accuracy_micros: i64,
    pub(crate) evidence: Evidence,
    pub(crate) basis: &'static str,
}

/// Domain and agent.
type Seat = (Name, Name);

/// What every agent's votes count in every domain and era, and the rows that say so.
#[derive(Debug, Default)]
pub(crate) struct Book {
    /// Changes of weight by the era from which they hold.
    weights: BTreeMap<Seat, Vec<(i64, i64)>>,
    /// Where votes are weighed by exams: what they count, by the era from which it holds.
    stacked: BTreeMap<i64, Weights>,
    /// How rules did when weights were fitted, by era.
    pub(crate) trials: Vec<(i64, Trial)>,
    /// Rows by era, domain and agent.
    pub(crate) rows: BTreeMap<(i64, Name, Name), Row>,
}

/// A(e).
#[derive(Default)]
struct Standing {
    era: i64,
    agents: BTreeMap<Seat, Evidence>,
    domains: BTreeMap<Name, Record>,
}

impl Book {
    /// The book after `shown`; weights can be asked for in the eras of `asked`.
    pub(crate) fn of(shown: &Shown, asked: &BTreeSet<i64>, method: &str) -> Book {
        let mut book = Book::default();
        if let Some(rule) = fits(method) {
            let mut exams = Exams::default();
            // Before the first exam everybody is a newcomer.
            book.stacked.insert(i64::MIN, Weights::default());
            let sat = shown.eras.iter().filter(|(_, era)| !era.exams.is_empty());
            let sat: BTreeMap<i64, &Vec<Exam>> =
                sat.map(|(era, fresh)| (era.saturating_add(1), &fresh.exams)).collect();
            let leave = sat.keys().map(|era| era.saturating_add(MAX_ERAS));
            for era in sat.keys().copied().chain(leave).collect::<BTreeSet<i64>>() {
                exams.enter(era, sat.get(&era).map_or_else(Vec::new, |exams| exams.to_vec()));
                let (weights, trials) = exams.weights(rule);
                book.stacked.insert(era, weights);
                if sat.contains_key(&era) {
                    book.trials.extend(trials.into_iter().map(|trial| (era, trial)));
                }
            }
        }
        let mut standing = Standing::default();
        let nothing = Era::default();
        let turned = shown.eras.keys().map(|era| era.saturating_add(1));
        let visited: BTreeSet<i64> = asked.iter().copied().chain(turned).collect();
        for era in visited {
            let fresh = shown.eras.get(&(era - 1)).unwrap_or(&nothing);
            standing.turn_to(era, fresh);
            book.enter(era, &standing.pools(), fresh, &standing);
        }
        book
    }

    /// What a vote of `agent` in `domain` counts in `era`.
    pub(crate) fn weight_micros(&self, domain: &Name, agent: &Name, era: i64) -> i64 {
        if let Some((_, weights)) = self.stacked.range(..=era).next_back() {
            return weights.of(domain, agent);
        }
        let changes =
            self.weights.get(&(domain.clone(), agent.clone())).map_or(&[][..], Vec::as_slice);
        let until = changes.partition_point(|(from, _)| *from <= era);
        until.checked_sub(1).map_or(NEWCOMER_MICROS, |last| changes[last].1)
    }

    fn enter(&mut self, era: i64, pools: &BTreeMap<Seat, Pool>, fresh: &Era, standing: &Standing) {
        for (seat, changes) in &mut self.weights {
            if !pools.contains_key(seat)
                && changes.last().is_some_and(|(_, weight)| *weight != NEWCOMER_MICROS)
            {
                changes.push((era, NEWCOMER_MICROS));
            }
        }
        for (seat, pool) in pools {
            let weight = pool.weight_micros();
            let changes = self.weights.entry(seat.clone()).or_default();
            if changes.last().map_or(NEWCOMER_MICROS, |(_, weight)| *weight) != weight {
                changes.push((era, weight));
            }
        }
        for seat in fresh.agents.keys() {
            let (Some(pool), Some(evidence)) = (pools.get(seat), standing.agents.get(seat)) else {
                continue;
            };
            let weight_micros = match self.stacked.is_empty() {
                true => pool.weight_micros(),
                false => self.weight_micros(&seat.0, &seat.1, era),
            };
            let row = Row {
                weight_micros,
                accuracy_micros: pool.accuracy_micros(),
                evidence: *evidence,
                basis: match evidence {
                    [0, _, _, 0, _, _] => "prior",
                    [0, ..] => "consensus",
                    _ => "gold",
                },
            };
            self.rows.insert((era, seat.0.clone(), seat.1.clone()), row);
        }
    }
}

impl Standing {
    /// From A(e) to A(`era`), where `fresh` is what the era before has shown.
    fn turn_to(&mut self, era: i64, fresh: &Era) {
        let eras = era - self.era;
        self.era = era;
        self.agents.retain(|_, evidence| decay(evidence, eras));
        self.domains.retain(|_, record| decay(record, eras));
        for (seat, evidence) in &fresh.agents {
            add(self.agents.entry(seat.clone()).or_default(), evidence);
        }
        for (domain, record) in &fresh.domains {
            add(self.domains.entry(domain.clone()).or_default(), record);
        }
    }

    /// What the weights rest on, of every agent that may not count as a newcomer.
    fn pools(&self) -> BTreeMap<Seat, Pool> {
        let mut everywhere: BTreeMap<&Name, Gold> = BTreeMap::new();
        let mut domains: BTreeMap<&Name, BTreeMap<&Name, &Evidence>> = BTreeMap::new();
        for ((domain, agent), evidence) in &self.agents {
            let gold = everywhere.entry(agent).or_default();
            gold.iter_mut().zip(evidence).for_each(|(sum, more)| *sum += i128::from(*more));
            domains.entry(domain).or_default().insert(agent, evidence);
        }
        let elsewhere = |agent: &Name, own: &Evidence| -> Gold {
            let mut gold = everywhere.get(agent).copied().unwrap_or_default();
            gold.iter_mut().zip(own).for_each(|(sum, own)| *sum -= i128::from(*own));
            gold
        };
        let mut pools = BTreeMap::new();
        for (domain, agents) in domains {
            let transfers = rule::transfers(agents.iter().map(|(agent, own)| {
                let [seen, right, _] = elsewhere(agent, own);
                [i128::from(own[0]), i128::from(own[1]), seen, right]
            }));
            let trust = self.domains.get(domain).map_or(0, |record| rule::trust_micros(*record));
            // Where gold from elsewhere counts, it counts for agents that have not voted here, too.
            let strangers = everywhere
                .iter()
                .filter(|(agent, gold)| transfers && gold[0] > 0 && !agents.contains_key(**agent));
            let all = agents.iter().map(|(agent, own)| (*agent, **own));
            for (agent, own) in all.chain(strangers.map(|(agent, _)| (*agent, Evidence::default())))
            {
                let pool = Pool::of(&own, elsewhere(agent, &own), transfers, trust);
                pools.insert((domain.clone(), agent.clone()), pool);
            }
        }
        pools
    }
}

/// Lets numbers decay by so many eras; whether anything is left of them.
fn decay<const N: usize>(numbers: &mut [i64; N], eras: i64) -> bool {
    for _ in 0..eras.max(0) {
        if *numbers == [0; N] {
            break;
        }
        numbers.iter_mut().for_each(|number| *number = rule::decayed(*number));
    }
    *numbers != [0; N]
}

fn add<const N: usize>(sum: &mut [i64; N], more: &[i64; N]) {
    sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
}

#[cfg(test)]
mod tests {
    use super::super::rule::TASK;
    use super::*;

    fn shown(rows: &[(i64, &str, &str, Evidence)]) -> Shown {
        let mut shown = Shown::default();
        for (era, domain, agent, evidence) in rows {
            shown
                .eras
                .entry(*era)
                .or_default()
                .agents
                .insert(((*domain).into(), (*agent).into()), *evidence);
        }
        shown
    }

    #[test]
    fn a_weight_holds_from_the_era_after_what_earned_it_and_fades() {
        let right = [10 * TASK, 10 * TASK, 5 * TASK, 0, 0, 0];
        let asked = BTreeSet::from([3, 4, 5, 30, 2_000]);
        let book = Book::of(&shown(&[(3, "d", "a", right)]), &asked, "weighted");
        let weights =
            [3, 4, 5, 30, 2_000].map(|era| book.weight_micros(&"d".into(), &"a".into(), era));
        assert_eq!(weights[0], NEWCOMER_MICROS);
        assert!(
            weights[1] > NEWCOMER_MICROS && weights[2] <= weights[1] && weights[3] < weights[1]
        );
        assert_eq!(weights[4], NEWCOMER_MICROS);
        assert_eq!(book.weight_micros(&"other".into(), &"a".into(), 4), NEWCOMER_MICROS);
        assert_eq!(book.rows.keys().collect::<Vec<_>>(), [&(4, "d".into(), "a".into())]);
        assert_eq!(
            book.rows.values().next().map(|row| (row.basis, row.evidence)),
            Some(("gold", right))
        );
    }

    #[test]
    fn empty_eras_decay_one_by_one() {
        let rows = shown(&[(0, "d", "a", [7, 3, 2, 0, 0, 0]), (5, "d", "a", [0; 6])]);
        let book = Book::of(&rows, &BTreeSet::new(), "weighted");
        let step = |number: i64| (0..5).fold(number, |number, _| number * 31 / 32);
        let row = &book.rows[&(6, "d".into(), "a".into())];
        assert_eq!(row.evidence, [step(7), step(3), step(2), 0, 0, 0]);
    }
}
