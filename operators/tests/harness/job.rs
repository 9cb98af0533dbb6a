//! One incarnation of a job: a clockwork, booths and a book, wired as `decide` wires them.

use quorate_operators::ballot::Otherwise;
use quorate_operators::booth::{Booth, Horizon};
use quorate_operators::clock::{Clockwork, Report};
use quorate_operators::effects::Effects;
use quorate_operators::policy::Policy;
use quorate_operators::reputation::Book;
use quorate_schemas::clock::{Clock, Phase};
use quorate_schemas::retained::{Retain, RetainedRow, WeightChange};
use quorate_schemas::table::OutRow;

use super::key;
use super::store::Store;
use crate::scenario::Row;

pub(crate) struct Job {
    policy: Policy,
    /// How often it was reopened.
    reopened: u32,
    booths: Vec<Booth>,
    book: Book,
    clockwork: Clockwork,
    clock: Clock,
    /// What the booths said of their tasks in the epoch before.
    horizons: Vec<Horizon>,
    /// What the book published in the epoch before.
    weights: Vec<WeightChange>,
    store: Store,
    /// Changes of durable rows since the last checkpoint.
    keep: Vec<Retain>,
    /// The rows that left since they were last taken.
    pub(crate) rows: Vec<OutRow>,
}

impl Job {
    pub(crate) fn new(policy: Policy, workers: usize) -> Job {
        Job::opened(policy, workers, 0)
    }

    fn opened(policy: Policy, workers: usize, reopened: u32) -> Job {
        let book = Book::new(policy, key(), reopened);
        Job {
            policy,
            reopened,
            booths: (0..workers).map(|worker| Booth::new(policy, key(), worker == 0)).collect(),
            book,
            clockwork: Clockwork::new(policy.eras, workers, Clock::START),
            clock: Clock::START,
            horizons: Vec::new(),
            weights: Vec::new(),
            store: Store::default(),
            keep: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// The same job in a new incarnation, which knows only what is retained: what was on its way is lost.
    pub(crate) fn restarted(&self, workers: usize) -> Job {
        self.restarted_under(self.policy, Otherwise::Refused, workers)
    }

    /// The same job in a new incarnation under another policy.
    pub(crate) fn upgraded(&self, policy: Policy) -> Job {
        self.restarted_under(policy, Otherwise::Revised, self.workers())
    }

    fn restarted_under(&self, policy: Policy, otherwise: Otherwise, workers: usize) -> Job {
        let mut job = Job::opened(policy, workers, self.reopened);
        job.clock = self.clock;
        job.clockwork = Clockwork::new(policy.eras, workers, self.clock);
        job.store = self.store.clone();
        for row in self.store.rows() {
            match row.task().map(|task| task.route()) {
                Some(route) => job.booth_of(route).restore(row.clone()),
                None => job.booths.iter_mut().for_each(|booth| booth.restore(row.clone())),
            }
            job.book.restore(row);
        }
        for booth in &mut job.booths {
            booth.restore(RetainedRow::Clock(self.clock));
            if let Err(mismatch) = booth.resume(otherwise) {
                panic!("{mismatch:#?}");
            }
        }
        job.book.resume(self.clock);
        job
    }

    /// The same job, finished, and reopened by a new incarnation: rows after its last one are not late.
    pub(crate) fn reopened(mut self) -> Job {
        assert_eq!(self.clock.phase, Phase::End);
        let from = self.clock.greatest + 1;
        self.clock = Clock { phase: Phase::Running, watermark: from, promised: from, ..self.clock };
        self.reopened += 1;
        self.restarted(self.workers())
    }

    pub(crate) fn workers(&self) -> usize {
        self.booths.len()
    }

    fn booth_of(&mut self, route: u64) -> &mut Booth {
        let at = route % self.booths.len() as u64;
        &mut self.booths[usize::try_from(at).expect("fewer booths than a usize counts")]
    }

    /// Whether something happens without further input.
    pub(crate) fn lags(&self) -> bool {
        self.clockwork.lags()
    }

    /// What is retained now.
    pub(crate) fn retained(&self) -> Vec<RetainedRow> {
        self.store.rows()
    }

    /// One epoch: what everything else rests on first, then facts, then the clock.
    pub(crate) fn epoch(&mut self, rows: Vec<Row>, reports: Vec<Report>) {
        let mut effects = Effects::default();
        for change in std::mem::take(&mut self.weights) {
            self.booths.iter_mut().for_each(|booth| booth.weigh(&change));
        }
        let (facts, shared): (Vec<Row>, Vec<Row>) =
            rows.into_iter().partition(|row| matches!(row, Row::Fact(_)));
        for row in shared.into_iter().chain(facts) {
            match row {
                Row::Agent(row) => self
                    .booths
                    .iter_mut()
                    .for_each(|booth| booth.register(row.clone(), &mut effects)),
                Row::Order(row) => {
                    self.booths.iter_mut().for_each(|booth| booth.order(row.clone(), &mut effects))
                }
                Row::Fact(fact) => {
                    let route = fact.task().expect("a fact is about a task").route();
                    self.booth_of(route).receive(vec![vec![fact]], &mut effects);
                }
            }
        }
        for (worker, horizon) in std::mem::take(&mut self.horizons).into_iter().enumerate() {
            self.clockwork.horizon(worker, horizon);
        }
        reports.into_iter().for_each(|report| self.clockwork.report(report));
        self.clock = self.clockwork.close();
        for booth in &mut self.booths {
            booth.advance(self.clock, &mut effects);
            booth.updates(&mut effects);
        }
        self.horizons = self.booths.iter().map(Booth::horizon).collect();
        self.take(effects);
        let mut turned = self.book.advance(self.clock, &mut self.keep);
        self.rows.append(&mut turned.rows);
        self.keep.extend(
            turned
                .weights
                .iter()
                .map(|change| Retain::Row(RetainedRow::Weight(Box::new(change.clone())), 1)),
        );
        self.weights = turned.weights;
    }

    fn take(&mut self, effects: Effects) {
        let Effects { mut rows, keep, shown, exams, .. } = effects;
        self.keep.extend(keep);
        shown.into_iter().for_each(|shown| self.book.show(shown));
        exams.into_iter().for_each(|exam| self.book.examine(exam));
        self.rows.append(&mut rows);
    }

    /// The end of a checkpoint: what is durable is written.
    pub(crate) fn save(&mut self) {
        let mut effects = Effects::default();
        self.booths.iter_mut().for_each(|booth| booth.save(&mut effects));
        self.take(effects);
        self.book.save(&mut self.keep);
        self.store.write(std::mem::take(&mut self.keep));
    }
}
