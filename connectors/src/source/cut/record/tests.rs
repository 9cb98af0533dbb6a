use proptest::prelude::*;

use super::*;

/// A cut that owns its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Header(u64, String),
    Record(u64, String),
    TooLong(u64, String, u64),
    Broken(u64, String, u64),
}

use Piece::{Broken, Header, Record, TooLong};

const LINE_MAX: usize = 16;
const FIRST_MAX: usize = 5;

fn own(cut: Cut<'_>) -> Piece {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match cut {
        Cut::Line { position, bytes } => Record(position, text(bytes)),
        Cut::Header { position, header: Ok(bytes) } => Header(position, text(bytes)),
        Cut::Header { position, header: Err(what) } => Header(position, format!("<{what}>")),
        Cut::TooLong { position, first, bytes_total } => {
            TooLong(position, text(first), bytes_total)
        }
        Cut::Broken { position, first, bytes_total, .. } => {
            Broken(position, text(first), bytes_total)
        }
        Cut::Damage { .. } | Cut::Columns { .. } | Cut::Message { .. } => panic!("{cut:?}"),
    }
}

fn cutter(position: u64, header: HeaderCut) -> RecordCutter {
    RecordCutter::new(position, b',', header, LINE_MAX, FIRST_MAX)
}

/// Cuts `pieces` one after the other, from `position` on.
fn cut(position: u64, header: HeaderCut, pieces: &[&[u8]]) -> Vec<Piece> {
    let mut cutter = cutter(position, header);
    let mut found = Vec::new();
    for piece in pieces {
        cutter.push(piece, &mut |cut| found.push(own(cut)));
        assert!(cutter.held.len() <= LINE_MAX + 5, "holds {} bytes", cutter.held.len());
    }
    cutter.finish(&mut |cut| found.push(own(cut)));
    let bytes: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
    assert_eq!((cutter.next(), cutter.end()), (position + bytes, position + bytes));
    found
}

/// Checks the cuts of rows: without a header, at once and byte by byte.
fn check(whole: &str, expected: &[Piece]) {
    let bytes: Vec<&[u8]> = whole.as_bytes().chunks(1).collect();
    assert_eq!(cut(0, HeaderCut::Given, &[whole.as_bytes()]), expected, "{whole:?}");
    assert_eq!(cut(0, HeaderCut::Given, &bytes), expected, "{whole:?}, byte by byte");
}

fn record(position: u64, text: &str) -> Piece {
    Record(position, text.to_owned())
}

#[test]
fn records_end_outside_of_quotes() {
    check("a,b\r\nc\n\n \t\r\nd", &[record(0, "a,b"), record(5, "c"), record(12, "d")]);
    check("\"a\nb\",c\nd", &[record(0, "\"a\nb\",c"), record(8, "d")]);
    check("\"\"\"\n\"\r\nd\r\n", &[record(0, "\"\"\"\n\""), record(7, "d")]);
    check("a,\"b\n\n\"\n", &[record(0, "a,\"b\n\n\"")]);
    check("\"a\"", &[record(0, "\"a\"")]);
    check("", &[]);
}

#[test]
fn a_quote_in_the_middle_of_a_cell_is_a_character() {
    check("5\" disk,b\nc\"\nd", &[record(0, "5\" disk,b"), record(10, "c\""), record(13, "d")]);
}

#[test]
fn the_first_record_is_the_header_and_a_byte_order_mark_is_none_of_it() {
    for (text, from, next) in
        [("\u{feff}a,\"b\nc\"\nx\n", 0, 11), ("\n\r\n\"a\",b\nx\n", 3, 9), ("a,b\nx", 0, 4)]
    {
        let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        let header = text[from as usize..next as usize].trim_matches(['\u{feff}', '\n']);
        let expected = [Header(from, header.to_owned()), record(next, "x")];
        assert_eq!(cut(0, HeaderCut::Awaited, &[text.as_bytes()]), expected);
        assert_eq!(cut(0, HeaderCut::Awaited, &bytes), expected);
    }
    let broken = cut(0, HeaderCut::Awaited, &[b"\"a\"b\nx\n"]);
    assert_eq!(broken, [Header(0, format!("<{BEHIND_A_QUOTE}>")), record(5, "x")]);
    let long = cut(0, HeaderCut::Awaited, &[&[b'h'; 20], b"\nx\n"]);
    assert_eq!(long, [Header(0, format!("<{HEADER_TOO_LONG}>")), record(21, "x")]);
    assert_eq!(cut(0, HeaderCut::Awaited, &["\u{feff}".as_bytes()]), []);
}

#[test]
fn a_quote_without_its_partner_costs_one_line() {
    let broken = |position: u64, first: &str, bytes: u64| Broken(position, first.to_owned(), bytes);
    // The next quoted cell shows it, or the limit, or the end.
    check(
        "a,\"b\nc,d\n\"e\",f\ng",
        &[broken(0, "a,\"b", 4), record(5, "c,d"), record(9, "\"e\",f"), record(15, "g")],
    );
    check(
        "\"b\nc,d\ne,f\ng,h\ni,j\nk\n",
        &[
            broken(0, "\"b", 2),
            record(3, "c,d"),
            record(7, "e,f"),
            record(11, "g,h"),
            record(15, "i,j"),
            record(19, "k"),
        ],
    );
    check("a\n\"b,c\nd\n", &[record(0, "a"), broken(2, "\"b,c", 4), record(7, "d")]);
    check("\"a\"b,c\nd", &[broken(0, "\"a\"b,", 6), record(7, "d")]);
    check("\"a\"\rb\nd", &[broken(0, "\"a\"\rb", 5), record(6, "d")]);
}

#[test]
fn a_line_is_too_long_by_its_content_alone() {
    let long = |position: u64, bytes: u64| TooLong(position, "12345".to_owned(), bytes);
    check("1234567890123456\r\nx", &[record(0, "1234567890123456"), record(18, "x")]);
    check("12345678901234567\r\nx", &[long(0, 17), record(19, "x")]);
    check("\u{feff}1234567890123456\r\nx", &[record(0, "1234567890123456"), record(21, "x")]);
    check("\u{feff}12345678901234567\nx", &[long(0, 17), record(21, "x")]);
    check("\"345678901234\n6\"\r\nx", &[record(0, "\"345678901234\n6\""), record(18, "x")]);
    // A record of several lines that is too long is cut as what it may be: a quote too many.
    check(
        "\"345678901234\n67\"\nx\n",
        &[Broken(0, "\"3456".to_owned(), 13), record(14, "67\""), record(18, "x")],
    );
    check(&"123456789 ".repeat(50), &[long(0, 500)]);
}

#[test]
fn a_long_line_is_skipped_without_being_held() {
    let mut cutter = cutter(0, HeaderCut::Given);
    let mut found = Vec::new();
    for first in ["\"", ""] {
        cutter.push(first.as_bytes(), &mut |cut| found.push(own(cut)));
        for _ in 0..1_000 {
            cutter.push(&[b'x'; 1_000], &mut |cut| found.push(own(cut)));
            assert!(cutter.held.capacity() < 2_000);
        }
        cutter.push(b"\n", &mut |cut| found.push(own(cut)));
    }
    assert_eq!(
        found,
        [
            TooLong(0, "\"xxxx".to_owned(), 1_000_001),
            TooLong(1_000_002, "xxxxx".to_owned(), 1_000_000)
        ]
    );
}

#[test]
fn damage_takes_what_is_left_and_lies_inside_the_range() {
    for (text, position, rest, next) in
        [("ab\n\"c\n", 3, "\"c\n", 6), ("ab\n", 3, "", 4), ("", 0, "", 1)]
    {
        let mut cutter = cutter(0, HeaderCut::Given);
        cutter.push(text.as_bytes(), &mut |_| {});
        cutter.damage("broken", &mut |cut| {
            let (first, bytes_total) = (rest.as_bytes(), rest.len() as u64);
            assert_eq!(cut, Cut::Damage { position, first, bytes_total, what: "broken" });
        });
        assert_eq!(cutter.next(), next);
    }
}

#[test]
fn a_quote_on_each_line_costs_no_more_than_the_lines() {
    // Each opens a cell that the next one breaks: what is looked at twice is one line.
    let text = "a,\"b\n".repeat(200_000);
    let mut cutter = RecordCutter::new(0, b',', HeaderCut::Given, 16 << 20, 64 << 10);
    let mut broken = 0;
    for piece in text.as_bytes().chunks(64 << 10) {
        cutter.push(piece, &mut |cut| broken += u32::from(matches!(cut, Cut::Broken { .. })));
    }
    assert_eq!(broken, 199_999);
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        3 => Just(b'\n'), 1 => Just(b'\r'), 3 => Just(b'"'), 2 => Just(b','), 1 => Just(b' '),
        8 => Just(b'x'), 1 => any::<u8>(),
    ];
    let marked = prop_oneof![3 => Just(Vec::new()), 1 => Just(BYTE_ORDER_MARK.to_vec())];
    (marked, prop::collection::vec(byte, 0..200)).prop_map(|(mark, rest)| [mark, rest].concat())
}

/// Records as another writer writes them, and where each begins.
fn written(rows: &[Vec<String>], line_end: csv::Terminator) -> (Vec<u8>, Vec<u64>) {
    let mut places = Vec::new();
    let mut text = Vec::new();
    for row in rows {
        places.push(text.len() as u64);
        let mut writer = csv::WriterBuilder::new().terminator(line_end).from_writer(Vec::new());
        writer.write_record(row).unwrap();
        text.extend(writer.into_inner().unwrap());
    }
    (text, places)
}

/// `whole` in pieces of these sizes, again and again.
fn pieces<'b>(whole: &'b [u8], sizes: &[usize]) -> Vec<&'b [u8]> {
    let (mut pieces, mut rest) = (Vec::new(), whole);
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at((*size).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

proptest! {
    #[test]
    fn the_cuts_are_those_of_the_whole_text_however_it_comes(
        whole in text(),
        sizes in prop::collection::vec(1usize..30, 1..50),
    ) {
        for header in [HeaderCut::Awaited, HeaderCut::Given] {
            let expected = cut(0, header, &[&whole]);
            prop_assert_eq!(cut(0, header, &pieces(&whole, &sizes)), expected);
        }
    }

    #[test]
    fn cutting_goes_on_exactly_at_any_position_it_reported(whole in text(), at in 0usize..200) {
        let (before, after) = whole.split_at(at.min(whole.len()));
        let mut cutter = cutter(0, HeaderCut::Awaited);
        let mut found = Vec::new();
        cutter.push(before, &mut |cut| found.push(own(cut)));
        let next = cutter.next();
        found.extend(cut(next, cutter.header(), &[&before[next as usize..], after]));
        prop_assert_eq!(found, cut(0, HeaderCut::Awaited, &[&whole]));
    }

    /// What is in no cut is white space.
    #[test]
    fn nothing_is_lost(whole in text()) {
        // One byte a character, so that a cut's text is as long as its bytes.
        let whole: Vec<u8> = whole.into_iter().map(|byte| byte & 0x7f).collect();
        let mut end = 0;
        for piece in cut(0, HeaderCut::Given, &[&whole]) {
            let (position, bytes) = match piece {
                Record(at, text) => (at, text.len() as u64),
                TooLong(at, _, bytes) | Broken(at, _, bytes) => (at, bytes),
                Header(..) => panic!("the header was given"),
            };
            prop_assert!(whole[end as usize..position as usize].iter().all(u8::is_ascii_whitespace));
            end = position + bytes;
        }
        prop_assert!(whole[end as usize..].iter().all(u8::is_ascii_whitespace));
    }

    #[test]
    fn what_is_written_is_cut_into_the_records_that_were_written(
        rows in prop::collection::vec(prop::collection::vec("[a,\"\r\n é]{0,9}", 2..4), 1..20),
        sizes in prop::collection::vec(1usize..40, 1..20),
        crlf in any::<bool>(),
    ) {
        let line_end = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let (text, places) = written(&rows, line_end);
        let mut cutter = RecordCutter::new(0, b',', HeaderCut::Awaited, 1_000, 10);
        let mut found = Vec::new();
        for piece in pieces(&text, &sizes) {
            cutter.push(piece, &mut |cut| match cut {
                Cut::Line { position, .. } | Cut::Header { position, header: Ok(_) } => found.push(position),
                other => panic!("{other:?}"),
            });
        }
        prop_assert_eq!(found, places);
    }
}
