//! Publishing and merging move rows and change nothing; where they did, `verify` says so.

use bytes::Bytes;
use quorate_operators::policy::Method;
use quorate_query::snapshot::{Extent, Snapshot};
use quorate_query::verify::{Check, Report};
use quorate_schemas::log::Digest;
use quorate_schemas::table::Table;

use super::scenario::{busy, policy};
use super::shelf::Shelf;
use super::tamper::{Opened, open};

async fn shelf() -> Shelf {
    Shelf::of(&busy(2, policy(Method::Weighted))).await
}

fn rows(snapshot: &Snapshot, table: Table) -> u64 {
    snapshot.files_of(table).iter().map(|file| file.rows.expect("ours say how many")).sum()
}

#[tokio::test]
async fn all_that_is_committed_is_seen_however_far_it_is_published() {
    for behind in [0, 1, 3] {
        for merge in [false, true] {
            let shelf = shelf().await;
            let before = Snapshot::load(&shelf.store, Extent::Committed).await.unwrap();
            shelf.publish(behind, merge).await;
            let committed = Snapshot::load(&shelf.store, Extent::Committed).await.unwrap();
            let published = Snapshot::load(&shelf.store, Extent::Published).await.unwrap();
            let told = &shelf.records[..shelf.records.len() - behind];
            for table in Table::ALL {
                let totals = |record: &quorate_schemas::log::Record| {
                    record.standing.tables.get(table.name()).map_or(0, |totals| totals.rows)
                };
                assert_eq!(rows(&before, table), totals(shelf.last()));
                assert_eq!(
                    rows(&committed, table),
                    totals(shelf.last()),
                    "{} {behind} {merge}",
                    table.name()
                );
                assert_eq!(
                    rows(&published, table),
                    totals(told.last().unwrap()),
                    "{} {behind} {merge}",
                    table.name()
                );
            }
            let merged =
                committed.files_of(Table::Votes).len() < before.files_of(Table::Votes).len();
            assert_eq!(merged, merge);
        }
    }
}

#[tokio::test]
async fn published_and_merged_tables_add_up() {
    for (behind, merge) in [(0, false), (2, false), (0, true), (2, true)] {
        let shelf = shelf().await;
        shelf.publish(behind, merge).await;
        let report = shelf.verify().await;
        assert!(report.is_clean(), "{behind} {merge}:\n{report}");
        assert_eq!(report.checked.merged_files > 0, merge, "{report}");
    }
}

/// A store whose merged file of votes was replaced by `change` of it, and whose Delta log was made to fit.
async fn badly_merged(change: impl Fn(Opened) -> Opened) -> (Shelf, String) {
    let shelf = shelf().await;
    shelf.publish(0, true).await;
    let snapshot = Snapshot::load(&shelf.store, Extent::Committed).await.unwrap();
    let merged = snapshot
        .files_of(Table::Votes)
        .iter()
        .find(|file| file.path.contains("merged-"))
        .unwrap()
        .clone();
    let before = shelf.store.get(&merged.path).await.unwrap().unwrap();
    let changed = change(open(&shelf.store, Table::Votes, &merged.path).await);
    changed.save(&shelf.store).await;
    let after = shelf.store.get(&merged.path).await.unwrap().unwrap();
    for version in shelf.store.list("tables/votes/_delta_log").await.unwrap() {
        let text =
            String::from_utf8(shelf.store.get(&version.path).await.unwrap().unwrap().to_vec())
                .unwrap();
        let (size, new_size) =
            (format!("\"size\":{}", before.len()), format!("\"size\":{}", after.len()));
        let text = text.replace(&Digest::of(&before).to_string(), &Digest::of(&after).to_string());
        shelf.store.put(&version.path, Bytes::from(text.replace(&size, &new_size))).await.unwrap();
    }
    (shelf, merged.path)
}

fn kinds(report: &Report) -> Vec<Check> {
    report.counts.keys().copied().collect()
}

#[tokio::test]
async fn a_merge_that_changes_a_row_is_found_as_long_as_what_it_merged_is_there() {
    let (shelf, _) = badly_merged(|votes| votes.set_text("source", 0, "elsewhere")).await;
    let report = shelf.verify().await;
    assert_eq!(kinds(&report), [Check::Published], "{report}");
    assert_eq!(report.findings[0].what, "merging changed rows of this commit");

    // Once the merged files are swept the log still knows how many rows there were, and no more.
    for file in shelf.files(Table::Votes) {
        shelf.store.delete(&file.path).await.unwrap();
    }
    let report = shelf.verify().await;
    assert!(report.is_clean(), "{report}");
}

#[tokio::test]
async fn a_merge_that_loses_or_doubles_a_row_is_found() {
    let (shelf, path) = badly_merged(|votes| votes.remove(3)).await;
    let report = shelf.verify().await;
    assert!(kinds(&report).contains(&Check::Published), "{report}");
    let (doubled, _) = badly_merged(|votes| votes.double(3)).await;
    let report = doubled.verify().await;
    assert!(kinds(&report).contains(&Check::Published), "{report}");
    shelf.store.delete(&path).await.unwrap();
    let report = shelf.verify().await;
    assert_eq!(
        (report.findings.len(), report.findings[0].what.as_str()),
        (1, "it is gone"),
        "{report}"
    );
}

#[tokio::test]
async fn a_delta_log_that_cannot_be_read_is_named() {
    let shelf = shelf().await;
    shelf.publish(0, false).await;
    let version = "tables/votes/_delta_log/00000000000000000001.json";
    assert!(shelf.store.head(version).await.unwrap().is_some());
    shelf.store.put(version, Bytes::from_static(b"{\"add\": {")).await.unwrap();
    let report = shelf.verify().await;
    assert_eq!(kinds(&report), [Check::Published], "{report}");
    assert!(report.findings[0].what.contains("votes"), "{report}");
}

/// What is older than a week may be gone: records that are published, and files that were merged.
#[tokio::test]
async fn a_trimmed_log_still_adds_up_and_says_that_it_is_trimmed() {
    let shelf = shelf().await;
    shelf.publish(0, true).await;
    let half = shelf.records.len() / 2;
    for record in &shelf.records[..half] {
        shelf.store.delete(&record.path()).await.unwrap();
        for file in record.commit().map_or(&[][..], |commit| &commit.files) {
            let snapshot = Snapshot::load(&shelf.store, Extent::Committed).await.unwrap();
            let live = snapshot.files.values().flatten().any(|live| live.path == file.path);
            if !live {
                shelf.store.delete(&file.path).await.unwrap();
            }
        }
    }
    let report = shelf.verify().await;
    assert!(report.is_clean(), "{report}");
    let note = format!("log: it begins at record {}, older ones were trimmed", half + 1);
    assert_eq!(report.notes, [note]);
    assert!(report.checked.weights > 50, "{report}");
}
