//! Tasks whose answer became known, and who said what on them: what weights are fitted to.
//!
//! *State*: exams of [`MAX_ERAS`], at most [`MAX_VOTES`] votes of them; the oldest go first.

use std::collections::VecDeque;

use quorate_schemas::retained::Exam;

use crate::auto::{self, Trial};
use crate::stacked::{self, STACKED};
use crate::weights::Weights;

/// One era of decay: a half-life of 22 eras.
const DECAY: f64 = 31.0 / 32.0;
/// An exam counts for so many eras: in the last of them a fiftieth of what it did in the first.
pub const MAX_ERAS: i64 = 128;
/// Votes of exams that are kept.
pub const MAX_VOTES: usize = 1 << 20;
/// Votes that one exam may hold.
pub const MAX_VOTES_OF_EXAM: usize = 1 << 16;

/// How weights follow from exams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// As [`stacked`] says.
    Stacked,
    /// As the rule says that does best on what it has not seen: [`auto`].
    Auto,
}

/// The exams that weights rest on, oldest first, and of an era in order of names: neither arrival nor a secret decides.
#[derive(Clone, Debug, Default)]
pub struct Exams {
    exams: VecDeque<Exam>,
    votes: usize,
}

/// An exam, and how much it counts.
pub(crate) type Weighed<'a> = (&'a Exam, f64);

impl Exams {
    /// Takes exams of eras before `era`, which begins, in any order; those that have to go.
    pub fn enter(&mut self, era: i64, exams: Vec<Exam>) -> Vec<Exam> {
        self.votes += exams.iter().map(|exam| exam.votes.len()).sum::<usize>();
        self.exams.extend(exams);
        self.exams.make_contiguous().sort();
        let mut gone = Vec::new();
        let mut votes = self.votes;
        while let Some(oldest) = self
            .exams
            .pop_front_if(|oldest| votes > MAX_VOTES || oldest.era < era.saturating_sub(MAX_ERAS))
        {
            votes -= oldest.votes.len();
            gone.push(oldest);
        }
        self.votes = votes;
        gone
    }

    /// What a vote of each agent that sat an exam counts, and how the rule was chosen, where there is a choice. A function
    /// of the exams alone, in any order: of no earlier weight, nor of when a fit was made.
    pub fn weights(&self, rule: Rule) -> (Weights, Vec<Trial>) {
        let exams = self.weighed();
        match rule {
            Rule::Stacked => (stacked::weights(&exams, STACKED), Vec::new()),
            Rule::Auto => auto::weights(&exams),
        }
    }

    /// The newest first: an exam of an era counts 31/32 of one of the era after.
    pub(crate) fn weighed(&self) -> Vec<Weighed<'_>> {
        let Some(newest) = self.exams.back().map(|exam| exam.era) else { return Vec::new() };
        let (mut era, mut factor) = (newest, 1.0);
        let weighed = self.exams.iter().rev().map(|exam| {
            while era > exam.era {
                (era, factor) = (era - 1, factor * DECAY);
            }
            (exam, factor)
        });
        weighed.collect()
    }
}
