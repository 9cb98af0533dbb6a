use proptest::prelude::*;

use super::*;

/// A cut that owns its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Line(u64, Vec<u8>),
    TooLong(u64, Vec<u8>, u64),
}

const LINE_MAX: usize = 12;
const FIRST_MAX: usize = 5;

fn own(cut: Cut<'_>) -> Piece {
    match cut {
        Cut::Line { position, bytes } => Piece::Line(position, bytes.to_vec()),
        Cut::TooLong { position, first, bytes_total } => {
            Piece::TooLong(position, first.to_vec(), bytes_total)
        }
        other => panic!("lines were cut into {other:?}"),
    }
}

/// Cuts `pieces` one after the other, from `position` on.
fn cut(position: u64, pieces: &[&[u8]]) -> Vec<Piece> {
    let mut cutter = LineCutter::new(position, LINE_MAX, FIRST_MAX);
    let mut found = Vec::new();
    for piece in pieces {
        cutter.push(piece, &mut |cut| found.push(own(cut)));
        assert!(
            cutter.held.len() <= LINE_MAX + TRIMMED_BYTES_MAX,
            "holds {} bytes",
            cutter.held.len()
        );
    }
    cutter.finish(&mut |cut| found.push(own(cut)));
    assert_eq!(
        cutter.next(),
        position + pieces.iter().map(|piece| piece.len() as u64).sum::<u64>()
    );
    found
}

/// The same rules, read off the whole text at once.
fn naive(whole: &[u8]) -> Vec<Piece> {
    let mut found = Vec::new();
    let mut position = 0;
    for line in whole.split_inclusive(|&byte| byte == b'\n') {
        let mut bytes = line.strip_suffix(b"\n").unwrap_or(line);
        bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        if position == 0 {
            bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        }
        if bytes.len() > LINE_MAX {
            found.push(Piece::TooLong(position, bytes[..FIRST_MAX].to_vec(), bytes.len() as u64));
        } else if bytes.iter().any(|byte| !byte.is_ascii_whitespace()) {
            found.push(Piece::Line(position, bytes.to_vec()));
        }
        position += line.len() as u64;
    }
    found
}

fn check(whole: &str, expected: &[Piece]) {
    assert_eq!(cut(0, &[whole.as_bytes()]), expected);
    assert_eq!(naive(whole.as_bytes()), expected);
}

fn line(position: u64, text: &str) -> Piece {
    Piece::Line(position, text.into())
}

#[test]
fn lines_end_with_newline_or_crlf_or_the_end_and_blank_ones_are_none() {
    check("a\r\nb\n\n \t\r\nc", &[line(0, "a"), line(3, "b"), line(10, "c")]);
    check("", &[]);
    check("\n\r\n", &[]);
}

#[test]
fn a_byte_order_mark_at_the_start_is_no_content_and_elsewhere_is() {
    check("\u{feff}a\n\u{feff}b", &[line(0, "a"), line(5, "\u{feff}b")]);
    check("\u{feff}\n", &[]);
}

#[test]
fn nul_bytes_are_content() {
    check("\0\0\na", &[line(0, "\0\0"), line(3, "a")]);
}

#[test]
fn a_line_is_too_long_by_its_content_alone() {
    check("123456789012\r\nx", &[line(0, "123456789012"), line(14, "x")]);
    check("\u{feff}123456789012\r\n", &[line(0, "123456789012")]);
    check("1234567890123\r\nx", &[Piece::TooLong(0, b"12345".into(), 13), line(15, "x")]);
}

#[test]
fn a_long_line_is_skipped_without_being_held() {
    let mut cutter = LineCutter::new(0, LINE_MAX, FIRST_MAX);
    let mut found = Vec::new();
    for _ in 0..1_000 {
        cutter.push(&[b'x'; 1_000], &mut |cut| found.push(own(cut)));
        assert!(cutter.held.capacity() < 2_000);
        assert_eq!((cutter.next(), found.len()), (0, 0));
    }
    cutter.push(b"\ny\n", &mut |cut| found.push(own(cut)));
    assert_eq!(found, [Piece::TooLong(0, b"xxxxx".into(), 1_000_000), line(1_000_001, "y")]);
}

#[test]
fn damage_takes_what_is_left_and_lies_inside_the_range() {
    for (text, position, rest, next) in [("ab\ncd", 3, "cd", 5), ("ab\n", 3, "", 4), ("", 0, "", 1)]
    {
        let mut cutter = LineCutter::new(0, LINE_MAX, FIRST_MAX);
        cutter.push(text.as_bytes(), &mut |_| {});
        cutter.damage("broken", &mut |cut| {
            let bytes_total = rest.len() as u64;
            assert_eq!(
                cut,
                Cut::Damage { position, first: rest.as_bytes(), bytes_total, what: "broken" }
            );
        });
        assert_eq!(cutter.next(), next);
    }
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![4 => Just(b'\n'), 2 => Just(b'\r'), 2 => Just(b' '), 8 => Just(b'x'), 1 => any::<u8>()];
    let marked = prop_oneof![3 => Just(Vec::new()), 1 => Just(BYTE_ORDER_MARK.to_vec())];
    (marked, prop::collection::vec(byte, 0..200)).prop_map(|(mark, rest)| [mark, rest].concat())
}

proptest! {
    #[test]
    fn the_cuts_are_those_of_the_whole_text_however_it_comes(
        whole in text(),
        sizes in prop::collection::vec(1usize..30, 1..200),
    ) {
        let mut pieces = Vec::new();
        let mut rest = whole.as_slice();
        for size in sizes.into_iter().cycle() {
            if rest.is_empty() { break }
            let (piece, after) = rest.split_at(size.min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        prop_assert_eq!(cut(0, &pieces), naive(&whole));
    }

    #[test]
    fn cutting_goes_on_exactly_at_any_position_it_reported(whole in text(), at in 0usize..200) {
        let (before, after) = whole.split_at(at.min(whole.len()));
        let mut cutter = LineCutter::new(0, LINE_MAX, FIRST_MAX);
        let mut found = Vec::new();
        cutter.push(before, &mut |cut| found.push(own(cut)));
        let next = cutter.next();
        found.extend(cut(next, &[&before[next as usize..], after]));
        prop_assert_eq!(found, naive(&whole));
    }
}
