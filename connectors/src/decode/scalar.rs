//! One JSON value by its raw text.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use super::field::{Field, Shape};
use super::flat;
use super::json;
use super::refusal::Refusal;

/// A JSON value, not read further than needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scalar<'a> {
    Null,
    Flag(bool),
    /// A number whose text is an integer.
    Integer(&'a str),
    /// Any other number.
    Number(&'a str),
    Text(Cow<'a, str>),
    Array(&'a str),
    Object(&'a str),
}

impl<'a> Scalar<'a> {
    /// The value whose raw text, checked and without white space around it, is `raw`.
    pub(crate) fn read(field: Field, raw: &'a str) -> Result<Scalar<'a>, Refusal> {
        Ok(match raw.as_bytes() {
            b"null" => Scalar::Null,
            b"true" => Scalar::Flag(true),
            b"false" => Scalar::Flag(false),
            [b'[', ..] => Scalar::Array(raw),
            [b'{', ..] => Scalar::Object(raw),
            [b'"', ..] => Scalar::Text(json::text(raw).map_err(|refusal| {
                let detail = format!("`{}` {}", field.name(), refusal.detail);
                Refusal::new(refusal.reason, detail)
            })?),
            _ => Scalar::written(raw),
        })
    }

    /// The value of a cell, by what the field holds: cells have no types of their own. An empty one is null. Lists and
    /// objects are JSON.
    pub(crate) fn of_cell(field: Field, cell: &'a str) -> Scalar<'a> {
        let read = match (field.shape(), cell.as_bytes().first()) {
            (_, None) => Some(Scalar::Null),
            (Shape::Number | Shape::Integer | Shape::Time, _) => Scalar::number(cell),
            (Shape::List, Some(b'[')) if is_json(cell) => Some(Scalar::Array(cell.trim_end())),
            (Shape::Object, Some(b'{')) if is_json(cell) => Some(Scalar::Object(cell.trim_end())),
            _ => None,
        };
        // What could not be read so is refused as the same text would be in JSON.
        read.unwrap_or(Scalar::Text(Cow::Borrowed(cell)))
    }

    /// The number that `text` is, if it is one as JSON writes it.
    pub(crate) fn number(text: &'a str) -> Option<Scalar<'a>> {
        flat::is_number(text).then(|| Scalar::written(text))
    }

    fn written(number: &'a str) -> Scalar<'a> {
        match number.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
            true => Scalar::Number(number),
            false => Scalar::Integer(number),
        }
    }
}

/// Checked without being built, and without recursion.
fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}
