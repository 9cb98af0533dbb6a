//! The objects themselves: strongly consistent but for listings, as S3 is.

use std::collections::BTreeMap;

use super::rng::Rng;
use crate::epoch::ledger::{Ask, Fact, Listed};

/// A store of objects.
#[derive(Debug, Default)]
pub(super) struct Store {
    objects: BTreeMap<String, Object>,
}

#[derive(Debug)]
struct Object {
    bytes: Vec<u8>,
    written_ms: u64,
}

impl Store {
    pub(super) fn get(&self, path: &str) -> Option<&[u8]> {
        self.objects.get(path).map(|object| &object.bytes[..])
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.objects.keys().map(String::as_str)
    }

    /// Lets `ask` take effect.
    pub(super) fn take_effect(
        &mut self,
        ask: &Ask,
        now_ms: u64,
        listing_lag_ms: u64,
        rng: &mut Rng,
    ) -> Fact {
        match ask {
            Ask::Create { path, .. } if self.objects.contains_key(path) => Fact::AlreadyExists,
            Ask::Create { path, bytes } => {
                self.write(path, bytes, now_ms);
                Fact::Created
            }
            Ask::Put { path, bytes } => {
                self.write(path, bytes, now_ms);
                Fact::Done
            }
            Ask::Read { path } => {
                self.get(path).map_or(Fact::Absent, |bytes| Fact::Present(bytes.to_vec()))
            }
            Ask::Delete { path } => {
                self.objects.remove(path);
                Fact::Done
            }
            Ask::List { prefix, after } => {
                let misses_from_ms = now_ms - rng.between(0, listing_lag_ms).min(now_ms);
                Fact::Listed(self.list(
                    prefix,
                    after.as_deref().unwrap_or_default(),
                    now_ms,
                    misses_from_ms,
                ))
            }
            Ask::Wait { .. } => Fact::Waited,
        }
    }

    fn write(&mut self, path: &str, bytes: &[u8], now_ms: u64) {
        self.objects.insert(path.to_owned(), Object { bytes: bytes.to_vec(), written_ms: now_ms });
    }

    fn list(&self, prefix: &str, after: &str, now_ms: u64, misses_from_ms: u64) -> Vec<Listed> {
        let below = self
            .objects
            .range(prefix.to_owned()..)
            .take_while(|(path, _)| path.starts_with(prefix));
        let shown = below
            .filter(|(path, object)| path.as_str() > after && object.written_ms <= misses_from_ms);
        let listed = |(path, object): (&String, &Object)| Listed {
            path: path.clone(),
            age_ms: now_ms - object.written_ms,
        };
        shown.map(listed).collect()
    }
}
