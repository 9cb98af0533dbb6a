//! Tasks and votes in the order in which a fleet's lines arrive.

use std::sync::Arc;

use super::cast::Cast;
use super::fleet::Fleet;
use super::plan::{Part, Planned, Planner, TaskRow, VoteRow};
use super::window::Window;
use crate::error::Error;

/// The votes of `fleet` in the order of their lines, without the damaged ones.
///
/// # Errors
/// If there can be no such fleet.
///
/// ```
/// use quorate_connectors::generate::{Fleet, votes};
/// let fleet = Fleet { tasks: 10, empty_task_share: 0.0, ..Fleet::default() };
/// assert!(votes(&fleet)?.count() >= 70);
/// # Ok::<(), quorate_connectors::error::Error>(())
/// ```
pub fn votes(fleet: &Fleet) -> Result<impl Iterator<Item = VoteRow> + use<>, Error> {
    let rows = Rows::new(Arc::new(Cast::of(fleet)?));
    Ok(rows.filter_map(|row| match row {
        Row::Vote(vote) => Some(vote),
        Row::Task(_) => None,
    }))
}

/// A line of the fleet's main files.
pub(super) enum Row {
    /// A task opens.
    Task(TaskRow),
    /// Somebody votes.
    Vote(VoteRow),
}

/// Opens one task after another, and lets its votes arrive meanwhile.
///
/// Late votes wait apart: one is let go as soon as the greatest event time among those gone is more than
/// its delay beyond it, so it is late for certain, whatever the others do. One that this never happens to
/// would have come after the file's end, so it is in no file.
pub(super) struct Rows {
    planner: Planner,
    tasks: u64,
    start_ms: u64,
    spacing_ms: u64,
    next_task: u64,
    on_their_way: Window<VoteRow>,
    late: Window<VoteRow>,
    greatest_ms: u64,
    planned: Vec<Planned>,
}

impl Rows {
    pub(super) fn new(cast: Arc<Cast>) -> Rows {
        Rows {
            tasks: cast.fleet.tasks,
            start_ms: cast.fleet.start_ms,
            spacing_ms: cast.fleet.task_spacing_ms,
            planner: Planner::new(cast),
            next_task: 0,
            on_their_way: Window::new(),
            late: Window::new(),
            greatest_ms: 0,
            planned: Vec::new(),
        }
    }

    /// When the next task opens; votes that arrive before go first.
    fn next_opens_ms(&self) -> Option<u64> {
        (self.next_task < self.tasks).then(|| self.start_ms + self.next_task * self.spacing_ms)
    }

    fn open_next(&mut self) -> TaskRow {
        let task = self.planner.plan(self.next_task, &mut self.planned);
        self.next_task += 1;
        for Planned { row, delay_ms } in self.planned.drain(..) {
            let arrival_ms = row.event_time_ms + delay_ms;
            match row.part {
                Part::Late => self.late.put(arrival_ms, row),
                _ => self.on_their_way.put(arrival_ms, row),
            }
        }
        task
    }
}

impl Iterator for Rows {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        if let Some(vote) = self.late.take_before(Some(self.greatest_ms)) {
            return Some(Row::Vote(vote));
        }
        let opens_ms = self.next_opens_ms();
        if let Some(vote) = self.on_their_way.take_before(opens_ms) {
            self.greatest_ms = self.greatest_ms.max(vote.event_time_ms);
            return Some(Row::Vote(vote));
        }
        opens_ms.map(|_| Row::Task(self.open_next()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_votes_of_open_tasks_are_held() {
        let fleet = Fleet { tasks: 20_000, late_share: 0.02, ..Fleet::default() };
        let mut rows = Rows::new(Arc::new(Cast::of(&fleet).unwrap()));
        let mut most = 0;
        while rows.next().is_some() {
            most = most.max(rows.on_their_way.len() + rows.late.len());
        }
        // 30 s of spread and 2 s of disorder hold 32 tasks; 20 s of lateness some late votes on top.
        assert!((100..32 * 11 + 100).contains(&most), "{most}");
    }

    #[test]
    fn no_vote_comes_before_its_task() {
        let fleet = Fleet { versions: 2, late_share: 0.1, ..Fleet::default() };
        let mut opened = 0;
        for row in Rows::new(Arc::new(Cast::of(&fleet).unwrap())) {
            match row {
                Row::Task(task) => {
                    assert_eq!(task.task, opened);
                    opened += 1;
                }
                Row::Vote(vote) => assert!(vote.task < opened, "{vote:?}"),
            }
        }
        assert_eq!(opened, fleet.tasks);
    }
}
