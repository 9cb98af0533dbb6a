//! By what a partition of a topic is known again.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What the log keeps of a partition beside its position.
///
/// The topic's name and the position alone would fit a topic that was deleted and made anew, whose other messages would
/// then be passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopicMark {
    /// The topic.
    pub topic: String,
    /// The partition's number.
    pub number: i32,
    /// The last message that was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Last>,
    /// Whether the topic was made anew under it: what comes then is of another partition.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replaced: bool,
}

/// A message that was read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Last {
    /// Its offset.
    pub offset: u64,
    /// The first eight bytes of the SHA-256 of its time, key and value, in hexadecimal.
    pub digest: String,
}

impl Last {
    pub(super) fn of(
        offset: u64,
        time_ms: Option<i64>,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
    ) -> Last {
        let mut sum = Sha256::new();
        sum.update(time_ms.unwrap_or(-1).to_le_bytes());
        for part in [key, value] {
            sum.update(part.map_or(u64::MAX, |part| part.len() as u64).to_le_bytes());
            sum.update(part.unwrap_or_default());
        }
        let digest = sum.finalize();
        let digest = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        Last { offset, digest }
    }
}

impl TopicMark {
    /// The name that partitions have in the log and in the tables.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.topic, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_message_at_the_same_place_is_another() {
        let one = Last::of(7, Some(5), Some(b"k"), Some(b"v"));
        assert_eq!(one, Last::of(7, Some(5), Some(b"k"), Some(b"v")));
        let others = [
            Last::of(7, Some(6), Some(b"k"), Some(b"v")),
            Last::of(7, Some(5), None, Some(b"v")),
            Last::of(7, Some(5), Some(b"k"), None),
            Last::of(7, Some(5), Some(b"kv"), Some(b"")),
        ];
        assert!(others.iter().all(|other| *other != one));
    }
}
