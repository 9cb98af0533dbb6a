//! An answer on its way out: read and written some thousand rows at a time.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::csv::WriterBuilder;
use arrow::datatypes::SchemaRef;
use arrow::json::LineDelimitedWriter;
use arrow::util::pretty::pretty_format_batches_with_schema;
use datafusion::physical_plan::SendableRecordBatchStream;
use futures::StreamExt;

use super::trouble::told;
use crate::error::{Error, Result};

/// How an answer is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// A table for people, of at most [`ROWS_SHOWN`] rows.
    #[default]
    Table,
    /// Comma-separated values with a heading.
    Csv,
    /// A JSON object a line.
    Json,
}

/// No person reads more rows than these, and a table must know all of them to know how wide it is.
pub const ROWS_SHOWN: usize = 10_000;

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Rows.
    pub rows: usize,
    /// Whether there were more than are shown.
    pub cut: bool,
}

/// The rows that a question has for an answer.
pub struct Answer {
    stream: SendableRecordBatchStream,
}

impl Answer {
    pub(super) fn new(stream: SendableRecordBatchStream) -> Answer {
        Answer { stream }
    }

    /// Its columns.
    pub fn schema(&self) -> SchemaRef {
        self.stream.schema()
    }

    /// The next rows; `None` after the last.
    ///
    /// # Errors
    /// If a file cannot be read, or an expression not be computed.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        self.stream.next().await.transpose().map_err(|error| told(&error))
    }

    /// Writes all of it to `to`.
    ///
    /// # Errors
    /// As [`Answer::next`], and if `to` cannot be written.
    pub async fn write(mut self, format: Format, to: &mut (dyn Write + Send)) -> Result<Written> {
        match format {
            Format::Table => self.write_table(to).await,
            Format::Csv => self.write_csv(to).await,
            Format::Json => self.write_json(to).await,
        }
    }

    async fn write_table(&mut self, to: &mut (dyn Write + Send)) -> Result<Written> {
        let (mut batches, mut rows, mut cut) = (Vec::new(), 0, false);
        while let Some(batch) = self.next().await? {
            let room = ROWS_SHOWN - rows;
            cut = batch.num_rows() > room;
            let shown = batch.slice(0, batch.num_rows().min(room));
            rows += shown.num_rows();
            batches.push(shown);
            if cut {
                break;
            }
        }
        let text = pretty_format_batches_with_schema(self.schema(), &batches);
        writeln!(to, "{}", text.map_err(|error| Error::Query(error.to_string()))?)?;
        Ok(Written { rows, cut })
    }

    async fn write_csv(&mut self, to: &mut (dyn Write + Send)) -> Result<Written> {
        let (mut rows, mut heading) = (0, true);
        let mut next = Some(RecordBatch::new_empty(self.schema()));
        while let Some(batch) = next {
            let mut text = Vec::new();
            let mut writer =
                WriterBuilder::new().with_header(std::mem::take(&mut heading)).build(&mut text);
            writer.write(&batch).map_err(|error| Error::Query(error.to_string()))?;
            drop(writer);
            to.write_all(&text)?;
            rows += batch.num_rows();
            next = self.next().await?;
        }
        Ok(Written { rows, cut: false })
    }

    async fn write_json(&mut self, to: &mut (dyn Write + Send)) -> Result<Written> {
        let mut rows = 0;
        while let Some(batch) = self.next().await? {
            let mut text = Vec::new();
            let mut writer = LineDelimitedWriter::new(&mut text);
            let written = writer.write(&batch).and_then(|()| writer.finish());
            written.map_err(|error| Error::Query(error.to_string()))?;
            drop(writer);
            to.write_all(&text)?;
            rows += batch.num_rows();
        }
        Ok(Written { rows, cut: false })
    }
}
