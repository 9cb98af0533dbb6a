//! How far the clock has come, and what the end of an input means for the book.
//!
//! The end of an input closes its last era, and one for what was held open to it, though rows may still come for both when
//! the job is reopened. So their weights are told, and decide what closes at the end, while the book itself stays where
//! the last row left it: what a reopened job tells of these eras rests on all that was shown in them, as if the input had
//! never ended, and is told as another revision. *Cost*: each of the two steps of the end works on a copy of the book.

use quorate_schemas::clock::{Clock, Phase};
use quorate_schemas::retained::Retain;
use quorate_schemas::table::OutRow;

use super::{Book, Turned};
use crate::clock::era_entered;

impl Book {
    /// After the last restored row, when the clock stands at `clock`.
    pub fn resume(&mut self, clock: Clock) {
        let eras = self.policy.eras;
        if let Some(era) = era_entered(eras, Clock { phase: Phase::Running, ..clock }) {
            self.resume_in(era);
        }
        self.told = match clock.phase {
            Phase::Running => None,
            Phase::EndOfGold | Phase::End => era_entered(eras, clock),
        };
    }

    /// Goes on to `clock`.
    pub fn advance(&mut self, clock: Clock, keep: &mut Vec<Retain>) -> Turned {
        let Some(era) = era_entered(self.policy.eras, clock) else { return Turned::default() };
        match clock.phase {
            Phase::Running => self.turn(era, keep),
            Phase::EndOfGold | Phase::End => self.look_ahead(era),
        }
    }

    /// What [`Book::turn`] would yield of the eras that were not told yet.
    fn look_ahead(&mut self, era: i64) -> Turned {
        let told = self.told.replace(era);
        if told == Some(era) {
            return Turned::default();
        }
        let is_new = |era: i64| told.is_none_or(|told| era > told);
        let mut turned = self.clone().turn(era, &mut Vec::new());
        turned.weights.retain(|change| is_new(change.era));
        turned.rows.retain(|row| match row {
            OutRow::Reputation(row) => is_new(row.era),
            OutRow::Choice(row) => is_new(row.era),
            _ => true,
        });
        turned
    }
}

#[cfg(test)]
mod tests {
    use quorate_schemas::clock::Eras;
    use quorate_schemas::id::IdKey;
    use quorate_schemas::retained::{DomainRecord, Evidence, RetainedRow, Shown};
    use quorate_schemas::table::ReputationRow;
    use quorate_schemas::time::Micros;

    use super::*;
    use crate::policy::Policy;

    const KEY: [u8; 16] = [5; 16];

    /// A book and what is retained of it.
    struct Kept {
        book: Book,
        rows: Vec<RetainedRow>,
    }

    impl Kept {
        fn new(reopened: u32) -> Kept {
            let policy = Policy { eras: Eras::of_length(10), ..Policy::default() };
            Kept { book: Book::new(policy, IdKey::new(KEY), reopened), rows: Vec::new() }
        }

        fn show(&mut self, era: i64, right: bool) {
            let key = IdKey::new(KEY);
            let gold_right = if right { 1_000_000 } else { 0 };
            self.book.show(Shown {
                agent: Some(key.id("a")),
                domain: key.id("d"),
                era,
                evidence: Evidence {
                    gold_seen: 1_000_000,
                    gold_right,
                    gold_chance: 500_000,
                    ..Evidence::default()
                },
                record: DomainRecord::default(),
            });
        }

        /// The rows that are told as the clock comes to `watermark`, and a checkpoint ends.
        fn advance(&mut self, phase: Phase, watermark: Micros, last: Micros) -> Vec<ReputationRow> {
            let clock = Clock { phase, watermark, greatest: last, ..Clock::START };
            let mut keep = Vec::new();
            let turned = self.book.advance(clock, &mut keep);
            self.book.save(&mut keep);
            for change in keep {
                match change {
                    Retain::Row(row, 1) => self.rows.push(row),
                    Retain::Row(row, -1) => {
                        let at = self.rows.iter().position(|kept| *kept == row);
                        self.rows.remove(at.expect("what is taken back was told"));
                    }
                    other => panic!("not of a book: {other:?}"),
                }
            }
            let row = |row| match row {
                OutRow::Reputation(row) => *row,
                other => panic!("not of a book: {other:?}"),
            };
            turned.rows.into_iter().map(row).collect()
        }

        fn restarted(&self, reopened: u32, phase: Phase, watermark: Micros, last: Micros) -> Kept {
            let mut next = Kept::new(reopened);
            self.rows.iter().for_each(|row| next.book.restore(row.clone()));
            next.book.resume(Clock { phase, watermark, greatest: last, ..Clock::START });
            next.rows.clone_from(&self.rows);
            next
        }
    }

    fn told(rows: &[ReputationRow]) -> Vec<(i64, i64, i64)> {
        rows.iter().map(|row| (row.era, row.revision, row.gold_seen_micros)).collect()
    }

    #[test]
    fn what_a_reopened_job_tells_of_the_last_eras_rests_on_all_that_was_shown_in_them() {
        let end = Micros::MAX;
        let mut ended = Kept::new(0);
        assert_eq!(told(&ended.advance(Phase::Running, 5, 5)), []);
        ended.show(0, true);
        assert_eq!(
            told(&ended.advance(Phase::EndOfGold, end, 5)),
            [(1, 0, 1_000_000)],
            "gold decides what is left"
        );
        // A crash between the two steps of the end.
        let mut ended = ended.restarted(0, Phase::EndOfGold, end, 5);
        assert_eq!(told(&ended.advance(Phase::EndOfGold, end, 5)), []);
        ended.show(1, false);
        assert_eq!(told(&ended.advance(Phase::End, end, 5)), [(2, 0, 968_750 + 1_000_000)]);
        assert_eq!(told(&ended.advance(Phase::End, end, 5)), []);

        let mut reopened = ended.restarted(1, Phase::Running, 6, 5);
        reopened.show(0, true);
        assert_eq!(told(&reopened.advance(Phase::Running, 12, 12)), [(1, 1, 2_000_000)]);
        assert_eq!(
            told(&reopened.advance(Phase::Running, 25, 25)),
            [(2, 1, 1_937_500 + 1_000_000)]
        );

        // The same without an end on the way.
        let mut whole = Kept::new(1);
        whole.advance(Phase::Running, 5, 5);
        [true, true].into_iter().for_each(|right| whole.show(0, right));
        whole.advance(Phase::Running, 12, 12);
        whole.show(1, false);
        whole.advance(Phase::Running, 25, 25);
        let sorted = |kept: &Kept| {
            let mut rows = kept.rows.clone();
            rows.sort();
            rows
        };
        assert_eq!(sorted(&reopened), sorted(&whole));
    }
}
