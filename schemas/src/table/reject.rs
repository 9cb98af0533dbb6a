use std::fmt;

use serde::{Deserialize, Serialize};

use super::CellKind::{Bytes, Flag, Int, Text, Word};
use super::{Cells, Column, TableRow};
use crate::place::Place;
use crate::record::RecordKind;
use crate::time::Micros;

/// Why an input row could not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectReason {
    /// The bytes are not text in UTF-8.
    InvalidUtf8,
    /// The text is not a JSON object.
    InvalidJson,
    /// The line is longer than the job allows.
    TooLong,
    /// A field that must be there is not.
    MissingField,
    /// A field has another type than it should.
    WrongType,
    /// A field's value lies outside what is allowed (an id too long, a number that is not finite, …).
    OutOfRange,
    /// The event time cannot be read, lies outside the years 1 to 9999, or further ahead than the job allows.
    EventTime,
    /// The row is older than its partition's greatest event time less the lateness, or a vote came after the close.
    Late,
    /// The job demands known agents and this one is not.
    UnknownAgent,
    /// The job demands known tasks and this one is not.
    UnknownTask,
    /// The agent may not vote in the task's domain.
    WrongDomain,
    /// The vote is none of the task's options.
    NotAnOption,
    /// The job's method cannot count a vote of this kind.
    UnsupportedVote,
    /// The task already holds as many votes as the job allows.
    TooManyVotes,
    /// The task already holds as many declarations, known answers or overrides as one can.
    TooManyRecords,
    /// The line is no record of comma-separated values, or not one of its file's header.
    InvalidCsv,
    /// The row, and those behind it in its file, cannot be read from Parquet; or the file lacks a column.
    InvalidParquet,
}

impl RejectReason {
    /// The word in the table.
    pub fn word(self) -> &'static str {
        match self {
            RejectReason::InvalidUtf8 => "invalid_utf8",
            RejectReason::InvalidJson => "invalid_json",
            RejectReason::TooLong => "too_long",
            RejectReason::MissingField => "missing_field",
            RejectReason::WrongType => "wrong_type",
            RejectReason::OutOfRange => "out_of_range",
            RejectReason::EventTime => "event_time",
            RejectReason::Late => "late",
            RejectReason::UnknownAgent => "unknown_agent",
            RejectReason::UnknownTask => "unknown_task",
            RejectReason::WrongDomain => "wrong_domain",
            RejectReason::NotAnOption => "not_an_option",
            RejectReason::UnsupportedVote => "unsupported_vote",
            RejectReason::TooManyVotes => "too_many_votes",
            RejectReason::TooManyRecords => "too_many_records",
            RejectReason::InvalidCsv => "invalid_csv",
            RejectReason::InvalidParquet => "invalid_parquet",
        }
    }
}

impl fmt::Display for RejectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Where in the engine a row was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectStage {
    /// At the door: by its bytes, or by its partition's lateness.
    Inlet,
    /// In its task, by the task's own time.
    Task,
}

/// An input row that could not be used, kept with its bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RejectRow {
    /// The row's event time; where it has none that can be read, the partition's greatest so far.
    pub event_time: Micros,
    /// The kind of record the source holds.
    pub record: RecordKind,
    /// Where it was refused.
    pub stage: RejectStage,
    /// Why.
    pub reason: RejectReason,
    /// Which field, what was expected, what stood there.
    pub detail: String,
    /// Where it was read.
    pub place: Place,
    /// The row's bytes, up to the job's limit. At the door they are the original ones, of a line's member its own; a row
    /// that was well formed and was refused later is written as the engine read it, as one JSON object.
    pub bytes: Vec<u8>,
    /// How many bytes the row had.
    pub bytes_total: u64,
}

impl TableRow for RejectRow {
    const COLUMNS: &'static [Column] = &[
        Column::new("record", Word),
        Column::new("stage", Word),
        Column::new("reason", Word),
        Column::new("detail", Text),
        Column::new("source", Word),
        Column::new("partition", Word),
        Column::new("position", Int),
        Column::new("bytes", Bytes),
        Column::new("bytes_total", Int),
        Column::new("truncated", Flag),
    ];

    fn revision(&self) -> i64 {
        0
    }

    fn event_time(&self) -> Micros {
        self.event_time
    }

    fn cells(&self, to: &mut impl Cells) {
        to.text(Some(self.record.source_key()));
        to.text(Some(match self.stage {
            RejectStage::Inlet => "inlet",
            RejectStage::Task => "task",
        }));
        to.text(Some(self.reason.word()));
        to.text(Some(&self.detail));
        to.text(Some(&self.place.origin.source));
        to.text(Some(&self.place.origin.partition));
        to.int(Some(i64::try_from(self.place.position).unwrap_or(i64::MAX)));
        to.bytes(Some(&self.bytes));
        to.int(Some(i64::try_from(self.bytes_total).unwrap_or(i64::MAX)));
        to.flag(Some(
            (self.bytes.len() as u64) < self.bytes_total && self.stage == RejectStage::Inlet,
        ));
    }
}
