//! What the engine writes adds up, whatever it was given.

use quorate_connectors::store::Store;
use quorate_operators::policy::Method;
use quorate_schemas::record::ControlAction;
use quorate_schemas::time::SECOND;

use super::scenario::{START, Scenario, busy, key, policies, policy};
use super::shelf::Shelf;

async fn check(scenario: &Scenario, what: &str) {
    let shelf = Shelf::of(scenario).await;
    let report = shelf.verify().await;
    assert!(report.is_clean(), "{what}:\n{report}");
    let checked = &report.checked;
    assert_eq!(checked.votes_found, {
        let votes = shelf
            .records
            .iter()
            .filter_map(|record| record.commit())
            .flat_map(|commit| &commit.ranges);
        votes.filter(|range| range.origin.source == "votes").map(|range| range.on_time).sum::<u64>()
    });
    assert!(checked.tasks > 10 && checked.revisions > checked.tasks / 2, "{what}: {checked:?}");
    let plain = scenario.policy.cap.is_none();
    assert!(!plain || checked.weights > 50, "{what}: {checked:?}");
    assert!(checked.reputations > 10, "{what}: {checked:?}");
}

#[tokio::test]
async fn what_the_engine_writes_adds_up_under_every_policy() {
    for (nr, policy) in policies().into_iter().enumerate() {
        for seed in 1..=12 {
            check(&busy(seed, policy), &format!("policy {nr}, seed {seed}")).await;
        }
    }
}

#[tokio::test]
async fn a_job_that_goes_on_adds_up_with_its_open_tasks() {
    for (nr, policy) in policies().into_iter().enumerate() {
        for seed in 1..=6 {
            let scenario = Scenario { to_the_end: false, ..busy(seed, policy) };
            let shelf = Shelf::of(&scenario).await;
            let report = shelf.verify().await;
            assert!(report.is_clean(), "policy {nr}, seed {seed}:\n{report}");
            assert!(report.checked.votes_open > 0, "policy {nr}, seed {seed}: no task is open");
        }
    }
}

#[tokio::test]
async fn an_answer_set_by_hand_stands_until_the_next() {
    let mut scenario = busy(5, policy(Method::Weighted));
    scenario.lateness = 3_600 * SECOND;
    for (task, at, answer) in [("t3", 100, "z"), ("t3", 105, "d"), ("t7", 175, "z")] {
        let action = ControlAction::Override { task: key().id(task), answer: answer.into() };
        scenario.control(START + at * SECOND, action);
    }
    let shelf = Shelf::of(&scenario).await;
    let report = shelf.verify().await;
    assert!(report.is_clean(), "{report}");
}

#[tokio::test]
async fn a_store_on_disk_adds_up_like_one_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().to_str().unwrap()).await.unwrap();
    let shelf = Shelf::on(store, &busy(1, policy(Method::Weighted))).await;
    let report = shelf.verify().await;
    assert!(report.is_clean(), "{report}");
    let text = report.to_string();
    assert!(text.contains("nothing is wrong"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
}
