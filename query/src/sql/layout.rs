//! Answers as text: a table, or a line for each value where a screen is too narrow for one.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use arrow::util::pretty::pretty_format_batches_with_schema;

use crate::error::{Error, Result};

/// A table of these rows.
pub(super) fn table(schema: &SchemaRef, rows: &[RecordBatch]) -> Result<String> {
    let text = pretty_format_batches_with_schema(SchemaRef::clone(schema), rows);
    Ok(printable(&text.map_err(|error| Error::Query(error.to_string()))?.to_string()))
}

/// A table if it is no wider than this, else each row as lines of column and value.
pub(super) fn fitted(schema: &SchemaRef, rows: &[RecordBatch], columns: usize) -> Result<String> {
    let table = table(schema, rows)?;
    let is_wide = table.lines().any(|line| line.chars().count() > columns);
    if is_wide && rows.iter().any(|batch| batch.num_rows() > 0) {
        records(schema, rows, columns)
    } else {
        Ok(table)
    }
}

fn records(schema: &SchemaRef, rows: &[RecordBatch], columns: usize) -> Result<String> {
    let failed = |error: arrow::error::ArrowError| Error::Query(error.to_string());
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).min(columns / 2);
    let options = FormatOptions::default();
    let mut lines = Vec::new();
    let mut nr = 0;
    for batch in rows {
        let cells = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options));
        let cells = cells.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        for row in 0..batch.num_rows() {
            nr += 1;
            let heading = format!("-- {nr} ");
            lines.push(format!("{heading:-<columns$}"));
            for (name, cell) in names.iter().zip(&cells) {
                let value = cell.value(row).try_to_string().map_err(failed)?;
                let line = printable(&value.replace('\n', "\u{fffd}"));
                lines.push(format!("{name:width$}  {line}").trim_end().to_owned());
            }
        }
    }
    Ok(lines.join("\n"))
}

/// Ids and answers are chosen by strangers: what would move the cursor does not reach a terminal.
fn printable(text: &str) -> String {
    let visible = |c: char| if c.is_control() && c != '\n' { '\u{fffd}' } else { c };
    text.chars().map(visible).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::*;

    fn rows() -> (SchemaRef, Vec<RecordBatch>) {
        let tasks: ArrayRef = Arc::new(StringArray::from(vec!["t1", "t\u{1b}[2J\n2"]));
        let votes: ArrayRef = Arc::new(Int64Array::from(vec![Some(3), None]));
        let batch = RecordBatch::try_from_iter([("task_id", tasks), ("votes", votes)]).unwrap();
        (batch.schema(), vec![batch])
    }

    #[test]
    fn what_is_too_wide_for_a_table_is_a_line_for_each_value() {
        let (schema, rows) = rows();
        let wide = fitted(&schema, &rows, 80).unwrap();
        assert!(wide.starts_with("+---") && wide.lines().count() == 7, "{wide}");
        let narrow = fitted(&schema, &rows, 16).unwrap();
        let expected = "-- 1 -----------\ntask_id  t1\nvotes    3\n\
                        -- 2 -----------\ntask_id  t\u{fffd}[2J\u{fffd}2\nvotes";
        assert_eq!(narrow, expected);
    }

    #[test]
    fn no_value_reaches_the_terminal_as_a_command() {
        let (schema, rows) = rows();
        for columns in [16, 80] {
            assert!(!fitted(&schema, &rows, columns).unwrap().contains('\u{1b}'));
        }
    }
}
