//! The dataflow itself, on worker threads: what the pure cores were wired to by hand, wired by `decide`.
//!
//! The first worker feeds everything, epoch by epoch; the others only work. Where the course has a restart after an
//! epoch, what left in later ones is lost, as it is when a process dies before its checkpoint is committed.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use quorate_operators::ballot::Otherwise;
use quorate_operators::clock::Report;
use quorate_operators::decide::{Hooks, Inputs, Setup, ToOutlet, decide};
use quorate_operators::policy::Policy;
use quorate_operators::rows::Feed;
use quorate_schemas::clock::{Clock, Phase};
use quorate_schemas::retained::RetainedRow;
use quorate_schemas::table::OutRow;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::InputHandle;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::operator::Operator as _;
use timely::dataflow::operators::{Input, Probe};

use super::reader::Reader;
use super::store::Store;
use super::{Course, Outcome, key};
use crate::scenario::Row;

/// What left, by epoch, in the order in which it left its worker.
type Left = Arc<Mutex<BTreeMap<u64, Vec<ToOutlet>>>>;

/// What one incarnation is fed: of each epoch rows and reports.
type Epochs = Vec<(Vec<Row>, Vec<Report>)>;

/// Reads `partitions` to their end through the dataflow.
pub(crate) fn flow(
    policy: Policy,
    partitions: &[Vec<Row>],
    lateness: i64,
    course: &Course,
) -> Outcome {
    let mut reader = Reader::new(partitions, lateness, &course.cuts);
    let (mut store, mut clock, mut rows) = (Store::default(), Clock::START, Vec::new());
    let (mut epoch, mut workers) = (0, course.workers);
    loop {
        let (first, mut epochs) = (epoch, Epochs::new());
        let mut restart = None;
        while restart.is_none() && !reader.is_done() {
            epochs.push(reader.read(workers));
            restart = course.restarts.iter().find(|(after, _)| *after == epoch);
            epoch += 1;
        }
        let left = incarnation(policy, workers, (first, epochs), restart.is_none(), &store, clock);
        for (_, left) in left.into_iter().filter(|(at, _)| restart.is_none() || *at < epoch) {
            let mut keep = Vec::new();
            for what in left {
                match what {
                    ToOutlet::Row(row) => rows.push(row),
                    ToOutlet::Keep(change) => keep.push(change),
                    ToOutlet::Clock(now) => clock = now,
                }
            }
            store.write(keep);
        }
        match restart {
            None => break,
            Some((_, other)) => workers = *other,
        }
        reader.start_again();
    }
    rows.retain(|row| !matches!(row, OutRow::Update(_)));
    Outcome { rows, retained: store.rows() }
}

/// Runs the dataflow over `epochs`; `to_the_end`, until nothing more happens without input.
fn incarnation(
    policy: Policy,
    workers: usize,
    (first, epochs): (u64, Epochs),
    to_the_end: bool,
    store: &Store,
    clock: Clock,
) -> BTreeMap<u64, Vec<ToOutlet>> {
    let left = Left::default();
    let mut restored = store.rows();
    restored.push(RetainedRow::Clock(clock));
    let (to_workers, feed) = (Arc::clone(&left), Mutex::new(Some((epochs, restored))));
    let configuration = timely::Config::process(workers);
    // A restart goes on from the end of a checkpoint, and the course may have one after any epoch.
    let last_of_checkpoint =
        if to_the_end && first == 0 { |epoch| epoch | 3 } else { |epoch| epoch };
    let guards = timely::execute(configuration, move |worker| {
        let told = Rc::new(Cell::new((clock, true)));
        let mut ports = build(
            worker,
            Setup {
                policy,
                key: key(),
                otherwise: Otherwise::Refused,
                reopened: 0,
                last_of_checkpoint,
            },
            &told,
            &to_workers,
        );
        if worker.index() != 0 {
            return;
        }
        let (epochs, restored) = feed.lock().unwrap().take().expect("one worker feeds");
        ports.restored.advance_to(first);
        ports.restored.send_batch(&mut restored.clone());
        let mut epoch = first;
        for (rows, reports) in epochs {
            ports.feed(epoch, rows, reports);
            epoch += 1;
            ports.advance(epoch);
            worker.step();
        }
        if !to_the_end {
            return;
        }
        loop {
            while ports.probe.less_than(&epoch) {
                worker.step();
            }
            let (clock, lags) = told.get();
            if clock.phase == Phase::End && !lags {
                break;
            }
            assert!(epoch < 10_000, "the job never ends");
            ports.feed(epoch, Vec::new(), vec![Report::Pulse]);
            epoch += 1;
            ports.advance(epoch);
        }
    });
    let guards = guards.expect("threads can be started");
    guards.join().into_iter().for_each(|ended| ended.expect("a worker died"));
    std::mem::take(&mut *left.lock().unwrap())
}

type Port<T> = InputHandle<u64, CapacityContainerBuilder<Vec<T>>>;

struct Ports {
    facts: InputHandle<u64, CapacityContainerBuilder<quorate_operators::facts::Facts>>,
    agents: Port<quorate_schemas::record::Placed<quorate_schemas::record::Agent>>,
    orders: Port<quorate_schemas::record::Placed<quorate_schemas::record::Control>>,
    reports: Port<Report>,
    restored: Port<RetainedRow>,
    probe: timely::dataflow::operators::probe::Handle<u64>,
}

impl Ports {
    fn feed(&mut self, epoch: u64, rows: Vec<Row>, reports: Vec<Report>) {
        self.advance(epoch);
        for row in rows {
            match row {
                Row::Fact(row) => self.facts.send(row),
                Row::Agent(row) => self.agents.send(row),
                Row::Order(row) => self.orders.send(row),
            }
        }
        reports.into_iter().for_each(|report| self.reports.send(report));
    }

    fn advance(&mut self, epoch: u64) {
        self.facts.advance_to(epoch);
        self.agents.advance_to(epoch);
        self.orders.advance_to(epoch);
        self.reports.advance_to(epoch);
        self.restored.advance_to(epoch);
    }
}

fn build(
    worker: &mut timely::worker::Worker,
    setup: Setup,
    told: &Rc<Cell<(Clock, bool)>>,
    left: &Left,
) -> Ports {
    let told = Rc::clone(told);
    let hooks = Hooks {
        clock: Rc::new(move |_, clock, lags| told.set((clock, lags))),
        mismatch: Rc::new(|mismatch| panic!("{mismatch:#?}")),
    };
    let left = Arc::clone(left);
    worker.dataflow::<u64, _, _>(|scope| {
        let (facts, fact_rows) = scope.new_input();
        let (agents, agent_rows) = scope.new_input();
        let (orders, order_rows) = scope.new_input();
        let (reports, report_rows) = scope.new_input();
        let (restored, restored_rows) = scope.new_input();
        let inputs = Inputs {
            facts: fact_rows,
            agents: Feed::of(agent_rows),
            orders: Feed::of(order_rows),
            reports: Feed::of(report_rows),
            restored: Feed::of(restored_rows),
        };
        let (out, _) = decide(inputs, setup, hooks);
        let kept = out.into_stream().unary(Pipeline, "outlet", |_, _| {
            move |input, output| {
                input.for_each_time(|time, rows| {
                    let mut session = output.session(&time);
                    let mut left = left.lock().unwrap();
                    for row in rows.flat_map(|rows| rows.drain(..)) {
                        left.entry(*time.time()).or_default().push(row);
                        session.give(());
                    }
                });
            }
        });
        let (probe, _) = timely::dataflow::StreamVec::<u64, ()>::probe(kept);
        Ports { facts, agents, orders, reports, restored, probe }
    })
}
