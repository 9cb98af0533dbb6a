//! Whether a file has changed since it was looked at.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

use quorate_schemas::time::{Micros, SECOND};

use super::mark::Inode;

/// A file that was written this lately may be written again within one tick of its file system's clock, and look the
/// same. (What git calls racily clean.)
const SETTLED_AFTER_US: Micros = 2 * SECOND;

/// What changes whenever a file's content does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) inode: Inode,
    pub(crate) bytes: u64,
    modified: (i64, i64),
}

impl Version {
    pub(crate) fn of(metadata: &Metadata) -> Version {
        let modified = (metadata.mtime(), metadata.mtime_nsec());
        Version { inode: Inode::of(metadata), bytes: metadata.len(), modified }
    }

    /// Whether a file that still has this version has this content.
    pub(crate) fn is_settled(&self, now_us: Micros) -> bool {
        let (seconds, nanos) = self.modified;
        let modified_us = seconds.saturating_mul(SECOND).saturating_add(nanos / 1_000);
        now_us.saturating_sub(modified_us) > SETTLED_AFTER_US
    }
}
