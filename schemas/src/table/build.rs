//! From rows to Arrow, column by column, and to JSON lines.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use serde::Serialize;

use super::{CellKind, Cells, Column, OutRow, Table, TableRow, VoteRow};
use crate::time::{Micros, format_rfc3339};

/// One column while it grows: what Arrow keeps, in vectors. (Arrow's own builders check more for each cell, and there are
/// dozens of millions a minute.)
struct Growing {
    cells: Grown,
    /// Which cells are given; empty as long as all of them are.
    given: Vec<bool>,
}

enum Grown {
    Text(Bytes),
    Bytes(Bytes),
    Int(Vec<i64>),
    Time(Vec<i64>),
    Real(Vec<f64>),
    Flag(Vec<bool>),
}

impl Grown {
    fn len(&self) -> usize {
        match self {
            Grown::Text(cells) | Grown::Bytes(cells) => cells.offsets.len() - 1,
            Grown::Int(cells) | Grown::Time(cells) => cells.len(),
            Grown::Real(cells) => cells.len(),
            Grown::Flag(cells) => cells.len(),
        }
    }

    fn extend(&mut self, from: &Grown, rows: Range<usize>) {
        match (self, from) {
            (Grown::Text(cells), Grown::Text(from)) | (Grown::Bytes(cells), Grown::Bytes(from)) => {
                cells.extend(from, rows);
            }
            (Grown::Int(cells), Grown::Int(from)) | (Grown::Time(cells), Grown::Time(from)) => {
                cells.extend_from_slice(&from[rows]);
            }
            (Grown::Real(cells), Grown::Real(from)) => cells.extend_from_slice(&from[rows]),
            (Grown::Flag(cells), Grown::Flag(from)) => cells.extend_from_slice(&from[rows]),
            _ => unreachable!("columns of one table are of one kind"),
        }
    }
}

/// Cells of any length, one behind the other.
struct Bytes {
    bytes: Vec<u8>,
    /// Where the first cell begins, and where each one ends.
    offsets: Vec<i32>,
}

impl Bytes {
    fn with_capacity(rows: usize, bytes: usize) -> Bytes {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Bytes { bytes: Vec::with_capacity(bytes), offsets }
    }

    fn push(&mut self, cell: &[u8]) {
        self.bytes.extend_from_slice(cell);
        // A builder is finished long before it holds as much as that.
        self.offsets.push(i32::try_from(self.bytes.len()).expect("a column holds less than 2 GiB"));
    }

    fn extend(&mut self, from: &Bytes, rows: Range<usize>) {
        let ends = &from.offsets[rows.start..=rows.end];
        let [begin, end] = [ends[0], ends[rows.len()]].map(|offset| offset as usize);
        let behind = self.bytes.len();
        self.bytes.extend_from_slice(&from.bytes[begin..end]);
        // That all of them are small enough was seen where the last one is.
        i32::try_from(self.bytes.len()).expect("a column holds less than 2 GiB");
        let moved = |end: &i32| (*end as usize - begin + behind) as i32;
        self.offsets.extend(ends[1..].iter().map(moved));
    }

    fn get(&self, row: usize) -> &[u8] {
        &self.bytes[self.offsets[row] as usize..self.offsets[row + 1] as usize]
    }

    fn into_parts(self) -> (OffsetBuffer<i32>, Buffer) {
        (OffsetBuffer::new(ScalarBuffer::from(self.offsets)), Buffer::from_vec(self.bytes))
    }
}

impl Growing {
    /// With room for so many `rows`.
    fn new(kind: CellKind, rows: usize) -> Growing {
        // What most ids and words need.
        const TEXT_BYTES: usize = 12;
        let cells = match kind {
            CellKind::Text | CellKind::Word => {
                Grown::Text(Bytes::with_capacity(rows, rows * TEXT_BYTES))
            }
            CellKind::Bytes => Grown::Bytes(Bytes::with_capacity(rows, 0)),
            CellKind::Int => Grown::Int(Vec::with_capacity(rows)),
            CellKind::Time => Grown::Time(Vec::with_capacity(rows)),
            CellKind::Real => Grown::Real(Vec::with_capacity(rows)),
            CellKind::Flag => Grown::Flag(Vec::with_capacity(rows)),
        };
        Growing { cells, given: Vec::new() }
    }

    /// Of the next cell, which is pushed after this, whether it is given.
    #[inline]
    fn note(&mut self, is_given: Cell) {
        match is_given {
            Cell::Given if self.given.is_empty() => {}
            Cell::Given => self.given.push(true),
            Cell::Null => {
                if self.given.is_empty() {
                    self.given.resize(self.cells.len(), true);
                }
                self.given.push(false);
            }
        }
    }

    /// Appends `rows` of another column of its kind.
    fn extend(&mut self, from: &Growing, rows: Range<usize>) {
        if !(self.given.is_empty() && from.given.is_empty()) {
            self.given.resize(self.cells.len(), true);
            match from.given.get(rows.clone()) {
                Some(given) if !from.given.is_empty() => self.given.extend_from_slice(given),
                _ => self.given.resize(self.cells.len() + rows.len(), true),
            }
        }
        self.cells.extend(&from.cells, rows);
    }

    /// The column so far; it is empty again.
    fn finish(&mut self, kind: CellKind) -> ArrayRef {
        let Growing { cells, given } = std::mem::replace(self, Growing::new(kind, 0));
        let nulls = (!given.is_empty()).then(|| NullBuffer::from(given));
        match cells {
            Grown::Text(cells) => {
                let (offsets, bytes) = cells.into_parts();
                Arc::new(StringArray::new(offsets, bytes, nulls))
            }
            Grown::Bytes(cells) => {
                let (offsets, bytes) = cells.into_parts();
                Arc::new(BinaryArray::new(offsets, bytes, nulls))
            }
            Grown::Int(cells) => Arc::new(Int64Array::new(cells.into(), nulls)),
            Grown::Time(cells) => {
                Arc::new(TimestampMicrosecondArray::new(cells.into(), nulls).with_timezone("UTC"))
            }
            Grown::Real(cells) => Arc::new(Float64Array::new(cells.into(), nulls)),
            Grown::Flag(cells) => Arc::new(BooleanArray::new(BooleanBuffer::from(cells), nulls)),
        }
    }
}

/// Collects rows of one table and turns them into record batches.
pub struct TableBuilder {
    table: Table,
    job: String,
    commit: i64,
    columns: Vec<Growing>,
    next: usize,
    rows: usize,
}

impl TableBuilder {
    /// A builder for `table`'s rows of one commit of `job`.
    pub fn new(table: Table, job: &str, commit: u64) -> TableBuilder {
        TableBuilder::with_capacity(table, job, commit, 0)
    }

    /// The same with room for so many `rows`.
    pub fn with_capacity(table: Table, job: &str, commit: u64, rows: usize) -> TableBuilder {
        let columns = table.columns().map(|column| Growing::new(column.kind, rows)).collect();
        let commit = i64::try_from(commit).unwrap_or(i64::MAX);
        TableBuilder { table, job: job.to_owned(), commit, columns, next: 0, rows: 0 }
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
            OutRow::Votes(rows) => self.append_votes(rows),
            OutRow::Reputation(row) => self.append_row(row.as_ref()),
            OutRow::Choice(row) => self.append_row(row.as_ref()),
            OutRow::Activity(row) => self.append_row(row.as_ref()),
            OutRow::Anomaly(row) => self.append_row(row.as_ref()),
            OutRow::Reject(row) => self.append_row(row.as_ref()),
            OutRow::Conservation(row) => self.append_row(row.as_ref()),
        }
    }

    /// Appends rows of `votes`.
    ///
    /// # Panics
    /// As [`TableBuilder::append`].
    pub fn append_votes(&mut self, rows: &[VoteRow]) {
        assert_eq!(self.table, Table::Votes, "a row was routed to the wrong table");
        rows.iter().for_each(|row| self.append_row(row));
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

    /// Appends `rows` of another builder of its table.
    ///
    /// # Panics
    /// If `from` has fewer rows, or is of another table.
    pub fn append_range(&mut self, from: &TableBuilder, rows: Range<usize>) {
        assert_eq!(from.table, self.table, "rows go to their own table");
        // Job and commit are filled in at the end.
        let columns = self.columns.iter_mut().zip(&from.columns).skip(2);
        columns.for_each(|(column, from)| column.extend(from, rows.clone()));
        self.rows += rows.len();
    }

    /// The text in a row's cell of the column of this name; none where it is null, or no text.
    pub fn text_of(&self, column: &str, row: usize) -> Option<&str> {
        let at = self.table.columns().position(|known| known.name == column)?;
        let Growing { cells: Grown::Text(cells), given } = &self.columns[at] else { return None };
        let is_given = given.get(row).copied().unwrap_or(true);
        is_given.then(|| std::str::from_utf8(cells.get(row)).ok()).flatten()
    }

    /// Rows since the last [`TableBuilder::finish`].
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The rows so far as a record batch; the builder is empty again.
    ///
    /// # Panics
    /// If a row type left a column null that is not nullable: a broken invariant, not a matter of input.
    pub fn finish(&mut self) -> RecordBatch {
        let rows = self.rows;
        if let [job, commit, ..] = self.columns.as_mut_slice()
            && let (Grown::Text(jobs), Grown::Int(commits)) = (&mut job.cells, &mut commit.cells)
        {
            (0..rows).for_each(|_| jobs.push(self.job.as_bytes()));
            commits.resize(rows, self.commit);
        }
        let kinds = self.table.columns().map(|column| column.kind);
        let arrays =
            self.columns.iter_mut().zip(kinds).map(|(column, kind)| column.finish(kind)).collect();
        self.rows = 0;
        RecordBatch::try_new(self.table.schema(), arrays).expect("cells follow the table's columns")
    }

    #[cold]
    fn mismatch(&self) -> ! {
        let column = self.table.columns().nth(self.next - 1).map_or("?", |column| column.name);
        unreachable!("{}.{column} was given a cell of another kind", self.table.name())
    }

    /// The next column, which gets a cell, or none.
    #[inline]
    fn column(&mut self, is_given: Cell) -> &mut Grown {
        let column = &mut self.columns[self.next];
        self.next += 1;
        column.note(is_given);
        &mut column.cells
    }
}

enum Cell {
    Given,
    Null,
}

impl Cell {
    fn of<T>(value: Option<T>) -> Cell {
        if value.is_some() { Cell::Given } else { Cell::Null }
    }
}

impl Cells for TableBuilder {
    #[inline]
    fn text(&mut self, value: Option<&str>) {
        match self.column(Cell::of(value)) {
            Grown::Text(cells) => cells.push(value.unwrap_or_default().as_bytes()),
            _ => self.mismatch(),
        }
    }

    #[inline]
    fn int(&mut self, value: Option<i64>) {
        match self.column(Cell::of(value)) {
            Grown::Int(cells) => cells.push(value.unwrap_or_default()),
            _ => self.mismatch(),
        }
    }

    #[inline]
    fn real(&mut self, value: Option<f64>) {
        match self.column(Cell::of(value)) {
            Grown::Real(cells) => cells.push(value.unwrap_or_default()),
            _ => self.mismatch(),
        }
    }

    #[inline]
    fn flag(&mut self, value: Option<bool>) {
        match self.column(Cell::of(value)) {
            Grown::Flag(cells) => cells.push(value.unwrap_or_default()),
            _ => self.mismatch(),
        }
    }

    #[inline]
    fn time(&mut self, value: Option<Micros>) {
        match self.column(Cell::of(value)) {
            Grown::Time(cells) => cells.push(value.unwrap_or_default()),
            _ => self.mismatch(),
        }
    }

    #[inline]
    fn bytes(&mut self, value: Option<&[u8]>) {
        match self.column(Cell::of(value)) {
            Grown::Bytes(cells) => cells.push(value.unwrap_or_default()),
            _ => self.mismatch(),
        }
    }
}

/// One JSON object while it is written: there may be as many of them as there are votes.
struct JsonLine {
    columns: &'static [Column],
    next: usize,
    text: Vec<u8>,
}

impl JsonLine {
    fn member(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        self.text.push(if self.text.is_empty() { b'{' } else { b',' });
        self.value(name);
        self.text.push(b':');
        self.value(value);
    }

    fn value(&mut self, value: &(impl Serialize + ?Sized)) {
        serde_json::to_writer(&mut self.text, value).expect("what is no map has a text");
    }

    fn put(&mut self, value: Option<&(impl Serialize + ?Sized)>) {
        let name = self.columns[self.next].name;
        self.next += 1;
        if let Some(value) = value {
            self.member(name, value);
        }
    }
}

impl Cells for JsonLine {
    fn text(&mut self, value: Option<&str>) {
        self.put(value);
    }
    fn int(&mut self, value: Option<i64>) {
        self.put(value.as_ref());
    }
    fn real(&mut self, value: Option<f64>) {
        self.put(value.as_ref());
    }
    fn flag(&mut self, value: Option<bool>) {
        self.put(value.as_ref());
    }
    fn time(&mut self, value: Option<Micros>) {
        self.put(value.map(format_rfc3339).as_ref());
    }
    fn bytes(&mut self, value: Option<&[u8]>) {
        self.put(value.map(String::from_utf8_lossy).as_ref());
    }
}

/// A row as one JSON object of this `type`, without `job` and `commit`; nulls are left out.
pub fn json_line<R: TableRow>(kind: &str, row: &R) -> Vec<u8> {
    json_of("type", kind, row)
}

/// A row of `job` that no commit has yet, as one JSON object; nulls are left out.
pub fn json_row<R: TableRow>(job: &str, row: &R) -> Vec<u8> {
    json_of("job", job, row)
}

fn json_of<R: TableRow>(first: &str, value: &str, row: &R) -> Vec<u8> {
    let mut line = JsonLine { columns: R::COLUMNS, next: 0, text: Vec::with_capacity(512) };
    line.member(first, value);
    line.member("event_time", &format_rfc3339(row.event_time()));
    line.member("revision", &row.revision());
    row.cells(&mut line);
    line.text.push(b'}');
    line.text
}
