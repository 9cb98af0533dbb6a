//! One partition's way in: bytes read, decoded, judged and counted.
//!
//! ```text
//!              ┌─ too long, damaged, not decodable, too far ahead ──► rejects
//! FileReader ──┤
//!    cuts      └─ decoded ── Lateness ──┬─ late ────────────────────► rejects
//!                                       └─ on time, raises greatest ─► rows
//! ```
//!
//! 1. **Conservation**: rows in = on time + late + rejected, after every poll. Blank lines are no rows.
//! 2. **A function of the partition's content**: which rows are late depends on the rows before them in the same
//!    partition (and on the floor at which it joined), never on how fast or in which steps they were read.
//! 3. **Only rows on time raise the greatest event time**, so neither a late nor a rejected one moves a watermark.
//! 4. **Goes on exactly**: opened at a logged position with what was logged beside it, an inlet gives the rest.
//! 5. **A header is no row**: it is not counted, and lies in the range before the first row. One that its rows can't be
//!    read by stops a bounded source before any of them is counted; followed, each of them is a reject that says so.

mod lateness;
mod limits;
mod progress;

pub use lateness::{Lateness, Verdict};
pub use limits::Limits;
pub use progress::{Counts, Progress};

use std::path::PathBuf;
use std::sync::Arc;

use quorate_schemas::place::{Origin, OriginRef, Place};
use quorate_schemas::record::{Placed, Record, RecordKind};
use quorate_schemas::table::{RejectReason, RejectRow, RejectStage};
use quorate_schemas::time::{Micros, format_rfc3339};

use crate::decode::{Decoded, Decoder, Header, Refusal};
use crate::error::Error;
use crate::source::{Cut, Entry, FileReader, Format, Notice, ReadStep, Reading, Trouble};

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
    reader: FileReader,
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
        let origin = Origin { source: spec.source.clone(), partition: entry.partition.clone() };
        let gate = Gate {
            origin: origin.shared(),
            decoder: Arc::clone(&spec.decoder),
            lateness: Lateness::resumed(spec.lateness_us, resume.greatest, resume.floor),
            limits: spec.limits,
            counts: Counts::default(),
            taken: Counts::default(),
            columns: Columns::Unnamed,
        };
        let reader = FileReader::open(entry, &spec.limits)?;
        let (path, reading) = (entry.path.clone(), entry.source_reading);
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
            Cut::Header { header, .. } => {
                gate.name_columns(header);
                if let (Reading::Followed, Columns::Misnamed(problem)) = (reading, &gate.columns) {
                    let text = format!("its header {problem}: each of its rows is a reject");
                    notices.push(Notice::new(&gate.origin.partition, text));
                }
            }
            // Of a file that stops the job no row is counted.
            _ if gate.stops(reading).is_some() => {}
            row => match gate.admit(row, now_us) {
                Ok(row) => rows.push(row),
                Err(reject) => rejects.push(reject),
            },
        })?;
        if let Some(problem) = self.gate.stops(reading) {
            return Err(Trouble::header(&self.path, problem).into_error());
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
        let Gate { origin, lateness, counts, .. } = &self.gate;
        Progress {
            origin: *origin,
            record: self.gate.decoder.kind(),
            next: self.reader.next(),
            greatest: lateness.greatest(),
            floor: lateness.floor(),
            bound: lateness.bound(),
            done: self.reader.is_done(),
            file_bytes: self.reader.file_bytes(),
            mark: self.reader.mark().clone(),
            counts: *counts,
        }
    }

    /// The next byte to read.
    pub fn next(&self) -> u64 {
        self.reader.next()
    }

    /// The least event time that is still on time; none before the first row of a partition without a floor.
    pub fn bound(&self) -> Option<Micros> {
        self.gate.lateness.bound()
    }

    /// The greatest event time of its rows on time.
    pub fn greatest(&self) -> Option<Micros> {
        self.gate.lateness.greatest()
    }

    /// The kind of record it holds.
    pub fn record(&self) -> RecordKind {
        self.gate.decoder.kind()
    }

    /// The rows counted since this was last asked.
    pub fn take_counts(&mut self) -> Counts {
        let gate = &mut self.gate;
        let since = gate.counts.since(gate.taken);
        gate.taken = gate.counts;
        since
    }

    /// What is new to say about its file.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        let mut notices = std::mem::take(&mut self.notices);
        notices.extend(self.reader.take_notices());
        notices
    }
}

/// Judges and counts cuts.
struct Gate {
    origin: OriginRef,
    decoder: Arc<Decoder>,
    lateness: Lateness,
    limits: Limits,
    counts: Counts,
    taken: Counts,
    columns: Columns,
}

/// By what rows find their fields.
enum Columns {
    /// By names of their own; or no header came so far.
    Unnamed,
    Named(Header),
    /// The header is none for them: why, in words that fit after "its header".
    Misnamed(String),
}

impl Gate {
    /// Takes a file's header.
    fn name_columns(&mut self, header: Result<&[u8], &str>) {
        self.columns = match header.map(|bytes| self.decoder.header(bytes)) {
            Ok(Ok(header)) => Columns::Named(header),
            Ok(Err(refusal)) => Columns::Misnamed(refusal.detail),
            Err(what) => Columns::Misnamed(format!("is none: {what}")),
        };
    }

    /// Why a source that is read so stops here.
    fn stops(&self, reading: Reading) -> Option<&str> {
        match (&self.columns, reading) {
            (Columns::Misnamed(problem), Reading::Bounded) => Some(problem),
            _ => None,
        }
    }

    fn admit(&mut self, cut: Cut<'_>, now_us: Micros) -> Result<Placed<Record>, RejectRow> {
        self.counts.rows_in += 1;
        let (position, bytes) = match cut {
            Cut::Line { position, bytes } => (position, bytes),
            Cut::TooLong { position, first, bytes_total } => {
                let detail = format!(
                    "{bytes_total} bytes, at most {} are allowed",
                    self.limits.line_bytes_max
                );
                return Err(self.reject(
                    position,
                    first,
                    bytes_total,
                    Refusal::new(RejectReason::TooLong, detail),
                ));
            }
            Cut::Damage { position, first, bytes_total, what } => {
                let refusal = Refusal::new(self.malformed(), what);
                return Err(self.reject(position, first, bytes_total, refusal));
            }
            Cut::Broken { position, first, bytes_total, what } => {
                let refusal = Refusal::new(self.malformed(), what);
                return Err(self.reject(position, first, bytes_total, refusal));
            }
            // Headers go another way, and are not counted. As a row one would be none.
            Cut::Header { position, header } => (position, header.unwrap_or_default()),
        };
        match self.judge(bytes, now_us) {
            Ok(Decoded { event_time, event_id, record }) => {
                self.counts.on_time += 1;
                let place = Place { origin: self.origin, position };
                Ok(Placed { event_time, event_id, place, body: record })
            }
            Err(refusal) => Err(self.reject(position, bytes, bytes.len() as u64, refusal)),
        }
    }

    fn judge(&mut self, bytes: &[u8], now_us: Micros) -> Result<Decoded, Refusal> {
        let decoded = match &self.columns {
            Columns::Unnamed => self.decoder.decode(bytes),
            Columns::Named(header) => self.decoder.decode_under(header, bytes),
            Columns::Misnamed(problem) => {
                Err(Refusal::new(RejectReason::InvalidCsv, format!("the header {problem}")))
            }
        }?;
        let event_time = decoded.event_time;
        let refuse = |reason, detail: String| Err(Refusal::new(reason, detail).at(event_time));
        let latest = now_us.saturating_add(self.limits.future_skew_us);
        if event_time > latest {
            let (time, latest) = (format_rfc3339(event_time), format_rfc3339(latest));
            return refuse(
                RejectReason::EventTime,
                format!("{time} lies ahead of {latest}, the furthest allowed now"),
            );
        }
        match self.lateness.judge(event_time) {
            Verdict::OnTime => Ok(decoded),
            Verdict::Late { bound } => {
                let (time, bound) = (format_rfc3339(event_time), format_rfc3339(bound));
                refuse(
                    RejectReason::Late,
                    format!("{time} lies before {bound}, the earliest on time here"),
                )
            }
        }
    }

    /// What bytes are that are no row at all.
    fn malformed(&self) -> RejectReason {
        match self.decoder.format() {
            Format::Json => RejectReason::InvalidJson,
            Format::Csv { .. } => RejectReason::InvalidCsv,
        }
    }

    fn reject(
        &mut self,
        position: u64,
        bytes: &[u8],
        bytes_total: u64,
        refusal: Refusal,
    ) -> RejectRow {
        match refusal.reason {
            RejectReason::Late => self.counts.late += 1,
            _ => self.counts.rejected += 1,
        }
        RejectRow {
            event_time: refusal.event_time.or(self.lateness.greatest()).unwrap_or(0),
            record: self.decoder.kind(),
            stage: RejectStage::Inlet,
            reason: refusal.reason,
            detail: refusal.detail,
            place: Place { origin: self.origin, position },
            bytes: bytes[..bytes.len().min(self.limits.reject_bytes_max)].to_vec(),
            bytes_total,
        }
    }
}
