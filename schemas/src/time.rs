//! Event time: microseconds since 1970 in UTC, as the rows themselves carry it.

use jiff::civil::{DateTime, date};
use jiff::fmt::temporal::Pieces;
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

/// What times are counted from.
const EPOCH: DateTime = date(1970, 1, 1).at(0, 0, 0, 0);

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
        Err(_) => nanos_of_last_day(text)?,
    };
    // A sub-microsecond part is dropped towards the past, so that order is kept.
    in_range(i64::try_from(nanos.div_euclid(1_000)).ok()?)
}

/// A time after the last [`Timestamp`], which lies a day before the end of 9999 so that it has a local time everywhere:
/// many write the end itself and mean never.
fn nanos_of_last_day(text: &str) -> Option<i128> {
    let pieces = Pieces::parse(text).ok()?;
    let offset = pieces.offset()?.to_numeric_offset();
    let local = pieces.date().to_datetime(pieces.time()?).duration_since(EPOCH);
    let nanos = local.as_nanos() - i128::from(offset.seconds()) * 1_000_000_000;
    (nanos > Timestamp::MAX.as_nanosecond()).then_some(nanos)
}

/// `micros` as RFC 3339 with six decimals, in UTC.
pub fn format_rfc3339(micros: Micros) -> String {
    match EPOCH.checked_add(SignedDuration::from_micros(micros)) {
        Ok(utc) => format!("{utc:.6}Z"),
        Err(_) => format!("{micros}us"),
    }
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
    fn every_time_that_is_accepted_has_a_text_that_reads_back() {
        let last = Timestamp::MAX.as_microsecond();
        for micros in [EARLIEST, -1, 0, last, last + 1, LATEST - SECOND, LATEST - 1] {
            assert_eq!(parse_rfc3339(&format_rfc3339(micros)), Some(micros), "{micros}");
        }
        assert_eq!(format_rfc3339(LATEST - 1), "9999-12-31T23:59:59.999999Z");
        assert_eq!(format_rfc3339(EARLIEST), "0001-01-01T00:00:00.000000Z");
        assert_eq!(parse_rfc3339("9999-12-31T23:59:59+02:00"), Some(LATEST - 7_201 * SECOND));
        for beyond in [
            "9999-12-31T23:59:59-01:00",
            "9999-12-31T23:59:59",
            "9999-12-31",
            "+010000-01-01T00:00:00Z",
        ] {
            assert_eq!(parse_rfc3339(beyond), None, "{beyond}");
        }
        assert_eq!(format_rfc3339(Micros::MAX), "9223372036854775807us");
    }

    #[test]
    fn absurd_times_are_refused() {
        assert_eq!(parse_rfc3339("yesterday"), None);
        assert_eq!(TimeUnit::S.to_micros(i64::MAX), None);
        assert_eq!(TimeUnit::S.to_micros(253_402_300_800), None);
        assert_eq!(TimeUnit::Ns.to_micros(-1), Some(-1));
    }
}
