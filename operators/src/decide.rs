//! The loop that decides: tasks, the clock, and reputation, each waiting for the others one epoch.
//!
//! ```text
//!   reports ──► clockwork ──clock──► booths ──rows, retained──► outlets
//!                  ▲  (worker 0)       │ ▲
//!                  └──horizon, +1──────┤ │
//!                                shown │ │ weights, +1
//!                                      ▼ │
//!                           clock ──► book  (worker 0)
//! ```
//!
//! 1. What a booth decides in epoch n rests on the clock of n and on weights the book published before n.
//! 2. The book publishes the weights of an era in the epoch in which the clock enters it; no task of that era
//!    closes before the next epoch.
//! 3. The clock of n is bounded by horizons of epochs before n (see [`crate::clock`]).
//!
//! Facts go to the worker of their task; registrations, orders, weights and the clock to every worker.

use std::rc::Rc;

use quorate_schemas::clock::Clock;
use quorate_schemas::id::IdKey;
use quorate_schemas::record::{Agent, Control, Placed};
use quorate_schemas::retained::{Exam, Retain, RetainedRow, Shown, WeightChange};
use quorate_schemas::table::OutRow;
use serde::{Deserialize, Serialize};
use timely::dataflow::operators::generic::operator::empty;
use timely::dataflow::operators::vec::Map;
use timely::dataflow::operators::{Concatenate, ConnectLoop, Feedback};
use timely::dataflow::{Stream, StreamVec};

use crate::ballot::{Fact, Otherwise};
use crate::booth::{Booth, Horizon, Mismatch};
use crate::by_epoch::{Turn, by_checkpoint, by_epoch};
use crate::clock::{Clockwork, Report};
use crate::effects::Effects;
use crate::facts::Facts;
use crate::policy::Policy;
use crate::reputation::Book;
use crate::rows::{Epoch, Feed};

/// What goes to the outlets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToOutlet {
    /// A row of a table.
    Row(OutRow),
    /// A change of durable state.
    Keep(Retain),
    /// The clock: the log keeps the last one of each checkpoint.
    Clock(Clock),
}

/// What the loop reads.
pub struct Inputs<'s> {
    /// Facts about tasks.
    pub facts: Stream<'s, Epoch, Facts>,
    /// Registrations.
    pub agents: Feed<'s, Placed<Agent>>,
    /// Quarantines and releases.
    pub orders: Feed<'s, Placed<Control>>,
    /// What workers say as they seal epochs.
    pub reports: Feed<'s, Report>,
    /// Rows retained before a restart, all in the first epoch.
    pub restored: Feed<'s, RetainedRow>,
}

/// What the loop tells the worker that drives it.
#[derive(Clone)]
pub struct Hooks {
    /// The clock of an epoch, on every worker; on worker 0 also whether it would move if another epoch passed.
    pub clock: Rc<dyn Fn(Epoch, Clock, bool)>,
    /// A restored decision does not follow from the restored rows.
    pub mismatch: Rc<dyn Fn(Mismatch)>,
}

/// How the loop is set up.
#[derive(Clone, Copy)]
pub struct Setup {
    /// The job's policy.
    pub policy: Policy,
    /// The key of ids.
    pub key: IdKey,
    /// What becomes of restored decisions that would now come out otherwise.
    pub otherwise: Otherwise,
    /// How often the job was reopened after its input had ended.
    pub reopened: u32,
    /// The last epoch of the checkpoint that an epoch belongs to.
    pub last_of_checkpoint: fn(Epoch) -> Epoch,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum ToClockwork {
    Restored(Clock),
    Horizon(usize, Horizon),
    Report(Report),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum ToBooth {
    Restored(RetainedRow),
    Weight(WeightChange),
    Agent(Placed<Agent>),
    Order(Placed<Control>),
    Clock(Clock),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum ToBook {
    /// A task whose answer became known.
    Exam(Box<Exam>),
    Restored(RetainedRow),
    Shown(Shown),
    Clock(Clock),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum FromBooth {
    /// A task whose answer became known.
    Exam(Box<Exam>),
    Horizon(usize, Horizon),
    Shown(Shown),
}

/// A message and where it goes.
type To<M> = (u64, M);

/// Decides; gives what goes to the outlets, and a copy of the clock for every worker.
pub fn decide<'s>(
    inputs: Inputs<'s>,
    setup: Setup,
    hooks: Hooks,
) -> (Feed<'s, ToOutlet>, Feed<'s, Clock>) {
    let scope = inputs.facts.scope();
    let peers = scope.peers() as u64;
    let (horizons_end, horizons) = scope.feedback::<Vec<ToClockwork>>(1);
    let (weights_end, weights) = scope.feedback::<Vec<WeightChange>>(1);
    let restored = inputs.restored.0;

    let (clock_out, clocks) =
        clockwork(inputs.reports.0, restored.clone(), horizons, setup, &hooks);
    let for_all = move |message: ToBooth| (0..peers).map(move |to| (to, message.clone()));
    let to_booths = [
        inputs.agents.0.flat_map(move |row| for_all(ToBooth::Agent(row))),
        inputs.orders.0.flat_map(move |row| for_all(ToBooth::Order(row))),
        weights.flat_map(move |change| for_all(ToBooth::Weight(change))),
        clocks.clone().flat_map(move |clock| for_all(ToBooth::Clock(clock))),
        restored.clone().flat_map(move |row| restored_to_booths(row, peers)),
    ];
    let (booth_out, from_booths) =
        booths(scope.concatenate(to_booths), inputs.facts, scope.index(), setup, &hooks);

    let shown = from_booths.clone().flat_map(|message| match message {
        FromBooth::Shown(shown) => Some(ToBook::Shown(shown)),
        FromBooth::Exam(exam) => Some(ToBook::Exam(exam)),
        FromBooth::Horizon(..) => None,
    });
    let back = from_booths.flat_map(|message| match message {
        FromBooth::Horizon(worker, horizon) => Some(ToClockwork::Horizon(worker, horizon)),
        FromBooth::Shown(_) | FromBooth::Exam(_) => None,
    });
    back.connect_loop(horizons_end);
    let standing = restored.flat_map(restored_to_book);
    let to_book = [shown, clocks.clone().map(ToBook::Clock), standing];
    let (book_out, published) = book(scope.concatenate(to_book), setup);
    published.connect_loop(weights_end);

    let copies = clocks.flat_map(move |clock| (0..peers).map(move |to| (to, clock)));
    let copies =
        timely::dataflow::operators::Exchange::exchange(copies, |(to, _): &(u64, Clock)| *to);
    (
        Feed(scope.concatenate([clock_out, booth_out, book_out])),
        Feed(copies.map(|(_, clock)| clock)),
    )
}

/// Rows of a task go to its worker; what every worker holds goes to all.
fn restored_to_booths(row: RetainedRow, peers: u64) -> Vec<To<ToBooth>> {
    match row.task().map(|task| task.route()) {
        Some(to) => vec![(to, ToBooth::Restored(row))],
        None => match row {
            RetainedRow::Agent(_)
            | RetainedRow::Control(_)
            | RetainedRow::Weight(_)
            | RetainedRow::Clock(_) => {
                (0..peers).map(|to| (to, ToBooth::Restored(row.clone()))).collect()
            }
            _ => Vec::new(),
        },
    }
}

/// What the book goes on from. Rows of tasks are the booths' alone: most are votes, and all would go to worker 0.
fn restored_to_book(row: RetainedRow) -> Option<ToBook> {
    row.task().is_none().then_some(ToBook::Restored(row))
}

fn clockwork<'s>(
    reports: StreamVec<'s, Epoch, Report>,
    restored: StreamVec<'s, Epoch, RetainedRow>,
    horizons: StreamVec<'s, Epoch, ToClockwork>,
    setup: Setup,
    hooks: &Hooks,
) -> (StreamVec<'s, Epoch, ToOutlet>, StreamVec<'s, Epoch, Clock>) {
    let scope = reports.scope();
    let restored = restored.flat_map(|row| match row {
        RetainedRow::Clock(clock) => Some(ToClockwork::Restored(clock)),
        _ => None,
    });
    let messages = scope.concatenate([reports.map(ToClockwork::Report), restored, horizons]);
    let mut clockwork = Clockwork::new(setup.policy.eras, scope.peers(), Clock::START);
    let mut told: Option<Clock> = None;
    let tell = Rc::clone(&hooks.clock);
    by_epoch(
        "clockwork",
        messages,
        |_| 0,
        move |epoch, messages, emitted| {
            // Within an epoch messages come in any order: what was committed before comes first, or it would undo what
            // is reported now.
            let (mut reports, mut horizons) = (Vec::new(), Vec::new());
            for message in messages {
                match message {
                    ToClockwork::Restored(clock) => {
                        told = Some(clock);
                        clockwork.resume(clock);
                    }
                    ToClockwork::Horizon(worker, horizon) => horizons.push((worker, horizon)),
                    ToClockwork::Report(report) => reports.push(report),
                }
            }
            horizons.into_iter().for_each(|(worker, horizon)| clockwork.horizon(worker, horizon));
            let reported = !reports.is_empty();
            reports.into_iter().for_each(|report| clockwork.report(report));
            if !reported {
                return;
            }
            let clock = clockwork.close();
            if told.replace(clock) != Some(clock) {
                emitted.out.push(ToOutlet::Clock(clock));
            }
            tell(epoch, clock, clockwork.lags());
            emitted.signals.push(clock);
        },
    )
}

fn booths<'s>(
    messages: StreamVec<'s, Epoch, To<ToBooth>>,
    facts: Stream<'s, Epoch, Facts>,
    worker: usize,
    setup: Setup,
    hooks: &Hooks,
) -> (StreamVec<'s, Epoch, ToOutlet>, StreamVec<'s, Epoch, FromBooth>) {
    let mut booth = Booth::new(setup.policy, setup.key, worker == 0);
    let mut resumed = false;
    let hooks = hooks.clone();
    by_checkpoint(
        "booth",
        (messages, |(to, _)| *to),
        (facts, |fact: &Fact| fact.task().map_or(0, |task| task.route())),
        setup.last_of_checkpoint,
        move |epoch, turn, emitted| {
            let mut effects = Effects::default();
            let (messages, facts) = match turn {
                Turn::Epoch(messages, facts) => (messages, facts),
                Turn::Checkpoint => {
                    booth.save(&mut effects);
                    emitted.signals.extend(effects.shown.into_iter().map(FromBooth::Shown));
                    return emitted.out.extend(effects.keep.into_iter().map(ToOutlet::Keep));
                }
            };
            let mut clock = None;
            // What everything else rests on comes first: restored rows, weights, registrations and orders.
            let mut first = Vec::new();
            for (_, message) in messages {
                match message {
                    ToBooth::Restored(row) => booth.restore(row),
                    ToBooth::Weight(change) => booth.weigh(&change),
                    ToBooth::Agent(_) | ToBooth::Order(_) => first.push(message),
                    ToBooth::Clock(now) => clock = Some(now),
                }
            }
            if !std::mem::replace(&mut resumed, true)
                && let Err(mismatch) = booth.resume(setup.otherwise)
            {
                (hooks.mismatch)(*mismatch);
            }
            for message in first {
                match message {
                    ToBooth::Agent(row) => booth.register(row, &mut effects),
                    ToBooth::Order(row) => booth.order(row, &mut effects),
                    _ => {}
                }
            }
            booth.receive(facts.into_iter().map(Facts::into_vec).collect(), &mut effects);
            if let Some(clock) = clock {
                booth.advance(clock, &mut effects);
                emitted.signals.push(FromBooth::Horizon(worker, booth.horizon()));
                if worker != 0 {
                    (hooks.clock)(epoch, clock, false);
                }
            }
            booth.updates(&mut effects);
            emitted.out.extend(effects.rows.into_iter().map(ToOutlet::Row));
            emitted.out.extend(effects.keep.into_iter().map(ToOutlet::Keep));
            emitted.signals.extend(effects.shown.into_iter().map(FromBooth::Shown));
            let exams = effects.exams.into_iter().map(Box::new);
            emitted.signals.extend(exams.map(FromBooth::Exam));
        },
    )
}

fn book<'s>(
    messages: StreamVec<'s, Epoch, ToBook>,
    setup: Setup,
) -> (StreamVec<'s, Epoch, ToOutlet>, StreamVec<'s, Epoch, WeightChange>) {
    let mut book = Book::new(setup.policy, setup.key, setup.reopened);
    let mut resumed = false;
    let nothing = empty::<_, Vec<()>>(messages.scope());
    by_checkpoint(
        "book",
        (messages, |_| 0),
        (nothing, |()| 0),
        setup.last_of_checkpoint,
        move |_, turn, emitted| {
            let Turn::Epoch(messages, _) = turn else {
                let mut keep = Vec::new();
                book.save(&mut keep);
                return emitted.out.extend(keep.into_iter().map(ToOutlet::Keep));
            };
            let (mut keep, mut clocks, mut shown, mut restored_clock) =
                (Vec::new(), Vec::new(), Vec::new(), None);
            for message in messages {
                match message {
                    ToBook::Restored(RetainedRow::Clock(clock)) => restored_clock = Some(clock),
                    ToBook::Restored(row) => book.restore(row),
                    ToBook::Shown(what) => shown.push(what),
                    ToBook::Exam(exam) => book.examine(*exam),
                    ToBook::Clock(clock) => clocks.push(clock),
                }
            }
            if !std::mem::replace(&mut resumed, true)
                && let Some(clock) = restored_clock
            {
                book.resume(clock);
            }
            shown.into_iter().for_each(|what| book.show(what));
            if let Some(clock) = clocks.into_iter().max() {
                let turned = book.advance(clock, &mut keep);
                emitted.out.extend(turned.rows.into_iter().map(ToOutlet::Row));
                // A weight is kept as it is published: on its way to the booths a checkpoint may end.
                let kept = turned
                    .weights
                    .iter()
                    .map(|change| Retain::Row(RetainedRow::Weight(Box::new(change.clone())), 1));
                emitted.out.extend(kept.map(ToOutlet::Keep));
                emitted.signals.extend(turned.weights);
            }
            emitted.out.extend(keep.into_iter().map(ToOutlet::Keep));
        },
    )
}

#[cfg(test)]
mod tests {
    use quorate_schemas::retained::{DomainRecord, DomainStanding};

    use super::*;

    #[test]
    fn rows_of_tasks_are_restored_to_booths_alone_and_what_has_been_shown_to_the_book() {
        let key = IdKey::new([1; 16]);
        let vote = RetainedRow::Duplicate { task: key.id("t"), count: 1 };
        let shown = RetainedRow::Domain(Box::new(DomainStanding {
            domain: key.id("d"),
            era: 1,
            record: DomainRecord::default(),
        }));
        let booths = |row: &RetainedRow| restored_to_booths(row.clone(), 3).len();
        let book = |row: &RetainedRow| restored_to_book(row.clone()).is_some();
        assert_eq!((booths(&vote), book(&vote)), (1, false));
        assert_eq!((booths(&shown), book(&shown)), (0, true));
        let clock = RetainedRow::Clock(Clock::START);
        assert_eq!((booths(&clock), book(&clock)), (3, true));
    }
}
