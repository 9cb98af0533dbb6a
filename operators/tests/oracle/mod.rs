//! Everything the consensus core decides, worked out again from all rows at once: plain loops over sorted lists of
//! named things, nothing incremental, nothing kept.
//!
//! What a vote counts rests on tasks that closed in eras before, and when a task closes may rest on what votes count.
//! The oracle starts from agents that have shown nothing, tells every task's whole life, learns from that, and tells
//! all lives again until nothing new is learnt. Each round gets at least one more era right.

mod ending;
mod learning;
mod life;
mod roll;
mod verdict;

use std::collections::BTreeMap;

use quorate_operators::ballot::Fact;
use quorate_operators::policy::Policy;
use quorate_schemas::id::Id;
use quorate_schemas::record::{Control, Gold, Placed, Task, Vote};
use quorate_schemas::time::Micros;

use crate::scenario::Row;
use crate::view::View;
use learning::Learnt;
use roll::Roll;

/// All rows that follow from `rows`, none of which is late, once the input has ended.
pub(crate) fn oracle(policy: Policy, rows: &[Row]) -> Vec<View> {
    let questions = Question::all(rows);
    let greatest = rows.iter().map(Row::event_time).max().unwrap_or(Micros::MIN);
    let mut learnt = Learnt::default();
    for _round in 0..200 {
        let roll = Roll::new(policy, rows, &learnt);
        let mut told = ending::tell(&roll, &questions, greatest);
        told.shown.sort();
        told.exams.sort();
        if told.shown == learnt.shown && told.exams == learnt.exams {
            told.views.extend(learnt.reputation(policy));
            told.views.extend(learnt.choices(policy));
            told.views.sort();
            return told.views;
        }
        learnt = Learnt::of(told.shown, told.exams);
    }
    panic!("what is learnt never settles");
}

/// All facts about one task's name, each kind in the order in which it takes effect.
pub(crate) struct Question<'a> {
    id: &'a Id,
    declarations: Vec<&'a Placed<Task>>,
    votes: Vec<&'a Placed<Vote>>,
    golds: Vec<&'a Placed<Gold>>,
    overrides: Vec<&'a Placed<Control>>,
}

impl<'a> Question<'a> {
    fn all(rows: &'a [Row]) -> Vec<Question<'a>> {
        let mut questions: BTreeMap<&str, Question<'a>> = BTreeMap::new();
        for row in rows {
            let Row::Fact(fact) = row else { continue };
            let id = fact.task().expect("a fact is about a task");
            let empty = || Question {
                id,
                declarations: vec![],
                votes: vec![],
                golds: vec![],
                overrides: vec![],
            };
            let question = questions.entry(id.name()).or_insert_with(empty);
            match fact {
                Fact::Task(row) => question.declarations.push(row),
                Fact::Vote(row) => question.votes.push(row),
                Fact::Gold(row) => question.golds.push(row),
                Fact::Override(row) => question.overrides.push(row),
            }
        }
        let mut questions: Vec<Question<'a>> = questions.into_values().collect();
        for question in &mut questions {
            question.declarations.sort_by_key(|row| {
                let task = &row.body;
                let rest = (task.kind, &task.options, task.deadline, task.min_votes, task.quorum);
                (row.event_time, &row.event_id, task.domain.name().as_str(), rest)
            });
            question.votes.sort_by_key(|row| {
                (row.event_time, row.body.agent.name().as_str(), &row.event_id, &row.body.value)
            });
            question.golds.sort_by_key(|row| (row.event_time, &row.event_id, &row.body.answer));
            question.overrides.sort_by_key(|row| (row.event_time, &row.event_id, &row.body));
        }
        questions
    }

    /// The first 64 of each kind but votes: so many count in one life.
    fn counting(&self) -> Question<'a> {
        fn first<'a, T>(rows: &[&'a Placed<T>]) -> Vec<&'a Placed<T>> {
            rows.iter().copied().take(64).collect()
        }
        Question {
            id: self.id,
            declarations: first(&self.declarations),
            votes: self.votes.clone(),
            golds: first(&self.golds),
            overrides: first(&self.overrides),
        }
    }

    /// What is left of the question after `time`.
    fn after(&self, time: Micros) -> Question<'a> {
        fn after<'a, T>(rows: &[&'a Placed<T>], time: Micros) -> Vec<&'a Placed<T>> {
            rows.iter().copied().filter(|row| row.event_time > time).collect()
        }
        Question {
            id: self.id,
            declarations: after(&self.declarations, time),
            votes: after(&self.votes, time),
            golds: after(&self.golds, time),
            overrides: after(&self.overrides, time),
        }
    }

    fn is_empty(&self) -> bool {
        self.times().is_empty()
    }

    /// The times of all facts.
    fn times(&self) -> Vec<Micros> {
        let declared = self.declarations.iter().map(|row| row.event_time);
        let voted = self.votes.iter().map(|row| row.event_time);
        let known = self.golds.iter().map(|row| row.event_time);
        let ordered = self.overrides.iter().map(|row| row.event_time);
        declared.chain(voted).chain(known).chain(ordered).collect()
    }
}
