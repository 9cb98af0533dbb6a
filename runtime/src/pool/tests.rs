use std::path::Path;
use std::time::Duration;

use quorate_connectors::store::Store;

use super::entry::{self, Entry, Stand};
use super::record::{self, Claim, Failure, Order, Phase, Run, Wish, Worker};
use super::rules::{Hope, Next, failed, next, pause};
use super::{Again, Pool, Put, Submitted};
use crate::job::Job;

const JOB: &str =
    "name = \"panel\"\nstore = \"/srv/panel\"\n[source.votes]\nfiles = \"/srv/votes.jsonl\"\n";
const BEAT: Duration = Duration::from_secs(2);
const RESTARTS: u32 = 3;

fn pool() -> Pool {
    Pool::over(Store::memory())
}

async fn submit(pool: &Pool, text: &str, again: Again) -> Result<Submitted, String> {
    let job = Job::parse(text, Path::new("here/panel.toml")).unwrap().job;
    pool.submit(&job, text, again, 7).await.map_err(|error| error.to_string())
}

/// Another worker each time.
fn claim(pid: u32) -> Claim {
    let worker = Worker { host: "a".into(), pid, instance: pid.to_string() };
    Claim { worker, beat_ms: BEAT.as_millis() as u64, at_ms: 0 }
}

async fn take(pool: &Pool, nr: u64, run: &Run) {
    let put = pool.create(&entry::claim_path("panel", nr), &record::to_bytes(&claim(1))).await;
    assert_eq!(put.unwrap(), Put::New);
    let bytes = record::to_bytes(run);
    pool.store.put(&entry::run_path("panel", nr), bytes.into()).await.unwrap();
}

fn at(phase: Phase) -> Run {
    Run { phase, led: true, ..Run::default() }
}

fn failure(message: &str) -> Failure {
    Failure { at_ms: 1, kind: "failed".into(), message: message.into() }
}

fn entry(claim_nr: u64, run: Option<Run>, order: Option<Wish>) -> Entry {
    let order = order.map(|wish| Order { wish, after_claim: claim_nr, at_ms: 0 });
    Entry {
        name: "panel".into(),
        submitted_ms: 0,
        claim_nr,
        claim: (claim_nr > 0).then(|| claim(1)),
        run,
        order_nr: u64::from(order.is_some()),
        order,
    }
}

#[tokio::test]
async fn a_job_is_put_there_once() {
    let pool = pool();
    assert_eq!(submit(&pool, JOB, Again::No).await, Ok(Submitted::New));
    assert_eq!(submit(&pool, JOB, Again::No).await, Ok(Submitted::There(Stand::Submitted)));
    let other = format!("{JOB}follow = true\n");
    let said = submit(&pool, &other, Again::No).await.unwrap_err();
    assert!(said.contains("under another `name`") && said.contains("jobs/panel"), "{said}");
    assert_eq!(pool.jobs().await.unwrap().len(), 1);
    assert_eq!(pool.store.get("jobs/panel/job.toml").await.unwrap().unwrap(), JOB);
}

#[tokio::test]
async fn what_means_something_else_to_each_worker_is_refused() {
    let cases = [
        ("store = \"/srv/panel\"", "store = \"./here\"", "the store \"here\""),
        ("store = \"/srv/panel\"", "store = \"memory://\"", "give the whole path, or s3://"),
        ("\"/srv/votes.jsonl\"", "[\"/srv/a\", \"votes-*.jsonl\"]", "names \"votes-*.jsonl\""),
    ];
    let topic =
        "kafka = { topic = \"votes\" }\n[kafka]\nbrokers = \"b:1\"\n[kafka.tls]\nca = \"ca.pem\"";
    let cases =
        cases.into_iter().chain([("files = \"/srv/votes.jsonl\"", topic, "ca.pem\", a path")]);
    for (from, to, expected) in cases {
        let pool = pool();
        let said = submit(&pool, &JOB.replace(from, to), Again::No).await.unwrap_err();
        assert!(said.contains(expected), "{said} does not say {expected}");
        assert!(pool.jobs().await.unwrap().is_empty());
    }
    let s3 = JOB.replace("/srv/panel", "s3://bucket/panel");
    assert_eq!(submit(&pool(), &s3, Again::No).await, Ok(Submitted::New));
}

#[tokio::test]
async fn a_stopped_or_failed_job_goes_on_when_it_is_submitted_again() {
    for phase in [Phase::Stopped, Phase::Failed] {
        let pool = pool();
        submit(&pool, JOB, Again::No).await.unwrap();
        assert_eq!(pool.stop("panel", 7).await.unwrap(), Some(Stand::Submitted));
        take(&pool, 1, &at(phase)).await;
        let before = pool.job("panel").await.unwrap().unwrap();
        assert!(before.stand().is_final());
        assert_eq!(next(&before, BEAT * 1_000, RESTARTS, 0), Next::Nothing);
        let there = Ok(Submitted::There(before.stand()));
        assert_eq!(submit(&pool, JOB, Again::No).await, there);
        assert_eq!(submit(&pool, JOB, Again::Yes).await, Ok(Submitted::Again));
        let after = pool.job("panel").await.unwrap().unwrap();
        assert_eq!(after.stand(), Stand::Submitted);
        let fresh = Run { led: true, ..Run::default() };
        assert_eq!(next(&after, Duration::ZERO, RESTARTS, 0), Next::Take(fresh));
        // An order holds for what was there when it was given.
        take(&pool, 2, &at(phase)).await;
        assert!(pool.job("panel").await.unwrap().unwrap().stand().is_final());
    }
    let pool = pool();
    assert_eq!(pool.stop("panel", 7).await.unwrap(), None, "there is no such job");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_many_workers_has_a_claim() {
    let pool = pool();
    for nr in 1..=20 {
        let path = entry::claim_path("panel", nr);
        let racing = (0..8).map(|pid| {
            let (pool, path) = (pool.clone(), path.clone());
            tokio::spawn(async move { pool.create(&path, &record::to_bytes(&claim(pid))).await })
        });
        let mut winners = 0;
        for worker in racing.collect::<Vec<_>>() {
            winners += usize::from(worker.await.unwrap().unwrap() != Put::Other);
        }
        assert_eq!(winners, 1, "claim {nr}");
    }
}

#[test]
fn a_state_follows_from_the_last_claims_run_and_the_last_order() {
    let (stop, go) = (Some(Wish::Stop), Some(Wish::Go));
    let cases = [
        (None, None, Stand::Submitted),
        (None, stop, Stand::Stopped),
        (Some(Phase::Running), None, Stand::Running),
        (Some(Phase::Running), stop, Stand::Stopping),
        (Some(Phase::Stopping), None, Stand::Stopping),
        (Some(Phase::Released), None, Stand::Submitted),
        (Some(Phase::Released), stop, Stand::Stopped),
        (Some(Phase::Stopped), stop, Stand::Stopped),
        (Some(Phase::Stopped), go, Stand::Submitted),
        (Some(Phase::Failing), None, Stand::Restarting),
        (Some(Phase::Failing), stop, Stand::Stopped),
        (Some(Phase::Failed), None, Stand::Failed),
        (Some(Phase::Failed), go, Stand::Submitted),
        (Some(Phase::Finished), go, Stand::Finished),
    ];
    for (phase, order, expected) in cases {
        let found = entry(u64::from(phase.is_some()), phase.map(at), order);
        assert_eq!(found.stand(), expected, "{phase:?} {order:?}");
    }
    assert_eq!(entry(1, None, None).stand(), Stand::Running, "it was taken a moment ago");
}

#[test]
fn a_job_is_taken_once_its_run_has_ended_or_been_silent_for_five_beats() {
    let check = |found: &Entry, beats: u32, is_taken: bool| {
        let next = next(found, BEAT * beats, RESTARTS, 0);
        assert_eq!(matches!(next, Next::Take(_)), is_taken, "{found:?} after {beats}: {next:?}");
    };
    check(&entry(0, None, None), 0, true);
    check(&entry(0, None, Some(Wish::Stop)), 100, false);
    for phase in [Phase::Running, Phase::Stopping] {
        check(&entry(1, Some(at(phase)), None), 4, false);
        check(&entry(1, Some(at(phase)), None), 5, true);
    }
    check(&entry(1, None, None), 4, false);
    check(&entry(1, None, None), 5, true);
    check(&entry(1, Some(at(Phase::Released)), None), 0, true);
    check(&entry(1, Some(at(Phase::Released)), Some(Wish::Stop)), 100, false);
    for over in [Phase::Stopped, Phase::Finished, Phase::Failed] {
        check(&entry(1, Some(at(over)), None), 100_000, false);
    }
    check(&entry(1, Some(at(Phase::Finished)), Some(Wish::Go)), 100_000, false);
}

#[test]
fn a_run_that_died_while_it_was_to_stop_is_closed_as_stopped() {
    let found = entry(3, Some(at(Phase::Stopping)), Some(Wish::Stop));
    assert_eq!(next(&found, BEAT * 4, RESTARTS, 0), Next::Nothing);
    assert_eq!(next(&found, BEAT * 5, RESTARTS, 0), Next::Close(at(Phase::Stopped)));
}

#[test]
fn failures_in_a_row_are_bounded_and_a_commit_begins_anew() {
    let mut run = at(Phase::Running);
    for nr in 1..=RESTARTS {
        run = failed(run, failure(&format!("nr {nr}")), Hope::Some, RESTARTS);
        assert_eq!((run.phase, run.failures), (Phase::Failing, nr));
        let found = entry(u64::from(nr), Some(run.clone()), None);
        let rest = pause(BEAT, nr);
        assert_eq!(rest, BEAT * (1 << (nr - 1)), "pauses double");
        assert_eq!(next(&found, rest - BEAT / 2, RESTARTS, 0), Next::Nothing);
        match next(&found, rest, RESTARTS, 0) {
            Next::Take(taken) => run = taken,
            other => panic!("{other:?}"),
        }
        assert!(run.led, "the lead in the log is still the pool's");
    }
    let over = failed(run.clone(), failure("the last"), Hope::Some, RESTARTS);
    assert_eq!((over.phase, over.failures), (Phase::Failed, RESTARTS + 1));
    assert_eq!(over.first_failure, Some(failure("nr 1")), "the first cause is kept");
    assert_eq!(over.failure, Some(failure("the last")));
    let committed = failed(Run { commits: 1, ..run.clone() }, failure("x"), Hope::Some, RESTARTS);
    assert_eq!((committed.phase, committed.failures), (Phase::Failing, 1));
    assert_eq!(failed(run, failure("x"), Hope::None, RESTARTS).phase, Phase::Failed);
    assert_eq!(pause(BEAT, u32::MAX), Duration::from_secs(300));
}

#[test]
fn a_job_that_kills_its_workers_is_given_up() {
    let mut run = at(Phase::Running);
    for nr in 1..=u64::from(RESTARTS) {
        match next(&entry(nr, Some(run), None), BEAT * 5, RESTARTS, 9) {
            Next::Take(taken) => run = taken,
            other => panic!("{other:?}"),
        }
    }
    match next(&entry(9, Some(run), None), BEAT * 5, RESTARTS, 9) {
        Next::Close(run) => {
            assert_eq!(run.phase, Phase::Failed);
            let first = run.first_failure.unwrap();
            assert_eq!((first.kind.as_str(), first.at_ms), ("died", 9));
            assert!(first.message.contains("process 1 on a"), "{}", first.message);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_listing_shows_the_last_of_each_and_ignores_what_is_not_ours() {
    let store = Store::memory();
    let names = [
        "job.toml",
        "claims/00000002.json",
        "claims/00000010.json",
        "runs/00000002.json",
        "notes",
        "orders/x",
    ];
    for name in names {
        store.put(&format!("jobs/a/{name}"), "1".into()).await.unwrap();
    }
    store.put("jobs/b/claims/00000001.json", "1".into()).await.unwrap();
    store.put("probe/1", "1".into()).await.unwrap();
    let traces = entry::traces(&store.list("").await.unwrap());
    let a = traces["a"];
    assert!(a.submitted_ms.is_some());
    assert_eq!((a.claim_nr, a.run, a.order_nr), (10, None, 0), "the last claim has no run yet");
    assert_eq!(traces["b"].submitted_ms, None);
    assert_eq!(traces.len(), 2);
}
