//! What every agent has shown, era by era, and the weights that follow.
//!
//! 1. A(e), the evidence at the start of era e, is 31/32 of A(e − 1), rounded down, plus what tasks closed in
//!    e − 1 have shown; every era decays, also an empty one, one rounded step each.
//! 2. W(e) is a function of A(e) alone, made once, when the clock enters era e.
//! 3. What has decayed to nothing is dropped: an agent that is not heard of any more dies.
//!
//! Under `stacked` the weights of an era rest on exams instead, tasks whose answers became known in the eras before it
//! ([`quorate_learning::stacked`]); what a domain has is then a difference from what all domains have.
//!
//! *State*: a row per agent and domain it voted in lately, and the exams. Retained rows are written where evidence was added, not
//! where it decays: decay is computed from the era they carry. *Cost*: an era's turn, and a checkpoint's end, look at
//! every row of the eras that they are about once.

use std::collections::{BTreeMap, BTreeSet};

use quorate_learning::weights::Weights;
use quorate_schemas::clock::Eras;
use quorate_schemas::id::{Id, IdKey, Name};
use quorate_schemas::retained::{
    DomainRecord, DomainStanding, Evidence, Exam, Retain, RetainedRow, Shown, Standing,
    WeightChange,
};
use quorate_schemas::table::{OutRow, ReputationBasis, ReputationRow};

mod ending;

use super::hall::Hall;
use super::rule::{Pool, decayed, transfers, trust_micros};
use crate::policy::{Method, Policy, QuorumOf};

/// A value that decays, and the form in which it is retained.
#[derive(Clone, Debug)]
struct Decaying<E> {
    now: E,
    written: Option<(i64, E)>,
}

/// Evidence of any kind: sums that decay.
trait Sums: Copy + Default + PartialEq {
    fn each(&mut self, change: impl FnMut(&mut i64));
    fn plus(self, other: Self) -> Self;
}

impl Sums for Evidence {
    fn each(&mut self, mut change: impl FnMut(&mut i64)) {
        let seen = [&mut self.gold_seen, &mut self.gold_right, &mut self.gold_chance];
        let agreed =
            [&mut self.consensus_seen, &mut self.consensus_right, &mut self.consensus_chance];
        seen.into_iter().chain(agreed).for_each(&mut change);
    }

    fn plus(self, other: Evidence) -> Evidence {
        Evidence::plus(self, other)
    }
}

impl Sums for DomainRecord {
    fn each(&mut self, mut change: impl FnMut(&mut i64)) {
        change(&mut self.gold_tasks);
        change(&mut self.gold_hits);
    }

    fn plus(self, other: DomainRecord) -> DomainRecord {
        DomainRecord::plus(self, other)
    }
}

fn decay<E: Sums>(value: &mut E, eras: i64) {
    for _ in 0..eras {
        if *value == E::default() {
            return;
        }
        value.each(|sum| *sum = decayed(*sum));
    }
}

/// Domain, then agent: the order in which rows are read and written.
type Row = (Id, Id);

/// Everything shown, and when.
#[derive(Clone)]
pub struct Book {
    policy: Policy,
    key: IdKey,
    /// What stands for all domains.
    everywhere: Id,
    tells_who_votes: bool,
    /// How often the job was reopened.
    revision: i64,
    era: Option<i64>,
    agents: BTreeMap<Row, Decaying<Evidence>>,
    domains: BTreeMap<Id, Decaying<DomainRecord>>,
    fresh: BTreeMap<i64, Fresh>,
    exams: Hall,
    /// Weights in force that are not a newcomer's.
    in_force: BTreeMap<Row, i64>,
    /// The last era that was told since the input has ended.
    told: Option<i64>,
}

/// What an era that has not ended has shown.
#[derive(Clone, Default)]
struct Fresh {
    agents: BTreeMap<Row, Growing<Evidence>>,
    domains: BTreeMap<Id, Growing<DomainRecord>>,
}

/// A sum that grows, and what a file has of it.
#[derive(Clone, Copy, Default)]
struct Growing<E> {
    now: E,
    written: Option<E>,
}

impl<E: Sums> Growing<E> {
    fn grow(&mut self, more: E) {
        self.now = self.now.plus(more);
    }

    /// Tells `change` what has changed since it was last told.
    fn save(&mut self, mut change: impl FnMut(E, i64)) {
        if self.written != Some(self.now) {
            if let Some(before) = self.written.replace(self.now) {
                change(before, -1);
            }
            change(self.now, 1);
        }
    }

    /// Tells `change` that nothing of it is needed any more.
    fn forget(self, mut change: impl FnMut(E, i64)) {
        if let Some(before) = self.written {
            change(before, -1);
        }
    }
}

/// The row of what an agent has shown in an era.
fn fresh_of_agent((domain, agent): &Row, era: i64, evidence: Evidence) -> RetainedRow {
    let (agent, domain) = (Some(agent.clone()), domain.clone());
    let record = DomainRecord::default();
    RetainedRow::Fresh(Box::new(Shown { agent, domain, era, evidence, record }))
}

/// The row of how a domain's decisions did in an era.
fn fresh_of_domain(domain: &Id, era: i64, record: DomainRecord) -> RetainedRow {
    let (domain, evidence) = (domain.clone(), Evidence::default());
    RetainedRow::Fresh(Box::new(Shown { agent: None, domain, era, evidence, record }))
}

/// What a turn of era yields.
#[derive(Debug, Default, PartialEq)]
pub struct Turned {
    /// Rows of `agent_reputation`: the agents that have shown something in the era that ended.
    pub rows: Vec<OutRow>,
    /// Weights that changed.
    pub weights: Vec<WeightChange>,
}

impl Book {
    /// An empty book of a job with this policy, whose identities are under `key`, and that was `reopened` so often.
    pub fn new(policy: Policy, key: IdKey, reopened: u32) -> Book {
        let (agents, domains, fresh) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        // Who voted lately is asked where votes are weighed with those of others, whom no registration names.
        let weighed_together = policy.quorum_of == QuorumOf::Eligible || policy.cap.is_some();
        Book {
            policy,
            key,
            everywhere: key.everywhere(),
            tells_who_votes: weighed_together && !policy.registered,
            revision: reopened.into(),
            era: None,
            agents,
            domains,
            fresh,
            exams: Hall::default(),
            in_force: BTreeMap::new(),
            told: None,
        }
    }

    /// Takes a row that was retained before a restart.
    pub fn restore(&mut self, row: RetainedRow) {
        match row {
            RetainedRow::Standing(row) => {
                let Standing { agent, domain, era, evidence } = *row;
                self.era = self.era.max(Some(era));
                let row = Decaying { now: evidence, written: Some((era, evidence)) };
                self.agents.insert((domain, agent), row);
            }
            RetainedRow::Domain(row) => {
                let DomainStanding { domain, era, record } = *row;
                self.era = self.era.max(Some(era));
                let row = Decaying { now: record, written: Some((era, record)) };
                self.domains.insert(domain, row);
            }
            RetainedRow::Fresh(shown) => {
                let Shown { agent, domain, era, .. } = Shown::clone(&shown);
                self.show(*shown);
                let fresh = self.fresh.entry(era).or_default();
                match agent {
                    Some(agent) => {
                        let sum = fresh.agents.entry((domain, agent)).or_default();
                        sum.written = Some(sum.now);
                    }
                    None => {
                        let sum = fresh.domains.entry(domain).or_default();
                        sum.written = Some(sum.now);
                    }
                }
            }
            RetainedRow::Exam(exam) => self.exams.restore(*exam),
            _ => {}
        }
    }

    fn resume_in(&mut self, era: i64) {
        for row in self.agents.values_mut() {
            let from = row.written.map_or(era, |(from, _)| from);
            decay(&mut row.now, era - from);
        }
        for row in self.domains.values_mut() {
            let from = row.written.map_or(era, |(from, _)| from);
            decay(&mut row.now, era - from);
        }
        if self.era.is_some() {
            self.era = Some(era);
        }
        // All of them are among the retained rows, and none has to go that had not to go before.
        self.exams.turn(era, self.policy.method.fits(), &mut Vec::new());
        // They were told when that was fitted first.
        drop(self.exams.choices((era, 0), 0));
        self.in_force = self.earned(&self.pools());
    }

    /// Takes a task whose answer became known.
    pub fn examine(&mut self, exam: Exam) {
        self.exams.sit(exam);
    }

    /// Takes what closed tasks show.
    pub fn show(&mut self, shown: Shown) {
        let fresh = self.fresh.entry(shown.era).or_default();
        match shown.agent {
            Some(agent) => {
                fresh.agents.entry((shown.domain, agent)).or_default().grow(shown.evidence);
            }
            None => fresh.domains.entry(shown.domain).or_default().grow(shown.record),
        }
    }

    /// At the end of a checkpoint: what has changed of what is durable since the last one, beside what the turn of an
    /// era tells at once.
    pub fn save(&mut self, keep: &mut Vec<Retain>) {
        self.exams.save(keep);
        for (era, fresh) in &mut self.fresh {
            for (row, sum) in &mut fresh.agents {
                sum.save(|sum, diff| keep.push(Retain::Row(fresh_of_agent(row, *era, sum), diff)));
            }
            for (domain, sum) in &mut fresh.domains {
                sum.save(|sum, diff| {
                    keep.push(Retain::Row(fresh_of_domain(domain, *era, sum), diff));
                });
            }
        }
    }

    /// Goes on to `era`: what was shown in the eras before it enters the weights from the next era on.
    pub fn turn(&mut self, era: i64, keep: &mut Vec<Retain>) -> Turned {
        let mut turned = Turned::default();
        while let Some(entry) = self.fresh.first_entry().filter(|entry| *entry.key() < era) {
            let (shown_in, fresh) = entry.remove_entry();
            self.decay_to(shown_in + 1, keep);
            self.enter(shown_in, &fresh, keep);
            self.exams.turn(shown_in + 1, self.policy.method.fits(), keep);
            self.publish(shown_in + 1, Some(&fresh), &mut turned);
        }
        if self.era.is_some_and(|now| now < era) {
            self.decay_to(era, keep);
            self.exams.turn(era, self.policy.method.fits(), keep);
            self.publish(era, None, &mut turned);
        }
        turned
    }

    fn decay_to(&mut self, era: i64, keep: &mut Vec<Retain>) {
        let eras = era - self.era.unwrap_or(era);
        assert!(eras >= 0, "what is shown of an era is shown before the next one is entered");
        self.era = Some(era);
        if eras == 0 {
            return;
        }
        for ((domain, agent), row) in &mut self.agents {
            decay(&mut row.now, eras);
            if row.now == Evidence::default()
                && let Some((era, evidence)) = row.written.take()
            {
                let (agent, domain) = (agent.clone(), domain.clone());
                let row = Box::new(Standing { agent, domain, era, evidence });
                keep.push(Retain::Row(RetainedRow::Standing(row), -1));
            }
        }
        for (domain, row) in &mut self.domains {
            decay(&mut row.now, eras);
            if row.now == DomainRecord::default()
                && let Some((era, record)) = row.written.take()
            {
                let row = Box::new(DomainStanding { domain: domain.clone(), era, record });
                keep.push(Retain::Row(RetainedRow::Domain(row), -1));
            }
        }
        self.domains.retain(|_, row| row.now != DomainRecord::default());
    }

    fn enter(&mut self, shown_in: i64, fresh: &Fresh, keep: &mut Vec<Retain>) {
        let next = shown_in + 1;
        for (row @ (domain, agent), evidence) in &fresh.agents {
            evidence.forget(|sum, diff| {
                keep.push(Retain::Row(fresh_of_agent(row, shown_in, sum), diff));
            });
            let empty = Decaying { now: Evidence::default(), written: None };
            let row = self.agents.entry((domain.clone(), agent.clone())).or_insert(empty);
            row.now = row.now.plus(evidence.now);
            let written = |(era, evidence)| {
                let (agent, domain) = (agent.clone(), domain.clone());
                RetainedRow::Standing(Box::new(Standing { agent, domain, era, evidence }))
            };
            keep.extend(row.written.take().map(|before| Retain::Row(written(before), -1)));
            if row.now != Evidence::default() {
                row.written = Some((next, row.now));
                keep.push(Retain::Row(written((next, row.now)), 1));
            }
        }
        for (domain, record) in &fresh.domains {
            record.forget(|sum, diff| {
                keep.push(Retain::Row(fresh_of_domain(domain, shown_in, sum), diff));
            });
            let empty = Decaying { now: DomainRecord::default(), written: None };
            let row = self.domains.entry(domain.clone()).or_insert(empty);
            row.now = row.now.plus(record.now);
            let written = |(era, record)| {
                let domain = domain.clone();
                RetainedRow::Domain(Box::new(DomainStanding { domain, era, record }))
            };
            keep.extend(row.written.take().map(|before| Retain::Row(written(before), -1)));
            row.written = Some((next, row.now));
            keep.push(Retain::Row(written((next, row.now)), 1));
        }
    }

    /// What every weight rests on that may not be a newcomer's: the rows, and where gold from elsewhere counts,
    /// all agents that have any.
    fn pools(&self) -> BTreeMap<Row, Pool> {
        const NOTHING: Pool = Pool { seen: 0, right: 0, chance: 0 };
        let mut totals: BTreeMap<&Id, Pool> = BTreeMap::new();
        let mut domains: BTreeMap<&Id, Vec<(&Id, &Evidence)>> = BTreeMap::new();
        for ((domain, agent), row) in &self.agents {
            let total = totals.entry(agent).or_insert(NOTHING);
            total.seen += row.now.gold_seen;
            total.right += row.now.gold_right;
            total.chance += row.now.gold_chance;
            domains.entry(domain).or_default().push((agent, &row.now));
        }
        let elsewhere = |agent: &Id, own: &Evidence| {
            let total = totals.get(agent).copied().unwrap_or(NOTHING);
            Pool {
                seen: total.seen - own.gold_seen,
                right: total.right - own.gold_right,
                chance: total.chance - own.gold_chance,
            }
        };
        let mut pools = BTreeMap::new();
        for (domain, rows) in domains {
            let predicts = transfers(rows.iter().map(|(agent, own)| {
                let other = elsewhere(agent, own);
                (own.gold_seen, own.gold_right, other.seen, other.right)
            }));
            let trust = self.domains.get(domain).map_or(0, |row| trust_micros(&row.now));
            let pool =
                |agent: &Id, own: &Evidence| Pool::of(own, elsewhere(agent, own), predicts, trust);
            if predicts {
                let nothing = Evidence::default();
                let known = totals.iter().filter(|(_, total)| total.seen > 0);
                pools.extend(
                    known.map(|(agent, _)| {
                        ((domain.clone(), (*agent).clone()), pool(agent, &nothing))
                    }),
                );
            }
            pools.extend(
                rows.iter()
                    .map(|(agent, own)| ((domain.clone(), (*agent).clone()), pool(agent, own))),
            );
        }
        pools
    }

    fn publish(&mut self, era: i64, fresh: Option<&Fresh>, turned: &mut Turned) {
        let pools = self.pools();
        let earned = self.earned(&pools);
        let before = std::mem::replace(&mut self.in_force, earned);
        let asked: BTreeSet<&Row> =
            before.keys().chain(pools.keys()).chain(self.in_force.keys()).collect();
        for row in asked {
            let weight_of = |weights: &BTreeMap<Row, i64>| {
                weights.get(row).copied().unwrap_or_else(|| self.nothing(row))
            };
            let weight_micros = weight_of(&self.in_force);
            let voted = fresh.is_some_and(|fresh| fresh.agents.contains_key(row));
            let changed = weight_of(&before) != weight_micros;
            if changed || (self.tells_who_votes && voted) {
                let (domain, agent) = row.clone();
                turned.weights.push(WeightChange { agent, domain, era, weight_micros, voted });
            }
            if let Some((shown, pool)) = self.agents.get(row).zip(pools.get(row)).filter(|_| voted)
            {
                let weight_micros = match self.policy.method {
                    Method::Majority | Method::Weighted => pool.weight_micros(),
                    Method::Stacked | Method::Auto => {
                        self.exams.weights().of(row.0.name(), row.1.name())
                    }
                };
                turned.rows.push(OutRow::Reputation(Box::new(reputation_row(
                    self.policy.eras,
                    (era, self.revision),
                    weight_micros,
                    row,
                    &shown.now,
                    *pool,
                ))));
            }
        }
        self.agents.retain(|_, row| row.now != Evidence::default());
        let (event_time, revision) = (self.policy.eras.start_of(era), self.revision);
        let choices = self.exams.choices((era, event_time), revision);
        turned.rows.extend(choices.map(|row| OutRow::Choice(Box::new(row))));
    }

    /// The weights that are not a newcomer's. Where nobody asks for weights there are none, so that none is kept.
    fn earned(&self, pools: &BTreeMap<Row, Pool>) -> BTreeMap<Row, i64> {
        let mut earned: BTreeMap<Row, i64> = match self.policy.method {
            Method::Majority => BTreeMap::new(),
            Method::Weighted => {
                pools.iter().map(|(row, pool)| (row.clone(), pool.weight_micros())).collect()
            }
            Method::Stacked | Method::Auto => {
                let Weights { everywhere, domains } = self.exams.weights();
                let id = |name: &Name| self.key.id_of(name.clone());
                let row = |(agent, weight): (&Name, &i64)| {
                    ((self.everywhere.clone(), id(agent)), *weight)
                };
                let more = domains.iter();
                let more = more.map(|((domain, agent), more)| ((id(domain), id(agent)), *more));
                everywhere.iter().map(row).chain(more).collect()
            }
        };
        earned.retain(|row, weight| *weight != self.nothing(row));
        earned
    }

    /// What is said of a weight that nobody has earned.
    fn nothing(&self, (domain, _): &Row) -> i64 {
        match self.policy.method {
            method if method.fits().is_some() && *domain != self.everywhere => 0,
            method => method.newcomer_micros(),
        }
    }
}

fn reputation_row(
    eras: Eras,
    (era, revision): (i64, i64),
    weight_micros: i64,
    (domain, agent): &Row,
    evidence: &Evidence,
    pool: Pool,
) -> ReputationRow {
    ReputationRow {
        event_time: eras.start_of(era),
        era,
        revision,
        agent: agent.clone(),
        domain: domain.clone(),
        weight_micros,
        accuracy_micros: pool.accuracy_micros(),
        gold_seen_micros: evidence.gold_seen,
        gold_right_micros: evidence.gold_right,
        consensus_seen_micros: evidence.consensus_seen,
        consensus_right_micros: evidence.consensus_right,
        basis: match evidence {
            Evidence { gold_seen: 0, consensus_seen: 0, .. } => ReputationBasis::Prior,
            Evidence { gold_seen: 0, .. } => ReputationBasis::Consensus,
            _ => ReputationBasis::Gold,
        },
    }
}
