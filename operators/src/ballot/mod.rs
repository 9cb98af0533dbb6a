//! One task's life, in event time: facts come in any order, what follows from them comes out in one.
//!
//! ```text
//!   facts ──► pending ──(watermark passes)──► walk ──(due, or a rule)──► closed ──(finality)──► dead ──► forgotten
//!             by arrival                      by event time             revisions              a tombstone
//! ```
//!
//! 1. Nothing is settled before the watermark has passed it, so what is settled never changes.
//! 2. A task closes once, at a time that is a function of its facts alone.
//! 3. A vote with an event time after the close is late, whenever it came.
//! 4. Revisions follow the close in order of event time, until the watermark passes the close by more than
//!    `finality_after`; then one final row, and none after it.
//! 5. Every task dies: its retained rows by one burial, its tombstone at `forget_at`.
//!
//! *State*: the task's rows while it is open or can be revised; a tombstone while its name is remembered.
//! *Cost*: a vote is a push; a close sorts the task's votes once. Jobs that close by a rule walk as the watermark
//! moves, each vote once.

mod closed;
mod open;
mod provisional;
mod tally;
mod walk;

use quorate_schemas::clock::Phase;
use quorate_schemas::id::Id;
use quorate_schemas::record::{Control, ControlAction, Gold, Placed, Task, Vote};
use quorate_schemas::retained::RetainedRow;
use quorate_schemas::table::DecisionRow;
use quorate_schemas::time::Micros;
use serde::{Deserialize, Serialize};

use crate::effects::Effects;
use crate::rules::Rules;
use closed::Closed;
use open::Open;
pub(crate) use provisional::Provisional;

/// Something known of one task.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Fact {
    /// A declaration of it.
    Task(Placed<Task>),
    /// A vote on it.
    Vote(Placed<Vote>),
    /// Its right answer.
    Gold(Placed<Gold>),
    /// An operator's word on it.
    Override(Placed<Control>),
}

impl Fact {
    /// The task it is about; `None` for an order that is about an agent.
    pub fn task(&self) -> Option<&Id> {
        match self {
            Fact::Task(row) => Some(&row.body.task),
            Fact::Vote(row) => Some(&row.body.task),
            Fact::Gold(row) => Some(&row.body.task),
            Fact::Override(row) => match &row.body.action {
                ControlAction::Override { task, .. } => Some(task),
                ControlAction::Quarantine { .. } | ControlAction::Release { .. } => None,
            },
        }
    }

    /// When it happened.
    pub fn event_time(&self) -> Micros {
        match self {
            Fact::Task(row) => row.event_time,
            Fact::Vote(row) => row.event_time,
            Fact::Gold(row) => row.event_time,
            Fact::Override(row) => row.event_time,
        }
    }

    fn retained(self) -> RetainedRow {
        match self {
            Fact::Task(row) => RetainedRow::Task(row),
            Fact::Vote(row) => RetainedRow::Vote(row),
            Fact::Gold(row) => RetainedRow::Gold(row),
            Fact::Override(row) => RetainedRow::Override(row),
        }
    }
}

/// The moment up to which a step goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Everything below is settled.
    pub until: Micros,
    /// Whether the input has ended, and how far that has come.
    pub phase: Phase,
    /// The greatest event time of any accepted row: when tasks held open to the end close.
    pub greatest: Micros,
}

/// When a task next has something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// Once the watermark has passed this time, it may close or show evidence.
    Close(Micros),
    /// Once the watermark has passed this time, it grows older.
    Age(Micros),
}

/// One task.
pub struct Ballot {
    task: Id,
    since: u64,
    stage: Stage,
}

enum Stage {
    Open(Box<Open>),
    Closed(Box<Closed>),
    Dead { closed_at: Micros, forget_at: Micros },
}

impl Ballot {
    /// A task of which nothing is known yet; its first row is kept in epoch `since`.
    pub fn new(task: Id, since: u64) -> Ballot {
        Ballot { task, since, stage: Stage::Open(Box::default()) }
    }

    /// A fact that was retained before a restart.
    pub fn restore(&mut self, row: RetainedRow) {
        if let RetainedRow::Tombstone { closed_at, forget_at, .. } = row {
            self.stage = Stage::Dead { closed_at, forget_at };
            return;
        }
        let Stage::Open(open) = &mut self.stage else { return };
        match row {
            RetainedRow::Task(row) => open.insert(Fact::Task(row)),
            RetainedRow::Vote(row) => open.insert(Fact::Vote(row)),
            RetainedRow::Gold(row) => open.insert(Fact::Gold(row)),
            RetainedRow::Override(row) => open.insert(Fact::Override(row)),
            RetainedRow::Duplicate { .. } => open.count_duplicate(),
            RetainedRow::Closed(row) => open.restored = Some(*row),
            RetainedRow::Tombstone { .. }
            | RetainedRow::Clock(_)
            | RetainedRow::Agent(_)
            | RetainedRow::Control(_)
            | RetainedRow::Standing { .. }
            | RetainedRow::Domain { .. }
            | RetainedRow::Fresh { .. }
            | RetainedRow::Weight { .. }
            | RetainedRow::Tick(_) => {}
        }
    }

    /// After the last restored row: a task that had closed is closed again, as it was.
    ///
    /// # Errors
    /// If what follows from the retained rows is not what was written: the operators are not those that wrote it.
    pub fn resume(&mut self, rules: &Rules) -> Result<(), Box<(DecisionRow, DecisionRow)>> {
        let Stage::Open(open) = &mut self.stage else { return Ok(()) };
        let Some(written) = open.restored.take() else { return Ok(()) };
        let mut silent = Effects::default();
        let votes = std::mem::take(open);
        let closed = votes.close_as_written(&written, rules, &mut silent);
        if *closed.row() != written {
            return Err(Box::new((written, closed.row().clone())));
        }
        self.stage = Stage::Closed(Box::new(closed));
        Ok(())
    }

    /// Takes a fact of an input row.
    pub fn receive(&mut self, fact: Fact, rules: &Rules, effects: &mut Effects) {
        match &mut self.stage {
            Stage::Open(open) => {
                effects.keep(fact.clone().retained());
                open.receive(fact, rules, effects);
            }
            Stage::Closed(closed) => closed.receive(fact, rules, effects),
            Stage::Dead { closed_at, .. } => closed::too_late(fact, *closed_at, effects),
        }
    }

    /// Does everything that happens before `moment`.
    pub fn advance(&mut self, moment: Moment, rules: &Rules, effects: &mut Effects) {
        if let Stage::Open(open) = &mut self.stage {
            match open.advance(&self.task, moment, rules, effects) {
                open::After::StillOpen => return,
                open::After::Nothing => {
                    self.bury(effects);
                    self.stage = Stage::Dead { closed_at: moment.until, forget_at: Micros::MIN };
                    return;
                }
                open::After::Closed(closed) => self.stage = Stage::Closed(closed),
            }
        }
        let Stage::Closed(closed) = &mut self.stage else { return };
        let before = closed.row().clone();
        let new = !closed.is_kept();
        let is_final = closed.advance(moment, rules, effects);
        if is_final {
            let row = closed.row();
            let (closed_at, forget_at) = (row.closed_at, row.event_time.saturating_add(rules.policy.forget_after));
            self.bury(effects);
            effects.keep(RetainedRow::Tombstone { task: self.task.clone(), closed_at, forget_at });
            self.stage = Stage::Dead { closed_at, forget_at };
        } else if new || before != *closed.row() {
            if !new {
                effects.drop(RetainedRow::Closed(Box::new(before)));
            }
            effects.keep(RetainedRow::Closed(Box::new(closed.row().clone())));
            closed.kept();
        }
    }

    fn bury(&self, effects: &mut Effects) {
        effects.keep.push(crate::effects::Keep::Bury { group: self.task.name().clone(), since: self.since });
    }

    /// The end of a name's memory: true if nothing is left of the task.
    pub fn forget(&mut self, until: Micros, effects: &mut Effects) -> bool {
        let Stage::Dead { closed_at, forget_at } = self.stage else { return false };
        if forget_at >= until {
            return false;
        }
        if forget_at > Micros::MIN {
            let task = self.task.clone();
            effects.drop(RetainedRow::Tombstone { task, closed_at, forget_at });
        }
        true
    }

    /// When it next has something to do, as far as is known now.
    pub fn due(&self, rules: &Rules) -> Option<Due> {
        match &self.stage {
            Stage::Open(open) => open.due(rules).map(|at| match open.opened_at() {
                Some(_) => Due::Close(at),
                None => Due::Age(at),
            }),
            Stage::Closed(closed) => Some(closed.due(rules)),
            Stage::Dead { forget_at, .. } => Some(Due::Age(*forget_at)),
        }
    }

    /// Since when it needs registrations and weights; `None` for a dead task.
    pub fn needs_since(&self) -> Option<Micros> {
        match &self.stage {
            Stage::Open(open) => open.opened_at(),
            Stage::Closed(closed) => Some(closed.row().opened_at),
            Stage::Dead { .. } => None,
        }
    }

    /// Whether it has closed and can still be revised.
    pub fn is_closed(&self) -> bool {
        matches!(self.stage, Stage::Closed(_))
    }

    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Open(_))
    }
}
