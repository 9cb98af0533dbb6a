//! One JSON value by its raw text.

use std::borrow::Cow;

use quorate_schemas::table::RejectReason;

use super::field::Field;
use super::json::describe;
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
            [b'"', inner @ .., b'"'] if !inner.contains(&b'\\') => {
                Scalar::Text(Cow::Borrowed(&raw[1..raw.len() - 1]))
            }
            [b'"', ..] => Scalar::Text(Cow::Owned(serde_json::from_str(raw).map_err(|_| {
                // Half of a surrogate pair is all that is left to be wrong in a checked text.
                let detail = format!(
                    "`{}` has an escape that is no character: {}",
                    field.name(),
                    describe(raw)
                );
                Refusal::new(RejectReason::InvalidJson, detail)
            })?)),
            number if number.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E')) => {
                Scalar::Number(raw)
            }
            _ => Scalar::Integer(raw),
        })
    }
}
