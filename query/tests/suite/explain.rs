//! Why a task was decided as it was.

use quorate_operators::policy::Method;
use quorate_query::error::Error;
use quorate_query::explain::explain;
use quorate_schemas::table::Table;
use quorate_schemas::time::SECOND;

use super::scenario::{START, Scenario, busy, policy};
use super::shelf::Shelf;

/// Two golds make ada heavy and bo light; then they disagree.
fn lesson() -> Scenario {
    let mut scenario = Scenario::new(policy(Method::Weighted));
    for (nr, task) in ["g1", "g2", "g3"].into_iter().enumerate() {
        let at = START + nr as i64 * SECOND;
        scenario.vote(at, task, "ada", Some("yes"));
        scenario.vote(at, task, "bo@2", Some("no"));
        scenario.vote(at, task, "cy", Some("yes"));
        scenario.gold(at, task, "yes");
    }
    let at = START + 200 * SECOND;
    scenario.vote(at, "q", "ada", Some("red"));
    scenario.vote(at + 1, "q", "bo@2", Some("blue"));
    scenario.vote(at + 2, "q", "new", Some("blue"));
    scenario.vote(at + 3, "q", "shy", None);
    scenario.vote(START + 400 * SECOND, "later", "ada", Some("x"));
    scenario
}

#[tokio::test]
async fn a_decision_is_explained_by_its_votes_and_what_they_rest_on() {
    let shelf = Shelf::of(&lesson()).await;
    let why = explain(&shelf.store, "q", None).await.unwrap();
    assert!(why.matches(), "{why}");
    assert_eq!(why.revisions.last().unwrap().answer.as_deref(), Some("red"));
    assert!(why.revisions.last().unwrap().is_final);
    let vote = |agent: &str| why.votes.iter().find(|vote| vote.agent_id == agent).unwrap();
    let ada = vote("ada").evidence.as_ref().and_then(|shown| shown.here.as_ref()).unwrap();
    assert_eq!((ada.basis.as_str(), ada.gold_right, ada.gold_seen), ("gold", 3.0, 3.0));
    assert!(vote("ada").weight > 1.0 && vote("bo").weight == 0.0);
    assert_eq!(
        (vote("bo").version.as_deref(), vote("bo").choice.as_deref()),
        (Some("2"), Some("blue"))
    );
    assert_eq!((vote("new").weight, vote("new").evidence.is_none()), (0.5, true));
    assert_eq!((vote("shy").status.as_str(), vote("shy").share), ("abstained", 0.0));
    assert_eq!((vote("ada").source.as_str(), vote("ada").position), ("votes", 900));
    let close = &why.closeness;
    assert_eq!(close.runner_up.as_deref(), Some("blue"));
    assert_eq!(close.other_answer_by_changed_votes.as_ref().unwrap().agents, ["ada"]);
    assert_eq!(close.other_answer_by_left_out_votes.as_ref().unwrap().agents, ["ada"]);
    let text = why.to_string();
    assert!(text.contains("derived from these votes alone: the same"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[tokio::test]
async fn an_earlier_commit_is_explained_by_what_was_known_then() {
    let shelf = Shelf::of(&lesson()).await;
    let now = explain(&shelf.store, "q", None).await.unwrap();
    let [first, .., last] = now.revisions.as_slice() else { panic!("{now}") };
    let then = explain(&shelf.store, "q", Some(first.commit as u64)).await.unwrap();
    assert_eq!(
        then.revisions.len(),
        now.revisions.iter().filter(|known| known.commit <= first.commit).count()
    );
    assert!(then.matches() && first.commit <= last.commit, "{then}");
    let before = explain(&shelf.store, "q", Some(first.commit as u64 - 1)).await;
    assert!(matches!(before, Err(Error::UnknownTask { as_of: Some(_), .. })), "{before:?}");
    let after = explain(&shelf.store, "q", Some(10_000)).await;
    assert!(matches!(after, Err(Error::UnknownCommit { commit: 10_000, .. })), "{after:?}");
}

#[tokio::test]
async fn every_decision_of_a_busy_job_is_explained_and_matches() {
    let shelf = Shelf::of(&busy(7, policy(Method::Weighted))).await;
    for nr in 0..24 {
        let why = explain(&shelf.store, &format!("t{nr}"), None).await.unwrap();
        assert!(why.matches(), "{why}");
        let text = why.to_string();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        let json = serde_json::to_value(&why).unwrap();
        assert_eq!(json["votes"].as_array().map(Vec::len), Some(why.votes.len()));
    }
}

#[tokio::test]
async fn a_task_that_is_not_there_is_refused_with_the_nearest_that_is() {
    let shelf = Shelf::of(&lesson()).await;
    match explain(&shelf.store, "latr", None).await {
        Err(Error::UnknownTask { task, nearest, .. }) => {
            assert_eq!((task.as_str(), nearest.as_deref()), ("latr", Some("later")));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_decision_that_does_not_follow_from_its_votes_is_said_to() {
    let mut shelf = Shelf::of(&lesson()).await;
    let is_vote = |votes: &super::tamper::Opened, row: usize| votes.text("task_id", row) == "q";
    let (votes, row) = shelf.find(Table::Votes, is_vote).await;
    votes.set_text("choice", row, "green").save(&shelf.store).await;
    let refused = explain(&shelf.store, "q", None).await;
    assert!(
        matches!(refused, Err(Error::File { .. })),
        "changed bytes are not decoded: {refused:?}"
    );
    shelf.forge_log().await;
    let why = explain(&shelf.store, "q", None).await.unwrap();
    assert!(!why.matches() && why.to_string().contains("NOT the same"), "{why}");
}
