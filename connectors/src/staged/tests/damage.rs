//! Files that are not what they should be: an error that names the file, never a panic.

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};
use bytes::Bytes;
use parquet::file::metadata::KeyValue;
use quorate_schemas::id::IdKey;
use quorate_schemas::log::Digest;
use quorate_schemas::retained::{Retain, RetainedRow};
use quorate_schemas::table::Table;

use super::rows::{Draws, rows};
use super::{provenance, trusted};
use crate::error::Error;
use crate::staged::write::{properties, write_one};
use crate::staged::{Checked, TableFile, read_retained, read_table, write_retained};

fn table_bytes() -> Bytes {
    TableFile::write(Table::Votes, &[rows(Table::Votes, 20, 1)], &provenance()).unwrap().bytes
}

fn retained_bytes() -> Bytes {
    let key = IdKey::new([1; 16]);
    let row = |n: usize| RetainedRow::Duplicate { task: key.id(&format!("t{n}")), count: 1 };
    let entries: Vec<Retain> = (0..20).map(|n| Retain::Row(row(n), 1)).collect();
    write_retained(&entries, &provenance()).unwrap().bytes
}

/// A Parquet file of one column of integers, with this metadata.
fn parquet(metadata: &[(&str, &str)]) -> Bytes {
    let column: arrow::array::ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let batch = RecordBatch::try_from_iter([("n", column)]).unwrap();
    let pairs = metadata
        .iter()
        .map(|(key, value)| KeyValue::new((*key).to_owned(), value.to_string()))
        .collect();
    write_one(&batch, properties(pairs).build()).unwrap().into()
}

fn check(bytes: Bytes, reason: &str) {
    let errors = [
        read_table(trusted("tables/votes/1.parquet", bytes.clone())).err(),
        read_retained(trusted("tables/votes/1.parquet", bytes)).err(),
    ];
    for error in errors.into_iter().flatten() {
        assert!(!error.retryable(), "{error}");
        let text = error.to_string();
        assert!(text.contains("tables/votes/1.parquet") && text.contains(reason), "{text}");
    }
}

#[test]
fn what_is_no_file_of_ours_is_named() {
    for bytes in [
        Bytes::new(),
        Bytes::from_static(b"PAR1"),
        Bytes::from_static(b"not parquet at all, but long enough"),
    ] {
        check(bytes, "");
    }
    check(parquet(&[]), "not a file of this program");
    check(parquet(&[("quorate.format", "one")]), "not a file of this program");
    check(parquet(&[("quorate.format", "1")]), "not a file of this program");
    check(parquet(&[("quorate.format", "1"), ("quorate.holds", "shoes")]), "\"shoes\"");
}

#[test]
fn a_newer_format_is_refused_before_anything_else_is_looked_at() {
    let newer = parquet(&[("quorate.format", "2"), ("quorate.holds", "votes")]);
    check(newer.clone(), "format 2");
    assert!(matches!(
        read_table(trusted("f", newer)),
        Err(Error::NewerFormat { found: 2, known: 1, .. })
    ));
}

#[test]
fn other_columns_than_the_tables_are_refused() {
    let error =
        read_table(trusted("f", parquet(&[("quorate.format", "1"), ("quorate.holds", "votes")])))
            .unwrap_err();
    assert!(error.to_string().contains("columns are not those of votes"), "{error}");
    let holds = [("quorate.format", "1"), ("quorate.holds", "retained rows")];
    let error = read_retained(trusted("f", parquet(&holds))).unwrap_err();
    assert!(error.to_string().contains("not those of retained rows"), "{error}");
}

#[test]
fn each_kind_of_file_is_refused_as_the_other() {
    assert!(
        read_table(trusted("f", retained_bytes())).unwrap_err().to_string().contains("no table")
    );
    assert!(read_retained(trusted("f", table_bytes())).unwrap_err().to_string().contains("votes"));
}

#[test]
fn no_changed_bit_and_no_cut_end_goes_unnoticed() {
    let draws = &mut Draws(5);
    for whole in [table_bytes(), retained_bytes()] {
        let sha256 = Digest::of(&whole);
        for _ in 0..500 {
            let mut bytes = whole.to_vec();
            let at = draws.below(bytes.len() as u64) as usize;
            match draws.below(4) {
                0 => bytes.truncate(at),
                _ => bytes[at] ^= 1 << draws.below(8),
            }
            let error = Checked::new("retained/1-1-0.parquet", bytes.into(), &sha256)
                .unwrap_err()
                .to_string();
            assert!(
                error.contains("retained/1-1-0.parquet") && error.contains(&sha256.to_string()),
                "{error}"
            );
        }
        assert!(Checked::new("f", whole, &sha256).is_ok());
    }
}
