//! The one shape of our stateful timely operators: everything of an epoch, once nothing more of it can come.
//!
//! Messages are stashed by epoch and given to the core in order of epochs, each when the frontier has passed it.
//! What the core emits for an epoch is therefore a function of the input up to that epoch and of nothing else:
//! a cut between two epochs is a consistent cut through operator, retained rows and tables.
//!
//! *Cost*: an epoch's messages are held until it is complete; within an epoch they keep no order.

use std::collections::BTreeMap;

use timely::container::{CapacityContainerBuilder, DrainContainer, PushInto, SizableContainer};
use timely::dataflow::channels::ContainerBytes;
use timely::dataflow::channels::pact::{Exchange, ExchangeCore};
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::{Stream, StreamVec};
use timely::{Container, ExchangeData};

use crate::rows::Epoch;

/// What a core emits for one epoch.
pub struct Emitted<Out, Signal> {
    /// Towards the outlets; stays on its worker.
    pub out: Vec<Out>,
    /// Towards other operators.
    pub signals: Vec<Signal>,
}

/// Runs `core` on each epoch's messages, routed by `route`.
///
/// The core is called for every epoch in which this worker got a message.
pub fn by_epoch<'s, In, Out, Signal>(
    name: &str,
    stream: StreamVec<'s, Epoch, In>,
    route: impl Fn(&In) -> u64 + 'static,
    mut core: impl FnMut(Epoch, Vec<In>, &mut Emitted<Out, Signal>) + 'static,
) -> (StreamVec<'s, Epoch, Out>, StreamVec<'s, Epoch, Signal>)
where
    In: ExchangeData,
    Out: Clone + 'static,
    Signal: Clone + 'static,
{
    let mut builder = OperatorBuilder::new(name.to_owned(), stream.scope());
    let mut input = builder.new_input(stream, Exchange::new(move |message: &In| route(message)));
    let (out, out_stream) = builder.new_output::<Vec<Out>>();
    let (signals, signal_stream) = builder.new_output::<Vec<Signal>>();
    let (mut out, mut signals) = (OutputBuilder::from(out), OutputBuilder::from(signals));
    builder.build(move |_capabilities| {
        type Stash<In> = BTreeMap<Epoch, (Held, Vec<In>)>;
        let mut stash: Stash<In> = BTreeMap::new();
        let mut emitted = Emitted { out: Vec::new(), signals: Vec::new() };
        move |frontiers| {
            input.for_each_time(|time, messages| {
                let epoch = *time.time();
                let (_, held) = stash
                    .entry(epoch)
                    .or_insert_with(|| ((time.retain(0), time.retain(1)), Vec::new()));
                messages.for_each(|some| held.append(some));
            });
            while let Some(entry) = stash.first_entry() {
                if frontiers[0].less_equal(entry.key()) {
                    break;
                }
                let (epoch, ((to_out, to_signals), messages)) = entry.remove_entry();
                core(epoch, messages, &mut emitted);
                out.activate().session(&to_out).give_iterator(emitted.out.drain(..));
                signals.activate().session(&to_signals).give_iterator(emitted.signals.drain(..));
            }
        }
    });
    (out_stream, signal_stream)
}

/// The right to emit in an epoch, towards the outlets and towards other operators.
type Held = (Capability<Epoch>, Capability<Epoch>);

/// What a core of two inputs is called for.
pub enum Turn<A, B> {
    /// An epoch is complete: what came in it, of the second input in the containers in which it came.
    Epoch(Vec<A>, Vec<B>),
    /// A checkpoint is: what is durable of it must be told now.
    Checkpoint,
}

/// As [`by_epoch`], of two inputs: few messages of many kinds, and many of one. After the last epoch of each checkpoint
/// in which something came, the core gets another turn in that epoch; `last_of` knows it of each epoch.
pub fn by_checkpoint<'s, A, B, Out, Signal>(
    name: &str,
    (few, route_few): (StreamVec<'s, Epoch, A>, impl Fn(&A) -> u64 + 'static),
    (many, route_many): (
        Stream<'s, Epoch, B>,
        impl for<'a> Fn(&<B as DrainContainer>::Item<'a>) -> u64 + 'static,
    ),
    last_of: fn(Epoch) -> Epoch,
    mut core: impl FnMut(Epoch, Turn<A, B>, &mut Emitted<Out, Signal>) + 'static,
) -> (StreamVec<'s, Epoch, Out>, StreamVec<'s, Epoch, Signal>)
where
    A: ExchangeData,
    B: Container + ContainerBytes + DrainContainer + SizableContainer + Clone + Send,
    B: for<'a> PushInto<<B as DrainContainer>::Item<'a>>,
    Out: Clone + 'static,
    Signal: Clone + 'static,
{
    let mut builder = OperatorBuilder::new(name.to_owned(), few.scope());
    let mut few = builder.new_input(few, Exchange::new(move |message: &A| route_few(message)));
    let route_many = ExchangeCore::<CapacityContainerBuilder<B>, _>::new(route_many);
    let mut many = builder.new_input(many, route_many);
    let (out, out_stream) = builder.new_output::<Vec<Out>>();
    let (signals, signal_stream) = builder.new_output::<Vec<Signal>>();
    let (mut out, mut signals) = (OutputBuilder::from(out), OutputBuilder::from(signals));
    builder.build(move |_capabilities| {
        type Stash<A, B> = BTreeMap<Epoch, (Held, Vec<A>, Vec<B>)>;
        let mut stash: Stash<A, B> = BTreeMap::new();
        // By the last epoch of each checkpoint that has begun.
        let mut checkpoints: BTreeMap<Epoch, Held> = BTreeMap::new();
        let mut emitted = Emitted { out: Vec::new(), signals: Vec::new() };
        move |frontiers| {
            few.for_each_time(|time, messages| {
                let epoch = *time.time();
                let new = || ((time.retain(0), time.retain(1)), Vec::new(), Vec::new());
                let (_, held, _) = stash.entry(epoch).or_insert_with(new);
                messages.for_each(|some| held.append(some));
                let last = last_of(epoch);
                let end = || (time.delayed(&last, 0), time.delayed(&last, 1));
                checkpoints.entry(last).or_insert_with(end);
            });
            many.for_each_time(|time, messages| {
                let epoch = *time.time();
                let new = || ((time.retain(0), time.retain(1)), Vec::new(), Vec::new());
                let (_, _, held) = stash.entry(epoch).or_insert_with(new);
                messages.for_each(|some| held.push(std::mem::take(some)));
                let last = last_of(epoch);
                let end = || (time.delayed(&last, 0), time.delayed(&last, 1));
                checkpoints.entry(last).or_insert_with(end);
            });
            let passed = |epoch: &Epoch| !frontiers.iter().any(|front| front.less_equal(epoch));
            loop {
                let epoch = stash.first_key_value().map(|(epoch, _)| *epoch);
                let last = checkpoints.first_key_value().map(|(last, _)| *last);
                let (at, (to_out, to_signals), turn) = match (epoch, last) {
                    (Some(epoch), last) if last.is_none_or(|last| epoch <= last) => {
                        if !passed(&epoch) {
                            break;
                        }
                        let Some((held, few, many)) = stash.remove(&epoch) else { break };
                        (epoch, held, Turn::Epoch(few, many))
                    }
                    (_, Some(last)) if passed(&last) => {
                        let Some(held) = checkpoints.remove(&last) else { break };
                        (last, held, Turn::Checkpoint)
                    }
                    _ => break,
                };
                core(at, turn, &mut emitted);
                out.activate().session(&to_out).give_iterator(emitted.out.drain(..));
                signals.activate().session(&to_signals).give_iterator(emitted.signals.drain(..));
            }
        }
    });
    (out_stream, signal_stream)
}
