//! Picking fields out of JSON text, each as the raw text of its value.
//!
//! The values in between are checked and skipped without being built. serde_json skips them without recursion, and
//! only a map's path descends: so the nesting of a row, which its sender chooses, costs no stack.

use std::borrow::Cow;
use std::fmt;

use quorate_schemas::table::RejectReason;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;
use smallvec::SmallVec;

use super::flat;
use super::refusal::Refusal;

/// One step of a path into nested JSON.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    key: Box<str>,
    index: Option<usize>,
}

impl Segment {
    pub(crate) fn new(text: &str) -> Segment {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        Segment { key: text.into(), index: digits.then(|| text.parse().ok()).flatten() }
    }
}

/// Room for the fields of most rows without an allocation.
pub(crate) type Found<'a> = SmallVec<[Option<&'a str>; 12]>;

/// The raw values of the top-level `keys` of the one object that `text` is.
pub(crate) fn fields<'a>(text: &'a str, keys: &[Box<str>]) -> Result<Found<'a>, Refusal> {
    // Most rows are flat and free of escapes. What is not, and what is wrong, is for the parser that knows everything.
    let mut found = Found::from_elem(None, keys.len());
    match flat::fields(text, keys, &mut found) {
        Some(()) => Ok(found),
        None => whole(text, keys),
    }
}

/// The same of any object, and why it is none.
pub(crate) fn whole<'a>(text: &'a str, keys: &[Box<str>]) -> Result<Found<'a>, Refusal> {
    if !text.trim_start().starts_with('{') {
        let found = describe(text.trim_start());
        return Err(Refusal::new(
            RejectReason::InvalidJson,
            format!("expected an object, found {found}"),
        ));
    }
    read(text, Wanted(keys))
}

/// The raw value at the end of a path below `raw`, if there is one.
pub(crate) fn below<'a>(raw: &'a str, path: &[Segment]) -> Result<Option<&'a str>, Refusal> {
    let mut here = raw;
    for segment in path {
        let found = match (here.as_bytes().first(), segment.index) {
            (Some(b'{'), _) => {
                read(here, Wanted(std::slice::from_ref(&segment.key)))?.pop().flatten()
            }
            (Some(b'['), Some(index)) => read(here, Nth(index))?,
            _ => None,
        };
        match found {
            Some(next) => here = next,
            None => return Ok(None),
        }
    }
    Ok(Some(here))
}

/// The raw values of the array that `raw` is; at most `max` of them are looked at.
pub(crate) fn elements(raw: &str, max: usize) -> Result<Vec<&str>, Refusal> {
    read(raw, Elements(max))
}

/// The raw members of the object that `raw` is, keys with their quotes; at most `max` of them.
pub(crate) fn members(raw: &str, max: usize) -> Result<Vec<(&str, &str)>, Refusal> {
    read(raw, Members(max))
}

/// The text that a string is, `raw` with its quotes.
pub(crate) fn text(raw: &str) -> Result<Cow<'_, str>, Refusal> {
    match raw.as_bytes() {
        [b'"', inner @ .., b'"'] if !inner.contains(&b'\\') => {
            Ok(Cow::Borrowed(&raw[1..raw.len() - 1]))
        }
        // Half of a surrogate pair is all that is left to be wrong in a checked text.
        _ => serde_json::from_str(raw).map(Cow::Owned).map_err(|_| {
            let detail = format!("has an escape that is no character: {}", describe(raw));
            Refusal::new(RejectReason::InvalidJson, detail)
        }),
    }
}

/// A piece of a row for a message: short, on one line.
pub(crate) fn describe(raw: &str) -> String {
    const SHOWN: usize = 60;
    let plain = |c: char| if c.is_control() { c.escape_debug().to_string() } else { c.to_string() };
    let shown: String = raw.chars().take(SHOWN).map(plain).collect();
    match raw.chars().nth(SHOWN) {
        _ if raw.is_empty() => "nothing".to_owned(),
        None => shown,
        Some(_) => format!("{shown}…"),
    }
}

fn read<'a, S: DeserializeSeed<'a>>(text: &'a str, seed: S) -> Result<S::Value, Refusal> {
    let mut from = serde_json::Deserializer::from_str(text);
    let value = seed.deserialize(&mut from).and_then(|value| from.end().map(|()| value));
    value.map_err(|error| {
        let column = error.column();
        let text = error.to_string();
        // A row is one line: of its place only the column says something.
        let what = text.split(" at line ").next().unwrap_or_default();
        Refusal::new(RejectReason::InvalidJson, format!("{what} at column {column}"))
    })
}

/// The values of these keys; of equal keys the last one's.
struct Wanted<'k>(&'k [Box<str>]);

impl<'de> DeserializeSeed<'de> for Wanted<'_> {
    type Value = Found<'de>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Wanted<'_> {
    type Value = Found<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = Found::from_elem(None, self.0.len());
        while let Some(at) = map.next_key_seed(KeyOf(self.0))? {
            match at {
                Some(at) => found[at] = Some(map.next_value::<&RawValue>()?.get()),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }
}

/// Which of these keys it is, if it is one.
struct KeyOf<'k>(&'k [Box<str>]);

impl<'de> DeserializeSeed<'de> for KeyOf<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyOf<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|wanted| **wanted == *key))
    }
}

/// The element at this index.
struct Nth(usize);

impl<'de> DeserializeSeed<'de> for Nth {
    type Value = Option<&'de str>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Nth {
    type Value = Option<&'de str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        for at in 0usize.. {
            let more = match at == self.0 {
                true => {
                    found = array.next_element::<&RawValue>()?.map(RawValue::get);
                    found.is_some()
                }
                false => array.next_element::<IgnoredAny>()?.is_some(),
            };
            if !more {
                break;
            }
        }
        Ok(found)
    }
}

/// All elements, up to a number.
struct Elements(usize);

impl<'de> DeserializeSeed<'de> for Elements {
    type Value = Vec<&'de str>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Elements {
    type Value = Vec<&'de str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some(element) = array.next_element::<&RawValue>()? {
            if found.len() == self.0 {
                return Err(A::Error::custom(format_args!("more than {} elements", self.0)));
            }
            found.push(element.get());
        }
        Ok(found)
    }
}

/// All members, up to a number.
struct Members(usize);

impl<'de> DeserializeSeed<'de> for Members {
    type Value = Vec<(&'de str, &'de str)>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(&'de str, &'de str)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some((key, value)) = map.next_entry::<&RawValue, &RawValue>()? {
            if found.len() == self.0 {
                return Err(A::Error::custom(format_args!("more than {} members", self.0)));
            }
            found.push((key.get(), value.get()));
        }
        Ok(found)
    }
}
