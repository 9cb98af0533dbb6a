//! Numbers and times as they stand in a chart: short, and told apart.

use quorate_schemas::time::{Micros, SECOND, format_rfc3339};

use crate::grid::grouped;

/// A number: whole ones in groups, of others three or four digits.
pub(super) fn number(value: f64) -> String {
    // Beyond this not every whole number is one of these.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let size = value.abs();
    if size >= EXACT || (size > 0.0 && size < 0.001) {
        return format!("{value:.2e}");
    }
    let digits = format!("{:.0}", size.trunc()).len();
    let places = 4_usize.saturating_sub(digits).min(3);
    let text = format!("{size:.places$}");
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    let (whole, decimals) = (grouped(whole.parse().unwrap_or(0)), decimals.trim_end_matches('0'));
    let point = if decimals.is_empty() { "" } else { "." };
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{whole}{point}{decimals}")
}

/// A time, as exact as times of this grain need it.
pub(super) fn time(micros: Micros, grain: Grain) -> String {
    let text = format_rfc3339(micros).replace('T', " ");
    let text = text.trim_end_matches('Z');
    match grain {
        Grain::Day => text.chars().take(10).collect(),
        Grain::Minute => text.chars().take(16).collect(),
        Grain::Second => text.chars().take(19).collect(),
        Grain::Exact => text.to_owned(),
    }
}

/// What times need to be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Grain {
    Day,
    Minute,
    Second,
    Exact,
}

impl Grain {
    pub(super) fn of(times: &[Micros]) -> Grain {
        let span = || Some(times.iter().max()?.saturating_sub(*times.iter().min()?));
        // Of days nobody reads the seconds.
        let enough = match span().unwrap_or(0) {
            span if span >= 86_400 * SECOND => Grain::Minute,
            span if span >= 60 * SECOND => Grain::Second,
            _ => Grain::Exact,
        };
        let all = |span: Micros| times.iter().all(|time| time.rem_euclid(span) == 0);
        let exact = match () {
            () if all(86_400 * SECOND) => Grain::Day,
            () if all(60 * SECOND) => Grain::Minute,
            () if all(SECOND) => Grain::Second,
            () => Grain::Exact,
        };
        exact.min(enough)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_told_apart() {
        let numbers = [0.0, 1_234_567.0, -1.0, 0.6667, 12.345, 123.456, 1234.56, 1e-6, 1e20];
        let shown =
            ["0", "1,234,567", "-1", "0.667", "12.35", "123.5", "1,235", "1.00e-6", "1.00e20"];
        assert_eq!(numbers.map(number), shown.map(str::to_owned));
    }

    #[test]
    fn a_time_is_as_exact_as_it_must_be() {
        let day = 20_454 * 86_400 * SECOND;
        assert_eq!(time(day, Grain::of(&[day])), "2026-01-01");
        assert_eq!(time(day, Grain::of(&[day, day + 60 * SECOND])), "2026-01-01 00:00");
        let third = SECOND / 3;
        assert_eq!(time(day, Grain::of(&[day, day + third])), "2026-01-01 00:00:00.000000");
        assert_eq!(time(day, Grain::of(&[day, day + 86_400 * SECOND + third])), "2026-01-01 00:00");
        assert_eq!(time(day + SECOND, Grain::of(&[day + SECOND])), "2026-01-01 00:00:01");
    }
}
