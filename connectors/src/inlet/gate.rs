//! What a partition's cuts are: rows, decoded and judged, or rejects.

use std::path::Path;
use std::sync::Arc;

use quorate_schemas::place::OriginRef;
use quorate_schemas::record::{Placed, Record};
use quorate_schemas::table::{RejectReason, RejectRow};
use quorate_schemas::time::Micros;

use super::books::Books;
use super::{InletSpec, Resume};
use crate::decode::{Decoder, Header, Refusal};
use crate::source::{Cut, Format, Reading, Trouble};

/// Judges cuts.
pub(super) struct Gate {
    decoder: Arc<Decoder>,
    columns: Columns,
    pub(super) books: Books,
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
    pub(super) fn new(spec: &InletSpec, origin: OriginRef, resume: Resume) -> Gate {
        let books = Books::new(spec, origin, resume);
        Gate { decoder: Arc::clone(&spec.decoder), columns: Columns::Unnamed, books }
    }

    /// Takes a file's header.
    pub(super) fn name_columns(&mut self, header: Result<&[u8], &str>) {
        self.columns = match header.map(|bytes| self.decoder.header(bytes)) {
            Ok(Ok(header)) => Columns::Named(header),
            Ok(Err(refusal)) => Columns::Misnamed(refusal.detail),
            Err(what) => Columns::Misnamed(format!("is none: {what}")),
        };
    }

    /// Takes the columns of a file that has types of its own.
    pub(super) fn take_columns(&mut self, names: &[String]) {
        if let Err(refusal) = self.decoder.columns(names) {
            self.columns = Columns::Misnamed(refusal.detail);
        }
    }

    /// Why the header is none for the rows below it.
    pub(super) fn misnamed(&self) -> Option<&str> {
        match &self.columns {
            Columns::Misnamed(problem) => Some(problem),
            Columns::Unnamed | Columns::Named(_) => None,
        }
    }

    /// What names the columns of its files.
    pub(super) fn header_word(&self) -> &'static str {
        header_word(self.decoder.format())
    }

    /// What is wrong with the file at `path`, and what to do.
    pub(super) fn trouble(&self, path: &Path, problem: &str) -> Trouble {
        match self.decoder.format() {
            Format::Json | Format::Csv { .. } => Trouble::header(path, problem),
            Format::Parquet => Trouble::columns(path, problem),
        }
    }

    /// Why a source that is read so stops here.
    pub(super) fn stops(&self, reading: Reading) -> Option<&str> {
        self.misnamed().filter(|_| reading == Reading::Bounded)
    }

    /// Judges a cut, and gives the row that it is, or each of the rows.
    pub(super) fn admit(
        &mut self,
        cut: Cut<'_>,
        now_us: Micros,
        take: &mut dyn FnMut(Result<Placed<Record>, RejectRow>),
    ) {
        let (position, bytes, original) = match cut {
            Cut::Line { position, bytes } => (position, bytes, bytes),
            Cut::Message { position, bytes, row } => (position, row, bytes),
            Cut::TooLong { position, first, bytes_total } => {
                let max = self.books.limits.line_bytes_max;
                let detail = format!("{bytes_total} bytes, at most {max} are allowed");
                let refusal = Refusal::new(RejectReason::TooLong, detail);
                return take(Err(self.books.refuse(position, first, bytes_total, refusal)));
            }
            Cut::Damage { position, first, bytes_total, what }
            | Cut::Broken { position, first, bytes_total, what } => {
                let refusal = Refusal::new(self.malformed(), what);
                return take(Err(self.books.refuse(position, first, bytes_total, refusal)));
            }
            // Headers go another way, and are not counted. As a row one would be none.
            Cut::Header { position, header } => {
                let bytes = header.unwrap_or_default();
                (position, bytes, bytes)
            }
            Cut::Columns { .. } => return,
        };
        let malformed = self.malformed();
        let Gate { decoder, columns, books } = self;
        let header = match columns {
            Columns::Unnamed => None,
            Columns::Named(header) => Some(&*header),
            Columns::Misnamed(problem) => {
                let detail = format!("the {} {problem}", header_word(decoder.format()));
                let refusal = Refusal::new(malformed, detail);
                return take(Err(books.refuse(position, bytes, bytes.len() as u64, refusal)));
            }
        };
        decoder.decode_each(header, bytes, &mut |part| {
            take(books.judge(position, part, original, now_us));
        });
    }

    /// What bytes are that are no row at all.
    fn malformed(&self) -> RejectReason {
        match self.decoder.format() {
            Format::Json => RejectReason::InvalidJson,
            Format::Csv { .. } => RejectReason::InvalidCsv,
            Format::Parquet => RejectReason::InvalidParquet,
        }
    }
}

/// What names the columns of a file.
fn header_word(format: Format) -> &'static str {
    match format {
        Format::Json | Format::Csv { .. } => "header",
        Format::Parquet => "schema",
    }
}
