//! A run: take the lead, recover, work, commit, publish.

mod ground;
mod member;
mod restore;
mod workers;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use quorate_connectors::kafka::publish::UpdateTopic;
use quorate_connectors::staged::Provenance;
use quorate_connectors::store::Store;
use quorate_operators::ballot::Otherwise;
use quorate_schemas::clock::{Clock, Phase};
use quorate_schemas::id::IdKey;
use quorate_schemas::log::{Owner, Record, job_path};
use tokio::sync::{mpsc, watch};

use self::ground::Ground;
use crate::assign::Assignments;
use crate::clock::{Stopwatch, now_ms};
use crate::cluster::mesh::Mesh;
use crate::epoch::commit::Waker;
use crate::epoch::lead::{Leader, Led};
use crate::epoch::ledger::{Applicant, Committed, Contest, Lead, Reopen, Terms, Upgrade};
use crate::epoch::number::{checkpoint_of, first_epoch};
use crate::epoch::patience::{Attempts, Outlasted};
use crate::epoch::publishers::Publishers;
use crate::epoch::recover::{Taken, take_lead};
use crate::error::Error;
use crate::health::Stage;
use crate::job::Job;
use crate::lots::random;
use crate::metrics::Metrics;
use crate::observe::{Observer, Outcome, Progress, RunOptions, Totals};
use crate::roster::{FORGET_AFTER, Roster};
use crate::seats::Seats;
use crate::shared::Shared;
use crate::upgrade::check_upgrade;

/// So long the end of a run waits for provisional outcomes that were not sent yet.
const LAST_UPDATES: Duration = Duration::from_secs(2);

/// Runs `job` until its input has ended, or it is asked to stop, and everything read is committed and published.
///
/// # Errors
/// If another run leads, the store or a source fails for good, or too many rows are rejected.
pub fn run(job: &Job, options: RunOptions, observer: Arc<dyn Observer>) -> Result<Outcome, Error> {
    run_with(job, options, observer, Upgrade::Refuse)
}

/// Goes on with a job whose settings have changed, or with a build that decides otherwise: from here on the new ones
/// decide. What is final stays; a decision that can still be revised, and would come out otherwise, gets a revision.
///
/// # Errors
/// As [`run`], and if what is kept would mean something else under the new settings.
pub fn upgrade(
    job: &Job,
    options: RunOptions,
    observer: Arc<dyn Observer>,
) -> Result<Outcome, Error> {
    run_with(job, options, observer, Upgrade::Adopt)
}

fn run_with(
    job: &Job,
    options: RunOptions,
    observer: Arc<dyn Observer>,
    upgrade: Upgrade,
) -> Result<Outcome, Error> {
    let watch = Stopwatch::start();
    let mut tokio = tokio::runtime::Builder::new_multi_thread();
    tokio.on_thread_start(step_back);
    let tokio = tokio.worker_threads(2).enable_all().build();
    let tokio = tokio.map_err(|error| {
        Error::Worker(format!("the asynchronous runtime does not start: {error}"))
    })?;
    let metrics = options.metrics.clone();
    let _over = Over(metrics.clone());
    metrics.begins(job, &options.stop);
    if let Some(cluster) = &options.cluster {
        let result = member::run(job, &options, cluster, observer, &tokio, watch);
        // Nobody waits for what still goes on there: uploads, a publication. It ends with the process. Shut down under it,
        // the library of Delta tables would panic.
        std::mem::forget(tokio);
        return result;
    }
    let begun = tokio.block_on(begin(job, &options, observer, upgrade))?;
    let otherwise = match upgrade {
        Upgrade::Refuse => Otherwise::Refused,
        Upgrade::Adopt => Otherwise::Revised,
    };
    match begun {
        Begun::Finished => Ok(Outcome::AlreadyFinished),
        Begun::Leading(leading) => leading.go_on(job, &options, otherwise, &tokio, watch, None),
    }
}

/// However a run ends: it is over then.
struct Over(Metrics);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.has_come_to(Stage::Idle);
    }
}

enum Begun {
    Finished,
    Leading(Box<Leading>),
}

/// A run that leads, and what it goes on from.
struct Leading {
    lead: Lead,
    claim: Committed,
    store: Store,
    observer: Arc<dyn Observer>,
}

async fn begin(
    job: &Job,
    options: &RunOptions,
    observer: Arc<dyn Observer>,
    upgrade: Upgrade,
) -> Result<Begun, Error> {
    if let Some(topics) = &job.topics {
        topics.spec.check()?;
    }
    let store = open_store(&job.store).await?;
    options.metrics.watch(&store);
    let mut attempts = Attempts::at_start(observer.as_ref());
    while let Outlasted::Again =
        attempts.outlast(store.check_conditional_create().await.map_err(Error::from)).await?
    {}
    if upgrade == Upgrade::Adopt {
        check_upgrade(job, &store, observer.as_ref()).await?;
    }
    let note = |text: &str| observer.note(text);
    let mut applicant = Applicant {
        job: job.name.clone(),
        fingerprint: job.fingerprint(),
        owner: owner(),
        log_id: random(),
        written_at_ms: now_ms(),
        contest: if options.takeover { Contest::TakeOver } else { Contest::AfterSilence },
        upgrade,
        reopen: Reopen::No,
    };
    let taken = match take_lead(applicant.clone(), Terms::default(), &store, &note).await? {
        Taken::Finished(last) if options.reopen => {
            applicant.reopen = Reopen::From(reopened(last.record().standing.clock));
            take_lead(applicant, Terms::default(), &store, &note).await?
        }
        taken => taken,
    };
    match taken {
        Taken::Finished(last) => {
            publish_rest(job, &store, &observer, &last).await?;
            Ok(Begun::Finished)
        }
        Taken::Lead(lead, claim) => {
            if lead.standing().finished {
                store.put(&job_path(&job.fingerprint()), job.canonical().into()).await?;
                publish_rest(job, &store, &observer, &claim).await?;
                return Ok(Begun::Finished);
            }
            Ok(Begun::Leading(Box::new(Leading { lead: *lead, claim, store, observer })))
        }
    }
}

/// The store of a job; in builds for tests behind the faults that the environment names.
async fn open_store(location: &str) -> Result<Store, Error> {
    let store = Store::open(location).await?;
    #[cfg(feature = "failpoints")]
    if let Some(plan) = crate::epoch::failpoint::faults() {
        return Ok(store.with_faults(plan));
    }
    Ok(store)
}

/// Rows at or before the greatest event time seen are late for a job that had finished.
fn reopened(clock: Clock) -> Clock {
    let from = clock.greatest.saturating_add(1);
    Clock { phase: Phase::Running, watermark: from, promised: from, ..clock }
}

/// A finished job may have died before everything was published.
async fn publish_rest(
    job: &Job,
    store: &Store,
    observer: &Arc<dyn Observer>,
    last: &Committed,
) -> Result<(), Error> {
    let shared = Shared::new(
        store.clone(),
        Arc::clone(observer),
        tokio::runtime::Handle::current(),
        0,
        &RunOptions::new(1),
        job.checkpoint.bytes,
    );
    let (sender, receiver) = watch::channel(last.clone());
    drop(sender);
    let publishers = Publishers::of(job, &provenance(job, last.record()), Arc::new(shared));
    if let Some(delta) = publishers.delta {
        delta.run(receiver.clone()).await?;
    }
    match publishers.topics {
        Some(topics) => topics.run(receiver).await,
        None => Ok(()),
    }
}

fn provenance(job: &Job, record: &Record) -> Provenance {
    Provenance { job: job.name.clone(), log_id: record.log_id, incarnation: record.incarnation }
}

impl Leading {
    fn go_on(
        self,
        job: &Job,
        options: &RunOptions,
        otherwise: Otherwise,
        tokio: &tokio::runtime::Runtime,
        since: Stopwatch,
        mut mesh: Option<&mut Mesh>,
    ) -> Result<Outcome, Error> {
        let seats =
            mesh.as_ref().map_or_else(|| Seats::alone(options.workers), |mesh| mesh.seats());
        let Leading { lead, claim, store, observer } = self;
        let (record, standing) = (claim.record().clone(), lead.standing().clone());
        let start = first_epoch(standing.checkpoint + 1);
        tracing::info!(record.incarnation, took_ms = since.elapsed_ms(), "leads");
        options.metrics.leads(record.incarnation, &standing);
        options.metrics.has_come_to(Stage::Recovering);
        let (handle, bytes) = (tokio.handle().clone(), job.checkpoint.bytes);
        let shared = Shared::new(store, observer, handle, start, options, bytes);
        let updates = job.topics.as_ref().map(|topics| UpdateTopic::of(&topics.spec, &job.name));
        let shared = shared.with_updates(updates.transpose()?.flatten());
        let mut shared = shared.with_limit(job.limits.rejects, standing.totals);
        if let Some(mesh) = &mesh {
            shared = shared.among(mesh.hall());
        }
        let shared = Arc::new(shared);
        if let Some(mesh) = &mut mesh {
            member::attach(mesh, &shared, options);
        }
        let roster = Arc::new(Roster::of(&standing, job.lateness, seats.threads, FORGET_AFTER)?);
        shared.committed.store(standing.checkpoint, Ordering::Release);
        let provenance = provenance(job, &record);
        #[expect(
            clippy::disallowed_methods,
            reason = "bounded by the workers: they read on only as checkpoints commit"
        )]
        let (to_lead, gathered) = mpsc::unbounded_channel();
        let (committed, committed_seen) = watch::channel(claim.clone());
        let (progress, progress_seen) = watch::channel(Led::default());
        let waker = Waker::default();
        let leader = Leader {
            terms: Terms::default(),
            shared: Arc::clone(&shared),
            roster: Arc::clone(&roster),
            provenance: provenance.clone(),
            waker: waker.clone(),
            committed,
            progress,
        };
        // From the claim on there are heartbeats, or somebody else takes over while this run recovers.
        let leading = shared.beside("lead", leader.lead(lead, gathered));
        let key = IdKey::new(record.log_id.0);
        let restored = tokio.block_on(restore::leading(job, &claim, &shared, key, seats))?;
        options.metrics.restored(&restored);
        let retained_rows = restored.len();
        tracing::info!(
            rows = retained_rows,
            took_ms = since.elapsed_ms(),
            "retained rows are back"
        );
        let bounded = job.sources.iter().all(|source| !source.follow);
        let assignments = Arc::new(Assignments::new(seats, bounded, restored));
        let ground = Ground {
            job,
            key,
            seats,
            ahead_us: 0,
            shared: Arc::clone(&shared),
            roster: Arc::clone(&roster),
            assignments,
        };
        ground.survey(Some(committed_seen.clone()))?;

        let Publishers { delta, topics } = Publishers::of(job, &provenance, Arc::clone(&shared));
        let telling_topics = topics
            .map(|topics| shared.beside("publisher of topics", topics.run(committed_seen.clone())));
        let publishing = delta.map(|delta| shared.beside("publisher", delta.run(committed_seen)));
        let telling = tokio.spawn(tell(Arc::clone(&shared), Arc::clone(&roster), progress_seen));

        let plan = ground.begins(&record, otherwise, (retained_rows, since), (to_lead, waker));
        workers::work_all(plan, options, mesh.as_deref_mut())?;
        if mesh.is_some() && shared.has_failed() {
            // Workers may hang, and the lead waits for them: the process ends without it.
            return ended(&shared, None);
        }
        // The workers have dropped their ends: the lead commits what it has, then the publisher the rest.
        let led = tokio.block_on(leading).ok().flatten();
        for publishing in publishing.into_iter().chain(telling_topics) {
            let _ = tokio.block_on(publishing);
        }
        if let Some(updates) = &shared.updates {
            updates.close(LAST_UPDATES);
        }
        telling.abort();
        ended(&shared, led)
    }
}

/// Tells the observer once a second where the run stands.
async fn tell(shared: Arc<Shared>, roster: Arc<Roster>, led: watch::Receiver<Led>) {
    let mut before = shared.rows_of_all();
    let (mut commits, mut since) = (0, Stopwatch::start());
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if let Some(complaint) = shared.updates.as_ref().and_then(UpdateTopic::complaint) {
            shared.observer.note(&complaint);
        }
        let (rows, led) = (shared.rows_of_all(), *led.borrow());
        let now = shared.commits.load(Ordering::Relaxed);
        if now != commits {
            (commits, since) = (now, Stopwatch::start());
        }
        let (opened, uncommitted) =
            (shared.opened.load(Ordering::Relaxed), shared.uncommitted.load(Ordering::Relaxed));
        let from = uncommitted.max(first_epoch(checkpoint_of(opened)));
        let open_epochs = opened.saturating_sub(from);
        shared.metrics.open_epochs(open_epochs);
        for (source, bytes) in roster.bytes_left() {
            shared.metrics.set_bytes_left(&source, bytes);
        }
        shared.observer.progress(&Progress {
            rows,
            rows_per_s: rows.rows_in.saturating_sub(before.rows_in),
            decided: led.decided.quorate,
            undecided: led.decided.undecided,
            open_epochs,
            checkpoint_age_ms: since.elapsed_ms(),
            commits,
        });
        before = rows;
    }
}

fn ended(shared: &Shared, led: Option<Led>) -> Result<Outcome, Error> {
    if let Some(error) = shared.take_failure() {
        return Err(error);
    }
    let led = led.unwrap_or_default();
    if let Some(error) = shared.too_many_rejects() {
        return Err(error);
    }
    let totals = Totals {
        // Everything read is committed by now; some of it may have been read by other processes.
        rows: led.rows,
        decided: led.decided.quorate,
        undecided: led.decided.undecided,
        refused: led.decided.refused,
        commits: led.commits,
        requests: shared.store.requests(),
    };
    Ok(if led.finished { Outcome::Finished(totals) } else { Outcome::Stopped(totals) })
}

/// Where the processor is short, staging and merging leave it to the workers: what they do is seen at once, and they wait
/// for commits if those fall behind.
fn step_back() {
    const NICE: i32 = 5;
    // Only Linux knows priorities of threads; elsewhere it would be the whole process that steps back.
    if cfg!(target_os = "linux") {
        // It is a courtesy: that it is not allowed harms nothing.
        let _ = rustix::process::setpriority_process(None, NICE);
    }
}

/// Who runs here.
pub(crate) fn owner() -> Owner {
    let machine = rustix::system::uname();
    Owner {
        host: machine.nodename().to_string_lossy().into_owned(),
        user: rustix::process::getuid().as_raw().to_string(),
        directory: std::env::current_dir()
            .as_deref()
            .unwrap_or(Path::new("?"))
            .to_string_lossy()
            .into_owned(),
        pid: std::process::id(),
        instance: random(),
    }
}
