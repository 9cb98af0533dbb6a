//! How far the clocks of two machines are apart.
//!
//! Rows are judged by a clock in one thing only: how far ahead their event time may lie. All processes of a cluster go by
//! that of process 0 there, or it would depend on who reads a row whether it counts.

use quorate_schemas::time::Micros;

/// Clocks that are further apart are worth a word.
const TOLD_FROM_US: Micros = 5_000_000;

/// How far another machine's clock is ahead of this one's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ahead {
    /// So far; less than nothing if it is behind.
    pub(crate) us: Micros,
    /// It may be so much more or less.
    doubt_us: Micros,
}

impl Ahead {
    /// By what the other clock said between two moments of this one.
    pub(crate) fn of(theirs_us: Micros, asked_us: Micros, heard_us: Micros) -> Ahead {
        let doubt_us = heard_us.saturating_sub(asked_us).max(0) / 2;
        let then_us = asked_us.saturating_add(doubt_us);
        Ahead { us: theirs_us.saturating_sub(then_us), doubt_us }
    }

    /// In words, if the clocks are apart beyond doubt.
    pub(crate) fn told(self) -> Option<String> {
        let apart_us = self.us.saturating_abs().saturating_sub(self.doubt_us);
        let way = if self.us < 0 { "behind" } else { "ahead of" };
        let seconds = (self.us.unsigned_abs() + 500_000) / 1_000_000;
        (apart_us >= TOLD_FROM_US).then(|| {
            format!(
                "its clock is {seconds} s {way} this machine's: how far ahead a row may lie is judged by that of process 0. \
                 Have all machines set their clocks by one source (NTP): stores, brokers and certificates go by them, too"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_measured_to_half_of_the_time_that_its_answer_takes() {
        let ahead = Ahead::of(3_600_000_100, 0, 200);
        assert_eq!(ahead, Ahead { us: 3_600_000_000, doubt_us: 100 });
        assert_eq!(Ahead::of(1_000, 4_000, 4_000).us, -3_000);
        // A clock that was set back while the answer was on its way.
        assert_eq!(Ahead::of(1_000, 4_000, 2_000), Ahead { us: -3_000, doubt_us: 0 });
        assert_eq!(Ahead::of(Micros::MIN, Micros::MAX, Micros::MAX).us, Micros::MIN);
    }

    #[test]
    fn clocks_that_are_apart_beyond_doubt_are_told() {
        let told = |theirs, heard| Ahead::of(theirs, 0, heard).told();
        assert!(told(3_600_000_000, 0).unwrap().contains("3600 s ahead of"));
        assert!(told(-7_000_000, 0).unwrap().contains("7 s behind"));
        assert_eq!((told(4_999_999, 0), told(-4_999_999, 0)), (None, None));
        assert_eq!(told(9_000_000, 10_000_000), None, "the answer took ten seconds");
    }
}
