//! Event time: microseconds since 1970 in UTC, as the rows themselves carry it.

use jiff::Timestamp;
use jiff::tz::Offset;
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
    let stamp: Timestamp = text.parse().ok()?;
    // A sub-microsecond part is dropped towards the past, so that order is kept.
    in_range(i64::try_from(stamp.as_nanosecond().div_euclid(1_000)).ok()?)
}

/// `micros` as RFC 3339 with six decimals, in UTC.
pub fn format_rfc3339(micros: Micros) -> String {
    match Timestamp::from_microsecond(micros) {
        Ok(stamp) => {
            format!("{:.6}", stamp.display_with_offset(Offset::UTC)).replace("+00:00", "Z")
        }
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
    fn absurd_times_are_refused() {
        assert_eq!(parse_rfc3339("yesterday"), None);
        assert_eq!(TimeUnit::S.to_micros(i64::MAX), None);
        assert_eq!(TimeUnit::S.to_micros(253_402_300_800), None);
        assert_eq!(TimeUnit::Ns.to_micros(-1), Some(-1));
    }
}
