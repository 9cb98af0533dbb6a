//! The beginnings of known contents, for recognising copies.

use std::collections::{BTreeMap, BTreeSet};

use super::Sighting;
use crate::source::mark::{FileMark, Inode, digest};

/// The beginning of a content: how much of it, and its digest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Head {
    bytes: u32,
    digest: String,
}

impl Head {
    pub(super) fn of(mark: &FileMark) -> Head {
        Head { bytes: mark.head_bytes, digest: mark.head.clone() }
    }

    /// The first `bytes` of a file's content; none if it has fewer.
    pub(super) fn of_file(file: &Sighting, bytes: u32) -> Option<Head> {
        let covered = file.head.get(..bytes as usize)?;
        Some(Head { bytes, digest: digest(covered) })
    }
}

/// Known contents that can be told from others by their beginning alone.
#[derive(Default)]
pub(super) struct Heads {
    lengths: BTreeSet<u32>,
    originals: BTreeMap<Head, Vec<Original>>,
}

/// A partition, and where its file is or was.
struct Original {
    inode: Inode,
    path: String,
    partition: String,
}

impl Heads {
    pub(super) fn add(&mut self, mark: &FileMark, partition: &str) {
        if mark.is_telling() {
            let original = Original {
                inode: mark.inode(),
                path: mark.path.clone(),
                partition: partition.to_owned(),
            };
            self.lengths.insert(mark.head_bytes);
            self.originals.entry(Head::of(mark)).or_default().push(original);
        }
    }

    /// The partitions that `file` may be a copy of: the same beginning in another place and another inode.
    pub(super) fn originals_of(&self, file: &Sighting) -> Vec<String> {
        self.lengths
            .iter()
            .map_while(|bytes| Head::of_file(file, *bytes))
            .filter_map(|head| self.originals.get(&head))
            .flatten()
            .filter(|original| original.inode != file.inode && original.path != file.name)
            .map(|original| original.partition.clone())
            .collect()
    }
}
