//! Rows in files in tables: what the tests of the publisher have in common.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use quorate_connectors::delta::{CommitFiles, DeltaTables, live_files};
use quorate_connectors::staged::{Checked, Provenance, TableFile, read_table};
use quorate_connectors::store::faults::FaultPlan;
use quorate_connectors::store::{Creation, Limits, Store};
use quorate_schemas::id::IdKey;
use quorate_schemas::log::{RandomId, StagedFile};
use quorate_schemas::place::{Origin, Place};
use quorate_schemas::table::{AnomalyKind, AnomalyRow, OutRow, Table, TableBuilder};

/// The table of the tests.
pub(crate) const TABLE: Table = Table::Anomalies;
/// 2026-01-01.
pub(crate) const NOW_MS: u64 = 1_767_225_600_000;

pub(crate) fn provenance(log: u128) -> Provenance {
    Provenance { job: "test".into(), log_id: RandomId::from_u128(log), incarnation: 1 }
}

pub(crate) fn tables(store: &Store) -> DeltaTables {
    DeltaTables::new(store.clone(), provenance(1))
}

/// The store behind a plan of faults, and impatient.
pub(crate) fn faulty(store: &Store, plan: &str) -> Store {
    let limits = Limits {
        deadline_ms: 5_000,
        least_bytes_per_ms: 1_000,
        tries: 3,
        pause_ms: 1,
        longest_pause_ms: 1,
        ..Limits::default()
    };
    store.with_limits(limits).with_faults(FaultPlan::parse(plan).unwrap())
}

/// A row that is recognised by its number, which is its position; an hour apart each, so that days differ.
fn row(number: u64) -> OutRow {
    let origin = Origin { source: "votes".into(), partition: "a.jsonl".into() }.shared();
    OutRow::Anomaly(Box::new(AnomalyRow {
        event_time: 1_767_225_600_000_000 + number as i64 * 3_600_000_000,
        kind: AnomalyKind::Disputed,
        task: IdKey::new([1; 16]).id(&format!("t{}", number % 17)),
        detail: "the gold answer came too late".into(),
        place: Place { origin, position: number },
    }))
}

/// Stores a file with the rows of these numbers for commit `seq` of log `log`, as a worker would.
pub(crate) async fn stage(
    store: &Store,
    log: u128,
    seq: u64,
    numbers: impl Iterator<Item = u64>,
) -> StagedFile {
    let mut builder = TableBuilder::new(TABLE, "test", seq);
    numbers.for_each(|number| builder.append(&row(number)));
    let file = TableFile::write(TABLE, &[builder.finish()], &provenance(log)).unwrap();
    let path = format!("tables/{}/{log}-{seq}-0-0.parquet", TABLE.name());
    assert_eq!(store.create(&path, file.bytes.clone()).await.unwrap(), Creation::Created);
    file.staged(&path)
}

/// Stages and publishes commits `1..=commits` of ten rows each, one by one.
pub(crate) async fn fill(store: &Store, tables: &DeltaTables, commits: u64) {
    for seq in 1..=commits {
        let files = [stage(store, 1, seq, seq * 10..seq * 10 + 10).await];
        tables.publish(TABLE, &[CommitFiles { seq, files: &files }], NOW_MS).await.unwrap();
    }
}

/// The numbers of the rows that are in these batches.
fn numbers(batches: &[RecordBatch]) -> Vec<u64> {
    let position = |batch: &RecordBatch| {
        batch.column_by_name("position").unwrap().as_primitive::<Int64Type>().clone()
    };
    batches
        .iter()
        .flat_map(|batch| position(batch).values().iter().map(|n| *n as u64).collect::<Vec<_>>())
        .collect()
}

/// The numbers of the rows of the table's newest version, sorted: what a reader sees.
pub(crate) async fn visible(store: &Store) -> Vec<u64> {
    let mut visible = Vec::new();
    for file in live_files(store, TABLE).await.unwrap() {
        let bytes =
            store.get(&file.path).await.unwrap().unwrap_or_else(|| panic!("{} is gone", file.path));
        assert_eq!(bytes.len() as u64, file.bytes, "{}", file.path);
        let rows = numbers(
            &read_table(Checked::new(&file.path, bytes, &file.sha256.unwrap()).unwrap()).unwrap(),
        );
        assert_eq!(Some(rows.len() as u64), file.rows, "{}", file.path);
        visible.extend(rows);
    }
    visible.sort();
    visible
}

/// The newest version of the table and its lines.
pub(crate) async fn newest(store: &Store) -> (u64, Vec<serde_json::Value>) {
    let listed = store.list(&format!("tables/{}/_delta_log", TABLE.name())).await.unwrap();
    let versions = listed.iter().filter(|listed| listed.path.ends_with(".json"));
    let path = versions.map(|listed| listed.path.clone()).max().unwrap();
    let text = String::from_utf8(store.get(&path).await.unwrap().unwrap().to_vec()).unwrap();
    let number = path.rsplit('/').next().unwrap().trim_end_matches(".json").parse().unwrap();
    (number, text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}
