//! The wanted fields of one row, and what may stand in them.

use std::str::FromStr;

use quorate_schemas::id::{MAX_ID_BYTES, Name};
use quorate_schemas::record::Number;
use quorate_schemas::table::RejectReason::{self, EventTime, MissingField, OutOfRange, WrongType};
use quorate_schemas::time::{Micros, TimeUnit, parse_rfc3339};

use super::cast::Cast;
use super::field::Field;
use super::json::{self, Segment, describe};
use super::refusal::Refusal;
use super::scalar::Scalar;

/// The longest label (and any other short text that is no id), in bytes.
pub const LABEL_BYTES_MAX: usize = 1024;

/// The most elements that an array in a row may have.
const ELEMENTS_MAX: usize = 100_000;

/// How what stands in a field is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    /// The text of a cell.
    Cell,
}

/// How a field is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(crate) form: Form,
    pub(crate) cast: Option<Cast>,
    /// Of a time's integers.
    pub(crate) unit: Option<TimeUnit>,
}

/// One row's fields, as they are written.
#[derive(Clone)]
pub(crate) struct Row<'a> {
    raw: [Option<&'a str>; Field::COUNT],
    rules: &'a [Rule; Field::COUNT],
}

impl<'a> Row<'a> {
    pub(crate) fn new(rules: &'a [Rule; Field::COUNT]) -> Row<'a> {
        Row { raw: [None; Field::COUNT], rules }
    }

    pub(crate) fn put(&mut self, field: Field, raw: Option<&'a str>) {
        self.raw[field as usize] = raw;
    }

    /// What stands in the field; none where it is missing, `Null` where it is null.
    pub(crate) fn scalar(&self, field: Field) -> Result<Option<Scalar<'a>>, Refusal> {
        let Some(raw) = self.raw[field as usize] else { return Ok(None) };
        let rule = &self.rules[field as usize];
        let scalar = match rule.form {
            Form::Json => Scalar::read(field, raw)?,
            Form::Cell => Scalar::of_cell(field, raw),
        };
        match rule.cast {
            None => Ok(Some(scalar)),
            Some(cast) => cast.apply(field, scalar, raw).map(Some),
        }
    }

    /// The same, but null is missing.
    fn given(&self, field: Field) -> Result<Option<Scalar<'a>>, Refusal> {
        Ok(self.scalar(field)?.filter(|scalar| *scalar != Scalar::Null))
    }

    /// An id: text, or an integer made text.
    pub(crate) fn id(&self, field: Field) -> Result<Name, Refusal> {
        let name = match self.given(field)? {
            None => return Err(missing(field)),
            Some(scalar) => self.id_of(field, scalar)?,
        };
        if name.is_empty() { Err(refuse(OutOfRange, field, "is empty")) } else { Ok(name) }
    }

    /// An id that may be missing, null or empty.
    pub(crate) fn optional_id(&self, field: Field) -> Result<Option<Name>, Refusal> {
        let name = self.given(field)?.map(|scalar| self.id_of(field, scalar)).transpose()?;
        Ok(name.filter(|name| !name.is_empty()))
    }

    fn id_of(&self, field: Field, scalar: Scalar<'a>) -> Result<Name, Refusal> {
        let name = match &scalar {
            Scalar::Text(text) => text.as_ref(),
            Scalar::Integer(digits) => digits,
            _ => return Err(self.wrong_type(field, "text or an integer")),
        };
        check_id(field, name)?;
        Ok(Name::new(name))
    }

    /// Ids in an array; none where it is missing or null.
    pub(crate) fn ids(&self, field: Field) -> Result<Vec<Name>, Refusal> {
        self.elements(field)?
            .into_iter()
            .map(|element| {
                let name = self.id_of(field, element)?;
                if name.is_empty() {
                    Err(refuse(OutOfRange, field, "has an empty element"))
                } else {
                    Ok(name)
                }
            })
            .collect()
    }

    /// A label: text, a number or a flag, as text. Empty text is a label here.
    pub(crate) fn label_of(&self, field: Field, scalar: Scalar<'a>) -> Result<Name, Refusal> {
        let label = match scalar {
            Scalar::Text(text) => Name::new(text),
            Scalar::Flag(true) => Name::const_new("true"),
            Scalar::Flag(false) => Name::const_new("false"),
            // -0 is 0; other integers have one text each, and keep every digit.
            Scalar::Integer("-0") => Name::const_new("0"),
            Scalar::Integer(digits) => Name::new(digits),
            // As a number's vote is labelled, so that 2.50 and 2.5 are one answer.
            Scalar::Number(_) => {
                let number = self.number_of(field, scalar)?;
                quorate_schemas::record::Value::Number(number).label().unwrap_or_default()
            }
            Scalar::Null | Scalar::Array(_) | Scalar::Object(_) => {
                return Err(self.wrong_type(field, "text, a number or true or false"));
            }
        };
        if label.len() > LABEL_BYTES_MAX {
            let problem =
                format!("has {} bytes, at most {LABEL_BYTES_MAX} are allowed", label.len());
            return Err(refuse(OutOfRange, field, problem));
        }
        Ok(label)
    }

    /// A label that must be there and is not empty.
    pub(crate) fn label(&self, field: Field) -> Result<Name, Refusal> {
        let label = match self.given(field)? {
            None => return Err(missing(field)),
            Some(scalar) => self.label_of(field, scalar)?,
        };
        if label.is_empty() { Err(refuse(OutOfRange, field, "is empty")) } else { Ok(label) }
    }

    /// A label that may be missing, null or empty.
    pub(crate) fn optional_label(&self, field: Field) -> Result<Option<Name>, Refusal> {
        let label = self.given(field)?.map(|scalar| self.label_of(field, scalar)).transpose()?;
        Ok(label.filter(|label| !label.is_empty()))
    }

    /// Labels in an array; none where it is missing or null.
    pub(crate) fn labels(&self, field: Field) -> Result<Vec<Name>, Refusal> {
        self.elements(field)?.into_iter().map(|element| self.label_of(field, element)).collect()
    }

    /// The elements of an array; none where it is missing or null.
    pub(crate) fn elements(&self, field: Field) -> Result<Vec<Scalar<'a>>, Refusal> {
        match self.given(field)? {
            None => Ok(Vec::new()),
            Some(Scalar::Array(raw)) => {
                let elements = json::elements(raw, ELEMENTS_MAX).map_err(|_| {
                    refuse(OutOfRange, field, format!("has more than {ELEMENTS_MAX} elements"))
                })?;
                elements.into_iter().map(|raw| Scalar::read(field, raw)).collect()
            }
            Some(_) => Err(self.wrong_type(field, "an array")),
        }
    }

    /// What stands under `key` in the object `raw` of this field.
    pub(crate) fn member(
        &self,
        field: Field,
        raw: &'a str,
        key: &str,
    ) -> Result<Option<Scalar<'a>>, Refusal> {
        let member = json::below(raw, &[Segment::new(key)])?;
        Ok(member
            .map(|raw| Scalar::read(field, raw))
            .transpose()?
            .filter(|scalar| *scalar != Scalar::Null))
    }

    /// A finite number.
    pub(crate) fn number_of(&self, field: Field, scalar: Scalar<'a>) -> Result<Number, Refusal> {
        let (Scalar::Integer(text) | Scalar::Number(text)) = scalar else {
            return Err(self.wrong_type(field, "a number"));
        };
        // Rust reads any number of JSON, to the nearest double; too great a one as infinity.
        text.parse().ok().and_then(Number::new).ok_or_else(|| {
            refuse(
                OutOfRange,
                field,
                format!("is greater than any number kept: {}", describe(text)),
            )
        })
    }

    /// An integer that may be missing or null.
    pub(crate) fn integer<T: FromStr>(&self, field: Field) -> Result<Option<T>, Refusal> {
        match self.given(field)? {
            None => Ok(None),
            Some(Scalar::Integer(digits)) => {
                let range = || {
                    refuse(
                        OutOfRange,
                        field,
                        format!("lies outside what is allowed: {}", describe(digits)),
                    )
                };
                digits.parse().map(Some).map_err(|_| range())
            }
            Some(_) => Err(self.wrong_type(field, "an integer")),
        }
    }

    /// One of a few words; none where it is missing or null.
    pub(crate) fn word<T: Copy>(
        &self,
        field: Field,
        words: &[(&str, T)],
    ) -> Result<Option<T>, Refusal> {
        let given = match self.given(field)? {
            None => return Ok(None),
            Some(Scalar::Text(text)) => text,
            Some(_) => return Err(self.wrong_type(field, "a word")),
        };
        match words.iter().find(|(word, _)| *word == given) {
            Some((_, meaning)) => Ok(Some(*meaning)),
            None => {
                let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                let problem = format!("must be one of {}: {}", known.join(", "), describe(&given));
                Err(refuse(OutOfRange, field, problem))
            }
        }
    }

    /// A time that must be there.
    pub(crate) fn time(&self, field: Field) -> Result<Micros, Refusal> {
        self.optional_time(field)?.ok_or_else(|| missing(field))
    }

    /// A time that may be missing or null: RFC 3339, or an integer of the unit that the job states.
    pub(crate) fn optional_time(&self, field: Field) -> Result<Option<Micros>, Refusal> {
        let reason = if field == Field::EventTime { EventTime } else { OutOfRange };
        let Some(scalar) = self.given(field)? else { return Ok(None) };
        let time = match (&scalar, self.rules[field as usize].unit) {
            (Scalar::Text(text), _) => parse_rfc3339(text),
            (Scalar::Integer(digits), Some(unit)) => {
                digits.parse().ok().and_then(|value| unit.to_micros(value))
            }
            (Scalar::Integer(_), None) => {
                let name = field.name();
                let problem = format!(
                    "is an integer, and the job states no unit: map = {{ {name} = {{ field = \"…\", unit = \"ms\" }} }}"
                );
                return Err(refuse(reason, field, problem));
            }
            _ => None,
        };
        time.map(Some).ok_or_else(|| {
            let problem = format!(
                "must be RFC 3339, or an integer of a stated unit, in the years 1 to 9999: {}",
                self.shown(field)
            );
            refuse(reason, field, problem)
        })
    }

    fn wrong_type(&self, field: Field, expected: &str) -> Refusal {
        refuse(WrongType, field, format!("must be {expected}: {}", self.shown(field)))
    }

    fn shown(&self, field: Field) -> String {
        describe(self.raw[field as usize].unwrap_or_default())
    }
}

/// The rules for every id: bounded, and free of control characters (one of them is used inside names).
pub(crate) fn check_id(field: Field, name: &str) -> Result<(), Refusal> {
    if name.len() > MAX_ID_BYTES {
        let problem = format!("has {} bytes, at most {MAX_ID_BYTES} are allowed", name.len());
        return Err(refuse(OutOfRange, field, problem));
    }
    // Most are of letters, digits and marks; only of the others it takes a look at each character.
    let is_plain = name.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if !is_plain && name.chars().any(char::is_control) {
        return Err(refuse(
            OutOfRange,
            field,
            format!("has a control character: {}", describe(name)),
        ));
    }
    Ok(())
}

/// A field that must be there and is not.
pub(crate) fn missing(field: Field) -> Refusal {
    refuse(MissingField, field, "is missing")
}

/// A refusal over one field.
pub(crate) fn refuse(reason: RejectReason, field: Field, problem: impl AsRef<str>) -> Refusal {
    Refusal::new(reason, format!("`{}` {}", field.name(), problem.as_ref()))
}
