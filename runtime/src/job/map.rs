//! `map = { … }`: where a record's fields stand in a row, when they do not stand under their own names.
//!
//! ```toml
//! map = { task_id = "question.id", choice = "answers.0", event_time = { field = "at", unit = "ms" }, domain = { value = "math" } }
//! map = { agent_id = { field = "score", as = "text" } }
//! map = { agent_id = { key_of = "*" }, number = "*.score" }      # beside each = "…"
//! ```

use quorate_connectors::decode::{Cast, Constant, Field, FieldMap, FieldSource, MEMBER};
use quorate_schemas::record::RecordKind;
use quorate_schemas::time::TimeUnit;
use toml::Spanned;
use toml::de::DeValue;

use super::finding::quoted;
use super::section::{Findings, Given, Section, Wrong, kind_of, nearest};
use super::shape::{Reader, Shape};
use super::source::Format;
use super::value;

/// The deepest path: deeper than any row that a person has written.
const MAX_STEPS: usize = 32;

const FORMS: &str = "write a path such as \"question.id\", or { field = \"at\", unit = \"ms\" }, or { field = \"n\", as = \"text\" }, or { value = \"math\" }, or of members { key_of = \"*\" }";

/// Reads `map` of a source of `kind` whose rows are written in `format`.
pub(super) fn read_map(
    kind: RecordKind,
    format: Format,
    source: &mut Section<'_>,
    found: &mut Findings<'_>,
) -> Given<FieldMap> {
    let mut table = source.section("map", found);
    let span = table.span.clone()?;
    let known = Field::of(kind);
    let mut map = FieldMap::default();
    for field in known {
        table.ask(field.name(), Shape::AnyOf(vec![Shape::Text(""), Shape::Table]));
    }
    for (name, key_span, value) in table.entries() {
        let Some(field) = known.iter().find(|field| field.name() == name) else {
            let names: Vec<&str> = known.iter().map(|field| field.name()).collect();
            let message = format!("is no field of {}", kind.source_key());
            let remedy = match nearest(name, &names) {
                Some(near) => format!(
                    "did you mean `{near}`? The record's field stands left, the row's right"
                ),
                None => format!(
                    "the record's field stands left, the row's right; fields: {}",
                    names.join(", ")
                ),
            };
            found.error(Some(&key_span), &table.key(&quoted(name)), message, remedy);
            continue;
        };
        let key = table.key(name);
        match source_of(*field, format, value, &table, found) {
            Ok(Some(source)) => {
                map.fields.insert(name.to_owned(), source);
            }
            Ok(None) => {}
            Err(wrong) => {
                let span = wrong.span.unwrap_or_else(|| value.span());
                found.error(Some(&span), &key, wrong.message, wrong.remedy);
            }
        }
    }
    // What is no field has been said, in words of its own.
    table.note_keys(found);
    Some(Spanned::new(span, map))
}

/// `Ok(None)` where what is wrong has been noted already.
fn source_of<'t>(
    field: Field,
    format: Format,
    value: &'t Spanned<DeValue<'t>>,
    map: &Section<'t>,
    found: &mut Findings<'_>,
) -> Result<Option<FieldSource>, Wrong> {
    match value.get_ref() {
        DeValue::String(text) => path(format, text).map(|path| Some(FieldSource::Path(path))),
        DeValue::Table(_) => {
            let Some(mut section) = map.table_of(field.name(), value, found) else {
                return Ok(None);
            };
            let place = Reader::new(Shape::Text(""), |value| path(format, value::text(value)?));
            let from = section.take("field", found, place);
            let unit = section.take("unit", found, unit(field));
            let cast = section.take("as", found, cast(field));
            let constant = section.take("value", found, constant());
            let member_key = section.take("key_of", found, key_of());
            let forms = ["field", "value"].map(|form| section.has(form));
            let has_key = section.has("key_of");
            let [has_unit, has_cast] = ["unit", "as"].map(|form| section.has(form));
            section.close(found);
            if has_key {
                return match forms == [false, false] && !has_unit && !has_cast {
                    true => Ok(member_key.map(Spanned::into_inner)),
                    false => Err(Wrong::new("has more beside `key_of`", FORMS)),
                };
            }
            match forms {
                [true, true] => Err(Wrong::new("has both `field` and `value`", FORMS)),
                [false, false] => Err(Wrong::new("has neither `field` nor `value`", FORMS)),
                [false, true] if has_unit => {
                    Err(Wrong::new("a value that is the same for all rows has no unit", FORMS))
                }
                [false, true] if has_cast => Err(Wrong::new(
                    "a value that is the same for all rows is written as what it is",
                    FORMS,
                )),
                [true, false] => Ok(from.map(|path| {
                    let (field, unit) = (path.into_inner(), unit.map(Spanned::into_inner));
                    match (cast.map(Spanned::into_inner), unit) {
                        (Some(cast), unit) => FieldSource::Cast { field, cast, unit },
                        (None, Some(unit)) => FieldSource::Time { field, unit },
                        (None, None) => FieldSource::Path(field),
                    }
                })),
                [false, true] => {
                    Ok(constant.map(|value| FieldSource::Constant { value: value.into_inner() }))
                }
            }
        }
        other => {
            Err(Wrong::new(format!("is {}, should be text or a table", kind_of(other)), FORMS))
        }
    }
}

pub(super) fn path(format: Format, text: &str) -> Result<String, Wrong> {
    // A column has whatever name its header gives it.
    if matches!(format, Format::Csv { .. }) && !text.is_empty() {
        return Ok(text.to_owned());
    }
    let steps = text.split('.').count();
    if steps > MAX_STEPS {
        return Err(Wrong::new(
            format!("has {steps} steps"),
            format!("a path has at most {MAX_STEPS}"),
        ));
    }
    if text.split('.').any(str::is_empty) {
        return Err(Wrong::new(format!("{} is not a path", quoted(text)), FORMS));
    }
    Ok(text.to_owned())
}

fn key_of() -> Reader<impl Fn(&Spanned<DeValue<'_>>) -> Result<FieldSource, Wrong>> {
    Reader::new(Shape::Word(vec![MEMBER]), |value| match value::text(value)? {
        MEMBER => Ok(FieldSource::member_key()),
        other => Err(Wrong::new(
            format!("{} is not what has a key here", quoted(other)),
            "write { key_of = \"*\" }: `*` is the member, of what the source's `each` names",
        )),
    })
}

const CASTS: &[(&str, Cast)] = &[("text", Cast::Text), ("number", Cast::Number)];

fn cast(field: Field) -> Reader<impl Fn(&Spanned<DeValue<'_>>) -> Result<Cast, Wrong>> {
    let word = value::word(CASTS);
    let may = CASTS.iter().filter(|(_, cast)| field.may_be_taken_as(*cast)).map(|(word, _)| *word);
    let may: Vec<&str> = may.collect();
    let shape = if may.is_empty() { Shape::AnyOf(Vec::new()) } else { Shape::Word(may) };
    Reader::new(shape, move |value| {
        let cast = (word.read)(value)?;
        if !field.may_be_taken_as(cast) {
            let message = format!("`{}` is never {}", field.name(), cast.word());
            return Err(Wrong::new(message, "leave `as` out"));
        }
        Ok(cast)
    })
}

const UNITS: &[(&str, TimeUnit)] =
    &[("s", TimeUnit::S), ("ms", TimeUnit::Ms), ("us", TimeUnit::Us), ("ns", TimeUnit::Ns)];

fn unit(field: Field) -> Reader<impl Fn(&Spanned<DeValue<'_>>) -> Result<TimeUnit, Wrong>> {
    let word = value::word(UNITS);
    let shape = if field.is_time() { word.shape } else { Shape::AnyOf(Vec::new()) };
    Reader::new(shape, move |value| {
        if !field.is_time() {
            let message = format!("`{}` is no time and has no unit", field.name());
            return Err(Wrong::new(message, "leave `unit` out"));
        }
        (word.read)(value)
    })
}

fn constant() -> Reader<impl Fn(&Spanned<DeValue<'_>>) -> Result<Constant, Wrong>> {
    let forms = vec![Shape::Text(""), Shape::Number, Shape::Flag];
    Reader::new(Shape::AnyOf(forms), read_constant)
}

fn read_constant(value: &Spanned<DeValue<'_>>) -> Result<Constant, Wrong> {
    let remedy = "write text in quotes, a number, true or false";
    let wrong = || {
        Wrong::new(
            format!("is {}, should be text, a number or a flag", kind_of(value.get_ref())),
            remedy,
        )
    };
    match value.get_ref() {
        DeValue::String(text) => Ok(Constant::Text(text.clone().into_owned())),
        DeValue::Boolean(flag) => Ok(Constant::Flag(*flag)),
        DeValue::Integer(number) => {
            let number = i64::from_str_radix(number.as_str(), number.radix()).ok();
            number
                .map(Constant::Integer)
                .ok_or_else(|| Wrong::new("is out of range", "a whole number has 64 bits"))
        }
        DeValue::Float(number) => {
            let number = number.as_str().parse::<f64>().ok().filter(|number| number.is_finite());
            number.map(Constant::Number).ok_or_else(|| Wrong::new("is not a finite number", remedy))
        }
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => Err(wrong()),
    }
}
