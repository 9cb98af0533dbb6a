//! Reading the tables of a job file, so that all mistakes are found in one pass.
//!
//! Deriving serde's `Deserialize` would stop at the first mistake, and speak of variants and untagged enums. Here each
//! section asks for its keys one by one. A value that cannot be read is noted and taken as not given; a key that
//! nobody asked for is unknown. No list of keys is kept beside the code that reads them, so none can be forgotten.
//!
//! ```text
//! text ──toml──▶ tree of spans ──Section::take──▶ raw section ──resolve──▶ Job
//!                                     │                          │
//!                                     └─────────▶ Findings ◀─────┘
//! ```

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use strsim::damerau_levenshtein;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::finding::{Finding, Severity, quoted};
use super::shape::{Reader, Shape};

/// A value of the file with its place; `None` where the file does not give it, or gives it wrongly.
pub(super) type Given<T> = Option<Spanned<T>>;

/// Why a value cannot be read.
pub(super) struct Wrong {
    /// Narrower than the value, where only a part of it is wrong.
    pub(super) span: Option<Range<usize>>,
    pub(super) message: String,
    pub(super) remedy: String,
}

impl Wrong {
    pub(super) fn new(message: impl Into<String>, remedy: impl Into<String>) -> Wrong {
        Wrong { span: None, message: message.into(), remedy: remedy.into() }
    }

    pub(super) fn at(mut self, span: Range<usize>) -> Wrong {
        self.span = Some(span);
        self
    }
}

/// The keys of one table: what was asked for.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// Each with what its value may be, in the order of asking.
    pub(super) asked: Vec<(&'static str, Shape)>,
    /// Those of them that no table can do without.
    pub(super) required: Vec<&'static str>,
}

impl Keys {
    fn names(&self) -> impl Iterator<Item = &'static str> {
        self.asked.iter().map(|(key, _)| *key)
    }
}

/// One table of the file.
pub(super) struct Section<'t> {
    /// Its name with those above it; empty for the file itself.
    path: String,
    /// Where it begins; `None` for the file itself, and where the file does not have it.
    pub(super) span: Option<Range<usize>>,
    table: &'t DeTable<'t>,
    /// Stands in for tables that the file does not have, so that their keys are asked for all the same.
    empty: &'t DeTable<'t>,
    keys: Keys,
    /// Keys that were answered with what to do instead, so that they are neither unknown nor offered.
    declined: Vec<&'static str>,
}

impl<'t> Section<'t> {
    pub(super) fn root(table: &'t DeTable<'t>, empty: &'t DeTable<'t>) -> Section<'t> {
        Section {
            path: String::new(),
            span: None,
            table,
            empty,
            keys: Keys::default(),
            declined: Vec::new(),
        }
    }

    /// The section `key` of this one.
    fn below(&self, key: &str, span: Option<Range<usize>>, table: &'t DeTable<'t>) -> Section<'t> {
        Section { path: self.key(key), span, ..Section::root(table, self.empty) }
    }

    /// The whole name of `key`.
    pub(super) fn key(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Whether the file has `key` here, readable or not.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Whether the file has `key`, which no table of this kind can do without.
    pub(super) fn requires(&mut self, key: &'static str) -> bool {
        self.keys.required.push(key);
        self.has(key)
    }

    /// Asks for `key` without looking.
    pub(super) fn ask(&mut self, key: &'static str, shape: Shape) {
        self.keys.asked.push((key, shape));
    }

    /// The value of `key`, if it is given and `reader` can read it.
    pub(super) fn take<T>(
        &mut self,
        key: &'static str,
        found: &mut Findings<'_>,
        reader: Reader<impl FnOnce(&'t Spanned<DeValue<'t>>) -> Result<T, Wrong>>,
    ) -> Given<T> {
        let value = self.value(key, reader.shape)?;
        match (reader.read)(value) {
            Ok(read) => Some(Spanned::new(value.span(), read)),
            Err(wrong) => {
                let span = wrong.span.unwrap_or_else(|| value.span());
                found.error(Some(&span), &self.key(key), wrong.message, wrong.remedy);
                None
            }
        }
    }

    /// The value of `key` as it stands, for a key that needs more than one look.
    pub(super) fn value(
        &mut self,
        key: &'static str,
        shape: Shape,
    ) -> Option<&'t Spanned<DeValue<'t>>> {
        self.ask(key, shape);
        self.table.get(key)
    }

    /// Answers a key that people look for here: it is not for this build, or not needed.
    pub(super) fn decline(
        &mut self,
        key: &'static str,
        message: &str,
        remedy: &str,
        found: &mut Findings<'_>,
    ) {
        self.declined.push(key);
        if let Some((written, _)) = self.table.get_key_value(key) {
            found.error(Some(&written.span()), &self.key(key), message, remedy);
        }
    }

    /// The table `key`; an empty one where the file has none.
    pub(super) fn section(&mut self, key: &'static str, found: &mut Findings<'_>) -> Section<'t> {
        self.ask(key, Shape::Table);
        let value = self.table.get(key).and_then(|value| self.table_of(key, value, found));
        value.unwrap_or_else(|| self.below(key, None, self.empty))
    }

    /// The table `key`, or the tables where it is an array of them, or none.
    pub(super) fn sections(
        &mut self,
        key: &'static str,
        found: &mut Findings<'_>,
    ) -> Vec<Section<'t>> {
        let one = Shape::Table;
        self.ask(key, Shape::AnyOf(vec![one.clone(), Shape::List(0, Box::new(one))]));
        match self.table.get(key) {
            None => Vec::new(),
            Some(value) => match value.get_ref() {
                DeValue::Array(tables) => {
                    tables.iter().filter_map(|one| self.table_of(key, one, found)).collect()
                }
                _ => self.table_of(key, value, found).into_iter().collect(),
            },
        }
    }

    /// `value` as a section of its own, for a key that can be a table or something else.
    pub(super) fn table_of(
        &self,
        key: &str,
        value: &'t Spanned<DeValue<'t>>,
        found: &mut Findings<'_>,
    ) -> Option<Section<'t>> {
        match value.get_ref() {
            DeValue::Table(table) => Some(self.below(key, Some(value.span()), table)),
            other => {
                let path = self.key(key);
                let message = format!("is {}, should be a table", kind_of(other));
                found.error(
                    Some(&value.span()),
                    &path,
                    message,
                    format!("write [{path}] and its keys below it"),
                );
                None
            }
        }
    }

    /// Every key with its value, for a table whose keys are the user's own.
    pub(super) fn entries(
        &self,
    ) -> impl Iterator<Item = (&'t str, Range<usize>, &'t Spanned<DeValue<'t>>)> + use<'t> {
        self.table.iter().map(|(key, value)| (key.get_ref().as_ref(), key.span(), value))
    }

    /// Ends the reading: what was not asked for is unknown.
    pub(super) fn close(self, found: &mut Findings<'_>) {
        let answered: Vec<&str> = self.keys.names().chain(self.declined.iter().copied()).collect();
        for (key, span, _) in self.entries().filter(|(key, ..)| !answered.contains(key)) {
            found.unknown.push(Unknown { section: self.path.clone(), key: key.to_owned(), span });
        }
        self.note_keys(found);
    }

    /// Ends the reading of a table whose unknown keys have been told already.
    pub(super) fn note_keys(self, found: &mut Findings<'_>) {
        found.known.push((self.path, self.keys));
    }
}

/// What a value is, in words that fit after "is".
pub(super) fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

struct Unknown {
    section: String,
    key: String,
    span: Range<usize>,
}

/// All that was found so far.
pub(super) struct Findings<'f> {
    file: &'f Path,
    text: &'f str,
    list: Vec<(usize, Finding)>,
    unknown: Vec<Unknown>,
    known: Vec<(String, Keys)>,
}

impl<'f> Findings<'f> {
    pub(super) fn new(file: &'f Path, text: &'f str) -> Findings<'f> {
        Findings { file, text, list: Vec::new(), unknown: Vec::new(), known: Vec::new() }
    }

    /// Notes what keeps the job from running.
    pub(super) fn error(
        &mut self,
        span: Option<&Range<usize>>,
        key: &str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(Severity::Error, span, key, message.into(), remedy.into());
    }

    /// Notes what may not be meant.
    pub(super) fn warn(
        &mut self,
        span: Option<&Range<usize>>,
        key: &str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(Severity::Warning, span, key, message.into(), remedy.into());
    }

    fn add(
        &mut self,
        severity: Severity,
        span: Option<&Range<usize>>,
        key: &str,
        message: String,
        remedy: String,
    ) {
        let whole = Finding::of_file(self.file, message, remedy).about(severity, key);
        let finding = match span {
            Some(span) => whole.at(self.text, span),
            // What is missing belongs at the top, for whoever jumps to it.
            None if severity == Severity::Error => whole.at_the_top(),
            None => whole,
        };
        // What is missing comes first, advice on what was left out last.
        let elsewhere = if severity == Severity::Error { 0 } else { usize::MAX };
        self.list.push((span.map_or(elsewhere, |span| span.start), finding));
    }

    /// The tables that were read, by name, each with its keys.
    pub(super) fn into_tables(self) -> BTreeMap<String, Keys> {
        self.known.into_iter().collect()
    }

    /// Everything, in the order of the file.
    pub(super) fn into_list(mut self) -> Vec<Finding> {
        for unknown in std::mem::take(&mut self.unknown) {
            let (key, remedy) = (unknown.full_key(), self.remedy_for(&unknown));
            self.error(Some(&unknown.span), &key, "unknown key", remedy);
        }
        self.list.sort_by_key(|(place, _)| *place);
        self.list.into_iter().map(|(_, finding)| finding).collect()
    }

    /// The key that was probably meant: one of this section that reads alike, or the same one of another section.
    fn remedy_for(&self, unknown: &Unknown) -> String {
        // Of several sources of a kind each was asked for the same.
        let here = self.known.iter().find(|(section, _)| *section == unknown.section);
        let keys: Vec<&str> = here.map(|(_, keys)| keys.names().collect()).unwrap_or_default();
        if let Some(near) = nearest(&unknown.key, &keys) {
            return format!("did you mean `{near}`?");
        }
        let elsewhere =
            self.known.iter().find(|(_, keys)| keys.names().any(|key| key == unknown.key));
        match elsewhere {
            Some((section, _)) if section.is_empty() => {
                format!("`{}` stands at the top of the file, before any [section]", unknown.key)
            }
            Some((section, _)) => format!("`{}` belongs under [{section}]", unknown.key),
            None => format!("known here: {}", keys.join(", ")),
        }
    }
}

impl Unknown {
    fn full_key(&self) -> String {
        // An unknown key is the file's own text, and may be anything.
        let key = quoted(&self.key);
        let plain = self.key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
            && self.key.len() <= 60;
        let key = if plain { self.key.as_str() } else { key.as_str() };
        if self.section.is_empty() { key.to_owned() } else { format!("{}.{key}", self.section) }
    }
}

/// The one of `words` that `word` is most likely a slip of.
pub(super) fn nearest<'w>(word: &str, words: &[&'w str]) -> Option<&'w str> {
    // Comparing is quadratic, and no slip makes a word this long.
    if word.len() > 64 {
        return None;
    }
    let plain = |text: &str| text.to_lowercase().replace('-', "_");
    let word = plain(word);
    let near =
        words.iter().map(|known| (damerau_levenshtein(&word, &plain(known)), *known)).min()?;
    let slips = (word.chars().count().min(near.1.len()) / 3).clamp(1, 3);
    // `task` for `task_id`: too far away by letters, but the beginning of just one.
    let mut longer = words.iter().filter(|known| word.len() >= 3 && known.starts_with(&word));
    let begun = longer.next().filter(|_| longer.next().is_none());
    if near.0 <= slips { Some(near.1) } else { begun.copied() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_another_word_does_not() {
        let keys = ["finality_after", "forget_after", "cap", "era"];
        assert_eq!(nearest("finality-after", &keys), Some("finality_after"));
        assert_eq!(nearest("forgetafter", &keys), Some("forget_after"));
        assert_eq!(nearest("ear", &keys), Some("era"));
        assert_eq!(nearest("finality", &keys), Some("finality_after"));
        assert_eq!(nearest("threads", &keys), None);
        assert_eq!(nearest(&"x".repeat(10_000), &keys), None);
    }
}
