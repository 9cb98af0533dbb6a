//! An answer as a chart of plain characters: bars for labels, columns over time for times.
//!
//! ```text
//! label, number, …  ──▶  bars       law   ############ 12
//! time,  number, …  ──▶  columns    12 |    ##
//!                                      | ## ##
//!                                    0 +--------
//! ```
//!
//! The first column says where, each other how much. All numbers have one scale, and it begins at zero: what is twice
//! as long is twice as much.

mod bars;
mod figure;
mod timeline;

use arrow::array::{Array, ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};

use super::answer::{ROWS_SHOWN, Screen};
use crate::error::{Error, Result};

/// More series than these nobody tells apart.
const MOST_SERIES: usize = 6;

/// One column of numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Series {
    name: String,
    /// Null where the answer has none, or one that is not finite.
    values: Vec<Option<f64>>,
}

/// What an answer's chart looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A bar for each row.
    Bars,
    /// A column for each time.
    Timeline,
}

impl Shape {
    /// What answers of these columns are drawn as.
    ///
    /// # Errors
    /// If the first is no label and no time, or another no number, or there are too few or too many.
    pub(super) fn of(schema: &Schema) -> Result<Shape> {
        const FITS: &str = "a chart shows a label or a time first, then one number or more";
        let wrong = |why: String| Err(Error::Query(format!("{why}: {FITS}")));
        let [first, numbers @ ..] = &schema.fields()[..] else {
            return wrong("the answer has no columns".to_owned());
        };
        if numbers.is_empty() {
            return wrong(format!("the answer has the column {:?} alone", first.name()));
        }
        let is_number = |field: &&std::sync::Arc<Field>| field.data_type().is_numeric();
        if let Some(other) = numbers.iter().find(|field| !is_number(field)) {
            return wrong(format!("the column {:?} holds no numbers", other.name()));
        }
        if numbers.len() > MOST_SERIES {
            let count = numbers.len();
            return wrong(format!(
                "{count} columns of numbers are more than the {MOST_SERIES} that can be told apart"
            ));
        }
        match first.data_type() {
            DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => Ok(Shape::Timeline),
            kind if kind.is_nested() || kind.is_binary() => {
                wrong(format!("the column {:?} cannot be a label", first.name()))
            }
            _ => Ok(Shape::Bars),
        }
    }

    /// How many rows of an answer it shows.
    pub(super) fn rows(self, screen: Screen) -> usize {
        match self {
            Shape::Bars => screen.rows,
            // Those that fall into one column become one.
            Shape::Timeline => ROWS_SHOWN,
        }
    }

    /// The chart of `rows`, in lines of at most so many characters.
    pub(super) fn draw(self, rows: &[RecordBatch], columns: usize) -> Result<String> {
        let series = series(rows)?;
        if rows.iter().all(|batch| batch.num_rows() == 0) {
            return Ok("no rows\n".to_owned());
        }
        match self {
            Shape::Bars => Ok(bars::draw(&labels(rows)?, &series, columns)),
            Shape::Timeline => Ok(timeline::draw(&times(rows)?, &series, columns)),
        }
    }
}

fn failed(error: arrow::error::ArrowError) -> Error {
    Error::Query(error.to_string())
}

/// A column as another kind: one that [`Shape::of`] has seen to be convertible.
fn taken<A: Array + Clone + 'static>(column: &ArrayRef, kind: &DataType) -> Result<A> {
    let taken = cast(column, kind).map_err(failed)?;
    let typed = taken.as_any().downcast_ref::<A>().cloned();
    typed.ok_or_else(|| Error::Query(format!("cannot take {} as {kind}", column.data_type())))
}

fn labels(rows: &[RecordBatch]) -> Result<Vec<String>> {
    let mut labels = Vec::new();
    for batch in rows {
        let column: StringArray = taken(batch.column(0), &DataType::Utf8)?;
        labels.extend(column.iter().map(|label| label.unwrap_or("null").to_owned()));
    }
    Ok(labels)
}

/// Microseconds, of rows that have a time.
fn times(rows: &[RecordBatch]) -> Result<Vec<Option<i64>>> {
    let mut times = Vec::new();
    for batch in rows {
        let clock = DataType::Timestamp(TimeUnit::Microsecond, None);
        let column = cast(batch.column(0), &clock).map_err(failed)?;
        let column: Int64Array = taken(&column, &DataType::Int64)?;
        times.extend(column.iter());
    }
    Ok(times)
}

fn series(rows: &[RecordBatch]) -> Result<Vec<Series>> {
    let Some(first) = rows.first() else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    for (at, field) in first.schema().fields().iter().enumerate().skip(1) {
        let mut series = Series { name: field.name().clone(), values: Vec::new() };
        for batch in rows {
            let column: Float64Array = taken(batch.column(at), &DataType::Float64)?;
            series
                .values
                .extend(column.iter().map(|value| value.filter(|value| value.is_finite())));
        }
        all.push(series);
    }
    Ok(all)
}

/// From the least to the greatest of all numbers, and zero.
fn range(series: &[Series]) -> (f64, f64) {
    let values = series.iter().flat_map(|series| series.values.iter().flatten());
    values.fold((0.0, 0.0), |(low, high), value| (value.min(low), value.max(high)))
}

/// The names of several series with their marks; nothing where there is one.
fn legend(series: &[Series], marks: &[char], columns: usize) -> String {
    let named = |(series, mark): (&Series, &char)| format!("{mark} {}", series.name);
    let text = series.iter().zip(marks).map(named).collect::<Vec<_>>().join("   ");
    format!("{}\n", crate::grid::cut(&text, columns))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(columns: &[(&str, DataType)]) -> Result<Shape> {
        let field = |(name, kind): &(&str, DataType)| Field::new(*name, kind.clone(), true);
        Shape::of(&Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
    }

    #[test]
    fn an_answer_that_fits_no_chart_says_what_would() {
        use DataType::{Binary, Date32, Float64, Int64, Utf8};
        assert_eq!(shape(&[("domain", Utf8), ("votes", Int64)]).unwrap(), Shape::Bars);
        assert_eq!(shape(&[("era", Int64), ("weight", Float64)]).unwrap(), Shape::Bars);
        assert_eq!(shape(&[("day", Date32), ("votes", Int64)]).unwrap(), Shape::Timeline);
        let refused = |columns: &[(&str, DataType)], words: &str| {
            let said = shape(columns).unwrap_err().to_string();
            assert!(said.contains(words) && said.contains("a label or a time first"), "{said}");
        };
        refused(&[("votes", Int64)], "\"votes\" alone");
        refused(&[("domain", Utf8), ("answer", Utf8)], "\"answer\" holds no numbers");
        refused(&[("bytes", Binary), ("votes", Int64)], "\"bytes\" cannot be a label");
        refused(&vec![("n", Int64); 8], "7 columns of numbers");
    }
}
