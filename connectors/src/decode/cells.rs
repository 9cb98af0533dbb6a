//! One record of comma-separated values, and the columns that it stands in.

use std::borrow::Cow;

use memchr::memchr;
use quorate_schemas::table::RejectReason;
use smallvec::SmallVec;

use super::refusal::Refusal;

/// Room for the cells of most rows without an allocation.
pub(crate) type Cells<'a> = SmallVec<[Option<Cow<'a, str>>; 12]>;

/// Which columns a file's rows have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Of each column the wanted key that it is, if it is one.
    pub(crate) columns: Vec<Option<usize>>,
    /// How many keys are wanted.
    pub(crate) keys: usize,
    /// The names of the columns that are wanted beside those keys, because they are the members of its rows. Their
    /// numbers follow upon the keys'.
    pub(crate) members: Vec<Box<str>>,
}

/// The cells of one record, each with its column's number. What may not stand behind a closing quote ends them.
pub(crate) struct Record<'a> {
    rest: Option<&'a str>,
    delimiter: u8,
}

impl<'a> Record<'a> {
    pub(crate) fn new(text: &'a str, delimiter: u8) -> Record<'a> {
        Record { rest: Some(text), delimiter }
    }

    fn bare(&mut self, text: &'a str) -> Cow<'a, str> {
        let end = memchr(self.delimiter, text.as_bytes());
        self.rest = end.map(|end| &text[end + 1..]);
        Cow::Borrowed(&text[..end.unwrap_or(text.len())])
    }

    /// The cell whose opening quote stands before `text`.
    fn quoted(&mut self, text: &'a str) -> Result<Cow<'a, str>, Refusal> {
        let (mut at, mut doubled) = (0, false);
        let end = loop {
            let Some(quote) = memchr(b'"', &text.as_bytes()[at..]) else {
                return Err(broken("a quoted cell does not end"));
            };
            at += quote + 1;
            if text.as_bytes().get(at) != Some(&b'"') {
                break at - 1;
            }
            (at, doubled) = (at + 1, true);
        };
        self.rest = match text.as_bytes().get(at) {
            None => None,
            Some(&byte) if byte == self.delimiter => Some(&text[at + 1..]),
            Some(_) => return Err(broken("something stands behind a closing quote")),
        };
        let cell = &text[..end];
        Ok(if doubled { Cow::Owned(cell.replace("\"\"", "\"")) } else { Cow::Borrowed(cell) })
    }
}

impl<'a> Iterator for Record<'a> {
    type Item = Result<Cow<'a, str>, Refusal>;

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.rest.take()?;
        match text.strip_prefix('"') {
            Some(inner) => Some(self.quoted(inner)),
            None => Some(Ok(self.bare(text))),
        }
    }
}

/// The cells of the wanted keys in a row under `header`.
pub(crate) fn read<'a>(
    text: &'a str,
    delimiter: u8,
    header: &Header,
) -> Result<Cells<'a>, Refusal> {
    let mut cells = Cells::from_elem(None, header.keys + header.members.len());
    let mut found = 0;
    for cell in Record::new(text, delimiter) {
        let cell = cell?;
        if let Some(Some(key)) = header.columns.get(found) {
            cells[*key] = Some(cell);
        }
        found += 1;
    }
    let named = header.columns.len();
    if found != named {
        let cells = if found == 1 { "cell" } else { "cells" };
        return Err(broken(format!("has {found} {cells}, the header names {named} columns")));
    }
    Ok(cells)
}

pub(crate) fn broken(detail: impl Into<String>) -> Refusal {
    Refusal::new(RejectReason::InvalidCsv, detail)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The cells of a record, or why it is none.
    fn cells(text: &str) -> Result<Vec<String>, String> {
        let read: Result<Vec<_>, _> = Record::new(text, b',').collect();
        read.map(|cells| cells.into_iter().map(Cow::into_owned).collect())
            .map_err(|refusal| refusal.detail)
    }

    #[test]
    fn cells_are_as_rfc_4180_has_them() {
        let check = |text: &str, expected: &[&str]| assert_eq!(cells(text).unwrap(), expected);
        check("", &[""]);
        check("a,b", &["a", "b"]);
        check(",,", &["", "", ""]);
        check("a, b ,\"c,d\"", &["a", " b ", "c,d"]);
        check("\"a\"\"b\",\"\",\"x\ny\r\n\"", &["a\"b", "", "x\ny\r\n"]);
        check("5\" disk,a\"b\"", &["5\" disk", "a\"b\""]);
        check("\"\"\"\"", &["\""]);
    }

    #[test]
    fn what_is_quoted_badly_is_no_record() {
        for (text, what) in [
            ("\"a", "does not end"),
            ("a,\"b\"\"", "does not end"),
            ("\"a\"b,c", "behind a closing quote"),
            ("\"a\" ,c", "behind a closing quote"),
        ] {
            assert!(cells(text).unwrap_err().contains(what), "{text}");
        }
    }

    #[test]
    fn a_row_has_as_many_cells_as_its_header() {
        let header = Header { columns: vec![None, Some(0)], keys: 1, members: Vec::new() };
        assert_eq!(read("a,b", b',', &header).unwrap().as_slice(), [Some(Cow::Borrowed("b"))]);
        for (text, expected) in [
            ("a", "has 1 cell, the header names 2 columns"),
            ("a,b,", "has 3 cells, the header names 2 columns"),
        ] {
            assert_eq!(read(text, b',', &header).unwrap_err().detail, expected);
        }
    }

    proptest! {
        /// Another reader finds the same cells in what another writer wrote.
        #[test]
        fn what_is_written_reads_back(
            row in prop::collection::vec("[a-z\",;\t\r\n é]{0,8}", 1..6),
            delimiter in prop::sample::select(b",;\t".as_slice()),
        ) {
            let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
            writer.write_record(&row).unwrap();
            let written = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            let text = written.strip_suffix('\n').unwrap();
            let read: Vec<String> =
                Record::new(text, delimiter).map(|cell| cell.unwrap().into_owned()).collect();
            prop_assert_eq!(read, row);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "(.|[,\"\n]){0,40}") {
            let _ = cells(&text);
        }
    }
}
