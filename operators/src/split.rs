//! Records apart, by who uses them: each row goes one way, and is moved there.

use quorate_schemas::id::Name;
use quorate_schemas::place::Place;
use quorate_schemas::record::{Agent, Control, ControlAction, Placed, Record, Tick};
use quorate_schemas::time::Micros;
use timely::dataflow::Stream;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;

use crate::ballot::Fact;
use crate::facts::Facts;
use crate::rows::{Epoch, Feed};

/// Records by who uses them.
pub struct Split<'s> {
    /// Facts about tasks.
    pub facts: Stream<'s, Epoch, Facts>,
    /// Registrations.
    pub agents: Feed<'s, Placed<Agent>>,
    /// Quarantines and releases.
    pub orders: Feed<'s, Placed<Control>>,
    /// Ticks.
    pub ticks: Feed<'s, Placed<Tick>>,
}

/// Splits `records`.
pub fn split<'s>(records: Feed<'s, Placed<Record>>) -> Split<'s> {
    let mut builder = OperatorBuilder::new("split".to_owned(), records.0.scope());
    let mut input = builder.new_input(records.0, Pipeline);
    let (facts, fact_rows) = builder.new_output::<Facts>();
    let (agents, agent_rows) = builder.new_output::<Vec<Placed<Agent>>>();
    let (orders, order_rows) = builder.new_output::<Vec<Placed<Control>>>();
    let (ticks, tick_rows) = builder.new_output::<Vec<Placed<Tick>>>();
    let (mut facts, mut agents) = (OutputBuilder::from(facts), OutputBuilder::from(agents));
    let (mut orders, mut ticks) = (OutputBuilder::from(orders), OutputBuilder::from(ticks));
    builder.build(move |_capabilities| {
        move |_frontiers| {
            let (mut facts, mut agents) = (facts.activate(), agents.activate());
            let (mut orders, mut ticks) = (orders.activate(), ticks.activate());
            input.for_each_time(|time, batches| {
                let mut facts = facts.session(&time);
                let mut agents = agents.session(&time);
                let mut orders = orders.session(&time);
                let mut ticks = ticks.session(&time);
                for row in batches.flat_map(|batch| batch.drain(..)) {
                    let Placed { event_time, event_id, place, body } = row;
                    let around = (event_time, event_id, place);
                    match body {
                        Record::Vote(vote) => facts.give(Fact::vote(placed(around, vote))),
                        Record::Task(task) => facts.give(Fact::declaration(placed(around, *task))),
                        Record::Gold(gold) => facts.give(Fact::gold(placed(around, gold))),
                        Record::Control(control) => match control.action {
                            ControlAction::Override { .. } => {
                                facts.give(Fact::by_hand(placed(around, *control)));
                            }
                            ControlAction::Quarantine { .. } | ControlAction::Release { .. } => {
                                orders.give(placed(around, *control));
                            }
                        },
                        Record::Agent(agent) => agents.give(placed(around, *agent)),
                        Record::Tick(tick) => ticks.give(placed(around, *tick)),
                    }
                }
            });
        }
    });
    Split {
        facts: fact_rows,
        agents: Feed(agent_rows),
        orders: Feed(order_rows),
        ticks: Feed(tick_rows),
    }
}

fn placed<T>((event_time, event_id, place): (Micros, Name, Place), body: T) -> Placed<T> {
    Placed { event_time, event_id, place, body }
}
