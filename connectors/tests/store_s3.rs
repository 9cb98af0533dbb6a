//! S3 over real HTTP, from which answers are cut, late, wrong or missing.

use bytes::Bytes;
use quorate_connectors::error::Error;
use quorate_connectors::store::{Creation, Limits, Operation, Problem, Store};
use quorate_s3::{BUCKET, Plan, Server};
use tempfile::TempDir;

const QUICK: Limits = Limits {
    deadline_ms: 2_000,
    least_bytes_per_ms: 256,
    tries: 5,
    pause_ms: 1,
    longest_pause_ms: 8,
    parts_from_bytes: 16 << 20,
    part_bytes: 5 << 20,
    parts_at_once: 4,
};

/// A store that fails by `plan`; its directory and server live as long as what is returned.
async fn store(plan: &str) -> (Store, Server, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), Plan::parse(plan).unwrap()).unwrap();
    let location = format!("s3://{BUCKET}/job");
    let store = Store::open_with(&location, &server.environment()).await.unwrap();
    (store.with_limits(QUICK), server, directory)
}

fn large() -> Bytes {
    Bytes::from((0..17_000_000u32).map(|n| (n % 251) as u8).collect::<Vec<_>>())
}

/// Files of unfinished uploads that the server keeps beside its buckets.
fn unfinished(directory: &TempDir) -> usize {
    let names =
        std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().contains("upload")).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_passes_is_outlasted_and_counted() {
    let plans =
        ["put: 503 first 2", "put: did 500 first 2", "put: cut first 2", "put: lost first 2"];
    for plan in plans {
        let (store, server, _directory) = store(plan).await;
        store.put("a", Bytes::from_static(b"abc")).await.unwrap();
        assert_eq!(store.get("a").await.unwrap().unwrap(), "abc", "{plan}");
        let (ours, theirs) = (store.requests(), server.seen());
        assert_eq!((ours.put, ours.get), (theirs.put, theirs.get), "{plan}");
        assert_eq!((ours.put, ours.failures.unreachable), (3, 2), "{plan}: {ours:?}");
        assert_eq!(ours.sent_bytes, 9, "{plan}: what is sent again is sent");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_ends_in_its_middle_is_asked_for_again() {
    let (store, server, _directory) = store("get: half first 2; get: 500 first 1").await;
    store.put("a", large()).await.unwrap();
    assert!(store.get("a").await.unwrap().unwrap() == large());
    assert_eq!(server.seen().faults, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_creation_whose_answer_is_lost_is_unknown_and_not_tried_again() {
    let cases = [
        ("create: lost", true),
        ("create: did 500", true),
        ("create: 503", false),
        ("create: 409", false),
        ("create: cut", false),
    ];
    for (plan, is_there) in cases {
        let (store, server, _directory) = store(plan).await;
        let created = store.create("log/1", Bytes::from_static(b"1")).await.unwrap();
        assert_eq!(created, Creation::Unknown, "{plan}");
        assert_eq!(server.seen().create, 1, "{plan}");
        assert_eq!(store.requests().failures.unknown, 1, "{plan}");
        assert_eq!(store.get("log/1").await.unwrap().is_some(), is_there, "{plan}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_store_is_given_up_in_bounded_time() {
    let (store, server, _directory) = store("get: slow 60000").await;
    let impatient = store.with_limits(Limits { deadline_ms: 30, tries: 3, ..QUICK });
    match impatient.get("a").await.unwrap_err() {
        Error::Store { problem: Problem::TimedOut, .. } => {}
        other => panic!("{other}"),
    }
    assert_eq!((server.seen().get, impatient.requests().failures.timed_out), (3, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_object_goes_in_parts_that_are_tried_one_by_one() {
    // Four parts, the beginning and the end, whatever goes wrong with them on the way.
    for (plan, puts) in
        [("", 6), ("put: 503 first 2", 8), ("put: lost nth 2", 7), ("post: 503 first 1", 7)]
    {
        let (store, server, directory) = store(plan).await;
        store.put("large", large()).await.unwrap();
        assert!(store.get("large").await.unwrap().unwrap() == large(), "{plan}");
        let (ours, theirs) = (store.requests(), server.seen());
        assert_eq!((ours.put, theirs.put + theirs.post), (puts, puts), "{plan}");
        assert_eq!(ours.sent_bytes, theirs.body_bytes, "{plan}");
        assert_eq!(unfinished(&directory), 0, "{plan}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_completion_whose_answer_is_lost_is_done_again_as_a_whole() {
    let (store, server, _directory) = store("post: lost nth 2").await;
    store.put("large", large()).await.unwrap();
    assert!(store.get("large").await.unwrap().unwrap() == large());
    assert_eq!((server.seen().put, server.seen().post), (8, 5), "begin, lost, gone, begin, done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_object_that_fails_is_absent_and_leaves_nothing() {
    // One part never gets through.
    let (store, server, directory) = store("put partNumber=3: 503").await;
    match store.put("large", large()).await.unwrap_err() {
        Error::Store { problem: Problem::Unreachable, .. } => {}
        other => panic!("{other}"),
    }
    assert_eq!(store.get("large").await.unwrap(), None);
    assert_eq!((server.seen().delete, store.requests().delete), (1, 1), "it is given up");
    assert_eq!(unfinished(&directory), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_overwrites_is_refused_with_what_to_do() {
    let (store, _server, _directory) = store("conditions ignored").await;
    let refused = store.check_conditional_create().await.unwrap_err();
    let said = refused.to_string();
    for part in ["wrote over", "If-None-Match", "use a store that"] {
        assert!(said.contains(part), "{said} does not say {part:?}");
    }
    assert!(!refused.retryable(), "waiting does not help");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_loses_some_answers_can_be_started_on() {
    let (store, _server, _directory) =
        store("create: lost nth 1; create: 503 nth 3; get: cut first 1").await;
    store.check_conditional_create().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_answers_no_creation_for_now_is_in_trouble_and_not_wrong() {
    for plan in ["put: 507", "create: did 500", "create: lost", "create: 409"] {
        let (store, server, _directory) = store(plan).await;
        let refused = store.check_conditional_create().await.unwrap_err();
        assert!(refused.retryable(), "{plan}: {refused}");
        assert!(matches!(refused, Error::Store { operation: Operation::Create, .. }), "{refused}");
        server.turn(Plan::default());
        store.check_conditional_create().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_keys_and_a_plain_endpoint_say_what_to_set() {
    let (_store, server, _directory) = store("").await;
    let location = format!("s3://{BUCKET}");
    let mut variables = server.environment().to_vec();
    variables.push(("AWS_SECRET_ACCESS_KEY", "wrong".to_owned()));
    let stranger = Store::open_with(&location, &variables).await.unwrap();
    match stranger.put("a", Bytes::new()).await.unwrap_err() {
        Error::Store { problem: Problem::Denied | Problem::Unauthenticated, .. } => {}
        other => panic!("{other}"),
    }
    variables.push(("AWS_ALLOW_HTTP", "false".to_owned()));
    let said = Store::open_with(&location, &variables).await.unwrap_err().to_string();
    assert!(said.contains("AWS_ALLOW_HTTP=true"), "{said}");
}
