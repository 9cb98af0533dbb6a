//! The lead at work: commits what is gathered, writes heartbeats, merges and sweeps retained files.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use quorate_connectors::staged::{Burials, Checked, Provenance, add_retained};
use quorate_schemas::clock::Phase;
use quorate_schemas::log::{Counts, PartitionRange, Standing};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::commit::{Gathered, Waker};
use super::failpoint::{Step, reach, rows_committed};
use super::hands::drive;
use super::ledger::{
    Change, Committed, Draft, End, Lead, MergePlan, Merged, Older, Settled, Sweep, Terms,
};
use super::stage::put_until_done;
use super::staging::{Decided, Receipt, to_upload};
use crate::clock::{Stopwatch, boot_ms, now_ms};
use crate::error::Error;
use crate::metrics::CheckpointStep;
use crate::observe;
use crate::roster::Roster;
use crate::shared::Shared;

/// After so long a merge that failed is tried again where a commit waits for it.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What the lead has done when it is over.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Led {
    /// Commits.
    pub(crate) commits: u64,
    /// Tasks closed.
    pub(crate) decided: Decided,
    /// Whether the last commit finished the job.
    pub(crate) finished: bool,
}

/// Does what the holder of the [`Lead`] has to do.
pub(crate) struct Leader {
    /// The protocol's numbers.
    pub(crate) terms: Terms,
    /// What the run shares.
    pub(crate) shared: Arc<Shared>,
    /// Which partitions there are: those that are over and gone leave the record.
    pub(crate) roster: Arc<Roster>,
    /// Who writes merged files.
    pub(crate) provenance: Provenance,
    /// Wakes the operator that waits for a commit.
    pub(crate) waker: Waker,
    /// Tells the publisher.
    pub(crate) committed: watch::Sender<Committed>,
    /// Tells the worker's summary.
    pub(crate) progress: watch::Sender<Led>,
}

/// Merges of retained files: at most one is under way.
#[derive(Default)]
struct Merges {
    begun: u32,
    under_way: Option<JoinHandle<Option<Merged>>>,
}

impl Leader {
    /// Commits until no more checkpoints can come; writes heartbeats from the moment it is called.
    ///
    /// # Errors
    /// If another run took the lead, or the store fails for good.
    pub(crate) async fn lead(
        self,
        mut lead: Lead,
        mut gathered: UnboundedReceiver<Gathered>,
    ) -> Result<Led, Error> {
        let (mut led, mut merges) = (Led::default(), Merges::default());
        loop {
            let whole;
            (lead, whole) = self.beat_until(lead, gathered.recv()).await?;
            let Some(whole) = whole else { return Ok(led) };
            let files = whole.receipts.iter().filter(|receipt| receipt.retained.is_some()).count();
            let merged;
            (lead, merged) = self.make_room(lead, files, &mut merges).await?;
            lead = self.commit(lead, whole, merged, &mut led).await?;
            if merges.under_way.is_none()
                && let Some(plan) = MergePlan::of(lead.standing(), &self.terms)
            {
                self.begin(plan, &mut merges);
            }
        }
    }

    /// Waits for `event`, and writes the heartbeats that fall due meanwhile.
    async fn beat_until<T>(
        &self,
        mut lead: Lead,
        event: impl Future<Output = T>,
    ) -> Result<(Lead, T), Error> {
        let mut event = pin!(event);
        loop {
            let due = Duration::from_millis(lead.heartbeat_due_in_ms(boot_ms()).max(1));
            tokio::select! {
                outcome = &mut event => return Ok((lead, outcome)),
                () = tokio::time::sleep(due) => {
                    (lead, _) = settle(lead.heartbeat(now_ms()), &self.shared).await?;
                }
            }
        }
    }

    /// The merges that enter with the next commit, which brings so many `files`. Where a record would name more files
    /// than it may, the commit waits for them: merging can lag behind, its bound can't.
    async fn make_room(
        &self,
        mut lead: Lead,
        files: usize,
        merges: &mut Merges,
    ) -> Result<(Lead, Vec<Merged>), Error> {
        let mut ready = Vec::new();
        if let Some(task) = merges.under_way.take_if(|task| task.is_finished()) {
            ready.extend(task.await.ok().flatten());
        }
        while lead.room_for_retained_files(&ready) < files && !self.shared.has_failed() {
            if merges.under_way.is_none() {
                match MergePlan::of(lead.standing(), &self.terms) {
                    Some(plan) => self.begin(plan, merges),
                    None => break,
                }
            }
            let Some(task) = merges.under_way.take() else { break };
            let merged;
            (lead, merged) = self.beat_until(lead, task).await?;
            match merged.ok().flatten() {
                // Ahead of one that was ready before: it covers those files, too, which is then dropped.
                Some(merged) => ready.insert(0, merged),
                None => (lead, ()) = self.beat_until(lead, tokio::time::sleep(RETRY_AFTER)).await?,
            }
        }
        Ok((lead, ready))
    }

    async fn commit(
        &self,
        lead: Lead,
        whole: Gathered,
        merged: Vec<Merged>,
        led: &mut Led,
    ) -> Result<Lead, Error> {
        let watch = Stopwatch::start();
        let checkpoint = whole.checkpoint;
        let (mut change, decided) = change(lead.standing(), whole, merged);
        let forgotten = self.roster.leave_out(&mut change);
        let finished = change.end == End::Finished;
        let counts = |sum: Counts, range: &PartitionRange| sum.plus(range.counts());
        let rows = change.ranges.iter().fold(Counts::default(), counts);
        let draft = lead.commit(change, now_ms())?;
        let (lead, record) = settle(draft, &self.shared).await?;
        self.roster.forgotten(&forgotten);
        self.true_now(&record, checkpoint, rows.rows_in).await?;
        *led = Led { commits: led.commits + 1, decided: plus(led.decided, decided), finished };
        let (seq, took_ms) = (record.record().seq, watch.elapsed_ms());
        let metrics = &self.shared.metrics;
        metrics.took(CheckpointStep::Committing, watch.elapsed());
        metrics.committed(seq, rows.rows_in, decided, lead.standing());
        let requests = self.shared.store.requests();
        let committed = observe::Committed { seq, checkpoint, rows, took_ms, requests };
        self.shared.observer.committed(&committed);
        self.progress.send_replace(*led);
        Ok(lead)
    }

    /// A record is in the log: everybody may know.
    async fn true_now(&self, record: &Committed, checkpoint: u64, rows: u64) -> Result<(), Error> {
        self.shared.committed.fetch_max(checkpoint, Ordering::AcqRel);
        rows_committed(rows);
        self.waker.wake();
        self.committed.send_replace(record.clone());
        let note = |text: &str| self.shared.observer.note(text);
        if let Some(hint) = record.hint(self.terms.hint_every)
            && let super::ledger::Ask::Put { path, bytes } = hint
        {
            // The hint saves a listing at the next start; it is never believed, and not worth waiting for.
            let _ = self.shared.store.put(&path, bytes.into()).await;
        }
        drive(Sweep::replaced(record), &self.shared.store, &note).await?;
        Ok(())
    }

    fn begin(&self, plan: MergePlan, merges: &mut Merges) {
        merges.begun += 1;
        let nr = merges.begun;
        let (shared, provenance) = (Arc::clone(&self.shared), self.provenance.clone());
        merges.under_way = Some(self.shared.tokio.spawn(async move {
            reach(Step::Merge);
            match merge(&plan, nr, &shared, &provenance).await {
                Ok(merged) => {
                    reach(Step::Merged);
                    merged
                }
                Err(error) => {
                    // The files stay as they are, and a later commit plans anew.
                    shared.observer.note(&format!("merging retained files failed: {error}"));
                    None
                }
            }
        }));
    }
}

/// The receipts of a checkpoint, added up.
fn change(standing: &Standing, whole: Gathered, merged: Vec<Merged>) -> (Change, Decided) {
    let mut change =
        Change { checkpoint: whole.checkpoint, clock: standing.clock, ..Change::default() };
    let mut positions: BTreeMap<_, _> = BTreeMap::new();
    positions.extend(
        standing.positions.iter().map(|position| (position.origin.clone(), position.clone())),
    );
    let mut decided = Decided::default();
    for receipt in whole.receipts {
        let Receipt { files, retained, ranges, positions: moved, clock, decided: more } = receipt;
        change.files.extend(files);
        change.retained.extend(retained);
        change.ranges.extend(ranges);
        positions.extend(moved.into_iter().map(|position| (position.origin.clone(), position)));
        change.clock = clock.unwrap_or(change.clock);
        decided = plus(decided, more);
    }
    change.merges.extend(merged);
    change.positions = positions.into_values().collect();
    change.end = match change.clock.phase {
        Phase::End => End::Finished,
        Phase::Running | Phase::EndOfGold => End::NotYet,
    };
    (change, decided)
}

fn plus(a: Decided, b: Decided) -> Decided {
    Decided {
        quorate: a.quorate + b.quorate,
        undecided: a.undecided + b.undecided,
        refused: a.refused + b.refused,
    }
}

async fn settle(draft: Draft, shared: &Shared) -> Result<(Lead, Committed), Error> {
    let note = |text: &str| shared.observer.note(text);
    match drive(draft.send(), &shared.store, &note).await? {
        Settled::Committed(lead, committed) => Ok((lead, committed)),
        Settled::Fenced(fenced) => Err(Error::Fenced(fenced)),
    }
}

async fn merge(
    plan: &MergePlan,
    nr: u32,
    shared: &Shared,
    provenance: &Provenance,
) -> Result<Option<Merged>, Error> {
    let mut files = Vec::new();
    for file in plan.files() {
        let Some(bytes) = shared.store.get(&file.path).await? else {
            return Ok(None);
        };
        files.push(Checked::new(&file.path, bytes, &file.sha256)?);
    }
    let burials = match plan.older() {
        Older::Nothing => Burials::LeftOut,
        Older::Files => Burials::Kept,
    };
    let writer = provenance.clone();
    let added = tokio::task::spawn_blocking(move || add_retained(files, burials, &writer));
    let output = match added.await.map_err(|panic| Error::Worker(panic.to_string()))?? {
        None => None,
        Some(added) => {
            let path = plan.path(provenance.incarnation, 0, nr);
            let (upload, file) = to_upload(added, path, plan.checkpoint());
            if put_until_done(upload, shared).await.is_none() {
                return Ok(None);
            }
            Some(file)
        }
    };
    Ok(Some(plan.clone().merged(output)?))
}
