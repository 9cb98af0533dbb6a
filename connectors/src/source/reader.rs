//! Reading one partition: a file's rows from a position on.

use std::fs::File;
use std::io;

use quorate_schemas::time::Micros;

use super::cut::record::HeaderCut;
use super::cut::{Cut, Cutter};
use super::format::Format;
use super::head::{begins_with, read_start};
use super::header::{Header, header_before};
use super::last::{Content, Last};
use super::mark::{FileMark, HEAD_BYTES_MAX, Inode};
use super::notice::Notice;
use super::packing::Packing;
use super::recognise::{Entry, Reading};
use super::stream::{Extent, Poured, Stream};
use super::tail::{Outlook, Tail};
use super::version::Version;
use crate::error::Error;
use crate::inlet::Limits;

const READ_BYTES: usize = 64 * 1024;

/// What a read leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadStep {
    /// The budget is used up: there may be more.
    More,
    /// There is nothing more for now.
    Waiting,
    /// There is nothing more to come.
    Done,
}

/// One open file.
///
/// It is followed through its open handle, so that a file that was renamed or deleted is still read to its end.
pub struct FileReader {
    partition: String,
    packing: Packing,
    format: Format,
    stream: Stream,
    cutter: Cutter,
    /// The header before the position it was opened at, until it is given.
    header: Option<Header>,
    /// What was read last. A file that waits has none: thousands may be open.
    buffer: Vec<u8>,
    mark: FileMark,
    /// The content that the mark covers.
    head: Vec<u8>,
    /// Only of a file that is followed.
    tail: Option<Tail>,
    /// What was read last; only of one that is followed and not compressed.
    last: Option<Last>,
    /// How the file was when there was nothing more in it.
    exhausted: Option<Version>,
    done: bool,
    notices: Vec<Notice>,
}

impl FileReader {
    /// Opens an entry's file, to be read from its position on.
    ///
    /// # Errors
    /// [`Error::Reading`] if it can't be opened, or is not the file any more that the entry was made of: a new survey
    /// finds out what became of it.
    pub fn open(entry: &Entry, limits: &Limits) -> Result<FileReader, Error> {
        let unreadable =
            |source: io::Error| Error::Reading { path: entry.path.display().to_string(), source };
        let file = File::open(&entry.path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        let same_head = entry.packing != Packing::Plain
            || begins_with(&file, &entry.head).map_err(unreadable)?;
        if Inode::of(&metadata) != entry.mark.inode() || !same_head {
            return Err(unreadable(io::Error::other("it was replaced while it was being opened")));
        }
        let (extent, tail) = match entry.reading {
            Reading::Bounded => (Extent::Bytes(metadata.len()), None),
            Reading::Followed => {
                let (home, inode) = (entry.home.clone(), entry.mark.inode());
                let tail = match entry.packing {
                    Packing::Plain => Tail::patient(home, inode),
                    Packing::Gzip | Packing::Zstd => Tail::new(home, inode),
                };
                (Extent::Open, Some(tail))
            }
        };
        let last = match (entry.reading, entry.packing) {
            (Reading::Followed, Packing::Plain) => {
                Some(Last::before(entry.next, &file).map_err(unreadable)?)
            }
            _ => None,
        };
        let header = match entry.format {
            Format::Csv { delimiter } if entry.next > 0 => {
                header_before(entry.next, delimiter, &file, entry.packing, limits)
                    .map_err(unreadable)?
            }
            Format::Csv { .. } | Format::Json | Format::Parquet => None,
        };
        let header_cut = if header.is_some() { HeaderCut::Given } else { HeaderCut::Awaited };
        Ok(FileReader {
            partition: entry.partition.clone(),
            packing: entry.packing,
            format: entry.format,
            header,
            stream: Stream::open(file, entry.packing, entry.next, extent).map_err(unreadable)?,
            cutter: Cutter::new(entry.format, entry.next, header_cut, limits),
            buffer: Vec::new(),
            mark: entry.mark.clone(),
            head: entry.head.clone(),
            tail,
            last,
            exhausted: None,
            done: false,
            notices: Vec::new(),
        })
    }

    /// Where to go on: the first byte that belongs to no cut yet, always one where a row begins.
    pub fn next(&self) -> u64 {
        self.cutter.next()
    }

    /// How many bytes of the file itself were read: while it has no more, there is nothing to read.
    pub fn file_bytes(&self) -> u64 {
        self.stream.file_offset()
    }

    /// By what the file is known again, as it is now: a file with little content is known better once it has more.
    pub fn mark(&mut self) -> &FileMark {
        if self.packing == Packing::Plain
            && self.head.len() < HEAD_BYTES_MAX
            // What can't be read now is read later, and a head that changed is noticed then.
            && let Ok(fresh) = read_start(self.stream.file(), HEAD_BYTES_MAX)
            && fresh.starts_with(&self.head)
        {
            self.see_head(&fresh);
        }
        &self.mark
    }

    /// Whether it was read to its end.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// What is new to say about the file.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Reads about `budget_bytes` of content, and gives what they are cut into. Never waits.
    ///
    /// # Errors
    /// [`Error::Reading`] if the file can't be read. The cuts given before stand; reading again goes on after them.
    pub fn read(
        &mut self,
        budget_bytes: usize,
        now_us: Micros,
        take: &mut dyn FnMut(Cut<'_>),
    ) -> Result<ReadStep, Error> {
        let step = self.read_some(budget_bytes, now_us, take);
        step.map_err(|source| Error::Reading { path: self.mark.path.clone(), source })
    }

    fn read_some(
        &mut self,
        budget_bytes: usize,
        now_us: Micros,
        take: &mut dyn FnMut(Cut<'_>),
    ) -> io::Result<ReadStep> {
        if self.done {
            return Ok(ReadStep::Done);
        }
        if let Some(header) = self.header.take() {
            let header = header.as_ref().map(Vec::as_slice).map_err(String::as_str);
            take(Cut::Header { position: 0, header });
        }
        let mut version = None;
        if self.tail.is_some() {
            let now = self.version()?;
            let same = self.exhausted == Some(now) && now.is_settled(now_us);
            if same && self.look(now, now_us) == Outlook::MayGrow {
                return Ok(ReadStep::Waiting);
            }
            version = Some(now);
        }
        self.exhausted = None;
        self.buffer.resize(READ_BYTES, 0);
        let mut left = budget_bytes.max(1);
        while left > 0 {
            let room = left.min(self.buffer.len());
            let poured = self.stream.read(&mut self.buffer[..room])?;
            // A file that was written anew may be longer by now than what was read of the old one. It is looked for
            // after the read, or what is read might not be what stood the test.
            match self.compare()? {
                Content::AsRead => {}
                Content::Other => return Ok(self.cut_short()),
                Content::Less => return self.wait_for_less(&poured, now_us),
            }
            match poured {
                Poured::Bytes(bytes) => {
                    left -= bytes;
                    if let Some(last) = &mut self.last {
                        last.push(&self.buffer[..bytes]);
                    }
                    self.see(self.cutter.end(), bytes);
                    self.cutter.push(&self.buffer[..bytes], take);
                    if let Some(tail) = &mut self.tail {
                        tail.grew();
                    }
                }
                Poured::Skipped(bytes) => left = left.saturating_sub(bytes),
                Poured::Nothing => match self.look(self.version()?, now_us) {
                    Outlook::MayGrow => {
                        self.buffer = Vec::new();
                        // What came while it was read shows in the version after this one.
                        self.exhausted = version;
                        return Ok(ReadStep::Waiting);
                    }
                    Outlook::Complete => self.stream.close(),
                    Outlook::CutShort => return Ok(self.cut_short()),
                },
                Poured::End => {
                    self.cutter.finish(take);
                    self.done = true;
                    return Ok(ReadStep::Done);
                }
                Poured::Damaged(what) => {
                    let at = self.cutter.next();
                    self.cutter.damage(&what, take);
                    self.say(format!("{what} after byte {at}: the rows before it are used, nothing after it is read"));
                    self.done = true;
                    return Ok(ReadStep::Done);
                }
            }
        }
        Ok(ReadStep::More)
    }

    fn compare(&self) -> io::Result<Content> {
        let compare = |last: &Last| last.compare(self.stream.file(), &self.head);
        self.last.as_ref().map_or(Ok(Content::AsRead), compare)
    }

    /// Waits while the file has less than was read of it: it may be on its way back.
    fn wait_for_less(&mut self, poured: &Poured, now_us: Micros) -> io::Result<ReadStep> {
        if let Poured::Bytes(bytes) = poured {
            self.stream.go_back(*bytes);
        }
        let file_bytes = self.version()?.bytes;
        self.buffer = Vec::new();
        let outlook = self.tail.as_mut().map(|tail| tail.is_short(file_bytes, now_us));
        Ok(if outlook == Some(Outlook::CutShort) { self.cut_short() } else { ReadStep::Waiting })
    }

    fn version(&self) -> io::Result<Version> {
        Ok(Version::of(&self.stream.file().metadata()?))
    }

    fn look(&mut self, version: Version, now_us: Micros) -> Outlook {
        let read_bytes = self.file_bytes();
        self.tail
            .as_mut()
            .map_or(Outlook::Complete, |tail| tail.look(version.bytes, read_bytes, now_us))
    }

    /// The file was truncated or written anew under us: this partition is over.
    fn cut_short(&mut self) -> ReadStep {
        let (next, end) = (self.cutter.next(), self.cutter.end());
        let half = match end - next {
            0 => String::new(),
            bytes => format!(", and {bytes} bytes of a line that was not complete"),
        };
        self.say(format!(
            "was cut short or written anew: its rows up to byte {next} were read; what it had beyond{half} is lost unless \
             a copy of it is found; its new content is another partition"
        ));
        self.mark.cut_short = true;
        self.done = true;
        ReadStep::Done
    }

    /// Keeps the mark up to date while the file has less content than a mark covers.
    fn see_head(&mut self, content: &[u8]) {
        let content = &content[..content.len().min(HEAD_BYTES_MAX)];
        if content.len() > self.head.len() {
            self.head = content.to_vec();
            let cut_short = self.mark.cut_short;
            self.mark = FileMark {
                cut_short,
                ..FileMark::new(&self.mark.path, self.mark.inode(), &self.head, self.format)
            };
        }
    }

    /// The same, for content that is `position` bytes after the beginning.
    fn see(&mut self, position: u64, bytes: usize) {
        let known = self.head.len();
        let from = usize::try_from(position).unwrap_or(usize::MAX);
        if known < HEAD_BYTES_MAX && from <= known && from + bytes > known {
            let content =
                [&self.head[..from], &self.buffer[..bytes.min(HEAD_BYTES_MAX - from)]].concat();
            self.see_head(&content);
        }
    }

    fn say(&mut self, text: String) {
        self.notices.push(Notice::new(&self.partition, text));
    }
}
