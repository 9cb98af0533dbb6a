//! The lead at work: commits what is gathered, writes heartbeats, merges and sweeps retained files.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use quorate_connectors::staged::{Checked, Provenance, read_retained};
use quorate_schemas::clock::Phase;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::commit::{Gathered, Waker};
use super::failpoint::{ROWS_IN_FLIGHT, Step, reach};
use super::hands::drive;
use super::ledger::{
    Change, Committed, Draft, End, Lead, MergePlan, Merged, Older, Settled, Sweep, Terms,
};
use super::retained::Adding;
use super::stage::put_until_done;
use super::staging::{Decided, Receipt, retained_file};
use crate::clock::{Stopwatch, boot_ms, now_ms};
use crate::error::Error;
use crate::observe;
use crate::shared::Shared;

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

/// The lead of a run.
pub(crate) struct Leader {
    /// The right to write the next record.
    pub(crate) lead: Lead,
    /// The protocol's numbers.
    pub(crate) terms: Terms,
    /// What the run shares.
    pub(crate) shared: Arc<Shared>,
    /// Who writes merged files.
    pub(crate) provenance: Provenance,
    /// Wakes the operator that waits for a commit.
    pub(crate) waker: Waker,
    /// Tells the publisher.
    pub(crate) committed: watch::Sender<Committed>,
    /// Tells the worker's summary.
    pub(crate) progress: watch::Sender<Led>,
}

/// A merge under way, or done and waiting for a commit to enter with.
type Merging = Option<JoinHandle<Option<Merged>>>;

impl Leader {
    /// Commits until no more checkpoints can come.
    ///
    /// # Errors
    /// If another run took the lead, or the store fails for good.
    pub(crate) async fn lead(
        mut self,
        mut gathered: UnboundedReceiver<Gathered>,
    ) -> Result<Led, Error> {
        let (mut led, mut merging, mut merges) = (Led::default(), Merging::None, 0);
        loop {
            let heartbeat = Duration::from_millis(self.lead.heartbeat_due_in_ms(boot_ms()).max(1));
            let draft = tokio::select! {
                next = gathered.recv() => match next {
                    None => break,
                    Some(whole) => {
                        let watch = Stopwatch::start();
                        let checkpoint = whole.checkpoint;
                        let merged = match merging.take_if(|task| task.is_finished()) {
                            Some(task) => task.await.ok().flatten(),
                            None => None,
                        };
                        let (change, decided) = self.change(whole, merged);
                        (led.finished, led.commits) = (change.end == End::Finished, led.commits + 1);
                        led.decided = plus(led.decided, decided);
                        let rows = change.ranges.iter().fold(Default::default(), |sum: quorate_schemas::log::Counts, r| sum.plus(r.counts()));
                        let draft = self.lead.commit(change, now_ms())?;
                        let (lead, record) = settle(draft, &self.shared).await?;
                        self.lead = lead;
                        self.true_now(&record, checkpoint).await?;
                        let seq = record.record().seq;
                        self.shared.observer.committed(&observe::Committed { seq, checkpoint, rows, took_ms: watch.elapsed_ms() });
                        self.progress.send_replace(led);
                        if merging.is_none() && let Some(plan) = MergePlan::of(self.lead.standing(), &self.terms) {
                            merges += 1;
                            merging = Some(self.merge(plan, merges));
                        }
                        continue;
                    }
                },
                () = tokio::time::sleep(heartbeat) => self.lead.heartbeat(now_ms()),
            };
            let (lead, _) = settle(draft, &self.shared).await?;
            self.lead = lead;
        }
        Ok(led)
    }

    /// The receipts of a checkpoint, added up.
    fn change(&self, whole: Gathered, merged: Option<Merged>) -> (Change, Decided) {
        let standing = self.lead.standing();
        let mut change =
            Change { checkpoint: whole.checkpoint, clock: standing.clock, ..Change::default() };
        let mut positions: BTreeMap<_, _> = BTreeMap::new();
        positions.extend(
            standing.positions.iter().map(|position| (position.origin.clone(), position.clone())),
        );
        let mut decided = Decided::default();
        for receipt in whole.receipts {
            let Receipt { files, retained, ranges, positions: moved, clock, decided: more } =
                receipt;
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

    /// A record is in the log: everybody may know.
    async fn true_now(&mut self, record: &Committed, checkpoint: u64) -> Result<(), Error> {
        self.shared.committed.fetch_max(checkpoint, Ordering::AcqRel);
        let rows = record
            .record()
            .commit()
            .map_or(0, |commit| commit.ranges.iter().map(|range| range.rows_in).sum());
        ROWS_IN_FLIGHT.fetch_sub(rows, Ordering::Relaxed);
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

    fn merge(&self, plan: MergePlan, nr: u32) -> JoinHandle<Option<Merged>> {
        let (shared, provenance) = (Arc::clone(&self.shared), self.provenance.clone());
        self.shared.tokio.spawn(async move {
            reach(Step::Merge);
            match merge(&plan, nr, &shared, &provenance).await {
                Ok(merged) => merged,
                Err(error) => {
                    // The files stay as they are, and a later commit plans anew.
                    shared.observer.note(&format!("merging retained files failed: {error}"));
                    None
                }
            }
        })
    }
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
    let mut adding = Adding::default();
    for file in plan.files() {
        let Some(bytes) = shared.store.get(&file.path).await? else {
            return Ok(None);
        };
        adding.add(read_retained(Checked::new(&file.path, bytes, &file.sha256)?)?);
    }
    let mut entries = adding.into_entries();
    if plan.older() == Older::Nothing {
        entries.retain(|entry| matches!(entry, quorate_schemas::retained::Retain::Row(..)));
    }
    let output = match entries.is_empty() {
        true => None,
        false => {
            let path = plan.path(provenance.incarnation, 0, nr);
            let (upload, file) = retained_file(&entries, path, plan.checkpoint(), provenance)?;
            if put_until_done(upload, shared).await.is_none() {
                return Ok(None);
            }
            Some(file)
        }
    };
    Ok(Some(plan.clone().merged(output)?))
}
