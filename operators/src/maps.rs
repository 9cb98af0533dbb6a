//! Maps keyed by ids. An id already is a keyed digest, so it is its own hash.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use quorate_schemas::id::{Digest, Id};

/// Passes an id's digest through.
#[derive(Clone, Copy, Default)]
pub(crate) struct RouteHasher(u64);

impl Hasher for RouteHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, part: u64) {
        // A pair of ids hashes both of its parts.
        self.0 = self.0.rotate_left(32) ^ part;
    }
}

/// A map from ids.
pub(crate) type IdMap<V> = HashMap<Id, V, BuildHasherDefault<RouteHasher>>;

/// A map from ids that needs no names.
pub(crate) type DigestMap<V> = HashMap<Digest, V, BuildHasherDefault<RouteHasher>>;

/// A map from pairs of ids.
pub(crate) type PairMap<V> = HashMap<(Id, Id), V, BuildHasherDefault<RouteHasher>>;

/// A set of ids.
pub(crate) type IdSet = HashSet<Id, BuildHasherDefault<RouteHasher>>;
