//! A row of columns as the JSON object that it would be in a file of JSON lines.

use std::fmt::Display;
use std::io::Write as _;

use arrow::array::{Array, AsArray, RecordBatch, StructArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Time32MillisecondType, Time64MicrosecondType, Time64NanosecondType, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use quorate_schemas::time::{self, format_rfc3339};

/// Row `at` of `rows`.
///
/// # Errors
/// If it has something that nothing here can say.
pub(super) fn row(rows: &RecordBatch, at: usize, out: &mut Vec<u8>) -> Result<(), String> {
    let schema = rows.schema_ref();
    let names = schema.fields().iter().map(|field| field.name().as_str());
    object(names.zip(rows.columns().iter().map(AsRef::as_ref)), at, out)
}

fn object<'a>(
    members: impl Iterator<Item = (&'a str, &'a dyn Array)>,
    at: usize,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    out.push(b'{');
    for (nr, (name, column)) in members.enumerate() {
        if nr > 0 {
            out.push(b',');
        }
        text(name, out);
        out.push(b':');
        value(column, at, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn value(column: &dyn Array, at: usize, out: &mut Vec<u8>) -> Result<(), String> {
    if column.is_null(at) {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    match column.data_type() {
        DataType::Null => out.extend_from_slice(b"null"),
        DataType::Boolean => write(column.as_boolean().value(at), out),
        DataType::Int8 => write(column.as_primitive::<Int8Type>().value(at), out),
        DataType::Int16 => write(column.as_primitive::<Int16Type>().value(at), out),
        DataType::Int32 => write(column.as_primitive::<Int32Type>().value(at), out),
        DataType::Int64 => write(column.as_primitive::<Int64Type>().value(at), out),
        DataType::UInt8 => write(column.as_primitive::<UInt8Type>().value(at), out),
        DataType::UInt16 => write(column.as_primitive::<UInt16Type>().value(at), out),
        DataType::UInt32 => write(column.as_primitive::<UInt32Type>().value(at), out),
        DataType::UInt64 => write(column.as_primitive::<UInt64Type>().value(at), out),
        DataType::Float16 => {
            let value = f32::from(column.as_primitive::<Float16Type>().value(at));
            float(value.is_finite(), format!("{value:?}"), out);
        }
        DataType::Float32 => {
            let value = column.as_primitive::<Float32Type>().value(at);
            float(value.is_finite(), format!("{value:?}"), out);
        }
        DataType::Float64 => {
            let value = column.as_primitive::<Float64Type>().value(at);
            float(value.is_finite(), format!("{value:?}"), out);
        }
        DataType::Decimal32(..) => {
            write(column.as_primitive::<Decimal32Type>().value_as_string(at), out);
        }
        DataType::Decimal64(..) => {
            write(column.as_primitive::<Decimal64Type>().value_as_string(at), out);
        }
        DataType::Decimal128(..) => {
            write(column.as_primitive::<Decimal128Type>().value_as_string(at), out);
        }
        DataType::Decimal256(..) => {
            write(column.as_primitive::<Decimal256Type>().value_as_string(at), out);
        }
        DataType::Utf8 => text(column.as_string::<i32>().value(at), out),
        DataType::LargeUtf8 => text(column.as_string::<i64>().value(at), out),
        DataType::Utf8View => text(column.as_string_view().value(at), out),
        DataType::Binary => bytes(column.as_binary::<i32>().value(at), out),
        DataType::LargeBinary => bytes(column.as_binary::<i64>().value(at), out),
        DataType::FixedSizeBinary(_) => bytes(column.as_fixed_size_binary().value(at), out),
        DataType::Timestamp(unit, _) => {
            let (unit, value) = match unit {
                TimeUnit::Second => {
                    (time::TimeUnit::S, column.as_primitive::<TimestampSecondType>().value(at))
                }
                TimeUnit::Millisecond => (
                    time::TimeUnit::Ms,
                    column.as_primitive::<TimestampMillisecondType>().value(at),
                ),
                TimeUnit::Microsecond => (
                    time::TimeUnit::Us,
                    column.as_primitive::<TimestampMicrosecondType>().value(at),
                ),
                TimeUnit::Nanosecond => {
                    (time::TimeUnit::Ns, column.as_primitive::<TimestampNanosecondType>().value(at))
                }
            };
            // A time that no record may have is refused where it is read as one.
            match unit.to_micros(value) {
                Some(micros) => text(&format_rfc3339(micros), out),
                None => text(&value.to_string(), out),
            }
        }
        DataType::Date32 => {
            quoted(column.as_primitive::<Date32Type>().value_as_date(at), out);
        }
        DataType::Time32(TimeUnit::Millisecond) => {
            quoted(column.as_primitive::<Time32MillisecondType>().value_as_time(at), out);
        }
        DataType::Time64(TimeUnit::Microsecond) => {
            quoted(column.as_primitive::<Time64MicrosecondType>().value_as_time(at), out);
        }
        DataType::Time64(TimeUnit::Nanosecond) => {
            quoted(column.as_primitive::<Time64NanosecondType>().value_as_time(at), out);
        }
        DataType::List(_) => list(&column.as_list::<i32>().value(at), out)?,
        DataType::LargeList(_) => list(&column.as_list::<i64>().value(at), out)?,
        DataType::FixedSizeList(..) => list(&column.as_fixed_size_list().value(at), out)?,
        DataType::Struct(_) => {
            let members = column.as_struct();
            object(members.column_names().into_iter().zip(columns(members)), at, out)?;
        }
        DataType::Map(..) => map(&column.as_map().value(at), out)?,
        other => return Err(format!("there is a column of type {other}, which is not read")),
    }
    Ok(())
}

fn columns(members: &StructArray) -> impl Iterator<Item = &dyn Array> {
    members.columns().iter().map(AsRef::as_ref)
}

fn list(elements: &dyn Array, out: &mut Vec<u8>) -> Result<(), String> {
    out.push(b'[');
    for at in 0..elements.len() {
        if at > 0 {
            out.push(b',');
        }
        value(elements, at, out)?;
    }
    out.push(b']');
    Ok(())
}

/// A map as an object; keys that are no texts are written as texts.
fn map(entries: &StructArray, out: &mut Vec<u8>) -> Result<(), String> {
    let (keys, values) = (entries.column(0), entries.column(1));
    out.push(b'{');
    for at in 0..entries.len() {
        if at > 0 {
            out.push(b',');
        }
        let mut key = Vec::new();
        value(keys, at, &mut key)?;
        match key.first() {
            Some(b'"') => out.append(&mut key),
            _ => text(&String::from_utf8_lossy(&key), out),
        }
        out.push(b':');
        value(values, at, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn write(value: impl Display, out: &mut Vec<u8>) {
    // Writing to memory cannot fail.
    let _ = write!(out, "{value}");
}

/// What JSON has no number for is text, and so no number to whoever wants one.
fn float(is_finite: bool, value: String, out: &mut Vec<u8>) {
    match is_finite {
        true => out.extend_from_slice(value.as_bytes()),
        false => text(&value, out),
    }
}

fn quoted(value: Option<impl Display>, out: &mut Vec<u8>) {
    match value {
        Some(value) => text(&value.to_string(), out),
        None => out.extend_from_slice(b"null"),
    }
}

fn text(value: &str, out: &mut Vec<u8>) {
    let _ = serde_json::to_writer(out, value);
}

/// Bytes without a type are text to many writers. What is none is left as it is, and its row refused for it.
fn bytes(value: &[u8], out: &mut Vec<u8>) {
    match std::str::from_utf8(value) {
        Ok(value) => text(value, out),
        Err(_) => {
            out.push(b'"');
            out.extend_from_slice(value);
            out.push(b'"');
        }
    }
}
