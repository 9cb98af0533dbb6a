//! An answer on its way out: read and written some thousand rows at a time.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::csv::WriterBuilder;
use arrow::datatypes::SchemaRef;
use arrow::json::LineDelimitedWriter;
use datafusion::physical_plan::SendableRecordBatchStream;
use futures::StreamExt;

use super::trouble::told;
use super::{chart, layout};
use crate::error::{Error, Result};

/// What a screen holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// Characters in a line.
    pub columns: usize,
    /// How many rows of an answer a person wants to see there at once.
    pub rows: usize,
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// A table for people, of at most [`ROWS_SHOWN`] rows.
    #[default]
    Table,
    /// The same for a screen: where the table is too wide for it, a line for each value.
    Fitted(Screen),
    /// A chart of it, for an answer of labels or times, and numbers.
    Chart(Screen),
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

/// The rows of an answer that people see.
struct Shown {
    rows: Vec<RecordBatch>,
    cut: bool,
}

impl Shown {
    fn written(&self) -> Written {
        Written { rows: self.rows.iter().map(RecordBatch::num_rows).sum(), cut: self.cut }
    }
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
            Format::Table => {
                let shown = self.first(ROWS_SHOWN).await?;
                writeln!(to, "{}", layout::table(&self.schema(), &shown.rows)?)?;
                Ok(shown.written())
            }
            Format::Fitted(screen) => {
                let shown = self.first(screen.rows).await?;
                writeln!(to, "{}", layout::fitted(&self.schema(), &shown.rows, screen.columns)?)?;
                Ok(shown.written())
            }
            Format::Chart(screen) => {
                let shape = chart::Shape::of(&self.schema())?;
                let shown = self.first(shape.rows(screen)).await?;
                write!(to, "{}", shape.draw(&shown.rows, screen.columns)?)?;
                Ok(shown.written())
            }
            Format::Csv => self.write_csv(to).await,
            Format::Json => self.write_json(to).await,
        }
    }

    /// At most so many rows from here on.
    async fn first(&mut self, rows: usize) -> Result<Shown> {
        let mut shown = Shown { rows: Vec::new(), cut: false };
        let mut room = rows;
        while let Some(batch) = self.next().await? {
            shown.cut = batch.num_rows() > room;
            let part = batch.slice(0, batch.num_rows().min(room));
            room -= part.num_rows();
            shown.rows.push(part);
            if shown.cut {
                break;
            }
        }
        Ok(shown)
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
