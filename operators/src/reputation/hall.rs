//! Where exams are kept: those that weights rest on, and those of the era that has not ended.
//!
//! *State*: what [`Exams`] holds, and the exams of an era. Each is retained from the end of the checkpoint in which it
//! was sat until it has to go.

use quorate_learning::stacked::{Exams, Weights};
use quorate_schemas::retained::{Exam, Retain, RetainedRow};

/// The exams of a job.
#[derive(Clone, Default)]
pub(super) struct Hall {
    past: Exams,
    fresh: Vec<Fresh>,
    weights: Weights,
}

/// An exam of an era that has not ended.
#[derive(Clone)]
struct Fresh {
    exam: Exam,
    /// Whether a file has it.
    saved: bool,
}

impl Fresh {
    fn save(&mut self, keep: &mut Vec<Retain>) {
        if !std::mem::replace(&mut self.saved, true) {
            keep.push(Retain::Row(RetainedRow::Exam(Box::new(self.exam.clone())), 1));
        }
    }
}

impl Hall {
    /// What a vote counts of those who sat exams.
    pub(super) fn weights(&self) -> &Weights {
        &self.weights
    }

    /// Takes an exam that was retained before a restart.
    pub(super) fn restore(&mut self, exam: Exam) {
        self.fresh.push(Fresh { exam, saved: true });
    }

    /// Takes an exam.
    pub(super) fn sit(&mut self, exam: Exam) {
        self.fresh.push(Fresh { exam, saved: false });
    }

    /// At the end of a checkpoint: exams that no file has yet.
    pub(super) fn save(&mut self, keep: &mut Vec<Retain>) {
        self.fresh.iter_mut().for_each(|fresh| fresh.save(keep));
    }

    /// `era` begins: exams of eras before it enter the weights, and those of long ago leave them.
    pub(super) fn turn(&mut self, era: i64, keep: &mut Vec<Retain>) {
        let (mut sat, fresh): (Vec<Fresh>, Vec<Fresh>) =
            std::mem::take(&mut self.fresh).into_iter().partition(|fresh| fresh.exam.era < era);
        self.fresh = fresh;
        let came = !sat.is_empty();
        sat.iter_mut().for_each(|fresh| fresh.save(keep));
        let gone = self.past.enter(era, sat.into_iter().map(|fresh| fresh.exam).collect());
        if came || !gone.is_empty() {
            self.weights = self.past.weights();
        }
        let drop = |exam| Retain::Row(RetainedRow::Exam(Box::new(exam)), -1);
        keep.extend(gone.into_iter().map(drop));
    }
}
