//! Whether a followed file may still grow.

use std::fs;
use std::path::PathBuf;

use quorate_schemas::time::{Micros, SECOND};

use super::mark::Inode;

/// How long a renamed or deleted file is still read: its writer may hold it open for a moment.
const QUIET_AFTER_LEAVING_US: Micros = 5 * SECOND;

/// How long a file that has become shorter may be on its way back: whoever saves a file through its inode empties it
/// first.
const BACK_AFTER_US: Micros = 2 * SECOND;

/// What becomes of a followed file that has no more bytes for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outlook {
    /// More may come.
    MayGrow,
    /// It lost its name and has been quiet since: it is complete.
    Complete,
    /// It has had fewer bytes than were read for a while: it was cut short, and what comes now is other content.
    CutShort,
}

/// Watches one followed file.
pub(crate) struct Tail {
    path: PathBuf,
    inode: Inode,
    back_after_us: Micros,
    left_at: Option<Micros>,
    /// How short it is, and since when it is that.
    short: Option<(u64, Micros)>,
}

impl Tail {
    /// Of a file whose reader could not tell whether what it has is what it had before.
    pub(crate) fn new(path: PathBuf, inode: Inode) -> Tail {
        Tail { path, inode, back_after_us: 0, left_at: None, short: None }
    }

    /// Of one whose reader can.
    pub(crate) fn patient(path: PathBuf, inode: Inode) -> Tail {
        Tail { back_after_us: BACK_AFTER_US, ..Tail::new(path, inode) }
    }

    /// New bytes came.
    pub(crate) fn grew(&mut self) {
        self.left_at = None;
        self.short = None;
    }

    /// What becomes of the file, which has `file_bytes` and of which `read_bytes` were read.
    pub(crate) fn look(&mut self, file_bytes: u64, read_bytes: u64, now_us: Micros) -> Outlook {
        if file_bytes < read_bytes {
            return self.is_short(file_bytes, now_us);
        }
        self.short = None;
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

    /// What becomes of it now that it has less than was read.
    pub(crate) fn is_short(&mut self, file_bytes: u64, now_us: Micros) -> Outlook {
        let (_, since) = match self.short {
            Some(short) if short.0 == file_bytes => short,
            _ => *self.short.insert((file_bytes, now_us)),
        };
        let quiet_us = now_us.saturating_sub(since);
        if quiet_us >= self.back_after_us { Outlook::CutShort } else { Outlook::MayGrow }
    }
}
