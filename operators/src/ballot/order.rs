//! The order of a task's facts: by event time, then by content, never by arrival.

use std::cmp::Ordering;

use quorate_schemas::record::{Control, Gold, Placed, Task, Vote};
use quorate_schemas::time::Micros;

use super::Fact;

/// A record whose equal event times are decided by what it says. No secret takes part: ids compare by name.
pub(crate) trait Content {
    fn content(&self, other: &Self) -> Ordering;
}

impl Content for Vote {
    fn content(&self, other: &Vote) -> Ordering {
        self.value.cmp(&other.value)
    }
}

impl Content for Task {
    fn content(&self, other: &Task) -> Ordering {
        // Equal names are equal ids, so what is left to compare below has no id in it.
        self.domain.name().cmp(other.domain.name()).then_with(|| self.cmp(other))
    }
}

impl Content for Gold {
    fn content(&self, other: &Gold) -> Ordering {
        self.answer.cmp(&other.answer)
    }
}

impl Content for Control {
    fn content(&self, other: &Control) -> Ordering {
        self.cmp(other)
    }
}

/// The order in which votes are counted: by event time, agent, event id and value.
pub(crate) fn vote_order(a: &Placed<Vote>, b: &Placed<Vote>) -> Ordering {
    let time =
        a.event_time.cmp(&b.event_time).then_with(|| a.body.agent.name().cmp(b.body.agent.name()));
    time.then_with(|| row_order(a, b))
}

/// The order in which rows of one task and kind take effect, the last one being the one that holds.
fn row_order<T: Content>(a: &Placed<T>, b: &Placed<T>) -> Ordering {
    let time = a.event_time.cmp(&b.event_time).then_with(|| a.event_id.cmp(&b.event_id));
    time.then_with(|| a.body.content(&b.body))
}

/// Inserts `row` where it belongs. Equal rows stay beside each other: each is an input row to account for.
pub(crate) fn insert<T: Content>(rows: &mut Vec<Placed<T>>, row: Placed<T>) {
    let at = rows.partition_point(|known| row_order(known, &row).is_le());
    rows.insert(at, row);
}

/// So many declarations, known answers and overrides of one task count, of each kind: the first in their order. What
/// a task asks of them then costs the same whatever comes.
pub(crate) const RECORDS: usize = 64;

/// The rows that count, of rows in order.
pub(crate) fn counting<T>(rows: &[T]) -> &[T] {
    &rows[..rows.len().min(RECORDS)]
}

/// Takes the settled rows that don't count out of `rows`: those before `until`, which are in order.
pub(crate) fn take_excess<T>(
    rows: &mut Vec<Placed<T>>,
    until: Micros,
    fact: fn(Placed<T>) -> Fact,
    into: &mut Vec<Fact>,
) {
    let settled = rows.partition_point(|row| row.event_time < until);
    if settled > RECORDS {
        into.extend(rows.drain(RECORDS..settled).map(fact));
    }
}

/// Inserts `row` where it belongs among rows that are all of one life; the row that then is one too many.
pub(crate) fn insert_least<T: Content>(
    rows: &mut Vec<Placed<T>>,
    row: Placed<T>,
) -> Option<Placed<T>> {
    insert(rows, row);
    if rows.len() > RECORDS { rows.pop() } else { None }
}

/// Takes the rows after `time` out of `rows`, which are in order.
pub(crate) fn take_after<T>(
    rows: &mut Vec<Placed<T>>,
    time: Micros,
    fact: fn(Placed<T>) -> Fact,
    into: &mut Vec<Fact>,
) {
    let at = rows.partition_point(|row| row.event_time <= time);
    into.extend(rows.drain(at..).map(fact));
}
