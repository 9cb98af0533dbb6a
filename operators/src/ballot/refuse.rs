//! How a task tells of facts that it cannot use.

use quorate_schemas::id::{Id, Name};
use quorate_schemas::place::Place;
use quorate_schemas::record::{ControlAction, Placed, RecordKind, Vote};
use quorate_schemas::table::{AnomalyKind, AnomalyRow, OutRow, RejectReason};
use quorate_schemas::time::{Micros, format_rfc3339};

use super::Fact;
use super::order::RECORDS;
use crate::effects::{Effects, quoted};

/// A well-formed fact becomes a reject.
pub(crate) fn refuse(fact: &Fact, reason: RejectReason, detail: String, effects: &mut Effects) {
    let (record, place, line) = match fact {
        Fact::Vote(vote) => return effects.refuse(vote, reason, detail),
        Fact::Task(row) => (RecordKind::Task, &row.place, line(&row.body.task, None, None)),
        Fact::Gold(row) => {
            let line = line(&row.body.task, Some(&row.body.answer), None);
            (RecordKind::Gold, &row.place, line)
        }
        Fact::Override(row) => {
            let ControlAction::Override { task, answer } = &row.body.action else { return };
            let line = line(task, Some(answer), Some(&row.body.operator));
            (RecordKind::Control, &row.place, line)
        }
    };
    effects.refuse_record(record, fact.event_time(), place, reason, detail, line);
}

/// What a record held, as one JSON object.
fn line(task: &Id, answer: Option<&Name>, operator: Option<&Name>) -> String {
    let mut line = format!("{{\"task_id\":{}", quoted(task.name()));
    for (field, value) in [("answer", answer), ("operator", operator)] {
        if let Some(value) = value {
            line.push_str(&format!(",\"{field}\":{}", quoted(value)));
        }
    }
    line.push('}');
    line
}

/// A fact about a task that takes none any more: votes and declarations are late, the rest is disputed.
pub(crate) fn too_late(fact: &Fact, closed_at: Micros, effects: &mut Effects) {
    match fact {
        Fact::Vote(vote) => late(vote, closed_at, effects),
        Fact::Task(_) => refuse(fact, RejectReason::Late, closed(closed_at), effects),
        Fact::Gold(row) => {
            let detail = format!("gold {:?}", row.body.answer);
            dispute(row.event_time, &row.body.task, detail, &row.place, effects);
        }
        Fact::Override(row) => {
            let ControlAction::Override { task, answer } = &row.body.action else { return };
            let detail = format!("override {answer:?} by {:?}", row.body.operator);
            dispute(row.event_time, task, detail, &row.place, effects);
        }
    }
}

/// A vote on a task that takes none any more.
pub(crate) fn late(vote: &Placed<Vote>, closed_at: Micros, effects: &mut Effects) {
    effects.refuse(vote, RejectReason::Late, closed(closed_at));
}

fn closed(at: Micros) -> String {
    format!("the task closed at {}", format_rfc3339(at))
}

fn dispute(event_time: Micros, task: &Id, detail: String, place: &Place, effects: &mut Effects) {
    let (kind, task, place) = (AnomalyKind::Disputed, task.clone(), place.clone());
    let row = AnomalyRow { event_time, kind, task, detail, place };
    effects.rows.push(OutRow::Anomaly(Box::new(row)));
}

/// A fact, kept until now, of which the task has enough.
pub(crate) fn one_too_many(fact: Fact, effects: &mut Effects) {
    let detail = format!("{RECORDS} records of this kind, all before it, count on this task");
    refuse(&fact, RejectReason::TooManyRecords, detail, effects);
    effects.drop(fact.retained());
}
