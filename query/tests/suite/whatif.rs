//! The same votes under another policy.

use std::io::Cursor;

use quorate_operators::policy::Method;
use quorate_query::agents::by_accuracy;
use quorate_query::whatif::{Policy, Weights, read_truths, whatif};
use quorate_schemas::ratio::Ratio;
use quorate_schemas::time::SECOND;

use super::scenario::{START, Scenario, busy, policy};
use super::shelf::Shelf;

const MAJORITY: Policy = Policy { weights: Weights::Equal, quorum: None };

/// Three known answers tell ada from the others, who then outnumber her.
fn outnumbered() -> Scenario {
    let mut scenario = Scenario::new(policy(Method::Weighted));
    for (nr, task) in ["g1", "g2", "g3"].into_iter().enumerate() {
        let at = START + nr as i64 * SECOND;
        scenario.vote(at, task, "ada", Some("yes"));
        scenario.vote(at, task, "bo", Some("no"));
        scenario.vote(at, task, "cy", Some("no"));
        scenario.gold(at, task, "yes");
    }
    let at = START + 200 * SECOND;
    scenario.vote(at, "q", "ada", Some("red"));
    scenario.vote(at + 1, "q", "bo", Some("blue"));
    scenario.vote(at + 2, "q", "cy", Some("blue"));
    scenario.vote(START + 400 * SECOND, "later", "ada", Some("x"));
    scenario
}

#[tokio::test]
async fn majority_believes_whom_weights_do_not() {
    let shelf = Shelf::of(&outnumbered()).await;
    let truth = "{\"task_id\":\"q\",\"answer\":\"red\",\"target\":\"blue\"}\n\n{\"task_id\":\"g1\",\"answer\":\"no\"}";
    let truths = read_truths(Cursor::new(truth)).unwrap();
    let told = whatif(&shelf.store, MAJORITY, Some(&truths)).await.unwrap();
    // Of the tasks with a truth, the job was told about g1.
    assert_eq!((told.tasks, told.known, told.attacked), (5, 1, 1));
    assert_eq!((told.decided.right, told.decided.captured), (1, 0));
    assert_eq!((told.otherwise.right, told.otherwise.captured), (0, 1));
    let first = &told.flips[0];
    assert!(first.is_saved(), "{first:?}");
    assert_eq!((first.task_id.as_str(), first.votes), ("q", 3));
    assert_eq!((first.decided.as_deref(), first.votes_decided), (Some("red"), 1));
    assert_eq!((first.otherwise.as_deref(), first.votes_otherwise), (Some("blue"), 2));
    let text = told.to_string();
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");

    let by_gold = whatif(&shelf.store, MAJORITY, None).await.unwrap();
    assert_eq!((by_gold.known, by_gold.attacked, by_gold.otherwise.right), (3, 0, 0));
}

#[tokio::test]
async fn the_least_accurate_agent_comes_first_with_what_it_has_shown() {
    let shelf = Shelf::of(&outnumbered()).await;
    let records = by_accuracy(&shelf.store).await.unwrap();
    let shown: Vec<_> = records
        .iter()
        .map(|record| (record.agent_id.as_str(), record.gold_right, record.gold_seen))
        .collect();
    assert_eq!(shown.len(), 3, "{shown:?}");
    // Evidence fades from era to era, and ada has a later row than the others.
    let (best, others) = (shown[2], &shown[..2]);
    assert!(best.0 == "ada" && best.1 == best.2 && best.2 > 2.0, "{shown:?}");
    assert!(others.iter().all(|(_, right, seen)| *right == 0.0 && *seen > best.2), "{shown:?}");
    assert!(records[2].weights[""] > records[0].weights[""]);
}

#[tokio::test]
async fn what_would_be_is_what_is_where_the_policy_is_that() {
    for seed in 0..4 {
        let [weighted, majority] =
            [Method::Weighted, Method::Majority].map(|method| busy(seed, policy(method)));
        let (weighted, majority) = (Shelf::of(&weighted).await, Shelf::of(&majority).await);
        let replayed = whatif(&weighted.store, MAJORITY, None).await.unwrap();
        let run = whatif(&majority.store, Policy::default(), None).await.unwrap();
        assert_eq!((replayed.tasks, replayed.known), (run.tasks, run.known), "seed {seed}");
        assert_eq!(replayed.otherwise, run.otherwise, "seed {seed}");
        // But for what an operator set by hand, weights as they were give what they gave.
        let again = whatif(&weighted.store, Policy::default(), None).await.unwrap();
        assert!(again.changed <= again.tasks / 4, "seed {seed}: {again}");
    }
}

#[tokio::test]
async fn a_greater_quorum_leaves_answers_and_takes_decisions() {
    let shelf = Shelf::of(&busy(3, policy(Method::Weighted))).await;
    let quorum = Ratio::new(19, 20);
    let now = whatif(&shelf.store, Policy::default(), None).await.unwrap();
    let then = whatif(&shelf.store, Policy { quorum, ..Policy::default() }, None).await.unwrap();
    assert_eq!((now.changed, now.otherwise.right), (then.changed, then.otherwise.right));
    assert!(now.otherwise.quorate > then.otherwise.quorate, "{now} {then}");
}

#[test]
fn a_line_that_is_no_truth_is_named() {
    let error =
        read_truths(Cursor::new("{\"task_id\":\"a\",\"answer\":\"b\"}\n{\"task_id\":\"a\"}"))
            .unwrap_err();
    assert!(error.starts_with("2: missing field `answer`"), "{error}");
}
