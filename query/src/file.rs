//! Reading a table's file, by as little code as possible.
//!
//! The engine reads its files with `connectors`; this is a second way, so that `verify` can disagree with whoever
//! wrote and merged them. Errors are texts without the file's name: whoever asks knows it.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::row::{RowConverter, SortField};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowPredicateFn, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder, RowFilter,
};
use quorate_connectors::staged::FORMAT;
use quorate_schemas::log::Digest;
use quorate_schemas::table::Table;

use crate::rows::Columns;

/// Rows decoded at a time.
const CHUNK_ROWS: usize = 8_192;

/// An opened file of `table`.
pub(crate) struct File {
    table: Table,
    builder: ParquetRecordBatchReaderBuilder<Bytes>,
}

impl File {
    /// Opens `bytes`, which must be a file of `table`.
    pub(crate) fn open(table: Table, bytes: Bytes) -> Result<File, String> {
        // What Parquet's own schema says is enough; Arrow's would be one more thing to trust.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(bytes, options)
            .map_err(|error| format!("it cannot be read as Parquet: {error}"))?;
        let pairs =
            builder.metadata().file_metadata().key_value_metadata().cloned().unwrap_or_default();
        let value = |key: &str| {
            pairs.iter().find(|pair| pair.key == key).and_then(|pair| pair.value.as_deref())
        };
        match value("quorate.format").and_then(|format| format.parse::<u32>().ok()) {
            Some(found) if found > FORMAT => {
                return Err(format!(
                    "it is written in format {found}, this build reads up to {FORMAT}"
                ));
            }
            // Another program has merged it, and says nothing.
            Some(_) | None => {}
        }
        if let Some(holds) = value("quorate.holds").filter(|holds| *holds != table.name()) {
            return Err(format!("it holds {holds}, not {}", table.name()));
        }
        if builder.schema().fields() != table.schema().fields() {
            return Err(format!("its columns are not those of {}", table.name()));
        }
        Ok(File { table, builder })
    }

    /// How many rows the file says it has.
    pub(crate) fn rows(&self) -> u64 {
        u64::try_from(self.builder.metadata().file_metadata().num_rows()).unwrap_or(0)
    }

    /// All rows.
    pub(crate) fn all(self) -> Result<Batches, String> {
        let batches = self.builder.with_batch_size(CHUNK_ROWS).build();
        Ok(Batches(batches.map_err(|error| error.to_string())?))
    }

    /// Only these columns of all rows.
    pub(crate) fn columns(self, names: &[&str]) -> Result<Batches, String> {
        let mask = ProjectionMask::columns(self.builder.parquet_schema(), names.iter().copied());
        File { table: self.table, builder: self.builder.with_projection(mask) }.all()
    }

    /// The rows whose text in `column` is wanted; of the others nothing but that column is decoded.
    pub(crate) fn rows_with(
        self,
        column: &str,
        mut wanted: impl FnMut(&str) -> bool + Send + 'static,
    ) -> Result<Batches, String> {
        let mask = ProjectionMask::columns(self.builder.parquet_schema(), [column]);
        let filter = ArrowPredicateFn::new(mask, move |batch: RecordBatch| {
            let texts = batch.column(0).as_string::<i32>();
            Ok(texts
                .iter()
                .map(|text| Some(text.is_some_and(&mut wanted)))
                .collect::<BooleanArray>())
        });
        let builder = self.builder.with_row_filter(RowFilter::new(vec![Box::new(filter)]));
        File { table: self.table, builder }.all()
    }
}

/// Rows, some thousand at a time.
pub(crate) struct Batches(ParquetRecordBatchReader);

impl Iterator for Batches {
    type Item = Result<RecordBatch, String>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.0.next()?.map_err(|error| error.to_string()))
    }
}

/// Rows of one commit, so that two sets of files can be compared: how many, and a sum of digests that does not depend
/// on their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Multiset {
    pub(crate) rows: u64,
    pub(crate) sum: u128,
}

impl Multiset {
    pub(crate) fn plus(self, other: Multiset) -> Multiset {
        Multiset { rows: self.rows + other.rows, sum: self.sum.wrapping_add(other.sum) }
    }
}

/// What a file holds, row by row and yet without its rows.
#[derive(Debug, Default)]
pub(crate) struct Content {
    /// Its rows, by the commit that they name.
    pub(crate) by_commit: BTreeMap<i64, Multiset>,
    /// Places of rows that equal the row before them in every column: files are sorted, so rows that were doubled
    /// stand side by side.
    pub(crate) doubled: Vec<u64>,
    /// The jobs that its rows name.
    pub(crate) jobs: BTreeSet<String>,
}

impl Content {
    /// Reads all of `file`.
    pub(crate) fn of(file: File) -> Result<Content, String> {
        let schema = file.table.schema();
        let fields =
            schema.fields().iter().map(|field| SortField::new(field.data_type().clone())).collect();
        let converter = RowConverter::new(fields).map_err(|error| error.to_string())?;
        let (mut content, mut at, mut last) = (Content::default(), 0u64, Vec::new());
        for batch in file.all()? {
            let batch = batch?;
            let columns = Columns(&batch);
            let (commits, jobs) = (columns.int("commit")?, columns.text("job")?);
            let rows =
                converter.convert_columns(batch.columns()).map_err(|error| error.to_string())?;
            for (nr, row) in rows.iter().enumerate() {
                let bytes: &[u8] = row.as_ref();
                if bytes == last {
                    content.doubled.push(at);
                }
                if !content.jobs.contains(jobs.at(nr)) {
                    content.jobs.insert(jobs.at(nr).to_owned());
                }
                let sum = content.by_commit.entry(commits.value(nr)).or_default();
                *sum = sum.plus(Multiset { rows: 1, sum: half_of(Digest::of(bytes)) });
                last.clear();
                last.extend_from_slice(bytes);
                at += 1;
            }
        }
        Ok(content)
    }
}

fn half_of(digest: Digest) -> u128 {
    digest.0[..16].iter().fold(0, |sum, byte| sum << 8 | u128::from(*byte))
}
