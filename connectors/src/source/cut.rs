//! Cutting a stream of bytes into lines, whatever the sizes in which it comes; [`record`] cuts what may be quoted.
//!
//! 1. `next` is always where a line begins: the first byte that belongs to no cut yet.
//! 2. The cuts are a function of the bytes: how they were divided among [`LineCutter::push`]es can't be seen.
//! 3. Of a line that is too long only its beginning is held.
//!
//! *Cost*: one search for the line end; a copy only of a line that spans two pushes.

pub(crate) mod record;

use memchr::memchr;
use record::{HeaderCut, RecordCutter};

use super::format::Format;
use crate::inlet::Limits;

/// What a stream of bytes is cut into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut<'a> {
    /// A line, or a record of several, without its end (`\n` or `\r\n`) and, at the start of a file, without a byte
    /// order mark.
    Line {
        /// The byte it begins at.
        position: u64,
        /// Its bytes: more than white space.
        bytes: &'a [u8],
    },
    /// What names the columns of the rows after it. It is no row.
    Header {
        /// The byte it begins at.
        position: u64,
        /// Its bytes, or why there is none.
        header: Result<&'a [u8], &'a str>,
    },
    /// The columns of a file that has types of its own, before its first row. It is no row.
    Columns {
        /// Their names.
        names: &'a [String],
    },
    /// A line that is no record, for its quotes.
    Broken {
        /// The byte it begins at.
        position: u64,
        /// Its first bytes.
        first: &'a [u8],
        /// How many it has.
        bytes_total: u64,
        /// What is wrong.
        what: &'a str,
    },
    /// A message, and the row that it stands for.
    Message {
        /// Its offset.
        position: u64,
        /// Its value, as it came.
        bytes: &'a [u8],
        /// An object of JSON, if it is right.
        row: &'a [u8],
    },
    /// A line of more bytes than allowed.
    TooLong {
        /// The byte it begins at.
        position: u64,
        /// Its first bytes.
        first: &'a [u8],
        /// How many it has.
        bytes_total: u64,
    },
    /// The stream can't be read beyond here: it is truncated or corrupt. Nothing comes after this.
    Damage {
        /// Where the last line that did not come whole begins.
        position: u64,
        /// What came of that line, up to the limit for rejects.
        first: &'a [u8],
        /// How many bytes of it came.
        bytes_total: u64,
        /// What is wrong.
        what: &'a str,
    },
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What a line may have beyond its content: a byte order mark and a carriage return.
const TRIMMED_BYTES_MAX: usize = BYTE_ORDER_MARK.len() + 1;

/// Cuts bytes as their format demands.
pub(crate) enum Cutter {
    Lines(LineCutter),
    Records(RecordCutter),
}

impl Cutter {
    /// A cutter for the bytes from `position` on, where a row begins, or the header.
    pub(crate) fn new(format: Format, position: u64, header: HeaderCut, limits: &Limits) -> Cutter {
        let (line_max, first_max) = (limits.line_bytes_max, limits.reject_bytes_max);
        match format {
            // Parquet is never cut: it has rows already.
            Format::Json | Format::Parquet => {
                Cutter::Lines(LineCutter::new(position, line_max, first_max))
            }
            Format::Csv { delimiter } => {
                Cutter::Records(RecordCutter::new(position, delimiter, header, line_max, first_max))
            }
        }
    }

    /// Where the next row begins that was not cut yet.
    pub(crate) fn next(&self) -> u64 {
        match self {
            Cutter::Lines(lines) => lines.next(),
            Cutter::Records(records) => records.next(),
        }
    }

    /// One past the last byte that came.
    pub(crate) fn end(&self) -> u64 {
        match self {
            Cutter::Lines(lines) => lines.end(),
            Cutter::Records(records) => records.end(),
        }
    }

    /// Takes the next bytes of the stream, and gives what they complete.
    pub(crate) fn push(&mut self, bytes: &[u8], take: &mut dyn FnMut(Cut<'_>)) {
        match self {
            Cutter::Lines(lines) => lines.push(bytes, take),
            Cutter::Records(records) => records.push(bytes, take),
        }
    }

    /// The stream has ended: what is left is cut as it is.
    pub(crate) fn finish(&mut self, take: &mut dyn FnMut(Cut<'_>)) {
        match self {
            Cutter::Lines(lines) => lines.finish(take),
            Cutter::Records(records) => records.finish(take),
        }
    }

    /// The stream broke: what is left goes into the damage.
    pub(crate) fn damage(&mut self, what: &str, take: &mut dyn FnMut(Cut<'_>)) {
        match self {
            Cutter::Lines(lines) => lines.damage(what, take),
            Cutter::Records(records) => records.damage(what, take),
        }
    }
}

/// Cuts bytes into lines.
pub(crate) struct LineCutter {
    line_bytes_max: usize,
    first_bytes_max: usize,
    /// Where the line that is not complete begins.
    begins: u64,
    /// How many of its bytes came.
    seen: u64,
    /// The last of them.
    last: u8,
    /// All of them, or the first if they are too many.
    held: Vec<u8>,
}

impl LineCutter {
    /// A cutter for the bytes from `position` on, where a line begins.
    pub(crate) fn new(position: u64, line_bytes_max: usize, first_bytes_max: usize) -> LineCutter {
        LineCutter {
            line_bytes_max,
            first_bytes_max,
            begins: position,
            seen: 0,
            last: 0,
            held: Vec::new(),
        }
    }

    /// Where the next line begins that was not cut yet.
    pub(crate) fn next(&self) -> u64 {
        self.begins
    }

    /// One past the last byte that came.
    pub(crate) fn end(&self) -> u64 {
        self.begins + self.seen
    }

    /// Takes the next bytes of the stream, and gives the lines that they complete.
    pub(crate) fn push(&mut self, mut bytes: &[u8], take: &mut dyn FnMut(Cut<'_>)) {
        while let Some(at) = memchr(b'\n', bytes) {
            self.complete(&bytes[..at], 1, take);
            bytes = &bytes[at + 1..];
        }
        self.hold(bytes);
    }

    /// The stream has ended: what is left is a line without an end.
    pub(crate) fn finish(&mut self, take: &mut dyn FnMut(Cut<'_>)) {
        if self.seen > 0 {
            self.complete(&[], 0, take);
        }
    }

    /// The stream broke: what is left goes into the damage.
    pub(crate) fn damage(&mut self, what: &str, take: &mut dyn FnMut(Cut<'_>)) {
        let first = &self.held[..self.held.len().min(self.first_bytes_max)];
        take(Cut::Damage { position: self.begins, first, bytes_total: self.seen, what });
        // The damage is a row of one byte at least, so that it lies inside the range that was read.
        self.begins += self.seen.max(1);
        (self.seen, self.held) = (0, Vec::new());
    }

    fn complete(&mut self, tail: &[u8], end_bytes: u64, take: &mut dyn FnMut(Cut<'_>)) {
        if self.seen == 0 {
            self.cut(tail, tail.len() as u64, tail.last().copied(), take);
            self.begins += tail.len() as u64 + end_bytes;
            return;
        }
        self.hold(tail);
        let mut held = std::mem::take(&mut self.held);
        self.cut(&held, self.seen, Some(self.last), take);
        self.begins += self.seen + end_bytes;
        self.seen = 0;
        held.clear();
        // One long line should not hold its memory for as long as the file is open.
        held.shrink_to(64 * 1024);
        self.held = held;
    }

    /// Cuts a line of `total` bytes, of which the first are here (all of them, unless they are too many).
    fn cut(&self, first: &[u8], total: u64, last: Option<u8>, take: &mut dyn FnMut(Cut<'_>)) {
        let (mut first, mut bytes_total) = (first, total);
        if last == Some(b'\r') {
            if first.len() as u64 == total {
                first = &first[..first.len() - 1];
            }
            bytes_total -= 1;
        }
        if self.begins == 0 && first.starts_with(BYTE_ORDER_MARK) {
            first = &first[BYTE_ORDER_MARK.len()..];
            bytes_total -= BYTE_ORDER_MARK.len() as u64;
        }
        let position = self.begins;
        if bytes_total > self.line_bytes_max as u64 {
            let first = &first[..first.len().min(self.first_bytes_max)];
            take(Cut::TooLong { position, first, bytes_total });
        } else if !first.iter().all(u8::is_ascii_whitespace) {
            take(Cut::Line { position, bytes: first });
        }
    }

    fn hold(&mut self, bytes: &[u8]) {
        let Some(&last) = bytes.last() else { return };
        self.last = last;
        self.seen += bytes.len() as u64;
        let held_max = if self.seen <= (self.line_bytes_max + TRIMMED_BYTES_MAX) as u64 {
            usize::MAX
        } else {
            self.first_bytes_max + TRIMMED_BYTES_MAX
        };
        if self.held.len() > held_max {
            self.held.truncate(held_max);
            self.held.shrink_to(held_max);
        }
        let room = held_max - self.held.len();
        self.held.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

#[cfg(test)]
mod tests;
