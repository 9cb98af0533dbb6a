use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use parquet::basic::{Compression, Encoding};
use parquet::file::reader::{FileReader, SerializedFileReader};
use proptest::prelude::*;
use quorate_schemas::log::Digest;
use quorate_schemas::table::{CellKind, Table};

use super::rows::{rows, sorted};
use super::{provenance, trusted};
use crate::staged::{Checked, TableFile, merge_tables, read_table};

/// A cell as something that compares as the file's order says, found in the simplest way.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cell {
    Null,
    Int(i64),
    Text(String),
}

/// The order of a file's rows by its definition: UTC day, ids, event time.
fn order(table: Table, batch: &RecordBatch) -> Vec<Vec<Cell>> {
    let cell = |name: &str, row: usize| {
        let column = batch.column_by_name(name).unwrap();
        match column.data_type() {
            _ if column.is_null(row) => Cell::Null,
            DataType::Utf8 => Cell::Text(column.as_string::<i32>().value(row).to_owned()),
            DataType::Int64 => Cell::Int(column.as_primitive::<Int64Type>().value(row)),
            _ => Cell::Int(column.as_primitive::<TimestampMicrosecondType>().value(row)),
        }
    };
    let row = |row| {
        let Cell::Int(time) = cell("event_time", row) else { panic!("every row has a time") };
        let ids = table.sort_columns().iter().map(|name| cell(name, row));
        std::iter::once(Cell::Int(time.div_euclid(86_400_000_000)))
            .chain(ids)
            .chain([Cell::Int(time)])
            .collect()
    };
    (0..batch.num_rows()).map(row).collect()
}

/// `file` holds exactly the rows of `expected`, in the order of files, and says so.
fn check(table: Table, file: &TableFile, expected: &[RecordBatch]) {
    let read = read_table(trusted("file", file.bytes.clone())).unwrap();
    assert_eq!(sorted(&read), sorted(expected), "{table:?}");
    let whole = concat_batches(&table.schema(), &read).unwrap();
    assert!(order(table, &whole).is_sorted(), "{table:?}");
    let times =
        whole.column_by_name("event_time").unwrap().as_primitive::<TimestampMicrosecondType>();
    let span = times.values().iter().min().copied().zip(times.values().iter().max().copied());
    assert_eq!((file.table, file.rows, file.event_time), (table, whole.num_rows() as u64, span));
    assert_eq!(file.sha256, Digest::of(&file.bytes));
    let staged = file.staged("tables/x/1.parquet");
    assert_eq!((staged.rows, staged.bytes), (file.rows, file.bytes.len() as u64));
    assert_eq!(staged.min_event_time_us.zip(staged.max_event_time_us), span);
}

fn write(table: Table, batches: &[RecordBatch]) -> TableFile {
    TableFile::write(table, batches, &provenance()).unwrap()
}

/// A file with the rows of `part`.
fn written(table: Table, part: &RecordBatch) -> Checked {
    trusted("part", write(table, std::slice::from_ref(part)).bytes)
}

#[test]
fn every_table_survives_its_file_and_comes_out_sorted() {
    for table in Table::ALL {
        let batches = [rows(table, 300, 1), rows(table, 0, 2), rows(table, 1, 3)];
        check(table, &write(table, &batches), &batches);
        check(table, &write(table, &[]), &[]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_merge_keeps_every_row_and_the_order(
        table in prop::sample::select(Table::ALL.to_vec()),
        sizes in prop::collection::vec(0usize..120, 1..7),
        seed in any::<u64>(),
    ) {
        let parts: Vec<RecordBatch> =
            sizes.iter().enumerate().map(|(at, size)| rows(table, *size, seed.wrapping_add(at as u64))).collect();
        let files = parts.iter().map(|part| written(table, part)).collect();
        let merged = merge_tables(files, &provenance()).unwrap();
        check(table, &merged, &parts);
    }
}

/// More rows than are gathered at a time, in files that overlap, touch and lie apart.
#[test]
fn a_merge_of_long_files_keeps_every_row() {
    let table = Table::Anomalies;
    let parts =
        [rows(table, 20_000, 1), rows(table, 9_000, 2), rows(table, 1, 3), rows(table, 8_192, 4)];
    let files = parts.iter().map(|part| written(table, part)).collect();
    let merged = merge_tables(files, &provenance()).unwrap();
    check(table, &merged, &parts);
    // A merged file is a file like any other.
    let again = vec![trusted("a", merged.bytes), trusted("b", write(table, &parts).bytes)];
    let twice: Vec<RecordBatch> = parts.iter().chain(&parts).cloned().collect();
    check(table, &merge_tables(again, &provenance()).unwrap(), &twice);
}

#[test]
fn files_of_two_tables_are_not_merged() {
    let files =
        [Table::Votes, Table::Rejects].map(|table| trusted(table.name(), write(table, &[]).bytes));
    let error = merge_tables(files.into(), &provenance()).unwrap_err().to_string();
    assert!(error.contains("votes") && error.contains("rejects"), "{error}");
    assert!(merge_tables(Vec::new(), &provenance()).is_err());
}

#[test]
fn rows_of_another_table_are_not_written() {
    let error =
        TableFile::write(Table::Votes, &[rows(Table::Rejects, 3, 1)], &provenance()).unwrap_err();
    assert!(error.to_string().contains("other columns"), "{error}");
}

#[test]
fn each_kind_of_column_is_encoded_as_suits_it_and_everything_is_compressed() {
    let table = Table::Rejects;
    let file = write(table, &[rows(table, 500, 1)]);
    let reader = SerializedFileReader::new(file.bytes).unwrap();
    let group = reader.metadata().row_group(0);
    for (at, column) in table.columns().enumerate() {
        let stored = group.column(at);
        let expected = match column.kind {
            CellKind::Word => Some(Encoding::RLE_DICTIONARY),
            CellKind::Text => Some(Encoding::DELTA_BYTE_ARRAY),
            CellKind::Int | CellKind::Time => Some(Encoding::DELTA_BINARY_PACKED),
            CellKind::Real | CellKind::Flag | CellKind::Bytes => None,
        };
        let has = |encoding| stored.encodings().any(|known| known == encoding);
        assert!(expected.is_none_or(has), "{}", column.name);
        assert!(matches!(stored.compression(), Compression::ZSTD(_)), "{}", column.name);
        let is_skipped_by = column.kind != CellKind::Word;
        assert_eq!(stored.statistics().is_some(), is_skipped_by, "{}", column.name);
    }
}

#[test]
fn rows_in_order_make_the_file_that_rows_in_any_order_make() {
    let table = Table::Rejects;
    let batch = rows(table, 500, 1);
    let sorted = read_table(trusted("file", write(table, &[batch]).bytes)).unwrap();
    let again = TableFile::write(table, &sorted, &provenance()).unwrap();
    let straight = TableFile::write_sorted(table, sorted.into_iter(), &provenance()).unwrap();
    assert_eq!((straight.rows, straight.bytes), (again.rows, again.bytes));
}

#[test]
fn a_file_says_what_it_is() {
    let file = write(Table::Votes, &[]);
    let reader = SerializedFileReader::new(file.bytes).unwrap();
    let pairs = reader.metadata().file_metadata().key_value_metadata().unwrap();
    let value =
        |key: &str| pairs.iter().find(|pair| pair.key == key).unwrap().value.clone().unwrap();
    assert_eq!(value("quorate.format"), "1");
    assert_eq!(value("quorate.holds"), "votes");
    assert_eq!(value("quorate.job"), "panel");
    assert_eq!(value("quorate.log"), "00000000000000000000000000000007");
    assert_eq!(value("quorate.incarnation"), "3");
}
