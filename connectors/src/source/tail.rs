//! Whether a followed file may still grow.

use std::fs;
use std::path::PathBuf;

use quorate_schemas::time::{Micros, SECOND};

use super::mark::Inode;

/// How long a renamed or deleted file is still read: its writer may hold it open for a moment.
const QUIET_AFTER_LEAVING_US: Micros = 5 * SECOND;

/// What becomes of a followed file that has no more bytes for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outlook {
    /// More may come.
    MayGrow,
    /// It lost its name and has been quiet since: it is complete.
    Complete,
    /// It has fewer bytes than were read: it was cut short, and what comes now is other content.
    CutShort,
}

/// Watches one followed file.
pub(crate) struct Tail {
    path: PathBuf,
    inode: Inode,
    left_at: Option<Micros>,
}

impl Tail {
    pub(crate) fn new(path: PathBuf, inode: Inode) -> Tail {
        Tail { path, inode, left_at: None }
    }

    /// New bytes came.
    pub(crate) fn grew(&mut self) {
        self.left_at = None;
    }

    /// What becomes of the file, which has `file_bytes` and of which `read_bytes` were read.
    pub(crate) fn look(&mut self, file_bytes: u64, read_bytes: u64, now_us: Micros) -> Outlook {
        if file_bytes < read_bytes {
            return Outlook::CutShort;
        }
        let here =
            fs::metadata(&self.path).is_ok_and(|metadata| Inode::of(&metadata) == self.inode);
        if here {
            self.left_at = None;
            return Outlook::MayGrow;
        }
        let left_at = *self.left_at.get_or_insert(now_us);
        let quiet_us = now_us.saturating_sub(left_at);
        if quiet_us >= QUIET_AFTER_LEAVING_US { Outlook::Complete } else { Outlook::MayGrow }
    }
}
