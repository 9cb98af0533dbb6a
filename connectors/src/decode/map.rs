//! A job's `map`: where each field of a record is found in its rows.

use std::collections::BTreeMap;

use quorate_schemas::time::TimeUnit;
use serde::{Deserialize, Serialize};

use super::cast::Cast;

/// What stands in a path for a member, and in `each` for all that no field is taken from.
pub const MEMBER: &str = "*";

/// Where each field is found, and what of a row is a record of its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FieldMap {
    /// The members of which each is a record; none where a row is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<Each>,
    /// Where a field is found, by the field's name. What is not in it is taken by its own name.
    #[serde(flatten)]
    pub fields: BTreeMap<String, FieldSource>,
}

impl FieldMap {
    /// The same for rows whose members are records.
    pub fn of_each(self, each: Each) -> FieldMap {
        FieldMap { each: Some(each), ..self }
    }
}

impl<N: Into<String>> FromIterator<(N, FieldSource)> for FieldMap {
    fn from_iter<I: IntoIterator<Item = (N, FieldSource)>>(fields: I) -> FieldMap {
        let fields = fields.into_iter().map(|(name, from)| (name.into(), from)).collect();
        FieldMap { each: None, fields }
    }
}

/// What of a row is a record of its own, each of them with what it shares with the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Each {
    /// The members of the object, or the elements of the list, at this path. [`MEMBER`] alone: all keys or columns that no
    /// field is taken from.
    Of(String),
    /// These keys or columns.
    Named(Vec<String>),
}

/// Where one field is found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FieldSource {
    /// By a path: keys of nested objects and indexes of arrays, joined by dots. `question.id` also finds a key that is
    /// itself called `question.id`. One that begins with [`MEMBER`] begins at the member.
    Path(String),
    /// By a path, taken for what it may not be written as.
    Cast {
        /// The path.
        field: String,
        /// What it is taken for.
        #[serde(rename = "as")]
        cast: Cast,
        /// Of a time, the unit of its integers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unit: Option<TimeUnit>,
    },
    /// A time by a path, whose integers are of this unit.
    Time {
        /// The path.
        field: String,
        /// The unit.
        unit: TimeUnit,
    },
    /// The member's key: the name of a column, of a list's element its place. The text is [`MEMBER`].
    KeyOf {
        /// Of which.
        key_of: String,
    },
    /// In no row: it is the same in all of them.
    Constant {
        /// What it is.
        value: Constant,
    },
}

impl FieldSource {
    /// By a path.
    pub fn path(path: &str) -> FieldSource {
        FieldSource::Path(path.to_owned())
    }

    /// A time by a path, whose integers are of `unit`.
    pub fn time(path: &str, unit: TimeUnit) -> FieldSource {
        FieldSource::Time { field: path.to_owned(), unit }
    }

    /// By a path, taken as `cast`.
    pub fn cast(path: &str, cast: Cast) -> FieldSource {
        FieldSource::Cast { field: path.to_owned(), cast, unit: None }
    }

    /// The member's key.
    pub fn member_key() -> FieldSource {
        FieldSource::KeyOf { key_of: MEMBER.to_owned() }
    }

    /// The same in all rows.
    pub fn constant(value: impl Into<Constant>) -> FieldSource {
        FieldSource::Constant { value: value.into() }
    }
}

/// A value that a job file gives in place of a field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Constant {
    /// True or false.
    Flag(bool),
    /// An integer.
    Integer(i64),
    /// A number.
    Number(f64),
    /// Text.
    Text(String),
}

impl From<&str> for Constant {
    fn from(text: &str) -> Constant {
        Constant::Text(text.to_owned())
    }
}

impl From<i64> for Constant {
    fn from(value: i64) -> Constant {
        Constant::Integer(value)
    }
}

impl Constant {
    /// As it would stand in a row; none for a number that JSON does not have.
    pub(crate) fn json(&self) -> Option<String> {
        let value = match self {
            Constant::Flag(value) => serde_json::Value::from(*value),
            Constant::Integer(value) => serde_json::Value::from(*value),
            Constant::Number(value) if !value.is_finite() => return None,
            Constant::Number(value) => serde_json::Value::from(*value),
            Constant::Text(value) => serde_json::Value::from(value.as_str()),
        };
        Some(value.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_reads_as_a_job_file_writes_it() {
        let text = r#"{"task_id": "question.id", "event_time": {"field": "at", "unit": "ms"}, "kind": {"value": "number"}, "choice": {"field": "a", "as": "text"},
            "deadline": {"field": "d", "unit": "s", "as": "number"}}"#;
        let deadline = FieldSource::Cast {
            field: "d".to_owned(),
            cast: Cast::Number,
            unit: Some(TimeUnit::S),
        };
        let expected: FieldMap = [
            ("task_id", FieldSource::path("question.id")),
            ("event_time", FieldSource::time("at", TimeUnit::Ms)),
            ("kind", FieldSource::constant("number")),
            ("choice", FieldSource::cast("a", Cast::Text)),
            ("deadline", deadline),
        ]
        .into_iter()
        .collect();
        assert_eq!(serde_json::from_str::<FieldMap>(text).unwrap(), expected);
        let again = serde_json::to_string(&expected).unwrap();
        assert_eq!(serde_json::from_str::<FieldMap>(&again).unwrap(), expected);
    }

    #[test]
    fn a_map_of_members_reads_as_well() {
        for (text, each) in [
            (r#"{"each":"preds","agent_id":{"key_of":"*"}}"#, Each::Of("preds".to_owned())),
            (r#"{"each":["a"],"agent_id":{"key_of":"*"}}"#, Each::Named(vec!["a".to_owned()])),
        ] {
            let fields: FieldMap = [("agent_id", FieldSource::member_key())].into_iter().collect();
            let expected = fields.of_each(each);
            assert_eq!(serde_json::from_str::<FieldMap>(text).unwrap(), expected);
            assert_eq!(serde_json::to_string(&expected).unwrap(), text);
        }
    }
}
