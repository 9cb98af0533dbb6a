//! What is written into Delta logs, to the byte: other programs read it.

use bytes::Bytes;
use quorate_schemas::log::{Digest, RandomId, StagedFile};
use quorate_schemas::table::Table;

use super::{CommitFiles, DeltaTables, Published};
use crate::error::Error;
use crate::staged::Provenance;
use crate::store::Store;

const NOW_MS: u64 = 1_767_225_600_000;

fn provenance() -> Provenance {
    Provenance { job: "panel".into(), log_id: RandomId::from_u128(7), incarnation: 3 }
}

fn staged(path: &str) -> StagedFile {
    StagedFile {
        table: "conservation".into(),
        path: path.into(),
        rows: 2,
        bytes: 1_000,
        sha256: Digest::ZERO,
        min_event_time_us: Some(1_767_225_600_000_001),
        max_event_time_us: Some(1_767_225_600_000_001),
    }
}

async fn version(store: &Store, table: &str, version: u64) -> String {
    let path = format!("tables/{table}/_delta_log/{version:020}.json");
    String::from_utf8(store.get(&path).await.unwrap().unwrap().to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_of_a_delta_log_are_what_they_were() {
    let store = Store::memory();
    let tables = DeltaTables::new(store.clone(), provenance());
    let files = [staged("tables/conservation/3-1-0-0.parquet")];
    let commits = [CommitFiles { seq: 41, files: &files }, CommitFiles { seq: 42, files: &[] }];
    let published = tables.publish(Table::Conservation, &commits, NOW_MS).await.unwrap();
    assert_eq!(published, Published::Added { version: 1, files: 1 });
    for (number, golden) in [
        (0, include_str!("../../tests/golden/delta_version_create.json")),
        (1, include_str!("../../tests/golden/delta_version_publish.json")),
    ] {
        let written = version(&store, "conservation", number).await;
        assert_eq!(written, golden.trim_end(), "version {number} is now:\n{written}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_with_other_columns_is_left_alone() {
    let store = Store::memory();
    let donor = Store::memory();
    DeltaTables::new(donor.clone(), provenance()).create_missing(NOW_MS).await.unwrap();
    let other = version(&donor, "votes", 0).await;
    store
        .put("tables/rejects/_delta_log/00000000000000000000.json", Bytes::from(other))
        .await
        .unwrap();
    let error =
        DeltaTables::new(store.clone(), provenance()).create_missing(NOW_MS).await.unwrap_err();
    assert!(matches!(error, Error::Incompatible { table: "rejects", .. }), "{error}");
    assert!(!error.retryable() && error.to_string().contains("weight"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_delta_log_is_an_error_and_not_a_new_table() {
    let store = Store::memory();
    store
        .put("tables/rejects/_delta_log/00000000000000000000.json", Bytes::from_static(b"{oops"))
        .await
        .unwrap();
    let error =
        DeltaTables::new(store.clone(), provenance()).create_missing(NOW_MS).await.unwrap_err();
    assert!(matches!(error, Error::Delta { table: "rejects", .. }), "{error}");
    assert!(!error.retryable());
}
