//! Ways to spoil a store.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray, UInt64Array,
};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{Float64Type, Int64Type};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use quorate_connectors::staged::{Provenance, TableFile};
use quorate_connectors::store::Store;
use quorate_schemas::log::Hex;
use quorate_schemas::table::Table;

use super::shelf::{JOB, Shelf};

/// Rows of a table's file, to be changed.
pub(crate) struct Opened {
    pub(crate) path: String,
    pub(crate) table: Table,
    pub(crate) rows: RecordBatch,
}

fn decode(bytes: Bytes) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
    let schema = reader.schema().clone();
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

pub(crate) fn rows_of(bytes: Bytes) -> u64 {
    decode(bytes).num_rows() as u64
}

pub(crate) async fn open(store: &Store, table: Table, path: &str) -> Opened {
    let bytes = store.get(path).await.unwrap().expect("the file is there");
    Opened { path: path.to_owned(), table, rows: decode(bytes) }
}

impl Shelf {
    /// The first file of `table` with a row that `is_it`, and the row's place in it.
    pub(crate) async fn find(
        &self,
        table: Table,
        is_it: impl Fn(&Opened, usize) -> bool,
    ) -> (Opened, usize) {
        for file in self.files(table) {
            let opened = open(&self.store, table, &file.path).await;
            if let Some(row) = (0..opened.rows.num_rows()).find(|row| is_it(&opened, *row)) {
                return (opened, row);
            }
        }
        panic!("{} has no such row", table.name());
    }
}

impl Opened {
    fn column(&self, name: &str) -> &ArrayRef {
        self.rows.column_by_name(name).unwrap_or_else(|| panic!("there is no column {name}"))
    }

    pub(crate) fn text(&self, column: &str, row: usize) -> &str {
        self.column(column).as_string::<i32>().value(row)
    }

    pub(crate) fn int(&self, column: &str, row: usize) -> i64 {
        self.column(column).as_primitive::<Int64Type>().value(row)
    }

    pub(crate) fn real(&self, column: &str, row: usize) -> f64 {
        self.column(column).as_primitive::<Float64Type>().value(row)
    }

    pub(crate) fn flag(&self, column: &str, row: usize) -> bool {
        self.column(column).as_boolean().value(row)
    }

    fn replace(mut self, name: &str, array: ArrayRef) -> Opened {
        let schema = self.rows.schema();
        let mut columns = self.rows.columns().to_vec();
        columns[schema.index_of(name).unwrap()] = array;
        self.rows = RecordBatch::try_new(schema, columns).unwrap();
        self
    }

    pub(crate) fn set_text(self, column: &str, row: usize, value: &str) -> Opened {
        let texts = self.column(column).as_string::<i32>();
        let changed =
            texts.iter().enumerate().map(|(at, text)| if at == row { Some(value) } else { text });
        let array = Arc::new(changed.collect::<StringArray>());
        self.replace(column, array)
    }

    pub(crate) fn set_real(self, column: &str, row: usize, value: f64) -> Opened {
        let reals = self.column(column).as_primitive::<Float64Type>();
        let changed =
            reals.iter().enumerate().map(|(at, real)| if at == row { Some(value) } else { real });
        let array = Arc::new(changed.collect::<Float64Array>());
        self.replace(column, array)
    }

    pub(crate) fn set_int(self, column: &str, row: usize, value: i64) -> Opened {
        let ints = self.column(column).as_primitive::<Int64Type>();
        let changed =
            ints.iter().enumerate().map(|(at, int)| if at == row { Some(value) } else { int });
        let array = Arc::new(changed.collect::<Int64Array>());
        self.replace(column, array)
    }

    /// These rows, in this order.
    pub(crate) fn keep(mut self, rows: impl IntoIterator<Item = usize>) -> Opened {
        let rows: UInt64Array = rows.into_iter().map(|row| Some(row as u64)).collect();
        self.rows = take_record_batch(&self.rows, &rows).unwrap();
        self
    }

    pub(crate) fn double(self, row: usize) -> Opened {
        let all = self.rows.num_rows();
        self.keep((0..all).chain([row]))
    }

    pub(crate) fn remove(self, row: usize) -> Opened {
        let all = self.rows.num_rows();
        self.keep((0..all).filter(|at| *at != row))
    }

    /// Writes the file anew, as the engine would.
    pub(crate) fn bytes(&self) -> Bytes {
        let provenance =
            Provenance { job: JOB.to_owned(), log_id: Hex::from_u128(42), incarnation: 1 };
        // The schema as the table has it: what was read lacks nothing but may differ in metadata.
        let rows = RecordBatch::try_new(self.table.schema(), self.rows.columns().to_vec()).unwrap();
        TableFile::write(self.table, &[rows], &provenance).unwrap().bytes
    }

    pub(crate) async fn save(&self, store: &Store) {
        store.put(&self.path, self.bytes()).await.unwrap();
    }
}
