//! Partitions of any kind: what a survey finds to read, and by what each is known again.

use serde::{Deserialize, Serialize};

use super::mark::FileMark;
use super::recognise::{Entry, Known};
use crate::kafka::{TopicEntry, TopicMark};

/// By what a partition is known again; the log keeps it beside the position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Mark {
    /// A file.
    File(FileMark),
    /// A partition of a topic.
    Topic(TopicMark),
}

/// A partition to read.
#[derive(Clone, Debug)]
pub enum Found {
    /// A file.
    File(Entry),
    /// A partition of a topic.
    Topic(TopicEntry),
}

impl Found {
    /// Its name.
    pub fn partition(&self) -> &str {
        match self {
            Found::File(entry) => &entry.partition,
            Found::Topic(entry) => &entry.partition,
        }
    }

    /// The position to go on from.
    pub fn next(&self) -> u64 {
        match self {
            Found::File(entry) => entry.next,
            Found::Topic(entry) => entry.next,
        }
    }

    /// By what it is known again.
    pub fn mark(&self) -> Mark {
        match self {
            Found::File(entry) => Mark::File(entry.mark.clone()),
            Found::Topic(entry) => Mark::Topic(entry.mark.clone()),
        }
    }

    /// About how much there is to read: bytes of a file, offsets of a topic.
    pub fn left(&self) -> u64 {
        match self {
            Found::File(entry) => entry.bytes_left(),
            Found::Topic(entry) => entry.end.saturating_sub(entry.next),
        }
    }

    /// Whether there may be something to read for a partition of this mark that has rested since so much of it was seen.
    pub fn has_news(&self, mark: &Mark, seen: u64) -> bool {
        match (self, mark) {
            (Found::File(entry), Mark::File(mark)) => entry.has_news(mark, seen),
            (Found::Topic(entry), Mark::Topic(_)) => entry.end != seen,
            (Found::File(_), Mark::Topic(_)) | (Found::Topic(_), Mark::File(_)) => true,
        }
    }

    /// Whether it lies in the file of `mark`, which somebody reads: that file was written anew, or is just being saved. Its
    /// reader finds out which.
    pub fn lies_where(&self, mark: &Mark) -> bool {
        match (self, mark) {
            (Found::File(entry), Mark::File(mark)) => entry.lies_where(mark),
            _ => false,
        }
    }

    /// Whether it begins like the file of `mark`, so that it may be a copy of it.
    pub fn may_be_copy_of(&self, mark: &Mark) -> bool {
        match (self, mark) {
            (Found::File(entry), Mark::File(mark)) => entry.may_be_copy_of(mark),
            _ => false,
        }
    }
}

impl Known<Mark> {
    /// The same where it is a file.
    pub fn file(&self) -> Option<Known> {
        match &self.mark {
            Mark::File(mark) => Some(Known {
                partition: self.partition.clone(),
                next: self.next,
                mark: mark.clone(),
                done: self.done,
            }),
            Mark::Topic(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Format;
    use crate::source::mark::Inode;

    #[test]
    fn a_mark_is_read_as_what_it_was_written() {
        let file = FileMark::new("votes.jsonl", Inode { device: 1, inode: 2 }, b"{}", Format::Json);
        let topic = TopicMark { topic: "votes".into(), number: 3, ..TopicMark::default() };
        for mark in [Mark::File(file), Mark::Topic(topic)] {
            let written = serde_json::to_string(&mark).unwrap();
            assert_eq!(serde_json::from_str::<Mark>(&written).unwrap(), mark, "{written}");
        }
    }
}
