//! From rows to Arrow, column by column, and to JSON lines.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Float64Builder, Int64Builder, RecordBatch,
    StringBuilder, TimestampMicrosecondBuilder,
};
use serde_json::{Map, Value};

use super::{CellKind, Cells, Column, OutRow, Table, TableRow};
use crate::time::{Micros, format_rfc3339};

enum ColumnBuilder {
    Text(StringBuilder),
    Int(Int64Builder),
    Real(Float64Builder),
    Flag(BooleanBuilder),
    Time(TimestampMicrosecondBuilder),
    Bytes(BinaryBuilder),
}

impl ColumnBuilder {
    /// With room for so many `rows`.
    fn new(kind: CellKind, rows: usize) -> ColumnBuilder {
        // What most ids and words need.
        const TEXT_BYTES: usize = 12;
        match kind {
            CellKind::Text | CellKind::Word => {
                ColumnBuilder::Text(StringBuilder::with_capacity(rows, rows * TEXT_BYTES))
            }
            CellKind::Int => ColumnBuilder::Int(Int64Builder::with_capacity(rows)),
            CellKind::Real => ColumnBuilder::Real(Float64Builder::with_capacity(rows)),
            CellKind::Flag => ColumnBuilder::Flag(BooleanBuilder::with_capacity(rows)),
            CellKind::Time => ColumnBuilder::Time(
                TimestampMicrosecondBuilder::with_capacity(rows).with_timezone("UTC"),
            ),
            CellKind::Bytes => ColumnBuilder::Bytes(BinaryBuilder::with_capacity(rows, 0)),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            ColumnBuilder::Text(b) => Arc::new(b.finish()),
            ColumnBuilder::Int(b) => Arc::new(b.finish()),
            ColumnBuilder::Real(b) => Arc::new(b.finish()),
            ColumnBuilder::Flag(b) => Arc::new(b.finish()),
            ColumnBuilder::Time(b) => Arc::new(b.finish()),
            ColumnBuilder::Bytes(b) => Arc::new(b.finish()),
        }
    }
}

/// Collects rows of one table and turns them into record batches.
pub struct TableBuilder {
    table: Table,
    job: String,
    commit: i64,
    columns: Vec<ColumnBuilder>,
    next: usize,
    rows: usize,
    text_bytes: usize,
}

impl TableBuilder {
    /// A builder for `table`'s rows of one commit of `job`.
    pub fn new(table: Table, job: &str, commit: u64) -> TableBuilder {
        TableBuilder::with_capacity(table, job, commit, 0)
    }

    /// The same with room for so many `rows`.
    pub fn with_capacity(table: Table, job: &str, commit: u64, rows: usize) -> TableBuilder {
        let columns = table.columns().map(|column| ColumnBuilder::new(column.kind, rows)).collect();
        let commit = i64::try_from(commit).unwrap_or(i64::MAX);
        TableBuilder {
            table,
            job: job.to_owned(),
            commit,
            columns,
            next: 0,
            rows: 0,
            text_bytes: 0,
        }
    }

    /// Appends one row.
    ///
    /// # Panics
    /// If the row is not of this table: the caller routes by [`OutRow::table`].
    pub fn append(&mut self, row: &OutRow) {
        assert_eq!(row.table(), self.table, "a row was routed to the wrong table");
        match row {
            OutRow::Decision(row) => self.append_row(row.as_ref()),
            OutRow::Update(row) => self.append_row(row.as_ref()),
            OutRow::Votes(rows) => rows.iter().for_each(|row| self.append_row(row)),
            OutRow::Reputation(row) => self.append_row(row.as_ref()),
            OutRow::Activity(row) => self.append_row(row.as_ref()),
            OutRow::Anomaly(row) => self.append_row(row.as_ref()),
            OutRow::Reject(row) => self.append_row(row.as_ref()),
            OutRow::Conservation(row) => self.append_row(row.as_ref()),
        }
    }

    fn append_row<R: TableRow>(&mut self, row: &R) {
        // Job and commit are the same in all rows: they are filled in at the end.
        self.next = 2;
        self.int(Some(row.revision()));
        self.time(Some(row.event_time()));
        row.cells(self);
        assert_eq!(
            self.next,
            self.columns.len(),
            "{} wrote a wrong number of cells",
            self.table.name()
        );
        self.rows += 1;
    }

    /// Rows since the last [`TableBuilder::finish`].
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Roughly how many bytes those rows hold.
    pub fn size_bytes(&self) -> usize {
        self.text_bytes + self.rows * self.columns.len() * 8
    }

    /// The rows so far as a record batch; the builder is empty again.
    ///
    /// # Panics
    /// If a row type left a column null that is not nullable: a broken invariant, not a matter of input.
    pub fn finish(&mut self) -> RecordBatch {
        if let [ColumnBuilder::Text(job), ColumnBuilder::Int(commit), ..] =
            self.columns.as_mut_slice()
        {
            job.append_value_n(&self.job, self.rows);
            commit.append_value_n(self.commit, self.rows);
        }
        let arrays = self.columns.iter_mut().map(ColumnBuilder::finish).collect();
        (self.rows, self.text_bytes) = (0, 0);
        RecordBatch::try_new(self.table.schema(), arrays).expect("cells follow the table's columns")
    }

    fn column(&mut self) -> &mut ColumnBuilder {
        let at = self.next;
        self.next += 1;
        &mut self.columns[at]
    }

    fn mismatch(&self) -> ! {
        let column = self.table.columns().nth(self.next - 1).map_or("?", |column| column.name);
        unreachable!("{}.{column} was given a cell of another kind", self.table.name())
    }
}

impl Cells for TableBuilder {
    fn text(&mut self, value: Option<&str>) {
        self.text_bytes += value.map_or(0, str::len);
        match self.column() {
            ColumnBuilder::Text(builder) => builder.append_option(value),
            _ => self.mismatch(),
        }
    }

    fn int(&mut self, value: Option<i64>) {
        match self.column() {
            ColumnBuilder::Int(builder) => builder.append_option(value),
            _ => self.mismatch(),
        }
    }

    fn real(&mut self, value: Option<f64>) {
        match self.column() {
            ColumnBuilder::Real(builder) => builder.append_option(value),
            _ => self.mismatch(),
        }
    }

    fn flag(&mut self, value: Option<bool>) {
        match self.column() {
            ColumnBuilder::Flag(builder) => builder.append_option(value),
            _ => self.mismatch(),
        }
    }

    fn time(&mut self, value: Option<Micros>) {
        match self.column() {
            ColumnBuilder::Time(builder) => builder.append_option(value),
            _ => self.mismatch(),
        }
    }

    fn bytes(&mut self, value: Option<&[u8]>) {
        self.text_bytes += value.map_or(0, <[u8]>::len);
        match self.column() {
            ColumnBuilder::Bytes(builder) => builder.append_option(value),
            _ => self.mismatch(),
        }
    }
}

struct JsonCells {
    columns: &'static [Column],
    next: usize,
    object: Map<String, Value>,
}

impl JsonCells {
    fn put(&mut self, value: Option<Value>) {
        let name = self.columns[self.next].name;
        self.next += 1;
        if let Some(value) = value {
            self.object.insert(name.to_owned(), value);
        }
    }
}

impl Cells for JsonCells {
    fn text(&mut self, value: Option<&str>) {
        self.put(value.map(Value::from));
    }
    fn int(&mut self, value: Option<i64>) {
        self.put(value.map(Value::from));
    }
    fn real(&mut self, value: Option<f64>) {
        self.put(value.map(Value::from));
    }
    fn flag(&mut self, value: Option<bool>) {
        self.put(value.map(Value::from));
    }
    fn time(&mut self, value: Option<Micros>) {
        self.put(value.map(|micros| Value::from(format_rfc3339(micros))));
    }
    fn bytes(&mut self, value: Option<&[u8]>) {
        self.put(value.map(|bytes| Value::from(String::from_utf8_lossy(bytes))));
    }
}

/// A row as one JSON object, without `job` and `commit`; nulls are left out.
pub fn json_line<R: TableRow>(row: &R) -> Value {
    let mut cells = JsonCells { columns: R::COLUMNS, next: 0, object: Map::new() };
    cells.object.insert("event_time".into(), format_rfc3339(row.event_time()).into());
    cells.object.insert("revision".into(), row.revision().into());
    row.cells(&mut cells);
    Value::Object(cells.object)
}
