//! The rule of weights, from all that was ever shown.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use quorate_learning::auto::Trial;
use quorate_learning::exams::{Exams, Rule};
use quorate_learning::weights::Weights;
use quorate_operators::policy::{Method, Policy};
use quorate_schemas::id::Name;
use quorate_schemas::retained::Exam;
use quorate_schemas::table::{ChoiceRow, ReputationBasis, ReputationRow};

use crate::harness::key;
use crate::view::View;

/// One task, and a newcomer's weight: half a nat.
pub(crate) const ONE: i64 = 1_000_000;

/// What one closed task shows of an agent (gold seen, right, by chance; consensus seen, right, by chance), or of its
/// domain (gold tasks, hits).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shown {
    pub(crate) era: i64,
    pub(crate) domain: String,
    pub(crate) agent: Option<String>,
    pub(crate) numbers: [i64; 6],
}

/// Everything shown, and the weights that follow from it.
#[derive(Default)]
pub(crate) struct Learnt {
    pub(crate) shown: Vec<Shown>,
    /// Tasks whose answers became known.
    pub(crate) exams: Vec<Exam>,
    weights: RefCell<BTreeMap<(i64, String, String), i64>>,
    fitted: RefCell<BTreeMap<i64, (Weights, Vec<Trial>)>>,
}

/// What a weight rests on: tasks seen, right, and right by chance.
type Pool = [i128; 3];

impl Learnt {
    pub(crate) fn of(shown: Vec<Shown>, exams: Vec<Exam>) -> Learnt {
        Learnt { shown, exams, ..Learnt::default() }
    }

    /// What a vote of `agent` in `domain` counts in `era` by all exams that were sat before: fitted anew, from nothing.
    pub(crate) fn fitted(&self, rule: Rule, (era, domain, agent): (i64, &str, &str)) -> i64 {
        let mut eras = self.fitted.borrow_mut();
        let (weights, _) = eras.entry(era).or_insert_with(|| self.before(era).weights(rule));
        weights.of(&Name::new(domain), &Name::new(agent))
    }

    /// All exams that were sat before `era`.
    fn before(&self, era: i64) -> Exams {
        let mut before = Exams::default();
        before.enter(era, self.exams.iter().filter(|exam| exam.era < era).cloned().collect());
        before
    }

    /// How rules did, told in each era before which an answer became known.
    pub(crate) fn choices(&self, policy: Policy) -> Vec<View> {
        let Some(rule) = policy.method.fits() else { return Vec::new() };
        let eras: BTreeSet<i64> = self.exams.iter().map(|exam| exam.era + 1).collect();
        let told = eras.into_iter().flat_map(|era| {
            let (_, trials) = self.before(era).weights(rule);
            trials.into_iter().map(move |trial| {
                View::Choice(ChoiceRow {
                    event_time: policy.eras.start_of(era),
                    era,
                    revision: 0,
                    domain: trial.domain,
                    method: trial.rule.into(),
                    reason: trial.chosen.map(|reason| reason.word().into()),
                    gold_tasks: i64::try_from(trial.tasks).expect("few tasks"),
                    likelihood_micros: trial.likelihood_micros,
                    advantage_micros: trial.advantage_micros,
                    error_micros: trial.error_micros,
                })
            })
        });
        told.collect()
    }

    /// A(e): what was shown before `era`, each era's decay rounded down.
    fn standing(&self, era: i64, domain: &str, agent: Option<&str>) -> [i128; 6] {
        let about = |shown: &&Shown| shown.domain == domain && shown.agent.as_deref() == agent;
        let first = self.shown.iter().filter(about).map(|shown| shown.era).min().unwrap_or(era);
        let mut standing = [0; 6];
        for past in first..era {
            standing = standing.map(|number| number * 31 / 32);
            for shown in self.shown.iter().filter(about).filter(|shown| shown.era == past) {
                (0..6).for_each(|at| standing[at] += i128::from(shown.numbers[at]));
            }
        }
        standing
    }

    fn domains(&self) -> BTreeSet<&str> {
        self.shown.iter().map(|shown| shown.domain.as_str()).collect()
    }

    fn agents(&self) -> BTreeSet<&str> {
        self.shown.iter().filter_map(|shown| shown.agent.as_deref()).collect()
    }

    /// An agent's gold outside of `domain`.
    fn elsewhere(&self, era: i64, domain: &str, agent: &str) -> Pool {
        let mut sum = [0; 3];
        for other in self.domains().into_iter().filter(|other| *other != domain) {
            let standing = self.standing(era, other, Some(agent));
            (0..3).for_each(|at| sum[at] += standing[at]);
        }
        sum
    }

    /// Whether rates elsewhere vary together with what agents got right here.
    fn transfers(&self, era: i64, domain: &str) -> bool {
        let mut points: Vec<(i128, i128, i128)> = Vec::new();
        for agent in self.agents() {
            let (here, other) =
                (self.standing(era, domain, Some(agent)), self.elsewhere(era, domain, agent));
            let (seen, right) = (here[0] / 1_000, here[1] / 1_000);
            let (seen_there, right_there) = (other[0] / 1_000, other[1] / 1_000);
            if seen > 0 && seen_there > 0 {
                points.push((seen, right, 1_000_000 * right_there / seen_there));
            }
        }
        let weight: i128 = points.iter().map(|(seen, ..)| seen).sum();
        let right: i128 = points.iter().map(|(_, right, _)| right).sum();
        let rate: i128 = points.iter().map(|(seen, _, rate)| seen * rate).sum();
        let both: i128 = points.iter().map(|(_, right, rate)| right * rate).sum();
        both * weight > right * rate
    }

    fn trust(&self, era: i64, domain: &str) -> i128 {
        let [tasks, hits, ..] = self.standing(era, domain, None);
        (1_000_000 * (2 * hits - tasks)).max(0) / (tasks + 4_000_000)
    }

    fn pool(&self, era: i64, domain: &str, agent: &str) -> Pool {
        let [gold @ .., seen, right, chance] = self.standing(era, domain, Some(agent));
        let mut pool = [gold[0] + 4_000_000, gold[1] + 2_500_000, gold[2] + 2_000_000];
        let mut add =
            |tasks: i128, of: Pool| (0..3).for_each(|at| pool[at] += tasks * of[at] / of[0]);
        let other = self.elsewhere(era, domain, agent);
        if other[0] > 0 && self.transfers(era, domain) {
            add(other[0].min(8_000_000), other);
        }
        if seen > 0 {
            add(
                (seen / 8).min(8_000_000) * self.trust(era, domain) / 1_000_000,
                [seen, right, chance],
            );
        }
        pool
    }

    /// What a vote of `agent` in `domain` counts in `era`.
    pub(crate) fn weight(&self, era: i64, domain: &str, agent: &str) -> i64 {
        let key = (era, domain.to_owned(), agent.to_owned());
        let known = self.weights.borrow().get(&key).copied();
        known.unwrap_or_else(|| {
            let weight = weight(self.pool(era, domain, agent));
            self.weights.borrow_mut().insert(key, weight);
            weight
        })
    }

    /// Who voted in `domain` in one of the two eras before `era`.
    pub(crate) fn voters(&self, era: i64, domain: &str) -> BTreeSet<String> {
        let lately = self
            .shown
            .iter()
            .filter(|shown| shown.domain == domain && (era - 2..era).contains(&shown.era));
        lately.filter_map(|shown| shown.agent.clone()).collect()
    }

    /// A row for each agent and domain in which it voted, for the era after.
    pub(crate) fn reputation(&self, policy: Policy) -> Vec<View> {
        let voted = self.shown.iter().filter_map(|shown| {
            let agent = shown.agent.as_deref()?;
            Some((shown.era + 1, shown.domain.as_str(), agent))
        });
        let voted: BTreeSet<(i64, &str, &str)> = voted.collect();
        voted
            .into_iter()
            .map(|(era, domain, agent)| View::Reputation(self.row(policy, era, domain, agent)))
            .collect()
    }

    fn row(&self, policy: Policy, era: i64, domain: &str, agent: &str) -> ReputationRow {
        let standing = self.standing(era, domain, Some(agent));
        let [seen, right, _] = self.pool(era, domain, agent);
        let micros = |number: i128| i64::try_from(number).expect("few tasks");
        ReputationRow {
            revision: 0,
            event_time: policy.eras.start_of(era),
            era,
            agent: key().id(agent),
            domain: key().id(domain),
            weight_micros: match policy.method {
                Method::Majority | Method::Weighted => self.weight(era, domain, agent),
                Method::Stacked => self.fitted(Rule::Stacked, (era, domain, agent)),
                Method::Auto => self.fitted(Rule::Auto, (era, domain, agent)),
            },
            accuracy_micros: micros(1_000_000 * right / seen),
            gold_seen_micros: micros(standing[0]),
            gold_right_micros: micros(standing[1]),
            consensus_seen_micros: micros(standing[3]),
            consensus_right_micros: micros(standing[4]),
            basis: match (standing[0], standing[3]) {
                (0, 0) => ReputationBasis::Prior,
                (0, _) => ReputationBasis::Consensus,
                _ => ReputationBasis::Gold,
            },
        }
    }
}

/// The logarithm of odds over odds by chance, in sixteenths of a nat, by counting them up.
fn weight([seen, right, chance]: Pool) -> i64 {
    let odds = |step: i64| (f64::exp(step as f64 / 16.0) * 1e6).round() as i128;
    let reached =
        |step: &i64| right * (seen - chance) * 1_000_000 >= (seen - right) * chance * odds(*step);
    (1..=32).take_while(reached).count() as i64 * 62_500
}
