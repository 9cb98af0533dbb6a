use arrow::array::{AsArray, RecordBatch};
use arrow::compute::{self, interleave_record_batch};
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;
use quorate_schemas::log::{Digest, StagedFile};
use quorate_schemas::table::{CellKind, Table};
use quorate_schemas::time::Micros;

use super::provenance::Provenance;
use super::sort::Keys;
use crate::error::{Error, Result};

/// Rows that are gathered and written at a time.
pub(super) const CHUNK_ROWS: usize = 8_192;

/// Small enough that a reader can skip most of a large file, large enough that dictionaries pay.
const ROW_GROUP_ROWS: usize = 1 << 17;
/// Rejects carry the bytes of bad rows, which may be long.
const ROW_GROUP_BYTES: usize = 64 << 20;

/// A table's file, ready to be stored.
#[derive(Clone, Debug)]
pub struct TableFile {
    /// The table.
    pub table: Table,
    /// The file.
    pub bytes: Bytes,
    /// The digest of the bytes.
    pub sha256: Digest,
    /// How many rows it holds.
    pub rows: u64,
    /// Their event times, least and greatest.
    pub event_time: Option<(Micros, Micros)>,
}

impl TableFile {
    /// Sorts `batches` of `table` and writes them into one file.
    ///
    /// # Errors
    /// If a batch is not of the table.
    pub fn write(
        table: Table,
        batches: &[RecordBatch],
        provenance: &Provenance,
    ) -> Result<TableFile> {
        let failed = |error: &dyn std::fmt::Display| unwritable(table, error);
        let keys = Keys::of(table).map_err(|error| failed(&error))?;
        let mut order = Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
        let mut rows = Vec::with_capacity(batches.len());
        for (at, batch) in batches.iter().enumerate() {
            if batch.schema().fields() != table.schema().fields() {
                return Err(failed(&"these rows have other columns"));
            }
            rows.push(keys.rows(batch).map_err(|error| failed(&error))?);
            order.extend((0..batch.num_rows()).map(|row| (at, row)));
        }
        // Stable: rows that compare equal stay as they came.
        order.sort_by(|(a, i), (b, j)| rows[*a].row(*i).cmp(&rows[*b].row(*j)));
        drop(rows);
        let batches: Vec<&RecordBatch> = batches.iter().collect();
        let mut out = TableWriter::new(table, provenance)?;
        for chunk in order.chunks(CHUNK_ROWS) {
            out.push(&batches, chunk)?;
        }
        out.finish()
    }

    /// Writes `batches` of `table`, whose rows come in the file's order, into one file.
    ///
    /// # Errors
    /// If a batch is not of the table.
    pub fn write_sorted(
        table: Table,
        mut batches: impl Iterator<Item = RecordBatch>,
        provenance: &Provenance,
    ) -> Result<TableFile> {
        let mut out = TableWriter::new(table, provenance)?;
        batches.try_for_each(|batch| out.append(&batch))?;
        out.finish()
    }

    /// How the log names this file once it is stored at `path`.
    pub fn staged(&self, path: &str) -> StagedFile {
        StagedFile {
            table: self.table.name().to_owned(),
            path: path.to_owned(),
            rows: self.rows,
            bytes: self.bytes.len() as u64,
            sha256: self.sha256,
            min_event_time_us: self.event_time.map(|(least, _)| least),
            max_event_time_us: self.event_time.map(|(_, greatest)| greatest),
        }
    }
}

/// Writes rows that come in the file's order.
pub(super) struct TableWriter {
    table: Table,
    parquet: ArrowWriter<Vec<u8>>,
    rows: u64,
    event_time: Option<(Micros, Micros)>,
}

impl TableWriter {
    pub(super) fn new(table: Table, provenance: &Provenance) -> Result<TableWriter> {
        let mut properties = properties(provenance.key_values(table.name()));
        for column in table.columns() {
            let path = ColumnPath::from(column.name);
            properties = match column.kind {
                // By the least and greatest word of a few nothing is skipped, and each cell would be compared for it.
                CellKind::Word => properties
                    .set_column_dictionary_enabled(path.clone(), true)
                    .set_column_statistics_enabled(path, EnabledStatistics::None),
                CellKind::Flag => properties.set_column_dictionary_enabled(path, true),
                // Rows are sorted by ids, so most begin as the one before; numbers lie near each other, or are the same.
                CellKind::Text => properties.set_column_encoding(path, Encoding::DELTA_BYTE_ARRAY),
                CellKind::Int | CellKind::Time => {
                    properties.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED)
                }
                CellKind::Real | CellKind::Bytes => properties,
            };
        }
        let parquet = writer(table.schema(), properties.build())
            .map_err(|error| unwritable(table, &error))?;
        Ok(TableWriter { table, parquet, rows: 0, event_time: None })
    }

    /// Appends the rows at `order`, pairs of a batch's place in `batches` and a row's place in it.
    pub(super) fn push(
        &mut self,
        batches: &[&RecordBatch],
        order: &[(usize, usize)],
    ) -> Result<()> {
        if order.is_empty() {
            return Ok(());
        }
        let rows = interleave_record_batch(batches, order)
            .map_err(|error| unwritable(self.table, &error))?;
        self.append(&rows)
    }

    /// Appends all rows of a batch.
    fn append(&mut self, rows: &RecordBatch) -> Result<()> {
        self.rows += rows.num_rows() as u64;
        if let Some(times) = rows.column_by_name("event_time") {
            let times = times.as_primitive::<TimestampMicrosecondType>();
            let span = compute::min(times).zip(compute::max(times));
            self.event_time = match (self.event_time, span) {
                (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
                (one, other) => one.or(other),
            };
        }
        self.parquet.write(rows).map_err(|error| unwritable(self.table, &error))
    }

    pub(super) fn finish(self) -> Result<TableFile> {
        let TableWriter { table, parquet, rows, event_time } = self;
        let bytes = Bytes::from(parquet.into_inner().map_err(|error| unwritable(table, &error))?);
        Ok(TableFile { table, sha256: Digest::of(&bytes), bytes, rows, event_time })
    }
}

/// How all of our files are written.
pub(super) fn properties(metadata: Vec<KeyValue>) -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_created_by(concat!("quorate ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_dictionary_enabled(false)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
        .set_key_value_metadata(Some(metadata))
}

/// Writes `batch` alone into a file of ours.
pub(super) fn write_one(
    batch: &RecordBatch,
    properties: WriterProperties,
) -> Result<Vec<u8>, ParquetError> {
    let mut writer = writer(batch.schema(), properties)?;
    writer.write(batch)?;
    writer.into_inner()
}

/// Arrow's own form of the schema is left out: Parquet's says it all, and no reader of ours looks at the other.
fn writer(
    schema: SchemaRef,
    properties: WriterProperties,
) -> Result<ArrowWriter<Vec<u8>>, ParquetError> {
    let options =
        ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    ArrowWriter::try_new_with_options(Vec::new(), schema, options)
}

fn unwritable(table: Table, reason: &dyn std::fmt::Display) -> Error {
    Error::Damaged { file: format!("a file for {}", table.name()), reason: reason.to_string() }
}
