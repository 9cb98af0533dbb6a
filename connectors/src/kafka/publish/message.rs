//! Rows as messages: a JSON object each, by the names of the table's columns; a reject as the bytes it came with.

use arrow::array::{
    Array, AsArray, BinaryArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use quorate_schemas::table::{CellKind, Table};
use quorate_schemas::time::format_rfc3339;
use rdkafka::message::{Header, OwnedHeaders};
use serde::Serialize;

/// What is sent of one row.
pub(super) struct Message {
    pub(super) key: Option<String>,
    pub(super) value: Vec<u8>,
    pub(super) headers: OwnedHeaders,
    /// Where it goes; by its key, if it does not say.
    pub(super) partition: Option<i32>,
}

/// The rows of a batch.
pub(super) struct Rows<'b> {
    table: Table,
    columns: Vec<(&'static str, Cells<'b>)>,
}

enum Cells<'b> {
    Text(&'b StringArray),
    Int(&'b Int64Array),
    Time(&'b TimestampMicrosecondArray),
    Real(&'b Float64Array),
    Flag(&'b BooleanArray),
    Bytes(&'b BinaryArray),
}

impl<'b> Cells<'b> {
    fn of(kind: CellKind, column: &'b dyn Array) -> Cells<'b> {
        match kind {
            CellKind::Text | CellKind::Word => Cells::Text(column.as_string()),
            CellKind::Int => Cells::Int(column.as_primitive::<Int64Type>()),
            CellKind::Time => Cells::Time(column.as_primitive::<TimestampMicrosecondType>()),
            CellKind::Real => Cells::Real(column.as_primitive::<Float64Type>()),
            CellKind::Flag => Cells::Flag(column.as_boolean()),
            CellKind::Bytes => Cells::Bytes(column.as_binary()),
        }
    }

    fn is_null(&self, row: usize) -> bool {
        match self {
            Cells::Text(cells) => cells.is_null(row),
            Cells::Int(cells) => cells.is_null(row),
            Cells::Time(cells) => cells.is_null(row),
            Cells::Real(cells) => cells.is_null(row),
            Cells::Flag(cells) => cells.is_null(row),
            Cells::Bytes(cells) => cells.is_null(row),
        }
    }

    /// As a header says it.
    fn text(&self, row: usize) -> String {
        match self {
            Cells::Text(cells) => cells.value(row).to_owned(),
            Cells::Int(cells) => cells.value(row).to_string(),
            Cells::Time(cells) => format_rfc3339(cells.value(row)),
            Cells::Real(cells) => cells.value(row).to_string(),
            Cells::Flag(cells) => cells.value(row).to_string(),
            Cells::Bytes(cells) => String::from_utf8_lossy(cells.value(row)).into_owned(),
        }
    }

    fn write(&self, row: usize, to: &mut Vec<u8>) {
        match self {
            Cells::Text(cells) => json(cells.value(row), to),
            Cells::Int(cells) => json(&cells.value(row), to),
            Cells::Real(cells) => json(&cells.value(row), to),
            Cells::Flag(cells) => json(&cells.value(row), to),
            Cells::Time(_) | Cells::Bytes(_) => json(&self.text(row), to),
        }
    }
}

fn json(value: &(impl Serialize + ?Sized), to: &mut Vec<u8>) {
    serde_json::to_writer(to, value).expect("what is no map has a text");
}

impl<'b> Rows<'b> {
    /// The rows of a batch that was read as this table's: its columns are the table's.
    pub(super) fn of(table: Table, batch: &'b RecordBatch) -> Rows<'b> {
        let columns = table.columns().zip(batch.columns());
        let columns = columns.map(|(column, cells)| (column.name, Cells::of(column.kind, cells)));
        Rows { table, columns: columns.collect() }
    }

    /// What is sent of a row.
    pub(super) fn message(&self, row: usize) -> Message {
        let (key, value) = match self.table {
            Table::Rejects => (self.place(row), self.original(row)),
            _ => (self.key(row), self.object(row)),
        };
        Message { key, value, headers: self.headers(row), partition: None }
    }

    /// By what messages are spread over partitions, and stay in order there.
    fn key(&self, row: usize) -> Option<String> {
        match self.table {
            Table::Decisions | Table::DecisionUpdates | Table::Votes | Table::Anomalies => {
                self.cell("task_id", row)
            }
            Table::AgentReputation | Table::AgentActivity => self.cell("agent_id", row),
            Table::MethodChoices => self.cell("domain", row),
            Table::Rejects | Table::Conservation => self.place(row),
        }
    }

    fn place(&self, row: usize) -> Option<String> {
        Some(format!("{}/{}", self.cell("source", row)?, self.cell("partition", row)?))
    }

    /// The row's own bytes.
    fn original(&self, row: usize) -> Vec<u8> {
        match self.column("bytes") {
            Some(Cells::Bytes(cells)) => cells.value(row).to_vec(),
            _ => Vec::new(),
        }
    }

    /// All cells that are given.
    fn object(&self, row: usize) -> Vec<u8> {
        let mut text = Vec::with_capacity(512);
        for (name, cells) in self.columns.iter().filter(|(_, cells)| !cells.is_null(row)) {
            text.push(if text.is_empty() { b'{' } else { b',' });
            json(*name, &mut text);
            text.push(b':');
            cells.write(row, &mut text);
        }
        text.push(b'}');
        text
    }

    /// Where the row is from; of a reject all that is known of it but its bytes.
    fn headers(&self, row: usize) -> OwnedHeaders {
        let table = Header { key: "table", value: Some(self.table.name()) };
        let mut headers = OwnedHeaders::new().insert(table);
        let all = self.table == Table::Rejects;
        for (name, cells) in &self.columns {
            let provenance = matches!(*name, "job" | "commit");
            if (provenance || all) && !matches!(*name, "bytes" | "revision") && !cells.is_null(row)
            {
                headers = headers.insert(Header { key: name, value: Some(&cells.text(row)) });
            }
        }
        headers
    }

    fn cell(&self, name: &str, row: usize) -> Option<String> {
        self.column(name).filter(|cells| !cells.is_null(row)).map(|cells| cells.text(row))
    }

    fn column(&self, name: &str) -> Option<&Cells<'b>> {
        self.columns.iter().find(|(known, _)| *known == name).map(|(_, cells)| cells)
    }
}
