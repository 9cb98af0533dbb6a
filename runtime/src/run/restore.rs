//! What was retained comes back before anything is read: to each process the rows of its own workers.

use quorate_schemas::id::IdKey;
use quorate_schemas::log::{Record, job_path};
use quorate_schemas::retained::RetainedRow;

use crate::epoch::ledger::Committed;
use crate::epoch::patience::{Attempts, Outlasted};
use crate::epoch::recover::{read_rows, sweep};
use crate::error::Error;
use crate::job::Job;
use crate::seats::Seats;
use crate::shared::Shared;

/// Of the process that leads, which first removes what older incarnations left; nothing if the run fails meanwhile.
pub(super) async fn leading(
    job: &Job,
    claim: &Committed,
    shared: &Shared,
    key: IdKey,
    seats: Seats,
) -> Result<Vec<RetainedRow>, Error> {
    outlasting(shared, async || {
        let note = |text: &str| shared.observer.note(text);
        shared.store.put(&job_path(&job.fingerprint()), job.canonical().into()).await?;
        sweep(claim, &shared.store, &note).await?;
        read_rows(&claim.record().standing, &shared.store, key, seats).await
    })
    .await
}

/// Of any other, which goes on from the claim that `record` is.
pub(super) async fn following(
    record: &Record,
    shared: &Shared,
    key: IdKey,
    seats: Seats,
) -> Result<Vec<RetainedRow>, Error> {
    outlasting(shared, async || read_rows(&record.standing, &shared.store, key, seats).await).await
}

async fn outlasting(
    shared: &Shared,
    once: impl AsyncFn() -> Result<Vec<RetainedRow>, Error>,
) -> Result<Vec<RetainedRow>, Error> {
    let mut attempts = Attempts::at("recovering", shared);
    loop {
        match attempts.outlast(once().await).await? {
            Outlasted::Done(rows) => return Ok(rows),
            Outlasted::Again => {}
            Outlasted::Over => return Ok(Vec::new()),
        }
    }
}
