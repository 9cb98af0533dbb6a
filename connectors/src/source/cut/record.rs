//! Cutting a stream of bytes into the records of comma-separated values, as in RFC 4180.
//!
//! ```text
//!           "              "                     line end
//!  start ───────► quoted ◄────► closing ─────────────────────► the record ends
//!    ▲  ╲                        │   ╲
//!    │   ╲ anything              │    ╲ anything else
//!    │    ▼         delimiter    ▼     ▼
//!    └── bare ◄──────────────── start  broken
//! ```
//!
//! 1. `next` is always where a record begins: what is quoted is never begun in its middle.
//! 2. The cuts are a function of the bytes: how they were divided among pushes can't be seen.
//! 3. **A quote without its partner costs one line.** Where a quoted cell does not end as it must (something stands
//!    behind its closing quote, the record grows beyond the limit, or the file ends), the first line of the record is
//!    refused, and cutting goes on after it.
//! 4. A quote inside a cell that does not begin with one is a character like any other.
//!
//! *Cost*: a line without quotes is searched for its end and for a quote, no more. What follows a quote that has no
//! partner is looked at twice: a line that would leave a cell open breaks the one that was open before it.

use memchr::{memchr, memchr2};

use super::{BYTE_ORDER_MARK, Cut, TRIMMED_BYTES_MAX};

const QUOTE: u8 = b'"';

const BEHIND_A_QUOTE: &str = "something stands behind a closing quote";
const NOT_CLOSED: &str = "a quoted cell does not end before the file does";
const TOO_FAR: &str = "a quoted cell does not end within the longest line allowed";
const HEADER_TOO_LONG: &str = "it is longer than the longest line allowed";

/// Whether the header was cut already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderCut {
    /// The next record is the header.
    Awaited,
    /// The next record is a row.
    Given,
}

/// Cuts bytes into a header and records.
pub(crate) struct RecordCutter {
    delimiter: u8,
    line_bytes_max: usize,
    first_bytes_max: usize,
    header: HeaderCut,
    /// Where the record that is not complete begins.
    begins: u64,
    /// Its bytes; of a line that is skipped, the first.
    held: Vec<u8>,
    /// How far they were looked at.
    scan: Scan,
    skipped: Option<Skipped>,
}

/// A line that is no record, up to its end.
struct Skipped {
    what: &'static str,
    /// How many of its bytes came.
    seen: u64,
    /// The last of them.
    last: u8,
}

/// Whether more bytes may come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Open,
    Ended,
}

/// What stands at the beginning of a text.
enum Step {
    /// A record: its content, and one past its end.
    Record { from: usize, to: usize, end: usize },
    /// A line that is no record.
    Broken(&'static str),
    /// Not enough to say.
    More,
}

impl RecordCutter {
    /// A cutter for the bytes from `position` on, where a record begins.
    pub(crate) fn new(
        position: u64,
        delimiter: u8,
        header: HeaderCut,
        line_bytes_max: usize,
        first_bytes_max: usize,
    ) -> RecordCutter {
        RecordCutter {
            delimiter,
            line_bytes_max,
            first_bytes_max,
            header,
            begins: position,
            held: Vec::new(),
            scan: Scan::default(),
            skipped: None,
        }
    }

    /// Where the next record begins that was not cut yet.
    pub(crate) fn next(&self) -> u64 {
        self.begins
    }

    /// Whether the header was cut already.
    pub(crate) fn header(&self) -> HeaderCut {
        self.header
    }

    /// One past the last byte that came.
    pub(crate) fn end(&self) -> u64 {
        self.begins + self.skipped.as_ref().map_or(self.held.len() as u64, |skipped| skipped.seen)
    }

    /// Takes the next bytes of the stream, and gives the records that they complete.
    pub(crate) fn push(&mut self, mut bytes: &[u8], take: &mut dyn FnMut(Cut<'_>)) {
        if let Some(skipped) = self.skipped.take() {
            bytes = self.skip(skipped, bytes, take);
        }
        // Only as much is copied as the record that is held needs.
        while !self.held.is_empty() && self.skipped.is_none() && !bytes.is_empty() {
            let line_bytes = memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1);
            let mut held = std::mem::take(&mut self.held);
            held.extend_from_slice(&bytes[..line_bytes]);
            bytes = &bytes[line_bytes..];
            let used = self.cut(&held, Ending::Open, take);
            if self.skipped.is_none() {
                held.drain(..used);
                // One long record should not hold its memory for as long as the file is open.
                held.shrink_to(64 * 1024);
                self.held = held;
            }
        }
        if let Some(skipped) = self.skipped.take() {
            bytes = self.skip(skipped, bytes, take);
        }
        if !bytes.is_empty() {
            let used = self.cut(bytes, Ending::Open, take);
            if self.skipped.is_none() {
                self.held.extend_from_slice(&bytes[used..]);
            }
        }
    }

    /// The stream has ended: what is left is cut as it is.
    pub(crate) fn finish(&mut self, take: &mut dyn FnMut(Cut<'_>)) {
        let held = std::mem::take(&mut self.held);
        if let Some(skipped) = self.skipped.take() {
            self.refuse(&held, skipped.seen, Some(skipped.last), skipped.what, take);
            self.begins += skipped.seen;
        } else {
            self.cut(&held, Ending::Ended, take);
        }
    }

    /// The stream broke: what is left goes into the damage.
    pub(crate) fn damage(&mut self, what: &str, take: &mut dyn FnMut(Cut<'_>)) {
        let bytes_total = self.end() - self.begins;
        let first = &self.held[..self.held.len().min(self.first_bytes_max)];
        take(Cut::Damage { position: self.begins, first, bytes_total, what });
        // The damage is a row of one byte at least, so that it lies inside the range that was read.
        self.begins += bytes_total.max(1);
        (self.held, self.scan, self.skipped) = (Vec::new(), Scan::default(), None);
    }

    /// Cuts what is complete in `text`, and gives how much of it that was: all of it where a line is to be skipped.
    fn cut(&mut self, text: &[u8], ending: Ending, take: &mut dyn FnMut(Cut<'_>)) -> usize {
        let mut used = 0;
        loop {
            let rest = &text[used..];
            let bytes = match self.step(rest, ending) {
                Step::More => return used,
                Step::Record { from, to, end } => {
                    self.give(&rest[from..to], take);
                    end
                }
                Step::Broken(what) => match (memchr(b'\n', rest), ending) {
                    (Some(at), _) => {
                        let line = &rest[..at];
                        self.refuse(line, at as u64, line.last().copied(), what, take);
                        at + 1
                    }
                    (None, Ending::Ended) => {
                        self.refuse(rest, rest.len() as u64, rest.last().copied(), what, take);
                        rest.len()
                    }
                    (None, Ending::Open) => {
                        self.scan = Scan::default();
                        let skipped = Skipped { what, seen: 0, last: 0 };
                        self.skip(skipped, rest, take);
                        return text.len();
                    }
                },
            };
            self.scan = Scan::default();
            self.begins += bytes as u64;
            used += bytes;
        }
    }

    /// What `text` begins with, where a record begins.
    fn step(&mut self, text: &[u8], ending: Ending) -> Step {
        let from = self.mark_bytes(text);
        let may_be_mark = self.begins == 0 && from == 0 && BYTE_ORDER_MARK.starts_with(text);
        if text.is_empty() || (may_be_mark && ending == Ending::Open) {
            return Step::More;
        }
        // One byte more than the longest record has with its carriage return.
        let window_bytes = from.saturating_add(self.line_bytes_max).saturating_add(2);
        let window = &text[..text.len().min(window_bytes)];
        self.scan.at = self.scan.at.max(from);
        let (at, end) = match self.scan.run(window, self.delimiter) {
            Found::End(at) => (at, at + 1),
            Found::Broken => return Step::Broken(BEHIND_A_QUOTE),
            Found::Nothing if window.len() == window_bytes => return Step::Broken(TOO_FAR),
            Found::Nothing if ending == Ending::Open => return Step::More,
            Found::Nothing if self.scan.within == Within::Quoted => {
                return Step::Broken(NOT_CLOSED);
            }
            Found::Nothing => (text.len(), text.len()),
        };
        let to = if text[from..at].last() == Some(&b'\r') { at - 1 } else { at };
        if to - from > self.line_bytes_max {
            return Step::Broken(TOO_FAR);
        }
        Step::Record { from, to, end }
    }

    fn mark_bytes(&self, text: &[u8]) -> usize {
        if self.begins == 0 && text.starts_with(BYTE_ORDER_MARK) {
            BYTE_ORDER_MARK.len()
        } else {
            0
        }
    }

    fn give(&mut self, bytes: &[u8], take: &mut dyn FnMut(Cut<'_>)) {
        let position = self.begins;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        match std::mem::replace(&mut self.header, HeaderCut::Given) {
            HeaderCut::Awaited => take(Cut::Header { position, header: Ok(bytes) }),
            HeaderCut::Given => take(Cut::Line { position, bytes }),
        }
    }

    /// A line of `total` bytes, of which the first are here, is no record.
    fn refuse(
        &mut self,
        first: &[u8],
        total: u64,
        last: Option<u8>,
        what: &'static str,
        take: &mut dyn FnMut(Cut<'_>),
    ) {
        let (mut first, mut bytes_total) = (first, total);
        if last == Some(b'\r') {
            if first.len() as u64 == total {
                first = &first[..first.len() - 1];
            }
            bytes_total -= 1;
        }
        let from = self.mark_bytes(first);
        (first, bytes_total) = (&first[from..], bytes_total - from as u64);
        let is_long = bytes_total > self.line_bytes_max as u64;
        let position = self.begins;
        let first = &first[..first.len().min(self.first_bytes_max)];
        match std::mem::replace(&mut self.header, HeaderCut::Given) {
            HeaderCut::Awaited => {
                let what = if is_long { HEADER_TOO_LONG } else { what };
                take(Cut::Header { position, header: Err(what) });
            }
            HeaderCut::Given if is_long => take(Cut::TooLong { position, first, bytes_total }),
            HeaderCut::Given => take(Cut::Broken { position, first, bytes_total, what }),
        }
    }

    /// Takes what belongs to a line that is skipped, and gives what comes after it.
    fn skip<'b>(
        &mut self,
        mut skipped: Skipped,
        bytes: &'b [u8],
        take: &mut dyn FnMut(Cut<'_>),
    ) -> &'b [u8] {
        let end = memchr(b'\n', bytes);
        let line = &bytes[..end.unwrap_or(bytes.len())];
        if skipped.seen == 0 {
            self.held.clear();
        }
        let room = (self.first_bytes_max + TRIMMED_BYTES_MAX).saturating_sub(self.held.len());
        self.held.extend_from_slice(&line[..line.len().min(room)]);
        skipped.seen += line.len() as u64;
        skipped.last = line.last().copied().unwrap_or(skipped.last);
        let Some(end) = end else {
            self.skipped = Some(skipped);
            return &[];
        };
        let held = std::mem::take(&mut self.held);
        self.refuse(&held, skipped.seen, Some(skipped.last), skipped.what, take);
        self.begins += skipped.seen + 1;
        &bytes[end + 1..]
    }
}

/// Where in a record a scan is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Within {
    /// Where a cell begins.
    #[default]
    Start,
    /// In a cell without quotes.
    Bare,
    /// In a quoted cell.
    Quoted,
    /// Behind a quote in a quoted cell: the first of two, or its end.
    Closing,
    /// Behind a carriage return after a closing quote.
    Ended,
}

/// How far a record was looked at.
#[derive(Clone, Copy, Debug, Default)]
struct Scan {
    at: usize,
    within: Within,
}

enum Found {
    /// The line end that ends the record.
    End(usize),
    /// What may not stand there.
    Broken,
    /// Neither, so far.
    Nothing,
}

impl Scan {
    /// Looks on for the end of the record that `text` begins with.
    fn run(&mut self, text: &[u8], delimiter: u8) -> Found {
        if self.within == Within::Start
            && let Some(line) = memchr(b'\n', &text[self.at..])
            && memchr(QUOTE, &text[self.at..][..line]).is_none()
        {
            return Found::End(self.at + line);
        }
        while let Some(&byte) = text.get(self.at) {
            let rest = &text[self.at..];
            self.within = match self.within {
                Within::Start if byte == QUOTE => Within::Quoted,
                Within::Start | Within::Bare => match memchr2(delimiter, b'\n', rest) {
                    Some(at) if rest[at] == b'\n' => return Found::End(self.at + at),
                    Some(at) => {
                        self.at += at;
                        Within::Start
                    }
                    None => {
                        self.at = text.len() - 1;
                        Within::Bare
                    }
                },
                Within::Quoted => match memchr(QUOTE, rest) {
                    Some(at) => {
                        self.at += at;
                        Within::Closing
                    }
                    None => {
                        self.at = text.len() - 1;
                        Within::Quoted
                    }
                },
                Within::Closing if byte == QUOTE => Within::Quoted,
                Within::Closing if byte == delimiter => Within::Start,
                Within::Closing | Within::Ended if byte == b'\n' => return Found::End(self.at),
                Within::Closing if byte == b'\r' => Within::Ended,
                Within::Closing | Within::Ended => return Found::Broken,
            };
            self.at += 1;
        }
        Found::Nothing
    }
}

#[cfg(test)]
mod tests;
