//! What follows from closes: revisions until a task is final, late votes, and the next task of the same name.

use std::collections::BTreeSet;

use quorate_operators::policy::QuorumOf;
use quorate_schemas::record::{ControlAction, RecordKind};
use quorate_schemas::retained::Exam;
use quorate_schemas::table::{AnomalyKind, CloseRule, RejectReason, RevisionReason};
use quorate_schemas::time::Micros;

use super::Question;
use super::learning::Shown;
use super::life::{Ending, Life, late_or_refused};
use super::roll::Roll;
use super::verdict::{Case, Verdict};
use crate::view::View;

/// What one round of telling finds.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) views: Vec<View>,
    pub(crate) shown: Vec<Shown>,
    pub(crate) exams: Vec<Exam>,
}

/// Tells all lives. `greatest`: the greatest event time of any row.
pub(crate) fn tell<'a>(roll: &Roll<'_>, questions: &[Question<'a>], greatest: Micros) -> Told {
    let mut told = Told::default();
    let eras = roll.policy.eras;
    // Lives that only the end of the input ends wait until it is known in which era that is.
    let mut open: Vec<(Question<'a>, Life<'a>)> = Vec::new();
    for question in questions {
        let mut rest = question.after(Micros::MIN);
        while !rest.is_empty() {
            let life = Life::live(roll, &rest.counting(), greatest);
            told.views.extend(life.refused.iter().cloned());
            rest = match life.ending {
                Ending::Closed { at, rule } => {
                    // No era begins after the last row.
                    told.close(roll, &rest, &life, (at, rule, eras.era_of(at.min(greatest))))
                }
                Ending::GivenUp { at } => {
                    told.unclaimed(&rest, at);
                    rest.after(at)
                }
                Ending::Open => {
                    let nothing = rest.after(Micros::MAX);
                    open.push((rest, life));
                    nothing
                }
            };
        }
    }
    for (question, life) in open.iter().filter(|(_, life)| life.opened_at.is_some()) {
        let era = eras.era_of(greatest) + i64::from(question.golds.is_empty());
        told.close(roll, question, life, (greatest, CloseRule::EndOfInput, era));
    }
    told
}

impl Told {
    /// Tells what follows from a close; what is left of the question after its name is forgotten.
    fn close<'a>(
        &mut self,
        roll: &Roll<'_>,
        question: &Question<'a>,
        life: &Life<'a>,
        (closed_at, rule, era): (Micros, CloseRule, i64),
    ) -> Question<'a> {
        let final_at = closed_at + roll.policy.finality_after;
        self.too_many(question, closed_at, final_at);
        let counting = question.counting();
        let case = Case {
            id: question.id,
            question: &counting,
            closed_at,
            rule,
            era,
            opened_at: life.opened_at.expect("only what opened closes"),
            declared: life.declared,
            standing: &life.standing,
            superseded: life.superseded,
            duplicates: life.duplicates,
        };
        self.revisions(roll, &case, final_at);
        let forgotten = final_at + roll.policy.forget_after;
        let late = |at: Micros| at > closed_at && at <= forgotten;
        for vote in question.votes.iter().filter(|vote| late(vote.event_time)) {
            self.views.push(late_or_refused(vote, RejectReason::Late));
        }
        for row in question.declarations.iter().filter(|row| late(row.event_time)) {
            self.reject(question, RecordKind::Task, RejectReason::Late, row.event_time);
        }
        let disputed = |at: Micros| at > final_at && at <= forgotten;
        for row in question.golds.iter().filter(|row| disputed(row.event_time)) {
            self.dispute(question, row.event_time, format!("gold {:?}", row.body.answer));
        }
        for row in question.overrides.iter().filter(|row| disputed(row.event_time)) {
            let ControlAction::Override { answer, .. } = &row.body.action else { continue };
            self.dispute(
                question,
                row.event_time,
                format!("override {answer:?} by {:?}", row.body.operator),
            );
        }
        question.after(forgotten)
    }

    fn revisions(&mut self, roll: &Roll<'_>, case: &Case<'_>, final_at: Micros) {
        let eras = roll.policy.eras;
        let mut last = case.verdict(roll, case.closed_at);
        last.row.is_final = final_at == case.closed_at;
        self.views.push(View::Decision(last.row.clone()));
        self.views.extend(last.votes.iter().cloned().map(View::Vote));
        self.learn(roll, &last, case.era);
        for at in times_of_change(roll, case, final_at) {
            let mut next = case.verdict(roll, at);
            let same_row = {
                let mut row = next.row.clone();
                (row.event_time, row.revision, row.reason) =
                    (last.row.event_time, last.row.revision, last.row.reason);
                row == last.row
            };
            let mut changed = Vec::new();
            for (vote, before) in next.votes.iter_mut().zip(&last.votes) {
                vote.revision = before.revision;
                if vote != before {
                    vote.revision = last.row.revision + 1;
                    changed.push(View::Vote(vote.clone()));
                }
            }
            if same_row && changed.is_empty() {
                continue;
            }
            next.row.revision = last.row.revision + 1;
            next.row.reason = reason(roll, case, at);
            self.views.push(View::Decision(next.row.clone()));
            self.views.append(&mut changed);
            if last.row.gold.is_none() && next.row.gold.is_some() {
                self.learn(roll, &next, eras.era_of(at));
            }
            last = next;
        }
        if final_at > case.closed_at {
            let mut row = last.row;
            (row.event_time, row.revision, row.reason) =
                (final_at, row.revision + 1, RevisionReason::Final);
            row.is_final = true;
            self.views.push(View::Decision(row));
        }
    }

    fn learn(&mut self, roll: &Roll<'_>, verdict: &Verdict, era: i64) {
        self.shown.extend(verdict.shows(era, roll.policy.method));
        self.exams.extend(verdict.exam(era));
    }

    /// Rejects what is beyond the first 64: declarations until a close, the rest until the task is final.
    fn too_many(&mut self, question: &Question<'_>, closed_at: Micros, final_at: Micros) {
        let reason = RejectReason::TooManyRecords;
        let declared = question.declarations.iter().map(|row| row.event_time);
        let known = question.golds.iter().map(|row| row.event_time);
        let ordered = question.overrides.iter().map(|row| row.event_time);
        for at in declared.skip(64).filter(|at| *at <= closed_at) {
            self.reject(question, RecordKind::Task, reason, at);
        }
        for at in known.skip(64).filter(|at| *at <= final_at) {
            self.reject(question, RecordKind::Gold, reason, at);
        }
        for at in ordered.skip(64).filter(|at| *at <= final_at) {
            self.reject(question, RecordKind::Control, reason, at);
        }
    }

    fn unclaimed(&mut self, question: &Question<'_>, until: Micros) {
        self.too_many(question, until, until);
        let question = &question.counting();
        for row in question.golds.iter().filter(|row| row.event_time <= until) {
            self.reject(question, RecordKind::Gold, RejectReason::UnknownTask, row.event_time);
        }
        for row in question.overrides.iter().filter(|row| row.event_time <= until) {
            self.reject(question, RecordKind::Control, RejectReason::UnknownTask, row.event_time);
        }
    }

    fn reject(
        &mut self,
        question: &Question<'_>,
        record: RecordKind,
        reason: RejectReason,
        event_time: Micros,
    ) {
        let task = question.id.name().to_string();
        self.views.push(View::Reject { record, reason, event_time, task, agent: None });
    }

    fn dispute(&mut self, question: &Question<'_>, event_time: Micros, detail: String) {
        let task = question.id.name().to_string();
        self.views.push(View::Anomaly { kind: AnomalyKind::Disputed, event_time, task, detail });
    }
}

/// Whether agents that did not vote weigh in.
fn others_matter(roll: &Roll<'_>) -> bool {
    roll.policy.cap.is_some() || roll.policy.quorum_of == QuorumOf::Eligible
}

/// The agents whose quarantine can change the verdict: first the voters, by name.
fn concerned(roll: &Roll<'_>, case: &Case<'_>) -> Vec<String> {
    let mut agents: Vec<String> = case.standing.keys().cloned().collect();
    if others_matter(roll) {
        agents.extend(roll.ordered_agents().into_iter().map(str::to_owned));
    }
    agents
}

fn times_of_change(roll: &Roll<'_>, case: &Case<'_>, final_at: Micros) -> BTreeSet<Micros> {
    let golds = case.question.golds.iter().map(|row| row.event_time);
    let overrides = case.question.overrides.iter().map(|row| row.event_time);
    let mut times: BTreeSet<Micros> = golds.chain(overrides).collect();
    for agent in concerned(roll, case) {
        times.extend(
            roll.orders_about(&agent, case.closed_at, final_at).iter().map(|row| row.event_time),
        );
    }
    times.retain(|at| *at > case.closed_at && *at <= final_at);
    times
}

fn reason(roll: &Roll<'_>, case: &Case<'_>, at: Micros) -> RevisionReason {
    if case.question.overrides.iter().any(|row| row.event_time == at) {
        return RevisionReason::Override;
    }
    for agent in concerned(roll, case) {
        match roll.orders_about(&agent, at - 1, at).first().map(|row| &row.body.action) {
            Some(ControlAction::Release { .. }) => return RevisionReason::Release,
            Some(_) => return RevisionReason::Quarantine,
            None => {}
        }
    }
    RevisionReason::Gold
}
