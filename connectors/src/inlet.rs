//! One partition's way in: bytes read, decoded, judged and counted.
//!
//! ```text
//!              ┌─ too long, damaged, not decodable, too far ahead ──► rejects
//!     reader ──┤
//!    cuts      └─ decoded ── Lateness ──┬─ late ────────────────────► rejects
//!                                       └─ on time, raises greatest ─► rows
//! ```
//!
//! 1. **Conservation**: rows in = on time + late + rejected, after every poll. Blank lines are no rows. Where the members
//!    of a line are records of their own, each of them is a row, and they share the line's place; a line whose members
//!    can't be found is one row, a reject.
//! 2. **A function of the partition's content**: which rows are late depends on the rows before them in the same
//!    partition (and on the floor at which it joined), never on how fast or in which steps they were read.
//! 3. **Only rows on time raise the greatest event time**, so neither a late nor a rejected one moves a watermark.
//! 4. **Goes on exactly**: opened at a logged position with what was logged beside it, an inlet gives the rest.
//! 5. **A header is no row**: it is not counted, and lies in the range before the first row. One that its rows can't be
//!    read by stops a bounded source before any of them is counted; followed, each of them is a reject that says so.

mod books;
mod gate;
mod lateness;
mod limits;
mod progress;

pub use lateness::{Lateness, Verdict};
pub use limits::Limits;
pub use progress::{Counts, Progress};

use std::path::PathBuf;
use std::sync::Arc;

use quorate_schemas::place::Origin;
use quorate_schemas::record::{Placed, Record, RecordKind};
use quorate_schemas::table::RejectRow;
use quorate_schemas::time::Micros;

use self::books::Books;
use self::gate::Gate;
use crate::decode::Decoder;
use crate::error::Error;
use crate::source::{Cut, Entry, Found, Notice, PartitionReader, ReadStep, Reading};

/// What the inlets of one source share.
#[derive(Clone, Debug)]
pub struct InletSpec {
    /// The source's name in the job.
    pub source: String,
    /// How its lines become records.
    pub decoder: Arc<Decoder>,
    /// How far a row may lie behind the greatest event time before it in its partition, in microseconds.
    pub lateness_us: Micros,
    /// Bounds on what one row may do.
    pub limits: Limits,
}

/// What the log has of a partition beside its position and mark, which come with the [`Entry`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resume {
    /// The greatest event time of its rows on time.
    pub greatest: Option<Micros>,
    /// The watermark at which it joined: nothing below is on time.
    pub floor: Option<Micros>,
}

/// What a poll leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InletState {
    /// The budget is used up: there may be more.
    More,
    /// There is nothing more for now.
    Waiting,
    /// There is nothing more to come.
    Done,
}

/// One partition, being read.
pub struct Inlet {
    reader: PartitionReader,
    gate: Gate,
    path: PathBuf,
    /// How long the files of its source are read.
    reading: Reading,
    notices: Vec<Notice>,
}

impl Inlet {
    /// Opens an entry's file at its position.
    ///
    /// # Errors
    /// [`Error::Reading`] if it can't be opened, or was replaced since the entry was made.
    pub fn open(spec: &InletSpec, entry: &Entry, resume: Resume) -> Result<Inlet, Error> {
        Inlet::of(spec, &Found::File(entry.clone()), 0, resume)
    }

    /// Opens what was found at its position, to be read by a worker.
    ///
    /// # Errors
    /// As [`PartitionReader::open`].
    pub fn of(
        spec: &InletSpec,
        found: &Found,
        worker: usize,
        resume: Resume,
    ) -> Result<Inlet, Error> {
        let origin =
            Origin { source: spec.source.clone(), partition: found.partition().to_owned() };
        let gate = Gate::new(spec, origin.shared(), resume);
        let reader = PartitionReader::open(found, worker, &spec.decoder.wanted(), &spec.limits)?;
        let (path, reading) = match found {
            Found::File(entry) => (entry.path.clone(), entry.source_reading),
            // It has no header to be wrong.
            Found::Topic(_) => (PathBuf::new(), Reading::Followed),
        };
        Ok(Inlet { reader, gate, path, reading, notices: Vec::new() })
    }

    /// Reads about `budget_bytes`, and appends the rows and rejects found in them. Never waits.
    ///
    /// # Errors
    /// [`Error::Reading`] if the file can't be read. What was appended stands; a later poll goes on after it.
    /// [`Error::SourceFile`] if the source is bounded and the file's header is none for its rows.
    pub fn poll(
        &mut self,
        budget_bytes: usize,
        now_us: Micros,
        rows: &mut Vec<Placed<Record>>,
        rejects: &mut Vec<RejectRow>,
    ) -> Result<InletState, Error> {
        let (gate, reading, notices) = (&mut self.gate, self.reading, &mut self.notices);
        let step = self.reader.read(budget_bytes, now_us, &mut |cut| match cut {
            Cut::Header { .. } | Cut::Columns { .. } => {
                match cut {
                    Cut::Columns { names } => gate.take_columns(names),
                    Cut::Header { header, .. } => gate.name_columns(header),
                    _ => {}
                }
                if let (Reading::Followed, Some(problem)) = (reading, gate.misnamed()) {
                    let what = gate.header_word();
                    let text = format!("its {what} {problem}: each of its rows is a reject");
                    notices.push(Notice::new(&gate.books.origin.partition, text));
                }
            }
            // Of a file that stops the job no row is counted.
            _ if gate.stops(reading).is_some() => {}
            row => gate.admit(row, now_us, &mut |outcome| match outcome {
                Ok(row) => rows.push(row),
                Err(reject) => rejects.push(reject),
            }),
        })?;
        if let Some(problem) = self.gate.stops(reading) {
            return Err(self.gate.trouble(&self.path, problem).into_error());
        }
        Ok(match step {
            ReadStep::More => InletState::More,
            ReadStep::Waiting => InletState::Waiting,
            ReadStep::Done => InletState::Done,
        })
    }

    /// How far it has come: what the log keeps to go on from here. It reads the file's beginning while that is short,
    /// and copies names: not for each poll.
    pub fn progress(&mut self) -> Progress {
        let Books { origin, record, lateness, counts, .. } = &self.gate.books;
        Progress {
            origin: *origin,
            record: *record,
            next: self.reader.next(),
            greatest: lateness.greatest(),
            floor: lateness.floor(),
            bound: lateness.bound(),
            done: self.reader.is_done(),
            seen: self.reader.seen(),
            mark: self.reader.mark(),
            counts: *counts,
        }
    }

    /// How many bytes were read since this was last asked: of Parquet those of its rows as they are read here.
    pub fn take_bytes(&mut self) -> u64 {
        self.reader.take_bytes()
    }

    /// Whether there is nothing to read because nobody wrote anything.
    pub fn is_caught_up(&self) -> bool {
        self.reader.is_caught_up()
    }

    /// The next byte to read, of Parquet the next row, of a topic the next offset.
    pub fn next(&self) -> u64 {
        self.reader.next()
    }

    /// The least event time that is still on time; none before the first row of a partition without a floor.
    pub fn bound(&self) -> Option<Micros> {
        self.gate.books.lateness.bound()
    }

    /// The greatest event time of its rows on time.
    pub fn greatest(&self) -> Option<Micros> {
        self.gate.books.lateness.greatest()
    }

    /// The kind of record it holds.
    pub fn record(&self) -> RecordKind {
        self.gate.books.record
    }

    /// The rows counted since this was last asked.
    pub fn take_counts(&mut self) -> Counts {
        self.gate.books.take_counts()
    }

    /// What is new to say about its file.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        let mut notices = std::mem::take(&mut self.notices);
        notices.extend(self.reader.take_notices());
        notices
    }
}
