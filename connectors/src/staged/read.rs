use std::fmt::Display;

use arrow::array::RecordBatch;
use bytes::Bytes;
use parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use quorate_schemas::table::Table;

use super::checked::Checked;
use super::provenance::check_format;
use super::write::CHUNK_ROWS;
use crate::error::{Error, Result};

/// Reads a table's file, some thousand rows at a time.
pub struct TableReader {
    file: String,
    table: Table,
    rows: u64,
    read: u64,
    batches: ParquetRecordBatchReader,
}

impl TableReader {
    /// The rows of a file, at most so many at a time.
    ///
    /// # Errors
    /// If it is no table's file of this program, or of a newer format.
    pub(super) fn open(checked: Checked, rows_at_a_time: usize) -> Result<TableReader> {
        let (file, builder) = open(checked)?;
        let file = file.as_str();
        let metadata = builder.metadata().file_metadata();
        let holds = check_format(file, metadata)?;
        let table = Table::named(&holds)
            .ok_or_else(|| damaged(file, format!("it holds {holds:?}, no table")))?;
        let rows = u64::try_from(metadata.num_rows()).map_err(|error| damaged(file, error))?;
        if builder.schema().fields() != table.schema().fields() {
            return Err(damaged(file, format!("its columns are not those of {holds}")));
        }
        let batches = builder
            .with_batch_size(rows_at_a_time)
            .build()
            .map_err(|error| damaged(file, error))?;
        Ok(TableReader { file: file.to_owned(), table, rows, read: 0, batches })
    }

    /// The table whose rows these are.
    pub fn table(&self) -> Table {
        self.table
    }

    /// How many rows the file says it has.
    pub fn rows(&self) -> u64 {
        self.rows
    }
}

impl Iterator for TableReader {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.batches.next()?;
        let near = self.read;
        let read = batch.map_err(|error| damaged(&self.file, format!("after row {near}: {error}")));
        self.read += read.as_ref().map_or(0, |batch| batch.num_rows() as u64);
        Some(read)
    }
}

/// The rows of a table's file, some thousand at a time.
///
/// # Errors
/// If it is no table's file of this program, or of a newer format.
pub fn open_table(checked: Checked) -> Result<TableReader> {
    TableReader::open(checked, CHUNK_ROWS)
}

/// All rows of a table's file.
///
/// # Errors
/// If it is no table's file of this program, or of a newer format, or a part of it cannot be read.
pub fn read_table(checked: Checked) -> Result<Vec<RecordBatch>> {
    open_table(checked)?.collect()
}

/// The file's name, and what decodes it. What Parquet's own schema says is enough: Arrow's is not looked at.
pub(super) fn open(checked: Checked) -> Result<(String, ParquetRecordBatchReaderBuilder<Bytes>)> {
    let (file, bytes) = checked.into_parts();
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(bytes, options);
    builder.map_err(|error| damaged(&file, error)).map(|builder| (file, builder))
}

pub(super) fn damaged(file: &str, reason: impl Display) -> Error {
    Error::Damaged { file: file.to_owned(), reason: reason.to_string() }
}
