//! What a process of a run stands on once it has read what was retained: alone, process 0 or any other.

use std::sync::Arc;
use std::time::Duration;

use quorate_operators::ballot::Otherwise;
use quorate_operators::decide::Setup;
use quorate_schemas::id::IdKey;
use quorate_schemas::log::Record;
use quorate_schemas::time::Micros;
use tokio::sync::{mpsc, watch};

use super::provenance;
use crate::assign::Assignments;
use crate::clock::Stopwatch;
use crate::epoch::commit::{Gathered, Waker};
use crate::epoch::ledger::Committed;
use crate::epoch::number::{checkpoint_of, first_epoch, last_epoch};
use crate::epoch::staging::Stager;
use crate::error::Error;
use crate::health::Stage;
use crate::job::Job;
use crate::observe::Started;
use crate::partitions::{Pace, Start};
use crate::roster::Roster;
use crate::seats::Seats;
use crate::shared::Shared;
use crate::survey::Surveyor;
use crate::worker::Plan;

/// Followed sources are looked through for new files this often.
const SURVEY_EVERY: Duration = Duration::from_secs(1);

/// What sources are looked through with, and workers work on.
pub(super) struct Ground<'a> {
    pub(super) job: &'a Job,
    /// By what names become ids.
    pub(super) key: IdKey,
    /// Which of all workers are those of this process.
    pub(super) seats: Seats,
    /// How far the clock that all processes go by is ahead of this machine's.
    pub(super) ahead_us: Micros,
    pub(super) shared: Arc<Shared>,
    pub(super) roster: Arc<Roster>,
    pub(super) assignments: Arc<Assignments>,
}

impl Ground<'_> {
    /// Looks for what there is to read, and hands it out; of followed sources again and again. Groups of topics are told
    /// what is `committed`, if it is told here.
    ///
    /// # Errors
    /// If sources are not as they should be.
    pub(super) fn survey(
        &self,
        committed: Option<watch::Receiver<Committed>>,
    ) -> Result<(), Error> {
        let (roster, assignments) = (Arc::clone(&self.roster), Arc::clone(&self.assignments));
        let shared = &self.shared;
        let mut surveyor = Surveyor::new(self.job, self.key, self.seats, roster, assignments)?;
        let is_over = || shared.has_failed() || shared.stop.is_given();
        surveyor.survey(Start::WithTheRun, shared.observer.as_ref(), &is_over)?;
        if self.job.sources.iter().any(|source| source.follow) {
            follow(surveyor, Arc::clone(shared), committed);
        }
        Ok(())
    }

    /// The run begins to read, from the claim `record` on: tells it, and gives what its workers are to do.
    pub(super) fn begins(
        self,
        record: &Record,
        otherwise: Otherwise,
        (retained_rows, since): (usize, Stopwatch),
        (to_lead, waker): (mpsc::UnboundedSender<Gathered>, Waker),
    ) -> Plan {
        let checkpoint = record.standing.checkpoint;
        let setup = self.setup(otherwise, record.standing.reopened);
        let Ground { job, seats, ahead_us, shared, roster, assignments, key: _ } = self;
        shared.observer.started(&Started {
            incarnation: record.incarnation,
            checkpoint,
            workers: seats.peers(),
            retained_rows,
            took_ms: since.elapsed_ms(),
        });
        shared.metrics.has_come_to(Stage::Reading);
        Plan {
            setup,
            checkpoint: job.checkpoint,
            pace: Pace::of(job.checkpoint.epoch, job.idle_after),
            start: first_epoch(checkpoint + 1),
            // Each worker fills in its number.
            stager: Stager {
                job: job.name.clone(),
                provenance: provenance(job, record),
                worker: 0,
                keeps_updates: job.policy.updates,
            },
            roster,
            seats,
            ahead_us,
            assignments,
            to_lead,
            waker,
            shared,
        }
    }

    /// How the dataflow decides.
    fn setup(&self, otherwise: Otherwise, reopened: u32) -> Setup {
        let mut policy = self.job.policy;
        policy.updates |= self.shared.follow || self.shared.updates.is_some();
        let last_of_checkpoint = |epoch| last_epoch(checkpoint_of(epoch));
        Setup { policy, key: self.key, otherwise, reopened, last_of_checkpoint }
    }
}

/// Looks for new files and partitions of followed sources, and tells the groups of topics what is committed, until the
/// run ends.
fn follow(
    mut surveyor: Surveyor,
    shared: Arc<Shared>,
    mut committed: Option<watch::Receiver<Committed>>,
) {
    let tokio = shared.tokio.clone();
    tokio.spawn(async move {
        while !shared.has_failed() && !shared.stop.is_given() {
            tokio::time::sleep(SURVEY_EVERY).await;
            // Directories may be large, or far away: commits and heartbeats do not wait for them.
            let survey = || {
                let observer = shared.observer.as_ref();
                if let Some(committed) = &mut committed
                    && committed.has_changed().unwrap_or(false)
                {
                    let standing = committed.borrow_and_update().record().standing.clone();
                    surveyor.tell_groups(&standing.positions, observer);
                }
                surveyor.tell_lags(&shared.metrics);
                surveyor.survey(Start::Joining, observer, &|| shared.stop.is_given())
            };
            if let Err(error) = tokio::task::block_in_place(survey) {
                let _: Option<()> = shared.fail(error);
            }
        }
    });
}
