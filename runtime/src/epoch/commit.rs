//! Worker 0 gathers what all workers have staged of a checkpoint, and hands it to the lead.
//!
//! The frontier says when a checkpoint is whole: nobody counts workers. The capability is held until the log names
//! the checkpoint, so that a probe behind this operator shows what is committed.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use quorate_operators::rows::Epoch;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::scheduling::SyncActivator;
use tokio::sync::mpsc::UnboundedSender;

use super::number::checkpoint_of;
use super::staging::{Receipt, ReceiptText};
use crate::shared::Shared;

/// A checkpoint that every worker has staged.
#[derive(Debug)]
pub(crate) struct Gathered {
    /// Which.
    pub(crate) checkpoint: u64,
    /// What the workers said.
    pub(crate) receipts: Vec<Receipt>,
}

/// Wakes the operator once its checkpoint is committed.
#[derive(Clone, Default)]
pub(crate) struct Waker(Arc<Mutex<Option<SyncActivator>>>);

impl Waker {
    /// Wakes it.
    pub(crate) fn wake(&self) {
        if let Some(activator) = self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            // A worker that has gone needs no waking.
            let _ = activator.activate();
        }
    }
}

/// Gathers receipts and sends whole checkpoints through `to_lead`. The queue there is bounded by the workers, who
/// do not read on while checkpoints are not committed.
pub(crate) fn commit<'s>(
    receipts: StreamVec<'s, Epoch, ReceiptText>,
    to_lead: UnboundedSender<Gathered>,
    waker: Waker,
    shared: Arc<Shared>,
) -> StreamVec<'s, Epoch, ()> {
    let scope = receipts.scope();
    let mut builder = OperatorBuilder::new("commit".to_owned(), scope);
    let activator = scope.worker().sync_activator_for(builder.operator_info().address.to_vec());
    if scope.index() == 0 {
        *waker.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(activator);
    }
    let mut input = builder.new_input(receipts, Exchange::new(|_: &ReceiptText| 0));
    let (output, probed) = builder.new_output::<Vec<()>>();
    let _output: OutputBuilder<Epoch, timely::container::CapacityContainerBuilder<Vec<()>>> =
        OutputBuilder::from(output);
    builder.build(move |_capabilities| {
        let mut open: BTreeMap<u64, (Capability<Epoch>, Vec<Receipt>)> = BTreeMap::new();
        let mut sent: BTreeMap<u64, Capability<Epoch>> = BTreeMap::new();
        move |frontiers| {
            input.for_each_time(|time, receipts| {
                let (_, held) = open
                    .entry(checkpoint_of(*time.time()))
                    .or_insert_with(|| (time.retain(0), Vec::new()));
                held.extend(receipts.flat_map(|some| some.drain(..)).map(|text| text.read()));
            });
            while let Some(entry) = open.first_entry() {
                if frontiers[0].less_equal(entry.get().0.time()) {
                    break;
                }
                let (checkpoint, (capability, receipts)) = entry.remove_entry();
                sent.insert(checkpoint, capability);
                // Without a lead the run has failed and is about to end.
                let _ = to_lead.send(Gathered { checkpoint, receipts });
            }
            let committed = shared.committed.load(Ordering::Acquire);
            sent.retain(|checkpoint, _| *checkpoint > committed);
        }
    });
    probed
}
