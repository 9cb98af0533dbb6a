//! The one shape of our stateful timely operators: everything of an epoch, once nothing more of it can come.
//!
//! Messages are stashed by epoch and given to the core in order of epochs, each when the frontier has passed it.
//! What the core emits for an epoch is therefore a function of the input up to that epoch and of nothing else:
//! a cut between two epochs is a consistent cut through operator, retained rows and tables.
//!
//! *Cost*: an epoch's messages are held until it is complete; within an epoch they keep no order.

use std::collections::BTreeMap;

use timely::ExchangeData;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;

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
        type Stash<In> = BTreeMap<Epoch, ((Capability<Epoch>, Capability<Epoch>), Vec<In>)>;
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
