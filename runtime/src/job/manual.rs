//! What the reference says of each key, for whoever asks by name: its comment, and its default.
//!
//! ```toml
//! # How votes become decisions.              ← of the section below
//! [consensus]
//! lateness = "30s"     # a row this much …   ← of the key, with the lines of comment after it
//! # workers = 4        # threads that …      ← of a key that has no default to show
//! ```

use std::collections::BTreeMap;

use quorate_schemas::record::RecordKind;
use serde_json::Value;

/// The section that shows what holds for sources of every kind.
const SHOWN: RecordKind = RecordKind::Vote;

/// The section that shows what holds for topics of every kind.
const SHOWN_TOPICS: RecordKind = RecordKind::Tick;

/// What is said of a key.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Entry {
    /// What it means.
    pub(super) about: String,
    /// What it is where it is left out, if that is a value.
    pub(super) default: Option<Value>,
}

/// What the reference says.
pub(super) struct Manual {
    entries: BTreeMap<String, Entry>,
}

impl Manual {
    pub(super) fn of(reference: &str) -> Manual {
        let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
        let (mut section, mut last, mut above) = (String::new(), None, String::new());
        for line in reference.lines() {
            if line.starts_with('[') {
                let (heading, beside) = line.split_once('#').unwrap_or((line, ""));
                section = heading.trim().trim_matches(['[', ']']).to_owned();
                let mut about = std::mem::take(&mut above);
                join(&mut about, beside);
                entries.insert(section.clone(), Entry { about, default: None });
                last = None;
            } else if let Some((key, entry)) = shown(line) {
                let key = if section.is_empty() { key } else { format!("{section}.{key}") };
                entries.insert(key.clone(), entry);
                last = Some(key);
                above.clear();
            } else if let Some(comment) = line.trim_start().strip_prefix('#') {
                match last.as_ref().and_then(|key| entries.get_mut(key)) {
                    Some(entry) if line.starts_with(' ') => join(&mut entry.about, comment),
                    _ => join(&mut above, comment.trim_matches('-')),
                }
            }
        }
        Manual { entries }
    }

    /// What is said of the key or section of this full name.
    pub(super) fn entry(&self, path: &str) -> Option<&Entry> {
        let Some(below) = path.strip_prefix("source.") else {
            let all = format!("source.{}", SHOWN.source_key());
            return self.entries.get(if path == "source" { all.as_str() } else { path });
        };
        let (_, key) = below.split_once('.')?;
        // What a map shows are examples.
        let is_example = key.starts_with("map.");
        let is_of_topics = key.starts_with("kafka.");
        let kind = if is_of_topics { SHOWN_TOPICS } else { SHOWN };
        let shown = format!("source.{}.{key}", kind.source_key());
        self.entries.get(&shown).filter(|_| !is_example)
    }
}

/// `key = value  # comment`, which may itself be commented out: then the value is an example.
fn shown(line: &str) -> Option<(String, Entry)> {
    let given = line.strip_prefix("# ");
    let text = given.unwrap_or(line);
    let (key, _) = text.split_once(" = ")?;
    if !key.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
        return None;
    }
    let table: Value = toml::from_str(text).ok()?;
    let value = table.get(key)?.clone();
    // Behind the value, in which there may be a `#` too.
    let about = text.rsplit_once(" # ").map_or("", |(_, about)| about).trim().to_owned();
    let default = (given.is_none() && !about.contains("default:")).then_some(value);
    Some((key.to_owned(), Entry { about, default }))
}

fn join(text: &mut String, more: &str) {
    let more = more.trim();
    if !text.is_empty() && !more.is_empty() {
        text.push(' ');
    }
    text.push_str(more);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_what_its_comment_says_over_all_its_lines() {
        let manual = Manual::of(
            "# Of the whole.\n\nname = \"a # b\"  # the name\n# threads = 4  # how many\n\n# ----\n# Of votes.\n\n\
             [source.votes]  # Of each.\nformat = \"json\"  # one line,\n                   # or two\n[consensus]\ncap = \"off\"",
        );
        let about =
            |path| manual.entry(path).map(|entry| (entry.about.as_str(), entry.default.clone()));
        assert_eq!(about("name"), Some(("the name", Some("a # b".into()))));
        assert_eq!(about("threads"), Some(("how many", None)));
        assert_eq!(about("source.gold.format"), Some(("one line, or two", Some("json".into()))));
        assert_eq!(about("consensus.cap"), Some(("", Some("off".into()))));
        assert_eq!(about("source.gold.map.name"), None);
        assert_eq!(about("source"), Some(("Of votes. Of each.", None)));
        assert_eq!(about("other"), None);
    }
}
