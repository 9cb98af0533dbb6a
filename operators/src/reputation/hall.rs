//! Where exams are kept: those that weights rest on, and those of the era that has not ended.
//!
//! *State*: what [`Exams`] holds, and the exams of an era. Each is retained from the end of the checkpoint in which it
//! was sat until it has to go.

use quorate_learning::auto::Trial;
use quorate_learning::exams::{Exams, Rule};
use quorate_learning::weights::Weights;
use quorate_schemas::id::Name;
use quorate_schemas::retained::{Exam, Retain, RetainedRow};
use quorate_schemas::table::ChoiceRow;
use quorate_schemas::time::Micros;

/// The exams of a job.
#[derive(Clone, Default)]
pub(super) struct Hall {
    past: Exams,
    fresh: Vec<Fresh>,
    weights: Weights,
    /// How rules did when weights were last fitted, until that is told.
    trials: Vec<Trial>,
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

    /// How rules did when weights were last fitted, for the era that has begun; told once.
    pub(super) fn choices(
        &mut self,
        (era, event_time): (i64, Micros),
        revision: i64,
    ) -> impl Iterator<Item = ChoiceRow> {
        std::mem::take(&mut self.trials).into_iter().map(move |trial| ChoiceRow {
            event_time,
            era,
            revision,
            domain: trial.domain,
            method: Name::const_new(trial.rule),
            reason: trial.chosen.map(|reason| Name::const_new(reason.word())),
            gold_tasks: i64::try_from(trial.tasks).unwrap_or(i64::MAX),
            likelihood_micros: trial.likelihood_micros,
            advantage_micros: trial.advantage_micros,
            error_micros: trial.error_micros,
        })
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
    pub(super) fn turn(&mut self, era: i64, rule: Option<Rule>, keep: &mut Vec<Retain>) {
        let (mut sat, fresh): (Vec<Fresh>, Vec<Fresh>) =
            std::mem::take(&mut self.fresh).into_iter().partition(|fresh| fresh.exam.era < era);
        self.fresh = fresh;
        let came = !sat.is_empty();
        sat.iter_mut().for_each(|fresh| fresh.save(keep));
        let gone = self.past.enter(era, sat.into_iter().map(|fresh| fresh.exam).collect());
        if came || !gone.is_empty() {
            // Exams of a job that fits nothing any more only wait until they are forgotten.
            let (weights, trials) =
                rule.map_or_else(Default::default, |rule| self.past.weights(rule));
            self.weights = weights;
            // That old exams are forgotten is told of no more than that evidence fades.
            self.trials = if came { trials } else { Vec::new() };
        }
        let drop = |exam| Retain::Row(RetainedRow::Exam(Box::new(exam)), -1);
        keep.extend(gone.into_iter().map(drop));
    }
}
