//! Merging moves rows and never changes them; what is deleted is old.

mod delta_fixture;

use std::collections::BTreeSet;

use bytes::Bytes;
use delta_fixture::{NOW_MS, TABLE, faulty, fill, newest, stage, tables, visible};
use quorate_connectors::delta::{CommitFiles, FILE_AGE_MS, MergePolicy, Merged, live_files};
use quorate_connectors::store::{Requests, Store};

const DAY_MS: u64 = 86_400_000;

/// Merges whenever four files are of about one size.
const POLICY: MergePolicy = MergePolicy { target_bytes: 1 << 20, fan_in: 4, most_files: 6 };

async fn paths(store: &Store) -> BTreeSet<String> {
    let listed = store.list(&format!("tables/{}", TABLE.name())).await.unwrap();
    listed
        .into_iter()
        .map(|listed| listed.path)
        .filter(|path| path.ends_with(".parquet") && !path.contains("_delta_log"))
        .collect()
}

async fn check(store: &Store, commits: u64, context: &str) {
    assert_eq!(visible(store).await, (10..commits * 10 + 10).collect::<Vec<_>>(), "{context}");
    assert_eq!(tables(store).progress(TABLE).await.unwrap(), Some(commits), "{context}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_keeps_the_rows_and_changes_no_data() {
    let store = Store::memory();
    let tables = tables(&store);
    fill(&store, &tables, 12).await;
    let merged = tables.merge_small(TABLE, &POLICY, NOW_MS).await.unwrap();
    assert_eq!(merged, Merged { replaced: 12, written: 2, given_up: 0 });
    check(&store, 12, "merged").await;

    let live = live_files(&store, TABLE).await.unwrap();
    assert_eq!(live.len(), 2);
    assert!(live.iter().all(|file| file.rows == Some(60)));
    // Neighbours in event time are merged with each other.
    assert!(
        live.iter().map(|file| file.max_event_time_us).min()
            < live.iter().map(|file| file.min_event_time_us).max()
    );

    let (version, lines) = newest(&store).await;
    assert_eq!(version, 14);
    let kinds: Vec<&str> = lines
        .iter()
        .map(|line| line.as_object().unwrap().keys().next().unwrap().as_str())
        .collect();
    assert_eq!(
        kinds,
        ["commitInfo", "remove", "remove", "remove", "remove", "remove", "remove", "add"]
    );
    assert!(lines[1..].iter().all(|line| line["remove"]["dataChange"] == false || line["add"]["dataChange"] == false));

    assert_eq!(
        tables.merge_small(TABLE, &POLICY, NOW_MS).await.unwrap(),
        Merged::default(),
        "two files are enough"
    );
    // The publisher goes on where the merge left off.
    let files = [stage(&store, 1, 13, 130..140).await];
    tables.publish(TABLE, &[CommitFiles { seq: 13, files: &files }], NOW_MS).await.unwrap();
    check(&store, 13, "published after it").await;
}

/// However long the table's history is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_asks_the_store_for_its_files_and_nothing_else() {
    let store = Store::memory();
    let tables = tables(&store);
    fill(&store, &tables, 4).await;
    let before = store.requests();
    let merged = tables.merge_small(TABLE, &POLICY, NOW_MS).await.unwrap();
    assert_eq!(merged, Merged { replaced: 4, written: 1, given_up: 0 });
    let after = store.requests();
    let Requests { sent_bytes, received_bytes, .. } = after;
    let (get, create) = (before.get + 4, before.create + 2);
    let merging = Requests { get, create, sent_bytes, received_bytes, ..before };
    assert_eq!(after, merging);
    assert_eq!(tables.merge_small(TABLE, &POLICY, NOW_MS).await.unwrap(), Merged::default());
    assert_eq!(store.requests(), merging, "there is nothing to merge");
}

/// Another process takes a file away: the merge is given up, and the table is read anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_others_took_away_are_left_out_of_the_next_merge() {
    let store = Store::memory();
    let (ours, others) = (tables(&store), tables(&store));
    fill(&store, &ours, 4).await;
    assert_eq!(others.merge_small(TABLE, &POLICY, NOW_MS).await.unwrap().written, 1);
    let late = NOW_MS + FILE_AGE_MS + 1;
    assert_eq!(others.vacuum(TABLE, late, FILE_AGE_MS).await.unwrap(), 4);
    let given_up = Merged { replaced: 0, written: 0, given_up: 1 };
    assert_eq!(ours.merge_small(TABLE, &POLICY, late).await.unwrap(), given_up);
    assert_eq!(ours.merge_small(TABLE, &POLICY, late).await.unwrap(), Merged::default());
    check(&store, 4, "merged by others").await;
}

/// The clock may stand still for a while, and a process may begin where one of its name ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_merges_in_one_millisecond_find_names() {
    let store = Store::memory();
    let mut merger = tables(&store);
    for seq in 1..=60 {
        let files = [stage(&store, 1, seq, seq * 10..seq * 10 + 10).await];
        merger.publish(TABLE, &[CommitFiles { seq, files: &files }], NOW_MS).await.unwrap();
        if seq % 4 == 0 {
            assert!(merger.merge_small(TABLE, &POLICY, NOW_MS).await.unwrap().written > 0);
        }
        if seq == 30 {
            merger = tables(&store);
        }
    }
    check(&store, 60, "merged").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_under_faults_keeps_every_row_once() {
    let faults = [
        "create _delta_log: lost first 1",
        "create _delta_log: exists first 1",
        "create _delta_log: late 20ms first 1",
        "create _delta_log: error first 1",
        "create merged: lost first 1",
        "create merged: exists first 1",
        "create merged: full first 1",
        "get: lost nth 2; get: error nth 4",
        "list: error first 5",
        "delete: error first 5; create _delta_log: exists first 3",
    ];
    for plan in faults {
        let store = Store::memory();
        fill(&store, &tables(&store), 9).await;
        let shaky = tables(&faulty(&store, plan));
        for _ in 0..5 {
            if shaky.merge_small(TABLE, &POLICY, NOW_MS).await.is_ok() {
                break;
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(60)).await;
        check(&store, 9, plan).await;
        assert!(live_files(&store, TABLE).await.unwrap().len() <= 4, "{plan}: nothing was merged");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn merging_while_others_publish_and_merge_keeps_every_row_once() {
    for round in 0..4 {
        let store = Store::memory();
        let publisher = tables(&store);
        fill(&store, &publisher, 12).await;
        let merges = (0..3).map(|_| {
            // Each of a process of its own: they know nothing of each other.
            let merger = tables(&store);
            tokio::spawn(async move {
                let mut sum = Merged::default();
                for _ in 0..4 {
                    let merged = merger.merge_small(TABLE, &POLICY, NOW_MS).await.unwrap();
                    sum.written += merged.written;
                    sum.given_up += merged.given_up;
                }
                sum
            })
        });
        let merges: Vec<_> = merges.collect();
        for seq in 13..=24 {
            let files = [stage(&store, 1, seq, seq * 10..seq * 10 + 10).await];
            publisher.publish(TABLE, &[CommitFiles { seq, files: &files }], NOW_MS).await.unwrap();
        }
        let mut written = 0;
        for merge in merges {
            written += merge.await.unwrap().written;
        }
        assert!(written >= 2, "round {round}: {written} merges");
        check(&store, 24, &format!("round {round}")).await;
        // What was overtaken left nothing behind.
        let live: BTreeSet<String> =
            live_files(&store, TABLE).await.unwrap().into_iter().map(|file| file.path).collect();
        let merged: BTreeSet<String> =
            paths(&store).await.into_iter().filter(|path| path.contains("merged-")).collect();
        let named = store.list("tables/anomalies/_delta_log").await.unwrap();
        let mut log = String::new();
        for version in named.iter().filter(|listed| listed.path.ends_with(".json")) {
            log += std::str::from_utf8(&store.get(&version.path).await.unwrap().unwrap()).unwrap();
        }
        for path in merged.difference(&live) {
            assert!(log.contains(path.rsplit('/').next().unwrap()), "{path} is in no version");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_are_not_ours_to_read_are_left_alone() {
    let store = Store::memory();
    let tables = tables(&store);
    fill(&store, &tables, 8).await;
    store
        .put("tables/anomalies/1-3-0-0.parquet", Bytes::from_static(b"another program's"))
        .await
        .unwrap();
    let merged = tables.merge_small(TABLE, &POLICY, NOW_MS).await.unwrap();
    assert_eq!((merged.given_up, merged.written), (1, 0));
    assert_eq!(live_files(&store, TABLE).await.unwrap().len(), 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn removed_files_are_deleted_when_they_are_old_and_no_others_ever() {
    let store = Store::memory();
    let tables = tables(&store);
    fill(&store, &tables, 8).await;
    let staged = stage(&store, 1, 9, 90..100).await;
    let before = paths(&store).await;
    tables.merge_small(TABLE, &POLICY, NOW_MS).await.unwrap();
    let (after, live) = (paths(&store).await, live_files(&store, TABLE).await.unwrap());
    let live: BTreeSet<String> = live.into_iter().map(|file| file.path).collect();
    assert!(after.is_superset(&before), "merging deletes nothing");

    for young in [NOW_MS, NOW_MS + FILE_AGE_MS - 1, NOW_MS - DAY_MS] {
        assert_eq!(tables.vacuum(TABLE, young, FILE_AGE_MS).await.unwrap(), 0);
        assert_eq!(paths(&store).await, after);
    }
    let deleted = tables.vacuum(TABLE, NOW_MS + FILE_AGE_MS, FILE_AGE_MS).await.unwrap();
    assert!(deleted >= 4, "{deleted}");
    let mut expected = live;
    expected.insert(staged.path.clone());
    assert_eq!(
        paths(&store).await,
        expected,
        "what is live, and what is staged and not yet published"
    );
    check(&store, 8, "vacuumed").await;
    tables.publish(TABLE, &[CommitFiles { seq: 9, files: &[staged] }], NOW_MS).await.unwrap();
    check(&store, 9, "published after it").await;
    assert_eq!(
        tables.vacuum(TABLE, NOW_MS + FILE_AGE_MS, FILE_AGE_MS).await.unwrap(),
        0,
        "once is enough"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merged_file_that_no_version_names_is_deleted_when_it_is_old() {
    let store = Store::memory();
    let tables = tables(&store);
    fill(&store, &tables, 1).await;
    let orphan = "tables/anomalies/merged-1-5-0.parquet";
    store.put(orphan, Bytes::from_static(b"a merge that crashed")).await.unwrap();
    let written_ms = store.head(orphan).await.unwrap().unwrap().modified_ms;
    assert_eq!(tables.vacuum(TABLE, written_ms + FILE_AGE_MS - 1, FILE_AGE_MS).await.unwrap(), 0);
    assert_eq!(tables.vacuum(TABLE, written_ms + FILE_AGE_MS, FILE_AGE_MS).await.unwrap(), 1);
    assert_eq!(store.head(orphan).await.unwrap(), None);
    check(&store, 1, "vacuumed").await;
}

/// A checkpoint may forget what was removed long ago, so those files go before it is written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_loses_no_file_that_is_to_be_deleted() {
    let store = Store::memory();
    let tables = tables(&store);
    fill(&store, &tables, 6).await;
    // Removed a month ago by the machine's clock, by which the library judges what a checkpoint may forget.
    tables.merge_small(TABLE, &POLICY, NOW_MS).await.unwrap();
    tables.checkpoint(TABLE, NOW_MS + 30 * DAY_MS).await.unwrap();
    let live: BTreeSet<String> =
        live_files(&store, TABLE).await.unwrap().into_iter().map(|file| file.path).collect();
    assert!(live.len() <= 3, "{live:?}");
    assert_eq!(paths(&store).await, live);
    check(&store, 6, "checkpointed").await;
}
