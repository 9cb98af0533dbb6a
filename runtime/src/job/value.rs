//! Reading single values: each function takes a value of the tree and says what is wrong with it in full.

use std::fmt::Display;
use std::ops::RangeInclusive;

use quorate_schemas::ratio::Ratio;
use quorate_schemas::time::Micros;
use toml::Spanned;
use toml::de::DeValue;

use super::finding::{plain, quoted};
use super::section::{Wrong, kind_of, nearest};
use super::shape::{Reader, Shape};
use super::units::{Size, Span, parse_size, parse_span};

pub(super) type Value<'t> = Spanned<DeValue<'t>>;

/// What text that is not blank has in it.
pub(super) const FILLED: &str = r"\S";

/// The longest name a job or a source may have.
const NAME_BYTES: usize = 128;

fn not(value: &DeValue<'_>, expected: &str, remedy: impl Into<String>) -> Wrong {
    Wrong::new(format!("is {}, should be {expected}", kind_of(value)), remedy)
}

/// Text.
pub(super) fn text<'t>(value: &'t Value<'_>) -> Result<&'t str, Wrong> {
    value.get_ref().as_str().ok_or_else(|| not(value.get_ref(), "text", "put it in quotes"))
}

/// Text that is not blank.
pub(super) fn filled<'t>(value: &'t Value<'_>) -> Result<&'t str, Wrong> {
    let text = text(value)?;
    if text.trim().is_empty() {
        Err(Wrong::new("is empty", "write it, or leave the key out"))
    } else {
        Ok(text)
    }
}

/// A name that is safe in tables, paths and metrics.
pub(super) fn name() -> Reader<impl Fn(&Value<'_>) -> Result<String, Wrong>> {
    Reader::new(Shape::Text("^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$"), read_name)
}

fn read_name(value: &Value<'_>) -> Result<String, Wrong> {
    let name = filled(value)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if name.len() > NAME_BYTES
        || !name.chars().all(allowed)
        || !name.starts_with(|c: char| c.is_ascii_alphanumeric())
    {
        let message = format!("{} is not a name", quoted(name));
        return Err(Wrong::new(
            message,
            format!(
                "use up to {NAME_BYTES} ASCII letters, digits, `_`, `-` and `.`, a letter or digit first"
            ),
        ));
    }
    Ok(name.to_owned())
}

/// `true` or `false`.
pub(super) fn flag() -> Reader<impl Fn(&Value<'_>) -> Result<bool, Wrong>> {
    Reader::new(Shape::Flag, |value| {
        let remedy = "write true or false, without quotes";
        value.get_ref().as_bool().ok_or_else(|| not(value.get_ref(), "true or false", remedy))
    })
}

/// A whole number within `range`.
pub(super) fn whole(
    range: RangeInclusive<u64>,
) -> Reader<impl Fn(&Value<'_>) -> Result<u64, Wrong>> {
    Reader::new(Shape::Whole(range.clone()), move |value| {
        let number = value.get_ref().as_integer().ok_or_else(|| {
            not(
                value.get_ref(),
                "a whole number",
                format!("write a number such as {}, without quotes", range.start()),
            )
        })?;
        let read = u64::from_str_radix(number.as_str(), number.radix()).ok();
        read.filter(|read| range.contains(read)).ok_or_else(|| outside(number, &range))
    })
}

/// As [`whole`], for numbers of 32 bits.
pub(super) fn count(
    range: RangeInclusive<u32>,
) -> Reader<impl Fn(&Value<'_>) -> Result<u32, Wrong>> {
    let wide = whole(u64::from(*range.start())..=u64::from(*range.end()));
    wide.and_then(|read| Ok(u32::try_from(read).unwrap_or(u32::MAX)))
}

/// A span of time within `range`.
pub(super) fn span(
    range: RangeInclusive<Micros>,
) -> Reader<impl Fn(&Value<'_>) -> Result<Micros, Wrong>> {
    Reader::new(Shape::Span(range.clone()), move |value| {
        const EXAMPLES: &str =
            "write a number with its unit, such as \"30s\", \"10m\", \"1h30m\" or \"250ms\"";
        let text = value
            .get_ref()
            .as_str()
            .ok_or_else(|| not(value.get_ref(), "a span of time", EXAMPLES))?;
        let read = parse_span(text).ok_or_else(|| {
            Wrong::new(format!("{} is not a span of time", quoted(text)), EXAMPLES)
        })?;
        let shown = Span(*range.start())..=Span(*range.end());
        if range.contains(&read) { Ok(read) } else { Err(outside(&quoted(text), &shown)) }
    })
}

/// A number of bytes within `range`.
pub(super) fn size(
    range: RangeInclusive<u64>,
) -> Reader<impl Fn(&Value<'_>) -> Result<u64, Wrong>> {
    Reader::new(Shape::Size(range.clone()), move |value| {
        const EXAMPLES: &str =
            "write a number with its unit, such as \"64KiB\", \"16MiB\" or \"1GB\"";
        let text = value
            .get_ref()
            .as_str()
            .ok_or_else(|| not(value.get_ref(), "a number of bytes", EXAMPLES))?;
        let read = parse_size(text).ok_or_else(|| {
            Wrong::new(format!("{} is not a number of bytes", quoted(text)), EXAMPLES)
        })?;
        let shown = Size(*range.start())..=Size(*range.end());
        if range.contains(&read) { Ok(read) } else { Err(outside(&quoted(text), &shown)) }
    })
}

/// An exact share between 0 and 1.
pub(super) fn share() -> Reader<impl Fn(&Value<'_>) -> Result<Ratio, Wrong>> {
    Reader::new(Shape::Share, read_share)
}

fn read_share(value: &Value<'_>) -> Result<Ratio, Wrong> {
    // The text of a number, not its binary approximation: 0.1 is one tenth.
    let text = match value.get_ref() {
        DeValue::String(text) => text.as_ref(),
        DeValue::Float(number) => number.as_str(),
        DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
        other => return Err(not(other, "a share between 0 and 1", SHARES)),
    };
    text.parse()
        .map_err(|_| Wrong::new(format!("{} is not a share between 0 and 1", quoted(text)), SHARES))
}

const SHARES: &str =
    "write a ratio such as \"2/3\", or a decimal of at most six places such as \"0.5\"";

/// One of a few words.
pub(super) fn word<T: Copy>(
    words: &'static [(&'static str, T)],
) -> Reader<impl Fn(&Value<'_>) -> Result<T, Wrong>> {
    let names: Vec<&'static str> = words.iter().map(|(name, _)| *name).collect();
    Reader::new(Shape::Word(names.clone()), move |value| {
        let listed = format!(
            "write one of {}",
            names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
        );
        let text =
            value.get_ref().as_str().ok_or_else(|| not(value.get_ref(), "text", listed.clone()))?;
        let found = words.iter().find(|(name, _)| *name == text);
        found.map(|(_, meant)| *meant).ok_or_else(|| {
            let remedy =
                nearest(text, &names).map_or(listed, |near| format!("did you mean \"{near}\"?"));
            Wrong::new(format!("{} is not known here", quoted(text)), remedy)
        })
    })
}

fn outside(value: &impl Display, range: &RangeInclusive<impl Display>) -> Wrong {
    // Of a number the TOML parser may have left unread what stands in it.
    Wrong::new(
        format!("{} is out of range", plain(&value.to_string())),
        format!("write something from {} to {}", range.start(), range.end()),
    )
}
