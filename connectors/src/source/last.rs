//! Whether an open file still has what was read of it.
//!
//! A file that is written anew through its old inode has the old name and, if it has become longer, no end that would
//! tell. What was read of it is compared where it is cheap to: at its beginning, and right before where the reader is.
//!
//! *Cost*: two small reads of the page cache for each read of the file; 256 bytes of memory.

use std::fs::File;
use std::io;

use super::head::{read_start, read_up_to};

/// How much is kept of what was read last.
const LAST_BYTES_MAX: usize = 256;

/// What there is of what was read of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// All that was compared.
    AsRead,
    /// Less of it, and nothing else: perhaps it is just being written once more.
    Less,
    /// Something else.
    Other,
}

/// What was read of a file last.
pub(crate) struct Last {
    bytes: Vec<u8>,
    /// One past the last of them.
    end: u64,
}

impl Last {
    /// What stands before `position` in a file that is read from there on.
    pub(crate) fn before(position: u64, file: &File) -> io::Result<Last> {
        let from = position.saturating_sub(LAST_BYTES_MAX as u64);
        let bytes = read_up_to(file, from, (position - from) as usize)?;
        Ok(Last { end: from + bytes.len() as u64, bytes })
    }

    /// These came after it.
    pub(crate) fn push(&mut self, read: &[u8]) {
        self.end += read.len() as u64;
        let new = &read[read.len().saturating_sub(LAST_BYTES_MAX)..];
        let over = (self.bytes.len() + new.len()).saturating_sub(LAST_BYTES_MAX);
        self.bytes.drain(..over);
        self.bytes.extend_from_slice(new);
    }

    /// Compares `file` with this, and with the `head` that it had.
    pub(crate) fn compare(&self, file: &File, head: &[u8]) -> io::Result<Content> {
        let head_now = read_start(file, head.len())?;
        let here = self.end - self.bytes.len() as u64;
        let last_now = read_up_to(file, here, self.bytes.len())?;
        Ok(match (agree(&head_now, head), agree(&last_now, &self.bytes)) {
            (Content::Other, _) | (_, Content::Other) => Content::Other,
            (Content::AsRead, Content::AsRead) => Content::AsRead,
            (Content::Less, _) | (_, Content::Less) => Content::Less,
        })
    }
}

fn agree(now: &[u8], then: &[u8]) -> Content {
    match then.strip_prefix(now) {
        Some([]) => Content::AsRead,
        Some(_) => Content::Less,
        None => Content::Other,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    #[test]
    fn a_file_is_as_read_less_or_other() {
        let file = tempfile::tempfile().unwrap();
        let content: Vec<u8> = (0..2_000u32).map(|at| (at % 251) as u8).collect();
        file.write_all_at(&content, 0).unwrap();
        let mut last = Last::before(700, &file).unwrap();
        for piece in content[700..].chunks(100) {
            last.push(piece);
            assert!(last.bytes.len() <= LAST_BYTES_MAX);
        }
        let look = || last.compare(&file, &content[..1_024]).unwrap();
        assert_eq!(look(), Content::AsRead);
        file.write_all_at(b"more", 2_000).unwrap();
        assert_eq!(look(), Content::AsRead, "it may grow");
        for bytes in [1_999, 1_744, 1_500, 1_023, 10, 0] {
            file.set_len(bytes).unwrap();
            assert_eq!(look(), Content::Less, "{bytes}");
        }
        for at in [0, 1_023, 1_744, 1_999] {
            file.write_all_at(&content, 0).unwrap();
            file.write_all_at(b"\xff", at).unwrap();
            assert_eq!(look(), Content::Other, "{at}");
        }
        file.set_len(0).unwrap();
        file.write_all_at(b"\xff", 0).unwrap();
        assert_eq!(look(), Content::Other, "shorter, and other");
    }
}
