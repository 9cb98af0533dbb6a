use bytes::Bytes;

use super::{Fault, FaultPlan, Rule, When};
use crate::store::{Creation, Limits, Operation, Problem, Store};

const QUICK: Limits = Limits {
    deadline_ms: 1_000,
    least_bytes_per_ms: 1_000,
    tries: 3,
    pause_ms: 1,
    longest_pause_ms: 1,
    parts_from_bytes: 16 << 20,
    part_bytes: 8 << 20,
    parts_at_once: 4,
};

fn faulty(store: &Store, plan: &str) -> Store {
    store.with_limits(QUICK).with_faults(FaultPlan::parse(plan).unwrap())
}

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

fn problem<T: std::fmt::Debug>(result: crate::error::Result<T>) -> Problem {
    match result.unwrap_err() {
        crate::error::Error::Store { problem, .. } => problem,
        other => panic!("not the store's: {other}"),
    }
}

#[test]
fn a_plan_is_read_as_it_is_written() {
    let plan =
        FaultPlan::parse("seed 7; create log/: lost 10%\nput: full first 3;*: delay 50ms nth 2;;")
            .unwrap();
    let rule = |operation, part: &str, fault, when| Rule {
        operation,
        path_part: part.into(),
        fault,
        when,
    };
    let rules = vec![
        rule(Some(Operation::Create), "log/", Fault::Lost, When::Chance(100_000)),
        rule(Some(Operation::Put), "", Fault::Full, When::First(3)),
        rule(None, "", Fault::Delay { for_ms: 50 }, When::Nth(2)),
    ];
    assert_eq!(plan, FaultPlan { seed: 7, rules });
    assert_eq!(FaultPlan::parse(" \n ; ").unwrap(), FaultPlan::default());
}

#[test]
fn a_plan_that_cannot_be_read_says_where_and_why() {
    let expected = [
        ("create log/", "expected `<operation>"),
        ("write: lost", "no operation is called \"write\""),
        ("put: broken", "no fault is called \"broken\""),
        ("put: exists", "`create` alone"),
        ("put: delay", "such as `50ms`"),
        ("put: lost 101%", "such as `10%`"),
        ("put: lost first", "such as `10%`"),
        ("put: lost first x", "expected a number"),
        ("put: lost one two three", "at its end"),
        ("seed x", "expected a number"),
    ];
    for (text, reason) in expected {
        let error = FaultPlan::parse(text).unwrap_err();
        assert!(error.contains(reason) && error.contains(text), "{text:?}: {error}");
    }
}

#[tokio::test]
async fn each_fault_of_a_creation_leaves_what_its_answer_hides() {
    let expected = [
        ("create: lost", Ok(Creation::Unknown), true),
        ("create: exists", Ok(Creation::Exists), true),
        ("create: error", Err(Problem::Unreachable), false),
        ("create: full", Err(Problem::NoSpace), false),
        ("create: denied", Err(Problem::Denied), false),
        ("create: delay 1ms", Ok(Creation::Created), true),
    ];
    for (plan, answer, there) in expected {
        let store = Store::memory();
        let got = faulty(&store, plan).create("a", bytes("x")).await;
        match answer {
            Ok(creation) => assert_eq!(got.unwrap(), creation, "{plan}"),
            Err(expected) => assert_eq!(problem(got), expected, "{plan}"),
        }
        assert_eq!(store.get("a").await.unwrap().is_some(), there, "{plan}");
    }
}

#[tokio::test]
async fn a_late_creation_lands_after_its_answer_and_never_over_another() {
    let store = Store::memory();
    let late = faulty(&store, "create: late 20ms");
    assert_eq!(late.create("a", bytes("late")).await.unwrap(), Creation::Unknown);
    assert_eq!(late.create("b", bytes("late")).await.unwrap(), Creation::Unknown);
    assert_eq!(store.get("a").await.unwrap(), None);
    assert_eq!(store.create("b", bytes("first")).await.unwrap(), Creation::Created);
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert_eq!(store.get("a").await.unwrap(), Some(bytes("late")));
    assert_eq!(store.get("b").await.unwrap(), Some(bytes("first")));
}

#[tokio::test]
async fn idempotent_operations_outlast_faults_that_pass() {
    let store = Store::memory();
    let shaky = faulty(&store, "*: error first 1; *: lost nth 1");
    shaky.put("a", bytes("x")).await.unwrap();
    assert_eq!(store.get("a").await.unwrap(), Some(bytes("x")));
    assert_eq!(shaky.requests().put, 3, "an error, a lost answer, an answer");
}

#[tokio::test]
async fn faults_that_last_are_reported() {
    let store = Store::memory();
    assert_eq!(
        problem(faulty(&store, "put: error").put("a", bytes("x")).await),
        Problem::Unreachable
    );
    assert_eq!(problem(faulty(&store, "put: lost").put("a", bytes("x")).await), Problem::TimedOut);
    assert_eq!(store.get("a").await.unwrap(), Some(bytes("x")), "lost answers, not lost writes");
    assert_eq!(problem(faulty(&store, "list: error").list("").await), Problem::Unreachable);
}

#[tokio::test]
async fn a_store_is_stopped_for_as_long_as_a_file_is_there() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let store = faulty(&Store::memory(), &format!("*: error while {}", file.path().display()));
    assert_eq!(problem(store.put("a", bytes("x")).await), Problem::Unreachable);
    assert_eq!((store.failures_in_a_row(), store.requests().failures.unreachable), (3, 3));
    drop(file);
    store.put("a", bytes("x")).await.unwrap();
    let requests = store.requests();
    assert_eq!((requests.failures.total(), store.failures_in_a_row()), (3, 0));
    assert_eq!((requests.put, requests.sent_bytes), (4, 4));
    store.get("a").await.unwrap();
    assert_eq!(store.requests().received_bytes, 1);
}

#[tokio::test]
async fn chances_are_the_same_in_any_order_of_attempts() {
    let outcome = async |paths: Vec<u32>| {
        let store = faulty(&Store::memory(), "seed 3; create: full 50%");
        let mut full = Vec::new();
        for path in paths {
            if store.create(&format!("p/{path}"), bytes("x")).await.is_err() {
                full.push(path);
            }
        }
        full.sort();
        full
    };
    let forth = outcome((0..400).collect()).await;
    assert_eq!(forth, outcome((0..400).rev().collect()).await);
    assert!((150..250).contains(&forth.len()), "{} of 400 at 50 %", forth.len());
}
