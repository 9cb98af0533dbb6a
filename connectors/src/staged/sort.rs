//! The order of rows in a table's files.

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, Rows, SortField};
use quorate_schemas::table::Table;
use quorate_schemas::time::{Micros, SECOND};

const DAY: Micros = 24 * 60 * 60 * SECOND;
const EVENT_TIME: &str = "event_time";

/// Turns rows of a table into keys that compare as bytes: UTC day, the table's ids, event time.
pub(super) struct Keys {
    columns: Vec<usize>,
    event_time: usize,
    converter: RowConverter,
}

impl Keys {
    pub(super) fn of(table: Table) -> Result<Keys, ArrowError> {
        let schema = table.schema();
        let event_time = schema.index_of(EVENT_TIME)?;
        let columns: Vec<usize> = table
            .sort_columns()
            .iter()
            .map(|name| schema.index_of(name))
            .collect::<Result<_, _>>()?;
        let of = |column: usize| SortField::new(schema.field(column).data_type().clone());
        let ids = columns.iter().map(|column| of(*column));
        let fields = std::iter::once(SortField::new(arrow::datatypes::DataType::Int64)).chain(ids);
        let converter = RowConverter::new(fields.chain([of(event_time)]).collect())?;
        Ok(Keys { columns, event_time, converter })
    }

    pub(super) fn rows(&self, batch: &RecordBatch) -> Result<Rows, ArrowError> {
        let time = batch.column(self.event_time);
        let day = time
            .as_primitive::<TimestampMicrosecondType>()
            .unary::<_, Int64Type>(|time| time.div_euclid(DAY));
        let ids = self.columns.iter().map(|column| batch.column(*column).clone());
        let columns: Vec<ArrayRef> = std::iter::once(std::sync::Arc::new(day) as ArrayRef)
            .chain(ids)
            .chain([time.clone()])
            .collect();
        self.converter.convert_columns(&columns)
    }
}
