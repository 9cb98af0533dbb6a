//! Event time: microseconds since 1970 in UTC, as the rows themselves carry it.

use jiff::civil::DateTime;
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Event time in microseconds since 1970, UTC.
pub type Micros = i64;

/// One second in [`Micros`].
pub const SECOND: Micros = 1_000_000;

/// The least event time accepted: 0001-01-01.
pub const EARLIEST: Micros = -62_135_596_800 * SECOND;

/// One past the greatest event time accepted: 10000-01-01.
pub const LATEST: Micros = 253_402_300_800 * SECOND;

/// The unit of an integer event time; a job states it, nothing is guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimeUnit {
    /// Seconds.
    S,
    /// Milliseconds.
    Ms,
    /// Microseconds.
    Us,
    /// Nanoseconds; what is below a microsecond is dropped.
    Ns,
}

impl TimeUnit {
    /// `value` of this unit in microseconds; `None` outside the years 1 to 9999.
    pub fn to_micros(self, value: i64) -> Option<Micros> {
        let micros = match self {
            TimeUnit::S => value.checked_mul(1_000_000)?,
            TimeUnit::Ms => value.checked_mul(1_000)?,
            TimeUnit::Us => value,
            TimeUnit::Ns => value.div_euclid(1_000),
        };
        in_range(micros)
    }
}

/// An RFC 3339 time in microseconds; `None` if it is not one or lies outside the years 1 to 9999.
pub fn parse_rfc3339(text: &str) -> Option<Micros> {
    let nanos = match text.parse::<Timestamp>() {
        Ok(stamp) => stamp.as_nanosecond(),
        Err(_) => nanos_in_last_day(text)?,
    };
    // A sub-microsecond part is dropped towards the past, so that order is kept.
    in_range(i64::try_from(nanos.div_euclid(1_000)).ok()?)
}

/// `micros` as RFC 3339 with six decimals, in UTC. Times of other years have no such text: they get a number.
pub fn format_rfc3339(micros: Micros) -> String {
    if let Ok(stamp) = Timestamp::from_microsecond(micros) {
        return format!("{:.6}", stamp.display_with_offset(Offset::UTC)).replace("+00:00", "Z");
    }
    match UNIX_EPOCH.checked_add(SignedDuration::from_micros(micros)) {
        Ok(stamp) => format!("{stamp:.6}Z"),
        Err(_) => format!("{micros}us"),
    }
}

const UNIX_EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// The library's instants end some hours before the year 9999 does, so that they have a date at any offset. Its dates
/// do not, and "9999-12-31" is what many programs write for "never".
fn nanos_in_last_day(text: &str) -> Option<i128> {
    let pieces = Pieces::parse(text).ok()?;
    let there = DateTime::from_parts(pieces.date(), pieces.time()?);
    let offset = SignedDuration::from_secs(pieces.to_numeric_offset()?.seconds().into());
    Some(there.duration_since(UNIX_EPOCH).as_nanos() - offset.as_nanos())
}

fn in_range(micros: Micros) -> Option<Micros> {
    (EARLIEST..LATEST).contains(&micros).then_some(micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_survives_its_text() {
        for text in [
            "2026-01-01T00:00:00Z",
            "2026-01-01T02:00:00.123456+02:00",
            "1969-12-31T23:59:59.999999Z",
        ] {
            let micros = parse_rfc3339(text).unwrap();
            assert_eq!(parse_rfc3339(&format_rfc3339(micros)), Some(micros));
        }
        assert_eq!(
            format_rfc3339(parse_rfc3339("2026-01-01T02:00:00.5+02:00").unwrap()),
            "2026-01-01T00:00:00.500000Z"
        );
    }

    #[test]
    fn every_time_that_is_accepted_has_a_text() {
        for (micros, text) in [
            (EARLIEST, "0001-01-01T00:00:00.000000Z"),
            (LATEST - 26 * 3_600 * SECOND, "9999-12-30T22:00:00.000000Z"),
            (LATEST - 25 * 3_600 * SECOND, "9999-12-30T23:00:00.000000Z"),
            (LATEST - SECOND, "9999-12-31T23:59:59.000000Z"),
            (LATEST - 1, "9999-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(format_rfc3339(micros), text);
            assert_eq!(parse_rfc3339(text), Some(micros), "{text}");
        }
        assert_eq!(parse_rfc3339("9999-12-31T23:59:59.9999999+00:00"), Some(LATEST - 1));
        assert_eq!(parse_rfc3339("9999-12-31T23:00:00+01:00"), Some(LATEST - 2 * 3_600 * SECOND));
        assert_eq!(parse_rfc3339("9999-12-31T23:00:00-01:00"), None);
        assert_eq!(parse_rfc3339("9999-12-31T23:00:00"), None);
        assert_eq!(parse_rfc3339("9999-12-31"), None);
        assert_eq!(parse_rfc3339("0001-01-01T00:00:00+01:00"), None);
    }

    #[test]
    fn absurd_times_are_refused() {
        assert_eq!(parse_rfc3339("yesterday"), None);
        assert_eq!(TimeUnit::S.to_micros(i64::MAX), None);
        assert_eq!(TimeUnit::S.to_micros(253_402_300_800), None);
        assert_eq!(TimeUnit::Ns.to_micros(-1), Some(-1));
    }
}
