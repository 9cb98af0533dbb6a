//! Each worker's outlet: everything of a checkpoint in open files, closed when the frontier has passed its end.
//!
//! The checkpoint's capability is held from its first row until its files are uploaded; then a receipt is given at
//! the checkpoint's last epoch and the capability dropped. Uploading is the only thread hop.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use quorate_operators::rows::Epoch;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;

use super::failpoint::{Step, reach};
use super::number::{checkpoint_of, first_epoch, last_epoch};
use super::patience::{Attempts, Outlasted};
use super::staging::{ForStage, Receipt, ReceiptText, Stager, Staging, ToUpload};
use crate::clock::Stopwatch;
use crate::error::Error;
use crate::metrics::CheckpointStep;
use crate::shared::Shared;

/// Receipts of finished uploads, by checkpoint, on their way back to the worker's thread.
type Arrived = Arc<Mutex<Vec<(u64, Receipt)>>>;

/// Stages `rows`; gives receipts.
pub(crate) fn stage<'s>(
    rows: StreamVec<'s, Epoch, ForStage>,
    stager: Stager,
    shared: Arc<Shared>,
) -> StreamVec<'s, Epoch, ReceiptText> {
    let scope = rows.scope();
    let mut builder = OperatorBuilder::new("stage".to_owned(), scope);
    let activator = scope.worker().sync_activator_for(builder.operator_info().address.to_vec());
    let mut input = builder.new_input(rows, Pipeline);
    let (output, receipts) = builder.new_output::<Vec<ReceiptText>>();
    let mut output = OutputBuilder::from(output);
    builder.build(move |_capabilities| {
        let mut open: BTreeMap<u64, (Capability<Epoch>, Staging)> = BTreeMap::new();
        let mut uploading: BTreeMap<u64, Capability<Epoch>> = BTreeMap::new();
        let arrived = Arrived::default();
        move |frontiers| {
            let mut told = false;
            input.for_each_time(|time, rows| {
                let checkpoint = checkpoint_of(*time.time());
                let (_, staging) = open.entry(checkpoint).or_insert_with(|| {
                    (time.delayed(&last_epoch(checkpoint), 0), Staging::new(checkpoint))
                });
                for row in rows.flat_map(|rows| rows.drain(..)) {
                    shared.count(&row);
                    told |= shared.tell(&row);
                    staging.take(row, &stager);
                }
            });
            if told {
                shared.observer.told();
            }
            while let Some(entry) = open.first_entry() {
                let checkpoint = *entry.key();
                if frontiers[0].less_than(&first_epoch(checkpoint + 1)) {
                    break;
                }
                let (capability, staging) = entry.remove();
                uploading.insert(checkpoint, capability);
                let (shared, arrived) = (Arc::clone(&shared), Arc::clone(&arrived));
                let (stager, activator) = (stager.clone(), activator.clone());
                let handle = shared.tokio.clone();
                handle.spawn(async move {
                    if let Some(receipt) = upload(staging, &stager, &shared).await {
                        lock(&arrived).push((checkpoint, receipt));
                        // A worker that has gone needs no waking.
                        let _ = activator.activate();
                    }
                });
            }
            for (checkpoint, receipt) in lock(&arrived).drain(..) {
                if let Some(capability) = uploading.remove(&checkpoint) {
                    output.activate().session(&capability).give(ReceiptText::of(&receipt));
                }
            }
        }
    });
    receipts
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Closes and uploads; nothing if the run has failed in the meantime.
async fn upload(staging: Staging, stager: &Stager, shared: &Arc<Shared>) -> Option<Receipt> {
    let watch = Stopwatch::start();
    let stager = stager.clone();
    let closed = tokio::task::spawn_blocking(move || staging.close(&stager)).await;
    let (uploads, receipt) = match closed {
        Ok(Ok(closed)) => closed,
        Ok(Err(error)) => return shared.fail(error.into()),
        Err(panic) => return shared.fail(Error::Worker(panic.to_string())),
    };
    reach(Step::Upload);
    for file in uploads {
        put_until_done(file, shared).await?;
    }
    shared.metrics.took(CheckpointStep::Staging, watch.elapsed());
    reach(Step::Uploaded);
    Some(receipt)
}

/// Puts `file`, however long the store takes to take it; nothing if that cannot come right.
pub(crate) async fn put_until_done(file: ToUpload, shared: &Shared) -> Option<()> {
    let mut attempts = Attempts::at("reading", shared);
    loop {
        let put = shared.store.put(&file.path, file.bytes.clone()).await;
        match attempts.outlast(put.map_err(Error::from)).await {
            Ok(Outlasted::Done(())) => {
                shared.metrics.staged(file.kind, file.bytes.len());
                return Some(());
            }
            Ok(Outlasted::Again) => {}
            Ok(Outlasted::Over) => return None,
            Err(error) => return shared.fail(error),
        }
    }
}
