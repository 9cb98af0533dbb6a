//! Identities: a name as the outside gave it, beside a keyed digest that the engine compares and routes by.
//!
//! Names are chosen by adversaries. What decides where a row goes and what equals what is therefore a 128-bit
//! SipHash under a key that is drawn once per log and never published. The name travels beside it (24 bytes are
//! held inline), because the exact semantics order agents and labels *by name*: a tie must not depend on a secret.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128, SipHasher13};

/// A short piece of text: up to 24 bytes are stored without an allocation.
pub type Name = CompactString;

/// Separates an agent's id from its version inside one [`Name`]; refused in ids at the door.
pub const VERSION_MARK: char = '\u{1f}';

/// The longest id accepted at the door, in bytes.
pub const MAX_ID_BYTES: usize = 256;

/// The secret under which names become digests. One per log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdKey([u64; 2]);

impl IdKey {
    /// A key from 16 bytes of the log's own id.
    pub fn new(bytes: [u8; 16]) -> Self {
        let (low, high) = bytes.split_at(8);
        let half =
            |part: &[u8]| part.iter().rev().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
        IdKey([half(low), half(high)])
    }

    /// The identity of `name`.
    pub fn id(&self, name: &str) -> Id {
        self.id_of(Name::new(name))
    }

    /// The identity of an agent: a new version of a model is a new agent.
    pub fn agent(&self, agent_id: &str, version: Option<&str>) -> Id {
        match version {
            None => self.id(agent_id),
            Some(version) => {
                let mut name = Name::with_capacity(agent_id.len() + version.len() + 1);
                name.push_str(agent_id);
                name.push(VERSION_MARK);
                name.push_str(version);
                self.id_of(name)
            }
        }
    }

    /// What stands for all domains together: no domain can be called so.
    pub fn everywhere(&self) -> Id {
        self.id_of(Name::from(VERSION_MARK.to_string()))
    }

    /// The identity of an owned name.
    pub fn id_of(&self, name: Name) -> Id {
        Id { digest: self.digest(name.as_bytes()), name }
    }

    /// Where rows of an identity with this name go, as [`Id::route`] has it; or any other bytes.
    pub fn route(&self, name: &[u8]) -> u64 {
        self.digest(name)[0]
    }

    fn digest(&self, name: &[u8]) -> [u64; 2] {
        let mut hasher = SipHasher13::new_with_keys(self.0[0], self.0[1]);
        hasher.write(name);
        let digest = hasher.finish128();
        [digest.h1, digest.h2]
    }
}

/// An identity without its name: what is equal is the same identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest([u64; 2]);

impl Digest {
    /// Its bytes, for another process of the same log.
    pub fn to_le_bytes(self) -> [u8; 16] {
        (u128::from(self.0[1]) << 64 | u128::from(self.0[0])).to_le_bytes()
    }

    /// What these bytes were made from.
    pub fn from_le_bytes(bytes: [u8; 16]) -> Digest {
        let both = u128::from_le_bytes(bytes);
        Digest([both as u64, (both >> 64) as u64])
    }
}

impl Hash for Digest {
    fn hash<H: Hasher>(&self, into: &mut H) {
        into.write_u64(self.0[0]);
    }
}

/// A task, agent or domain: equal and ordered by keyed digest, readable by name.
#[derive(Clone, Serialize, Deserialize)]
pub struct Id {
    digest: [u64; 2],
    name: Name,
}

impl Id {
    /// The identity of `name`, whose digest under the log's key another process has made.
    pub fn of_digest(digest: Digest, name: Name) -> Id {
        Id { digest: digest.0, name }
    }

    /// The name as the outside gave it (for an agent with a version: both, see [`Id::agent_id`]).
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// What it is compared by, and found under.
    pub fn digest(&self) -> Digest {
        Digest(self.digest)
    }

    /// Where rows of this identity go: uniform, and not for outsiders to choose.
    pub fn route(&self) -> u64 {
        self.digest[0]
    }

    /// The agent's id without its version.
    pub fn agent_id(&self) -> &str {
        self.name.split(VERSION_MARK).next().unwrap_or_default()
    }

    /// The agent's version, where it has one.
    pub fn version(&self) -> Option<&str> {
        self.name.split_once(VERSION_MARK).map(|(_, version)| version)
    }
}

impl PartialEq for Id {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Id {}

impl PartialOrd for Id {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Id {
    fn cmp(&self, other: &Self) -> Ordering {
        self.digest.cmp(&other.digest)
    }
}

impl Hash for Id {
    fn hash<H: Hasher>(&self, into: &mut H) {
        into.write_u64(self.digest[0]);
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_equal_by_name_under_one_key_and_unrelated_under_another() {
        let (a, b) = (IdKey::new([1; 16]), IdKey::new([2; 16]));
        assert_eq!(a.id("t1"), a.id("t1"));
        assert_ne!(a.id("t1"), a.id("t2"));
        assert_ne!(a.id("t1").route(), b.id("t1").route());
        assert_eq!(a.id("t1").route(), a.route(b"t1"));
    }

    #[test]
    fn an_id_that_another_process_has_made_is_the_same() {
        let id = IdKey::new([9; 16]).id("t1");
        let digest = Digest::from_le_bytes(id.digest().to_le_bytes());
        let other = Id::of_digest(digest, id.name().clone());
        assert_eq!((&other, other.name(), other.route()), (&id, id.name(), id.route()));
    }

    #[test]
    fn a_version_makes_another_agent_whose_parts_can_be_read() {
        let key = IdKey::new([3; 16]);
        let (plain, versioned) = (key.agent("gpt", None), key.agent("gpt", Some("4")));
        assert_ne!(plain, versioned);
        assert_eq!((plain.agent_id(), plain.version()), ("gpt", None));
        assert_eq!((versioned.agent_id(), versioned.version()), ("gpt", Some("4")));
    }
}
