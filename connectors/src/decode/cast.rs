//! Taking a value for what it is not written as, because the job says so.

use std::borrow::Cow;

use quorate_schemas::table::RejectReason::WrongType;
use serde::{Deserialize, Serialize};

use super::field::Field;
use super::refusal::Refusal;
use super::row::refuse;
use super::scalar::Scalar;

/// What a value is taken for, however it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cast {
    /// Text: a number by its digits as they are written, a flag as `true` or `false`.
    Text,
    /// A number: text that is one as JSON writes it.
    Number,
}

impl Cast {
    /// The word in job files.
    pub fn word(self) -> &'static str {
        match self {
            Cast::Text => "text",
            Cast::Number => "number",
        }
    }

    /// `scalar`, taken so. Null stays null: what is not there is no text and no number.
    pub(crate) fn apply<'a>(
        self,
        field: Field,
        scalar: Scalar<'a>,
        raw: &str,
    ) -> Result<Scalar<'a>, Refusal> {
        let wrong = |what: &str| {
            let shown = super::json::describe(raw);
            Err(refuse(WrongType, field, format!("cannot be taken as {what}: {shown}")))
        };
        match (self, scalar) {
            (_, Scalar::Null) => Ok(Scalar::Null),
            (Cast::Text, Scalar::Text(text)) => Ok(Scalar::Text(text)),
            (Cast::Text, Scalar::Integer(text) | Scalar::Number(text)) => {
                Ok(Scalar::Text(Cow::Borrowed(text)))
            }
            (Cast::Text, Scalar::Flag(flag)) => {
                Ok(Scalar::Text(Cow::Borrowed(if flag { "true" } else { "false" })))
            }
            (Cast::Text, _) => wrong("text"),
            (Cast::Number, number @ (Scalar::Integer(_) | Scalar::Number(_))) => Ok(number),
            // Text with an escape in it is not borrowed, and nobody escapes digits.
            (Cast::Number, Scalar::Text(Cow::Borrowed(text))) => {
                Scalar::number(text).map_or_else(|| wrong("a number"), Ok)
            }
            (Cast::Number, _) => wrong("a number"),
        }
    }
}
