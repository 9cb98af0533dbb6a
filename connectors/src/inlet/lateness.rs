//! Which rows are late: a rule over event times alone.

use quorate_schemas::time::Micros;

/// What a row's event time says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It counts.
    OnTime,
    /// It lies before `bound`.
    Late {
        /// The least event time that would have been on time.
        bound: Micros,
    },
}

/// The lateness of one partition: a row is late if its event time lies below the greatest one on time before it, less
/// `lateness`, or below the floor.
///
/// ```
/// use quorate_connectors::inlet::{Lateness, Verdict};
/// let mut rule = Lateness::resumed(30, None, Some(100));
/// assert_eq!(rule.judge(150), Verdict::OnTime);
/// assert_eq!(rule.judge(119), Verdict::Late { bound: 120 });
/// assert_eq!(rule.judge(120), Verdict::OnTime);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lateness {
    lateness: Micros,
    greatest: Option<Micros>,
    floor: Option<Micros>,
}

impl Lateness {
    /// The rule with `lateness`, and what the log has of the partition: the greatest event time on time so far, and
    /// the watermark at which it joined. Both are none at the start of a job.
    pub fn resumed(lateness: Micros, greatest: Option<Micros>, floor: Option<Micros>) -> Lateness {
        Lateness { lateness: lateness.max(0), greatest, floor }
    }

    /// Judges the partition's next row. Only a row on time raises the greatest event time.
    pub fn judge(&mut self, event_time: Micros) -> Verdict {
        match self.bound() {
            Some(bound) if event_time < bound => Verdict::Late { bound },
            _ => {
                self.greatest = self.greatest.max(Some(event_time));
                Verdict::OnTime
            }
        }
    }

    /// The least event time that is still on time; none before the first row of a partition without a floor.
    pub fn bound(&self) -> Option<Micros> {
        self.greatest.map(|greatest| greatest.saturating_sub(self.lateness)).max(self.floor)
    }

    /// The greatest event time of a row on time.
    pub fn greatest(&self) -> Option<Micros> {
        self.greatest
    }

    /// The watermark at which the partition joined.
    pub fn floor(&self) -> Option<Micros> {
        self.floor
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Which of `times` are on time, and the bound after them.
    fn check(
        lateness: Micros,
        floor: Option<Micros>,
        times: &[Micros],
        on_time: &[Micros],
        bound: Option<Micros>,
    ) {
        let mut rule = Lateness::resumed(lateness, None, floor);
        let kept: Vec<Micros> =
            times.iter().copied().filter(|&time| rule.judge(time) == Verdict::OnTime).collect();
        assert_eq!((kept.as_slice(), rule.bound()), (on_time, bound));
    }

    #[test]
    fn nothing_is_late_before_the_first_row_unless_there_is_a_floor() {
        check(10, None, &[], &[], None);
        check(10, None, &[-5], &[-5], Some(-15));
        check(10, Some(0), &[-5, 3], &[3], Some(0));
    }

    #[test]
    fn a_late_row_does_not_move_the_bound() {
        check(10, None, &[100, 89, 90, 101, 90, 91], &[100, 90, 101, 91], Some(91));
    }

    #[test]
    fn the_ends_of_time_do_not_overflow() {
        check(
            Micros::MAX,
            None,
            &[Micros::MIN, Micros::MAX, 0],
            &[Micros::MIN, Micros::MAX, 0],
            Some(0),
        );
        check(-1, None, &[1, 0], &[1], Some(1));
    }

    proptest! {
        #[test]
        fn a_row_is_late_by_the_rows_on_time_before_it(
            lateness in 0i64..20,
            floor in prop::option::of(0i64..50),
            times in prop::collection::vec(0i64..100, 0..60),
            pause in 0usize..60,
        ) {
            let mut rule = Lateness::resumed(lateness, None, floor);
            let mut on_time: Vec<Micros> = Vec::new();
            for (nr, &time) in times.iter().enumerate() {
                if nr == pause {
                    rule = Lateness::resumed(lateness, rule.greatest(), rule.floor());
                }
                let bound = on_time.iter().map(|earlier| earlier - lateness).chain(floor).max();
                let late = bound.is_some_and(|bound| time < bound);
                prop_assert_eq!(rule.judge(time) != Verdict::OnTime, late);
                if !late {
                    on_time.push(time);
                }
            }
            prop_assert_eq!(rule.greatest(), on_time.iter().copied().max());
        }
    }
}
