//! From the bytes of one row to a typed record, or to the reason why not.
//!
//! ```text
//! bytes ── UTF-8? ─┬─ JSON object? ────────────► Row: raw text of each wanted field ──► record/…: typed, checked
//!                  └─ cells under a Header? ─►   ▲
//!                          Plan: which field is found where (the job's `map`)
//! ```
//!
//! 1. **Any bytes are allowed**: the answer is a record or a [`Refusal`], never a panic, and the stack stays flat
//!    however deep the JSON is nested.
//! 2. **A record is well formed**: ids are bounded and free of control characters, numbers finite, labels at most
//!    1 KiB, times within the years 1 to 9999.
//! 3. **Nothing is guessed**: an integer is no time without a unit, a text is no number unless the job says that it is
//!    to be taken as one. Cells, which are all text, are read by what their field holds.
//! 4. **Exact**: numbers are read from their text, to the nearest double; integers that are ids or labels keep every
//!    digit. Of equal keys the last one counts.
//!
//! Rows of Parquet come as the JSON objects that they would be. Fields that no record has are skipped. *Cost*: one pass
//! over the row, and one over each nested field that the map reaches into.

mod cast;
mod cells;
mod each;
mod field;
mod flat;
mod header;
mod json;
mod map;
mod place;
mod plan;
mod record;
mod refusal;
mod row;
mod scalar;

pub use cast::Cast;
pub use cells::Header;
pub use each::MEMBERS_MAX;
pub use field::Field;
pub use map::{Constant, Each, FieldMap, FieldSource, MEMBER};
pub use refusal::Refusal;
pub use row::LABEL_BYTES_MAX;

use std::borrow::Cow;
use std::collections::BTreeSet;

use quorate_schemas::id::{IdKey, Name};
use quorate_schemas::record::{Record, RecordKind};
use quorate_schemas::table::RejectReason;
use quorate_schemas::time::Micros;

use self::each::Member;
use self::plan::Plan;
use crate::error::Error;
use crate::source::Format;

/// A record, and what stands around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// When it happened, by its own word.
    pub event_time: Micros,
    /// The producer's id of this record, empty where it gave none.
    pub event_id: Name,
    /// The record.
    pub record: Record,
}

/// Which columns of a file have something that is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All.
    All,
    /// Those with these names.
    Named(BTreeSet<String>),
}

impl Wanted {
    /// Whether the column of this name is one of them.
    pub fn has(&self, name: &str) -> bool {
        match self {
            Wanted::All => true,
            Wanted::Named(names) => names.contains(name),
        }
    }
}

/// What a row, or one of its members, is.
pub struct Part<'a> {
    answer: Result<Decoded, Refusal>,
    own: Own<'a>,
}

/// Which bytes of a row are a part's own.
#[derive(Clone, Copy)]
pub struct Own<'a> {
    member: Option<&'a Member<'a>>,
}

impl<'a> Part<'a> {
    /// The record, or the first reason why it is none.
    ///
    /// # Errors
    /// That reason, with the event time where that could be read.
    pub fn answer(self) -> Result<Decoded, Refusal> {
        self.answer.map_err(|refusal| match self.own.member {
            None => refusal,
            Some(member) => {
                let detail = format!("{} (in `{}`)", refusal.detail, member.name());
                Refusal { detail, ..refusal }
            }
        })
    }

    /// The bytes that are its own.
    pub fn own(&self) -> Own<'a> {
        self.own
    }
}

impl<'a> Own<'a> {
    /// The row's bytes, which are `row`; of a member its part of them.
    pub fn bytes<'r>(&self, row: &'r [u8]) -> Cow<'r, [u8]> {
        match self.member {
            Some(member) => Cow::Owned(member.written().into_bytes()),
            None => Cow::Borrowed(row),
        }
    }
}

/// Decodes the rows of one source.
///
/// ```
/// use quorate_connectors::decode::{Decoder, FieldMap};
/// use quorate_schemas::id::IdKey;
/// use quorate_schemas::record::{Record, RecordKind, Value};
///
/// let decoder = Decoder::new(RecordKind::Vote, &FieldMap::default(), IdKey::new([7; 16])).unwrap();
/// let row = br#"{"task_id": "t1", "agent_id": 7, "choice": "B", "event_time": "2026-01-01T00:00:00Z"}"#;
/// let Record::Vote(vote) = decoder.decode(row).unwrap().record else { panic!("a vote") };
/// assert_eq!(vote.agent.agent_id(), "7");
/// assert_eq!(vote.value, Value::Choice("B".into()));
/// assert_eq!(decoder.decode(b"{}").unwrap_err().detail, "`event_time` is missing");
/// ```
#[derive(Clone, Debug)]
pub struct Decoder {
    format: Format,
    kind: RecordKind,
    plan: Plan,
    key: IdKey,
}

impl Decoder {
    /// A decoder for JSON rows of `kind` whose fields are found as `map` says; names become ids under `key`.
    ///
    /// # Errors
    /// [`Error::Map`] if the map names a field that the record does not have, or says of one what it can't be.
    pub fn new(kind: RecordKind, map: &FieldMap, key: IdKey) -> Result<Decoder, Error> {
        Decoder::of(Format::Json, kind, map, key)
    }

    /// The same for rows that are written in `format`.
    ///
    /// # Errors
    /// As [`Decoder::new`].
    pub fn of(
        format: Format,
        kind: RecordKind,
        map: &FieldMap,
        key: IdKey,
    ) -> Result<Decoder, Error> {
        Ok(Decoder { format, kind, plan: Plan::new(format, kind, map)?, key })
    }

    /// How the rows are written that it decodes.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The kind of record it makes.
    pub fn kind(&self) -> RecordKind {
        self.kind
    }

    /// Decodes one row: the bytes of one JSON object. Of a row that is many records, the first.
    ///
    /// # Errors
    /// The first reason why it is no record, with its event time where that could be read.
    pub fn decode(&self, bytes: &[u8]) -> Result<Decoded, Refusal> {
        self.first(None, bytes)
    }

    /// Reads the header of a file: in which columns its rows have their fields.
    ///
    /// # Errors
    /// Why its rows can't be read: what it lacks, or names twice.
    pub fn header(&self, bytes: &[u8]) -> Result<Header, Refusal> {
        match self.format {
            Format::Json | Format::Parquet => Err(cells::broken("rows of objects have no header")),
            Format::Csv { delimiter } => {
                header::read(self.kind, &self.plan, utf8(bytes)?, delimiter)
            }
        }
    }

    /// Whether rows of a file with these columns can be read.
    ///
    /// # Errors
    /// Why not: what it lacks, or has twice.
    pub fn columns(&self, names: &[String]) -> Result<(), Refusal> {
        header::check(self.kind, &self.plan, names).map(|_| ())
    }

    /// The columns that fields are taken from, of files that can be read by column.
    pub fn wanted(&self) -> Wanted {
        match self.plan.members() {
            Some(each::Members::Rest) => Wanted::All,
            _ => Wanted::Named(self.plan.keys().iter().map(|key| key.to_string()).collect()),
        }
    }

    /// Decodes one row under a header that this decoder read: its cells, as they are written.
    ///
    /// # Errors
    /// As [`Decoder::decode`].
    pub fn decode_under(&self, header: &Header, bytes: &[u8]) -> Result<Decoded, Refusal> {
        self.first(Some(header), bytes)
    }

    fn first(&self, header: Option<&Header>, bytes: &[u8]) -> Result<Decoded, Refusal> {
        let mut first = None;
        self.decode_each(header, bytes, &mut |part| first = first.take().or(Some(part.answer())));
        first.unwrap_or_else(|| Err(Refusal::new(RejectReason::MissingField, "has no members")))
    }

    /// Decodes one row, under its file's header if it has one, and gives at least one part of it: the row, or each of
    /// the members that are records of their own.
    pub fn decode_each(
        &self,
        header: Option<&Header>,
        bytes: &[u8],
        take: &mut dyn FnMut(Part<'_>),
    ) {
        let read = self.parts(header, bytes, &mut |row, member| {
            let answer = row.and_then(|row| self.record(row));
            take(Part { answer, own: Own { member } });
        });
        if let Err(refusal) = read {
            take(Part { answer: Err(refusal), own: Own { member: None } });
        }
    }

    fn parts(
        &self,
        header: Option<&Header>,
        bytes: &[u8],
        take: &mut plan::Take<'_>,
    ) -> Result<(), Refusal> {
        match (self.format, header) {
            (Format::Json | Format::Parquet, _) => self.plan.read(utf8(bytes)?, take),
            (Format::Csv { .. }, None) => Err(cells::broken("stands under no header")),
            (Format::Csv { delimiter }, Some(header)) => {
                let cells = cells::read(utf8(bytes)?, delimiter, header)?;
                self.plan.read_cells(&cells, &header.members, take)
            }
        }
    }

    fn record(&self, row: &row::Row<'_>) -> Result<Decoded, Refusal> {
        let event_time = row.time(Field::EventTime)?;
        let decoded = || {
            let event_id = row.optional_id(Field::EventId)?.unwrap_or_default();
            let record = record::read(self.kind, row, &self.key)?;
            Ok(Decoded { event_time, event_id, record })
        };
        decoded().map_err(|refusal: Refusal| refusal.at(event_time))
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, Refusal> {
    std::str::from_utf8(bytes).map_err(|error| {
        let detail = format!("not UTF-8 after byte {}", error.valid_up_to());
        Refusal::new(RejectReason::InvalidUtf8, detail)
    })
}

#[cfg(test)]
mod tests;
