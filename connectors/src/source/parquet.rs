//! Files of Parquet: whole files that never grow, whose positions are rows.
//!
//! ```text
//! footer ── groups of rows ──► some rows at a time ──► each row as one JSON object ── Cut::Line ──► (inlet)
//!              from the one that `next` lies in
//! ```
//!
//! 1. **A position is a row's number in its file**, from 0: exact, and found again without reading what is before its
//!    group.
//! 2. **A file is known by all of it that tells it from others**: its length, its footer, its beginning. It is read only
//!    once it is whole, and another footer is another file.
//! 3. **Only columns that a field is taken from are read**, and of them as many rows as fit [`ROWS_BYTES`], by what the
//!    footer says of their sizes.
//! 4. **A row is what the same row of JSON lines would be**: a timestamp is RFC 3339 in UTC, a struct or map an object, a
//!    list a list, what is null is null. (Tested against each other.)
//! 5. **No file can cause a panic.** The library below checks less than it relies on, so what it throws is caught here and
//!    is the file's damage: the rows before it are used, nothing after it is read.
//!
//! *Memory*: those rows, and a page and a dictionary of each column that is read. *Cost*: of going on in a group's middle,
//! the group up to there.

mod chunks;
mod footer;
mod render;

use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use quorate_schemas::time::Micros;

use super::cut::Cut;
use super::mark::{FileMark, Inode};
use super::notice::Notice;
use super::reader::ReadStep;
use super::recognise::{Entry, Reading};
use super::tail::{Outlook, Tail};
use super::trouble::Trouble;
use super::version::Version;
use crate::decode::Wanted;
use crate::error::Error;
use crate::inlet::Limits;
use chunks::Chunks;
pub(crate) use footer::{is_parquet, read_identity};

/// About so much of a file's rows is held at a time.
const ROWS_BYTES: u64 = 4 << 20;

/// And never more rows than these.
const ROWS_MAX: u64 = 1_024;

const SHORT: &str = "it has fewer rows than its footer says";

/// One open file of Parquet.
pub struct ParquetReader {
    partition: String,
    chunks: Chunks,
    metadata: ArrowReaderMetadata,
    mask: ProjectionMask,
    /// The names of its columns, until they are given.
    columns: Option<Vec<String>>,
    limits: Limits,
    /// The next row.
    next: u64,
    rows_total: u64,
    group: Option<Group>,
    /// Bytes of rows given since they were last asked for.
    given_bytes: u64,
    file_bytes: u64,
    mark: FileMark,
    /// What the file is known by.
    identity: Vec<u8>,
    version: Version,
    /// Only of a source that is followed.
    tail: Option<Tail>,
    done: bool,
    notices: Vec<Notice>,
}

/// A group of rows, being read.
struct Group {
    reader: ParquetRecordBatchReader,
    /// The first row behind it.
    ends: u64,
    rows: Option<RecordBatch>,
    /// Of those, the ones that were given.
    given: usize,
}

impl ParquetReader {
    /// Opens an entry's file, to be read from its row on.
    ///
    /// # Errors
    /// [`Error::Reading`] if it can't be opened, or is not the file any more that the entry was made of;
    /// [`Error::SourceFile`] if it is no file of Parquet.
    pub fn open(entry: &Entry, wanted: &Wanted, limits: &Limits) -> Result<ParquetReader, Error> {
        let unreadable =
            |source: io::Error| Error::Reading { path: entry.path.display().to_string(), source };
        let broken = |what: String| Trouble::parquet(&entry.path, &what).into_error();
        let file = File::open(&entry.path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        let version = Version::of(&metadata);
        let identity = footer::identity_of(&file, metadata.len()).map_err(unreadable)?;
        if Inode::of(&metadata) != entry.mark.inode() || identity.as_ref() != Ok(&entry.head) {
            return Err(unreadable(io::Error::other("it was replaced while it was being opened")));
        }
        let chunks = Chunks::new(file, metadata.len());
        let metadata = guarded(|| footer::load(&chunks)).map_err(broken)?;
        let rows_total = footer::check(&metadata).map_err(broken)?;
        if entry.next > rows_total {
            return Err(broken(format!("has {rows_total} rows, and {} were read", entry.next)));
        }
        let schema = metadata.parquet_schema();
        let columns: Vec<String> = schema
            .root_schema()
            .get_fields()
            .iter()
            .map(|column| column.name().to_owned())
            .collect();
        let roots = (0..columns.len()).filter(|at| wanted.has(&columns[*at]));
        let mask = ProjectionMask::roots(schema, roots.collect::<Vec<usize>>());
        let tail = (entry.reading == Reading::Followed)
            .then(|| Tail::new(entry.home.clone(), entry.mark.inode()));
        Ok(ParquetReader {
            partition: entry.partition.clone(),
            chunks,
            metadata,
            mask,
            columns: Some(columns),
            limits: *limits,
            next: entry.next,
            rows_total,
            group: None,
            given_bytes: 0,
            file_bytes: version.bytes,
            mark: entry.mark.clone(),
            identity: entry.head.clone(),
            version,
            tail,
            done: false,
            notices: Vec::new(),
        })
    }

    /// The next row to read.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// How many bytes the file has: there will never be more.
    pub fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// By what the file is known again.
    pub fn mark(&self) -> &FileMark {
        &self.mark
    }

    /// Whether it was read to its end.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// How many bytes the rows had that were given since this was last asked.
    pub fn take_bytes(&mut self) -> u64 {
        std::mem::take(&mut self.given_bytes)
    }

    /// What is new to say about the file.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Gives rows of about `budget_bytes`. Never waits.
    ///
    /// # Errors
    /// [`Error::Reading`] if the file can't be looked at. What was given before stands.
    pub fn read(
        &mut self,
        budget_bytes: usize,
        now_us: Micros,
        take: &mut dyn FnMut(Cut<'_>),
    ) -> Result<ReadStep, Error> {
        if self.done {
            return Ok(ReadStep::Done);
        }
        if let Some(columns) = self.columns.take() {
            take(Cut::Columns { names: &columns });
        }
        let changed = self
            .has_changed()
            .map_err(|source| Error::Reading { path: self.mark.path.clone(), source })?;
        if changed {
            return Ok(self.replaced(take));
        }
        if self.next == self.rows_total {
            return Ok(self.rest(now_us));
        }
        let begun = self.given_bytes;
        let mut row = Vec::new();
        while self.next < self.rows_total {
            match guarded(|| self.render(&mut row)) {
                Ok(()) => self.give(&row, take),
                Err(what) => return Ok(self.damaged(&what, take)),
            }
            if self.given_bytes - begun >= budget_bytes.max(1) as u64 {
                return Ok(ReadStep::More);
            }
        }
        self.group = None;
        Ok(ReadStep::More)
    }

    fn give(&mut self, row: &[u8], take: &mut dyn FnMut(Cut<'_>)) {
        let (position, bytes_total) = (self.next, row.len() as u64);
        self.next += 1;
        self.given_bytes += bytes_total + 1;
        if row.len() > self.limits.line_bytes_max {
            let first = &row[..row.len().min(self.limits.reject_bytes_max)];
            take(Cut::TooLong { position, first, bytes_total });
        } else {
            take(Cut::Line { position, bytes: row });
        }
    }

    /// The next row as one JSON object.
    fn render(&mut self, into: &mut Vec<u8>) -> Result<(), String> {
        loop {
            if self.group.as_ref().is_none_or(|group| group.ends <= self.next) {
                self.group = Some(self.open_group()?);
            }
            let Some(group) = &mut self.group else { continue };
            match &group.rows {
                Some(rows) if group.given < rows.num_rows() => {
                    into.clear();
                    render::row(rows, group.given, into)?;
                    group.given += 1;
                    return Ok(());
                }
                _ => match group.reader.next() {
                    Some(Ok(rows)) => (group.rows, group.given) = (Some(rows), 0),
                    Some(Err(error)) => return Err(error.to_string()),
                    None => return Err(SHORT.to_owned()),
                },
            }
        }
    }

    /// The group that the next row lies in, from that row on.
    fn open_group(&self) -> Result<Group, String> {
        let (at, begins) =
            footer::group_of(&self.metadata, self.next).ok_or_else(|| SHORT.to_owned())?;
        let group = self.metadata.metadata().row_group(at);
        let rows = u64::try_from(group.num_rows()).unwrap_or(0).max(1);
        let bytes: u64 = (0..group.num_columns())
            .filter(|column| self.mask.leaf_included(*column))
            .map(|column| u64::try_from(group.column(column).uncompressed_size()).unwrap_or(0))
            .sum();
        let fit = (ROWS_BYTES / (bytes / rows).max(1)).clamp(1, ROWS_MAX);
        let skip = self.next - begins;
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(
            self.chunks.clone(),
            self.metadata.clone(),
        )
        .with_projection(self.mask.clone())
        .with_row_groups(vec![at])
        .with_batch_size(usize::try_from(fit).unwrap_or(1))
        .with_offset(usize::try_from(skip).unwrap_or(usize::MAX))
        .build()
        .map_err(|error| error.to_string())?;
        Ok(Group { reader, ends: begins + rows, rows: None, given: 0 })
    }

    /// All rows were given.
    fn rest(&mut self, now_us: Micros) -> ReadStep {
        let (bytes, total) = (self.file_bytes, self.file_bytes);
        let outlook = self.tail.as_mut().map(|tail| tail.look(bytes, total, now_us));
        if outlook == Some(Outlook::MayGrow) {
            // It does not, but it holds its place in time as others do that have nothing for now.
            return ReadStep::Waiting;
        }
        self.done = true;
        ReadStep::Done
    }

    /// Whether there is another file in this one's bytes.
    fn has_changed(&mut self) -> io::Result<bool> {
        let metadata = self.chunks.file().metadata()?;
        let version = Version::of(&metadata);
        if version == self.version {
            return Ok(false);
        }
        let same =
            footer::identity_of(self.chunks.file(), metadata.len())?.as_ref() == Ok(&self.identity);
        if same {
            self.version = version;
        }
        Ok(!same)
    }

    /// The file was written anew under us: this partition is over.
    fn replaced(&mut self, take: &mut dyn FnMut(Cut<'_>)) -> ReadStep {
        if self.tail.is_none() && self.next < self.rows_total {
            return self.damaged("the file was written anew while it was read", take);
        }
        self.say(format!(
            "was written anew: {} of its {} rows were read, the others are lost unless a copy of it is found; its new \
             content is another partition",
            self.next, self.rows_total
        ));
        self.mark.cut_short = true;
        self.done = true;
        ReadStep::Done
    }

    fn damaged(&mut self, what: &str, take: &mut dyn FnMut(Cut<'_>)) -> ReadStep {
        let (position, lost) = (self.next, self.rows_total - self.next);
        let what = format!("{what}: it and the rows after it, {lost} in all, are not read");
        take(Cut::Damage { position, first: &[], bytes_total: 0, what: &what });
        self.say(format!(
            "row {position} cannot be read: {what}. Write the file again, under another name"
        ));
        self.next += 1;
        self.group = None;
        self.done = true;
        ReadStep::Done
    }

    fn say(&mut self, text: String) {
        self.notices.push(Notice::new(&self.partition, text));
    }
}

/// What the library below makes of a file, be it an error or a panic.
fn guarded<T>(read: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    // Whoever calls gives up what it has read from.
    let read = catch_unwind(AssertUnwindSafe(read));
    read.unwrap_or_else(|_| Err("what it says of itself does not hold".to_owned()))
}
