//! What the engine writes adds up, whatever it was given.

use quorate_connectors::store::Store;
use quorate_operators::policy::Method;
use quorate_schemas::record::ControlAction;
use quorate_schemas::time::SECOND;

use super::scenario::{START, Scenario, agent_id, busy, key, policies, policy};
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

/// The votes say `a`, and lastly `b`; an operator says something else before, at and after the close.
#[tokio::test]
async fn an_answer_set_by_hand_is_taken_as_it_is_whenever_it_was_set() {
    for (at, answer) in [(2, "z"), (2, "a"), (30, "b"), (45, "z"), (45, "a"), (45, "b")] {
        let mut scenario = Scenario::new(policy(Method::Weighted));
        scenario.lateness = 3_600 * SECOND;
        for (nr, agent) in ["ada", "bo", "cy", "dee"].into_iter().enumerate() {
            let choice = if nr < 2 { "a" } else { "b" };
            scenario.vote(START + nr as i64 * SECOND, "t", agent, Some(choice));
        }
        let order = ControlAction::Override { task: key().id("t"), answer: answer.into() };
        scenario.control(START + at * SECOND, order);
        // Leaves `b` with more weight than `a`, whatever the operator has said.
        let quarantine = ControlAction::Quarantine { agent: agent_id("ada") };
        scenario.control(START + 50 * SECOND, quarantine);
        let shelf = Shelf::of(&scenario).await;
        let report = shelf.verify().await;
        assert!(report.is_clean(), "{at} {answer}:\n{report}");
        assert_eq!(report.checked.by_hand, 1, "{at} {answer}:\n{report}");
    }
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

#[tokio::test]
async fn after_an_upgrade_decisions_are_checked_on_their_own_terms_and_weights_are_not() {
    let mut shelf = Shelf::of(&busy(1, policy(Method::Weighted))).await;
    shelf.upgrade("consensus.min_votes = 1", "consensus.min_votes = 9").await;
    let report = shelf.verify().await;
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.notes, ["weights: the terms of the job are not known, or have changed"]);
    assert!(report.checked.revisions > 20 && report.checked.weights == 0, "{report}");
}
