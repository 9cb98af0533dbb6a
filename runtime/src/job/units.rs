//! Spans of time and numbers of bytes as a job file writes them: `1h30m`, `16MiB`.
//!
//! A number never comes without its unit, so that nobody has to know whether a key means seconds or milliseconds.

use std::fmt;
use std::time::Duration;

use quorate_schemas::time::Micros;

/// The longest span a job may state: a hundred years, far below where arithmetic on event times could overflow.
pub(super) const LONGEST: Micros = 36_500 * DAY;

const DAY: Micros = 86_400_000_000;

/// Units of time, the greatest first: a span names each at most once and in this order.
const TIME: &[(&str, Micros)] = &[
    ("d", DAY),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

const BYTES: &[(&str, u64)] = &[
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

/// Reads `30s`, `250ms`, `1h30m`; `None` for anything else. What is longer than 64 bits can say is the longest they can.
pub(super) fn parse_span(text: &str) -> Option<Micros> {
    let mut rest = text.trim();
    let (mut sum, mut units) = (0_i64, TIME);
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (number, unit, after) = number_and_unit(rest)?;
        let at = units.iter().position(|(name, _)| *name == unit)?;
        let part = Micros::try_from(number).unwrap_or(Micros::MAX).saturating_mul(units[at].1);
        sum = part.saturating_add(sum);
        (units, rest) = (&units[at + 1..], after);
    }
    Some(sum)
}

/// Reads `64MiB`, `500 B`, `2GB`; `None` for anything else.
pub(super) fn parse_size(text: &str) -> Option<u64> {
    let (number, unit, after) = number_and_unit(text.trim())?;
    let (_, factor) = BYTES.iter().find(|(name, _)| *name == unit)?;
    number.checked_mul(*factor).filter(|_| after.is_empty())
}

/// What text that [`parse_span`] reads looks like, as a pattern.
pub(super) fn span_pattern() -> String {
    let units: Vec<&str> = TIME.iter().map(|(name, _)| *name).collect();
    format!(r"^\s*([0-9]+\s*({})\s*)+$", units.join("|"))
}

/// What text that [`parse_size`] reads looks like, as a pattern.
pub(super) fn size_pattern() -> String {
    let units: Vec<&str> = BYTES.iter().map(|(name, _)| *name).collect();
    format!(r"^\s*[0-9]+\s*({})\s*$", units.join("|"))
}

/// `12ms5us` → `(12, "ms", "5us")`.
fn number_and_unit(text: &str) -> Option<(u64, &str, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, rest) = text.split_at(digits);
    let rest = rest.trim_start();
    let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    let (unit, after) = rest.split_at(letters);
    Some((number.parse().ok()?, unit, after.trim_start()))
}

/// A span of event time, written as a job file would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span(pub(super) Micros);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        if rest <= 0 {
            return f.write_str("0s");
        }
        for (name, length) in TIME {
            if rest >= *length {
                write!(f, "{}{name}", rest / length)?;
                rest %= length;
            }
        }
        Ok(())
    }
}

/// A number of bytes, written as a job file would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size(pub(super) u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let binary = BYTES[..5].iter().rev();
        let (name, factor) = binary
            .copied()
            .find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor))
            .unwrap_or(BYTES[0]);
        write!(f, "{}{name}", self.0 / factor)
    }
}

/// A span on the machine's clock.
pub(super) fn on_the_clock(span: Micros) -> Duration {
    Duration::from_micros(u64::try_from(span).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spans_are_read_exactly_or_refused() {
        assert_eq!(parse_span("1h30m"), Some(5_400_000_000));
        assert_eq!(parse_span(" 1 h 30 m "), Some(5_400_000_000));
        assert_eq!(parse_span("250ms"), Some(250_000));
        assert_eq!(parse_span("0s"), Some(0));
        assert_eq!(parse_span("36500d"), Some(LONGEST));
        assert_eq!(parse_span("9999999999999999999d"), Some(Micros::MAX));
        for wrong in ["", "5", "m", "-5s", "1.5s", "30m1h", "1s1s", "1w", "1s!", "५s"] {
            assert_eq!(parse_span(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sizes_are_read_exactly_or_refused() {
        assert_eq!(parse_size("16MiB"), Some(16 << 20));
        assert_eq!(parse_size("500 B"), Some(500));
        assert_eq!(parse_size("2GB"), Some(2_000_000_000));
        for wrong in ["", "5", "MiB", "-1MiB", "1.5MiB", "1mib", "1MiB1KiB", "99999999TiB"] {
            assert_eq!(parse_size(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(span in 0..=LONGEST, size in any::<u64>()) {
            prop_assert_eq!(parse_span(&Span(span).to_string()), Some(span));
            prop_assert_eq!(parse_size(&Size(size).to_string()), Some(size));
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = (parse_span(&text), parse_size(&text));
        }
    }
}
