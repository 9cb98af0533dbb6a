//! The log as history.

use quorate_operators::policy::Method;
use quorate_query::commits::{Kind, list, show};
use quorate_query::error::Error;

use super::scenario::{busy, policy};
use super::shelf::Shelf;

#[tokio::test]
async fn every_record_is_listed_and_every_commit_can_be_shown() {
    let shelf = Shelf::of(&busy(1, policy(Method::Weighted))).await;
    let all = list(&shelf.store, None).await.unwrap();
    assert_eq!((all.older, all.records.len()), (0, shelf.records.len()));
    assert_eq!(all.records[0].kind, Kind::Claim);
    for record in &shelf.records {
        let line = &all.records[record.seq as usize - 1];
        assert_eq!((line.seq, line.commit), (record.seq, record.standing.checkpoint));
        let Some(commit) = record.commit() else { continue };
        let shown = show(&shelf.store, commit.checkpoint).await.unwrap();
        assert_eq!((shown.line.seq, &shown.sha256), (record.seq, &record.digest()));
        assert_eq!(
            shown.files.iter().map(|file| file.rows).sum::<u64>(),
            line.tables.values().sum::<u64>()
        );
        assert_eq!(shown.moved.len(), commit.ranges.len());
    }
    let last = list(&shelf.store, Some(2)).await.unwrap();
    assert_eq!(last.older, shelf.records.len() - 2);
    assert_eq!(last.records, all.records[all.records.len() - 2..]);
}

#[tokio::test]
async fn a_commit_that_is_not_in_the_log_is_refused_with_those_that_are() {
    let shelf = Shelf::of(&busy(1, policy(Method::Weighted))).await;
    let newest = shelf.last().standing.checkpoint;
    for wrong in [0, newest + 1, u64::MAX] {
        match show(&shelf.store, wrong).await {
            Err(Error::UnknownCommit { commit, first: 1, last }) => {
                assert_eq!((commit, last), (wrong, newest))
            }
            other => panic!("{wrong}: {other:?}"),
        }
    }
    let empty = quorate_connectors::store::Store::memory();
    assert!(matches!(list(&empty, None).await, Err(Error::NoLog { .. })));
    assert!(matches!(show(&empty, 1).await, Err(Error::NoLog { .. })));
}

#[tokio::test]
async fn what_a_person_reads_fits_the_screen_and_what_a_machine_reads_is_json() {
    let shelf = Shelf::of(&busy(1, policy(Method::Weighted))).await;
    let all = list(&shelf.store, None).await.unwrap();
    let shown = show(&shelf.store, 3).await.unwrap();
    for text in [all.to_string(), shown.to_string()] {
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
    let json = serde_json::to_value(&shown).unwrap();
    assert_eq!(json["kind"], "commit");
    assert_eq!(json["seq"], shown.line.seq);
    assert!(json["moved"][0]["rows"]["rows_in"].is_u64());
}
