//! Which topics a source reads, and how.

use std::fmt;

use regex::Regex;

use super::connection::Connection;
use super::schema::{Encoding, RegistrySpec};

/// What a job says of a source's topics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    /// How brokers are reached.
    pub connection: Connection,
    /// Which topics.
    pub topics: Vec<TopicPattern>,
    /// How values are written.
    pub encoding: Encoding,
    /// Where their schemas are found.
    pub registry: Option<RegistrySpec>,
    /// Where a partition begins that the log does not know.
    pub start: Start,
    /// What happens where rows are gone before they were read.
    pub gone: Gone,
    /// What messages without a value are.
    pub tombstones: Tombstones,
    /// Which messages of producers that use transactions are read.
    pub isolation: Isolation,
    /// The consumer group that is told how far the job is.
    pub group: String,
}

/// A topic, or those whose names match.
#[derive(Clone, Debug)]
pub enum TopicPattern {
    /// The topic of this name.
    Name(String),
    /// Every topic that the expression finds, but for the brokers' own.
    Matching(Regex),
}

impl TopicPattern {
    /// A name, or an expression that begins with `^`.
    ///
    /// # Errors
    /// Why it is neither, in words that fit after it.
    pub fn parse(text: &str) -> Result<TopicPattern, String> {
        if text.starts_with('^') {
            // The library's message is of several lines; its last one says it.
            return Regex::new(text).map(TopicPattern::Matching).map_err(|error| {
                let said = error.to_string();
                let last = said.lines().last().unwrap_or_default().trim_start_matches("error: ");
                format!("is not a regular expression: {last}")
            });
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if text.is_empty()
            || text.len() > 249
            || !text.bytes().all(plain)
            || text == "."
            || text == ".."
        {
            return Err("is not the name of a topic".to_owned());
        }
        Ok(TopicPattern::Name(text.to_owned()))
    }

    /// Whether the topic of this name is meant.
    pub fn is_for(&self, topic: &str) -> bool {
        match self {
            TopicPattern::Name(name) => name == topic,
            TopicPattern::Matching(expression) => {
                !topic.starts_with("__") && expression.is_match(topic)
            }
        }
    }
}

impl PartialEq for TopicPattern {
    fn eq(&self, other: &TopicPattern) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Eq for TopicPattern {}

impl fmt::Display for TopicPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TopicPattern::Name(name) => f.write_str(name),
            TopicPattern::Matching(expression) => f.write_str(expression.as_str()),
        }
    }
}

/// Where a partition begins that the log does not know. One that is found while the job runs begins at its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the first message that there is.
    Earliest,
    /// With the next one that comes.
    Latest,
}

/// What happens where rows are gone before they were read: deleted by age or size, or with their topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// The job stops and says which.
    Fail,
    /// It goes on with the first that is left.
    Earliest,
    /// It goes on with the next that comes.
    Latest,
}

/// What messages without a value are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tombstones {
    /// Rows that can't be used.
    Reject,
    /// No rows.
    Skip,
}

/// Which messages of producers that use transactions are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// Those of transactions that were committed.
    Committed,
    /// All, those of transactions that were given up, too.
    Uncommitted,
}

impl Isolation {
    /// Its name among the library's settings.
    pub(super) fn name(self) -> &'static str {
        match self {
            Isolation::Committed => "read_committed",
            Isolation::Uncommitted => "read_uncommitted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_finds_topics_and_none_of_the_brokers_own() {
        let pattern = TopicPattern::parse("^votes-[0-9]+$").unwrap();
        assert!(pattern.is_for("votes-12") && !pattern.is_for("votes-x"));
        assert!(!TopicPattern::parse("^.*").unwrap().is_for("__consumer_offsets"));
        assert!(TopicPattern::parse("__mine").unwrap().is_for("__mine"));
        assert!(TopicPattern::parse("^(").unwrap_err().contains("unclosed group"));
        for none in ["", ".", "a b", "a/b", &"x".repeat(250)] {
            assert!(TopicPattern::parse(none).is_err(), "{none:?}");
        }
    }
}
