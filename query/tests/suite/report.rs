//! One page of how well a job does.

use quorate_operators::policy::Method;
use quorate_query::report::{Sum, page, report};
use quorate_schemas::time::SECOND;

use super::scenario::{START, Scenario, busy, policy};
use super::shelf::Shelf;

fn sum(parts: impl Iterator<Item = Sum>) -> Sum {
    parts.fold(Sum::default(), |all, part| Sum {
        tasks: all.tasks + part.tasks,
        quorate: all.quorate + part.quorate,
        known: all.known + part.known,
        right: all.right + part.right,
        quorate_known: all.quorate_known + part.quorate_known,
        quorate_right: all.quorate_right + part.quorate_right,
    })
}

#[tokio::test]
async fn every_task_is_in_one_span_and_one_bin_and_pairs_agree_both_ways() {
    for seed in 0..3 {
        let shelf = Shelf::of(&busy(seed, policy(Method::Weighted))).await;
        let found = report(&shelf.store, None).await.unwrap();
        assert!(found.all.tasks > 0 && found.all.known > 0, "{:?}", found.all);
        assert_eq!(sum(found.moments.iter().map(|moment| moment.sum)), found.all);
        assert_eq!(sum(found.bins.iter().map(|bin| bin.sum)), found.all);
        let pairs = &found.agreement.pairs;
        assert!(!pairs.is_empty());
        for (row, of_one) in pairs.iter().enumerate() {
            for (column, pair) in of_one.iter().enumerate() {
                assert_eq!(*pair, pairs[column][row]);
                assert!(pair.1 <= pair.0 && (row != column || pair.0 == pair.1), "{pair:?}");
            }
        }
        assert_eq!(page(&found).matches("<svg").count(), 4, "seed {seed}");
    }
}

#[tokio::test]
async fn agents_that_agree_stand_side_by_side() {
    let mut scenario = Scenario::new(policy(Method::Majority));
    for nr in 0..10 {
        let (at, task) = (START + nr * 10 * SECOND, format!("t{nr}"));
        for (agent, label) in [("a", "x"), ("b", "y"), ("c", "x"), ("d", "y"), ("e", "z")] {
            scenario.vote(at, &task, agent, Some(label));
        }
    }
    let shelf = Shelf::of(&scenario).await;
    let found = report(&shelf.store, None).await.unwrap().agreement;
    let place = |agent: &str| found.agents.iter().position(|name| name == agent).unwrap();
    assert_eq!(place("a").abs_diff(place("c")), 1, "{:?}", found.agents);
    assert_eq!(place("b").abs_diff(place("d")), 1, "{:?}", found.agents);
    assert_eq!(found.pairs[place("a")][place("c")], (10, 10));
    assert_eq!(found.pairs[place("a")][place("b")], (10, 0));
}

#[tokio::test]
async fn names_are_no_markup() {
    let mut scenario = Scenario::new(policy(Method::Weighted));
    for nr in 0..3 {
        let (at, task) = (START + nr * SECOND, format!("g{nr}"));
        scenario.vote(at, &task, "<script>alert('1')</script>&\"", Some("yes"));
        scenario.gold(at, &task, "yes");
    }
    scenario.vote(START + 900 * SECOND, "later", "b", Some("x"));
    let shelf = Shelf::of(&scenario).await;
    let page = page(&report(&shelf.store, None).await.unwrap());
    assert!(!page.contains("<script"), "{page}");
    assert!(page.contains("&lt;script&gt;") && page.contains("&amp;"), "{page}");
}
