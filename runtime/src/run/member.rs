//! A run as one process of a cluster: process 0 leads, the others follow it.
//!
//! ```text
//!   process 0:  gather ─► claim ─► begin ───► recover ─► work ─► commit, publish ─► over ──► part
//!   others:     gather ──────────► begun ───► recover ─► work ────────────────────► over ──► part
//! ```

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use quorate_connectors::kafka::publish::UpdateTopic;
use quorate_connectors::store::Store;
use quorate_operators::ballot::Otherwise;
use quorate_schemas::id::IdKey;
use quorate_schemas::log::{Digest, ObjectName, Record};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::ground::Ground;
use super::{Begun, LAST_UPDATES, begin, open_store, restore, tell, workers};
use crate::assign::Assignments;
use crate::clock::Stopwatch;
use crate::cluster::leash::Leash;
use crate::cluster::mesh::Mesh;
use crate::cluster::word::{Begin, Ending, Word};
use crate::cluster::{Cluster, gather};
use crate::epoch::commit::Waker;
use crate::epoch::hands::drive;
use crate::epoch::ledger::{Find, Found, Upgrade};
use crate::epoch::number::first_epoch;
use crate::epoch::patience::{Attempts, Outlasted};
use crate::error::Error;
use crate::health::Stage;
use crate::job::Job;
use crate::observe::{Observer, Outcome, Requests, RunOptions, Totals};
use crate::roster::{FORGET_AFTER, Roster};
use crate::shared::Shared;

/// Threads that move frames. Not those of uploads, which step back where the processor is short: here are the rows.
const LINK_THREADS: usize = 2;

/// How often it is looked whether a process that waits for others was asked to stop.
const LOOK: Duration = Duration::from_millis(50);

/// Runs as one of `cluster`, until the run ends for all of them, or somebody is lost.
pub(super) fn run(
    job: &Job,
    options: &RunOptions,
    cluster: &Cluster,
    observer: Arc<dyn Observer>,
    tokio: &Runtime,
    watch: Stopwatch,
) -> Result<Outcome, Error> {
    let mut links = tokio::runtime::Builder::new_multi_thread();
    let links = links.worker_threads(LINK_THREADS).thread_name("links").enable_all().build();
    let links = links.map_err(|error| {
        Error::Worker(format!("the threads for other processes do not start: {error}"))
    })?;
    options.metrics.has_come_to(Stage::Meeting);
    let met = links.block_on(meet(job, options, cluster, &observer));
    options.metrics.has_come_to(Stage::Claiming);
    let result = match met {
        Ok(Met::All(mut mesh)) => {
            tracing::info!(took_ms = watch.elapsed_ms(), "all processes have met");
            let this = Member { job, options, observer, tokio, links: &links };
            let result = match mesh.seats().index {
                0 => this.lead(&mut mesh, watch),
                _ => this.follow(&mut mesh, watch),
            };
            // Every process passes on how the run has ended: whoever leaves first must not be missed by one that has not
            // heard it yet.
            let word = match (Ending::of(&result), &result) {
                (Some(ending), _) => Some(Word::Over(ending)),
                (None, Err(error)) => Some(Word::Leaves(error.to_string())),
                (None, Ok(_)) => None,
            };
            links.block_on(mesh.part(word));
            result
        }
        Ok(Met::Stopped) => Ok(Outcome::Stopped(Totals::default())),
        Ok(Met::Finished) if cluster.hosts.index() == 0 => {
            // The last of it may not be published yet.
            let begun = tokio.block_on(begin(job, options, observer, Upgrade::Refuse));
            begun.map(|_| Outcome::AlreadyFinished)
        }
        Ok(Met::Finished) => Ok(Outcome::AlreadyFinished),
        Err(error) => Err(error),
    };
    links.shutdown_background();
    result
}

enum Met {
    All(Box<Mesh>),
    /// It was asked to stop before all were there.
    Stopped,
    /// The log says that there is nothing to do, so nobody is waited for.
    Finished,
}

async fn meet(
    job: &Job,
    options: &RunOptions,
    cluster: &Cluster,
    observer: &Arc<dyn Observer>,
) -> Result<Met, Error> {
    let stopped = async {
        while !options.stop.is_given() {
            tokio::time::sleep(LOOK).await;
        }
    };
    if !options.reopen && is_finished(job, observer.as_ref()).await? {
        return Ok(Met::Finished);
    }
    tokio::select! {
        mesh = gather(cluster, cluster.here(job), options.workers, observer) => {
            Ok(Met::All(Box::new(mesh?)))
        }
        () = stopped => Ok(Met::Stopped),
    }
}

/// Whether the log says that the job is finished.
async fn is_finished(job: &Job, observer: &dyn Observer) -> Result<bool, Error> {
    let store = reached(&job.store, observer).await?;
    let note = |text: &str| observer.note(text);
    Ok(match drive(Find::latest(), &store, &note).await? {
        Found::Latest(latest) => {
            let record = latest.record;
            record.fingerprint == job.fingerprint() && record.standing.finished
        }
        // Process 0 says what it is.
        Found::Empty | Found::Damaged(_) => false,
    })
}

async fn reached(location: &str, observer: &dyn Observer) -> Result<Store, Error> {
    let mut attempts = Attempts::at_start(observer);
    loop {
        if let Outlasted::Done(store) = attempts.outlast(open_store(location).await).await? {
            return Ok(store);
        }
    }
}

/// From now on others hear where this run stands; if one of them is lost the run fails, and if process 0 says that it is
/// over in a way that it cannot go on from, too.
pub(super) fn attach(
    mesh: &mut Mesh,
    shared: &Arc<Shared>,
    options: &RunOptions,
) -> JoinHandle<Option<Ending>> {
    if let Some(leash) = options.cluster.as_ref().and_then(|cluster| cluster.leash.clone()) {
        shared.tokio.spawn(say_once_it_works(leash, Arc::clone(shared)));
    }
    mesh.hall().attach(Arc::clone(shared) as Arc<_>);
    let (over, shared) = (mesh.over(), Arc::clone(shared));
    shared.tokio.clone().spawn(async move {
        match over.await {
            Ok(Ending::Failed(verdict, why)) => {
                let failed = Ending::Failed(verdict, why);
                failed.outcome(Requests::default()).err().and_then(|error| shared.fail(error))
            }
            Ok(ending) => Some(ending),
            Err(lost) => shared.fail(lost),
        }
    })
}

/// Tells the supervisor once there was a commit.
async fn say_once_it_works(leash: Arc<Leash>, shared: Arc<Shared>) {
    while shared.commits.load(Ordering::Relaxed) == 0 {
        if shared.has_failed() {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
    leash.works();
}

struct Member<'a> {
    job: &'a Job,
    options: &'a RunOptions,
    observer: Arc<dyn Observer>,
    tokio: &'a Runtime,
    links: &'a Runtime,
}

impl Member<'_> {
    /// Process 0: claims the log, and tells the others.
    fn lead(self, mesh: &mut Mesh, watch: Stopwatch) -> Result<Outcome, Error> {
        let Member { job, options, observer, tokio, links } = self;
        match tokio.block_on(begin(job, options, observer, Upgrade::Refuse))? {
            Begun::Finished => Ok(Outcome::AlreadyFinished),
            Begun::Leading(leading) => {
                let begin =
                    Begin { seq: leading.claim.record().seq, digest: leading.claim.digest() };
                links.block_on(mesh.begin(begin));
                leading.go_on(job, options, Otherwise::Refused, tokio, watch, Some(mesh))
            }
        }
    }

    /// Any other: goes on from the claim of process 0, and ends as it does.
    fn follow(self, mesh: &mut Mesh, watch: Stopwatch) -> Result<Outcome, Error> {
        let begin = match self.links.block_on(mesh.begun())? {
            Ok(begin) => begin,
            Err(ending) => return ending.outcome(Requests::default()),
        };
        let Member { job, options, observer, tokio, .. } = self;
        let store = tokio.block_on(reached(&job.store, observer.as_ref()))?;
        options.metrics.watch(&store);
        let record = tokio.block_on(claimed(begin, &store, observer.as_ref()))?;
        let standing = &record.standing;
        let (start, key) = (first_epoch(standing.checkpoint + 1), IdKey::new(record.log_id.0));
        let seats = mesh.seats();
        // Provisional outcomes are told by whoever has them.
        let updates = job.topics.as_ref().map(|topics| UpdateTopic::of(&topics.spec, &job.name));
        let (handle, bytes) = (tokio.handle().clone(), job.checkpoint.bytes);
        let shared = Shared::new(store, observer, handle, start, options, bytes)
            .with_updates(updates.transpose()?.flatten())
            .with_limit(job.limits.rejects, standing.totals)
            .among(mesh.hall());
        let shared = Arc::new(shared);
        shared.committed.store(standing.checkpoint, Ordering::Release);
        let over = attach(mesh, &shared, options);
        options.metrics.has_come_to(Stage::Recovering);
        let restored = tokio.block_on(restore::following(&record, &shared, key, seats))?;
        options.metrics.restored(&restored);
        let retained_rows = restored.len();
        tracing::info!(
            rows = retained_rows,
            took_ms = watch.elapsed_ms(),
            "retained rows are back"
        );
        let bounded = job.sources.iter().all(|source| !source.follow);
        let roster = Roster::of(standing, job.lateness, seats.threads, FORGET_AFTER)?;
        let (roster, assignments) =
            (Arc::new(roster), Arc::new(Assignments::new(seats, bounded, restored)));
        let ground = Ground {
            job,
            key,
            seats,
            ahead_us: mesh.ahead_us(),
            shared: Arc::clone(&shared),
            roster: Arc::clone(&roster),
            assignments,
        };
        // Groups of topics hear from process 0 how far the job is.
        ground.survey(None)?;
        // Nobody commits here: checkpoints are gathered by worker 0.
        #[expect(clippy::disallowed_methods, reason = "nothing is ever sent")]
        let (to_lead, _) = mpsc::unbounded_channel();
        let (_led, progress) = watch::channel(super::Led::default());
        let telling = tokio.spawn(tell(Arc::clone(&shared), Arc::clone(&roster), progress));
        let to_lead = (to_lead, Waker::default());
        let plan = ground.begins(&record, Otherwise::Refused, (retained_rows, watch), to_lead);
        workers::work_all(plan, options, Some(mesh))?;
        let ending = if shared.has_failed() { None } else { tokio.block_on(over).ok().flatten() };
        telling.abort();
        if let Some(updates) = &shared.updates {
            updates.close(LAST_UPDATES);
        }
        let requests = shared.store.requests();
        match (shared.take_failure(), ending) {
            (Some(error), _) => Err(error),
            (None, Some(ending)) => ending.outcome(requests),
            (None, None) => Err(Error::Worker("the watch over process 0 died".to_owned())),
        }
    }
}

/// The claim of process 0, as it is in the log.
async fn claimed(begin: Begin, store: &Store, observer: &dyn Observer) -> Result<Record, Error> {
    let path = ObjectName::Log { seq: begin.seq }.to_string();
    let mut attempts = Attempts::at_start(observer);
    let bytes = loop {
        match attempts.outlast(store.get(&path).await.map_err(Error::from)).await? {
            Outlasted::Done(bytes) => break bytes,
            Outlasted::Again | Outlasted::Over => {}
        }
    };
    let told =
        format!("{path} is not what process 0 has claimed: do all processes have one store?");
    match bytes.filter(|bytes| Digest::of(bytes) == begin.digest) {
        Some(bytes) => {
            Record::from_bytes(&bytes).map_err(|error| Error::Damaged(error.to_string()))
        }
        None => Err(Error::Damaged(told)),
    }
}
