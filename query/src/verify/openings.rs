//! How often the job was reopened after its input had ended, and which eras were told each time.
//!
//! The end of an input tells of the era of its last row, and of one more. When the job is reopened it goes on in the era
//! of that row, and tells of those after it once more.

use std::ops::RangeInclusive;

use quorate_schemas::clock::{Clock, Phase};
use quorate_schemas::time::Micros;

use super::log::Log;
use crate::terms::Terms;

/// What lies between two endings of the input.
#[derive(Clone, Copy, Debug)]
struct Opening {
    /// How often the job had been reopened.
    reopened: u32,
    /// The last commit.
    until: u64,
    /// How far it came.
    clock: Clock,
}

/// All of them, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Openings(Vec<Opening>);

impl Openings {
    pub(super) fn of(log: &Log) -> Openings {
        let mut all: Vec<Opening> = Vec::new();
        for record in &log.records {
            let standing = &record.standing;
            let reopened = standing.reopened;
            let opening = Opening { reopened, until: standing.checkpoint, clock: standing.clock };
            match all.last_mut() {
                Some(last) if last.reopened == reopened => *last = opening,
                _ => all.push(opening),
            }
        }
        Openings(all)
    }

    /// Whether it is known where each began: not if the log was trimmed behind one.
    pub(super) fn are_all_known(&self) -> bool {
        (0..).zip(&self.0).all(|(nr, opening)| opening.reopened == nr)
    }

    /// How often the job had been reopened at `commit`.
    pub(super) fn at(&self, commit: i64) -> u32 {
        let commit = u64::try_from(commit).unwrap_or(0);
        let found = self.0.iter().find(|opening| commit <= opening.until).or(self.0.last());
        found.map_or(0, |opening| opening.reopened)
    }

    /// Each, and the eras that it has told of; none where no row was read.
    pub(super) fn each(&self, terms: &Terms) -> Vec<(u32, Option<RangeInclusive<i64>>)> {
        let mut after = i64::MIN;
        let told = self.0.iter().map(|opening| {
            let through = era_entered(terms, opening.clock);
            let told = through.map(|through| after.saturating_add(1)..=through);
            after = terms.era_of(opening.clock.greatest);
            (opening.reopened, told)
        });
        told.collect()
    }
}

/// The last era that the job's clock has entered; at the end of the input two more begin.
fn era_entered(terms: &Terms, clock: Clock) -> Option<i64> {
    let end = terms.era_of(clock.greatest);
    match clock.phase {
        Phase::Running if clock.watermark == Micros::MIN => None,
        Phase::Running => Some(terms.era_of(clock.watermark).min(end)),
        Phase::EndOfGold => Some(end.saturating_add(1)),
        Phase::End => Some(end.saturating_add(2)),
    }
}
