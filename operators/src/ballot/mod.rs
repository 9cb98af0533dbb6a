//! One task's life, in event time: facts come in any order, what follows from them comes out in one.
//!
//! ```text
//!   facts ──► pending ──(watermark passes)──► walk ──(due, or a rule)──► closed ──(finality)──► dead ──► forgotten
//!     ▲       by arrival                      by event time             revisions              a tombstone     │
//!     └────────────────── facts from after the name is forgotten are about another task of that name ─────────┘
//! ```
//!
//! 1. Nothing is settled before the watermark has passed it, so what is settled never changes.
//! 2. A task closes once, at a time that is a function of its facts alone.
//! 3. A vote with an event time after the close is late, whenever it came.
//! 4. Revisions follow the close in order of event time, until the watermark passes the close by more than
//!    `finality_after`; then one final row, and none after it.
//! 5. Every task dies: its retained rows by one burial, its tombstone at `forget_at`; where the input ends before, that
//!    is kept for the case that it is reopened.
//! 6. What becomes of a fact depends on its event time, never on when it came: one that came early is taken as if it
//!    had come after the close, and one from after `forget_at` waits for its own turn.
//!
//! *State*: the task's rows while it is open or can be revised; a tombstone while its name is remembered.
//! *Cost*: a vote is a push; a close sorts the task's votes once. Jobs that close by a rule walk as the watermark
//! moves, each vote once.

mod closed;
mod later;
mod open;
mod order;
mod provisional;
mod refuse;
mod seats;
mod shows;
mod tally;
mod walk;

use quorate_schemas::clock::Phase;
use quorate_schemas::id::Id;
use quorate_schemas::record::{Control, ControlAction, Gold, Placed, Task, Vote};
use quorate_schemas::retained::{Retain, RetainedRow};
use quorate_schemas::table::DecisionRow;
use quorate_schemas::time::Micros;
use serde::{Deserialize, Serialize};

use crate::effects::Effects;
use crate::kept::{Group, Held};
use crate::rules::Rules;
use closed::Closed;
use later::Later;
use open::Open;
pub(crate) use provisional::Provisional;

/// Something known of one task.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Fact {
    /// A declaration of it.
    Task(Box<Placed<Task>>),
    /// A vote on it.
    Vote(Placed<Vote>),
    /// Its right answer.
    Gold(Box<Placed<Gold>>),
    /// An operator's word on it.
    Override(Box<Placed<Control>>),
}

impl Fact {
    /// A declaration.
    pub fn declaration(row: Placed<Task>) -> Fact {
        Fact::Task(Box::new(row))
    }

    /// A vote.
    pub fn vote(row: Placed<Vote>) -> Fact {
        Fact::Vote(row)
    }

    /// A known answer.
    pub fn gold(row: Placed<Gold>) -> Fact {
        Fact::Gold(Box::new(row))
    }

    /// An operator's word.
    pub fn by_hand(row: Placed<Control>) -> Fact {
        Fact::Override(Box::new(row))
    }

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
            Fact::Vote(row) => RetainedRow::Vote(Box::new(row)),
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

/// What becomes of a decision that was written, can still be revised, and would now come out otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Otherwise {
    /// Nothing goes on: the operators or the rules are not those that decided.
    Refused,
    /// A revision says how it comes out now: the rules are meant to be others.
    Revised,
}

/// What a step of the clock did to a ballot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advanced {
    /// It is where it was.
    Waits,
    /// It closed, became final or was forgotten, and may be open again.
    Ended,
    /// Nothing is left.
    Gone,
}

/// One task, and after it the others of its name.
pub struct Ballot {
    task: Id,
    kept: Group,
    stage: Stage,
    /// Facts from after the name is forgotten.
    next: Later,
    /// When it is due, as the agenda has it.
    pub(crate) scheduled: Option<Due>,
}

enum Stage {
    Open(Box<Open>),
    Closed(Box<Closed>),
    Dead { closed_at: Micros, forget_at: Micros },
}

impl Ballot {
    /// A task of which nothing is known yet; `kept` is what an earlier one of its name has not told yet.
    pub fn new(task: Id, kept: Group) -> Ballot {
        let stage = Stage::Open(Box::default());
        Ballot { task, kept, stage, next: Later::default(), scheduled: None }
    }

    /// The task.
    pub fn task(&self) -> &Id {
        &self.task
    }

    /// What is durable of it, and has changed.
    pub fn kept(&mut self) -> &mut Group {
        &mut self.kept
    }

    /// Writes what has changed of what is durable of it.
    pub fn save(&mut self, to: &mut Vec<Retain>) {
        let Ballot { task, kept, stage, next, .. } = self;
        let fresh = |each: &mut dyn FnMut(&Placed<Vote>)| {
            match stage {
                Stage::Open(open) => open.unsaved(each),
                Stage::Closed(closed) => closed.unsaved(each),
                Stage::Dead { .. } => {}
            }
            next.unsaved(each);
        };
        kept.save(task.name(), fresh, to);
    }

    /// The task, and what has changed of what is durable of it, when nothing else is left.
    pub fn into_kept(self) -> (Id, Group) {
        (self.task, self.kept)
    }

    /// A row that was retained before a restart; they come in any order.
    pub fn restore(&mut self, row: RetainedRow) {
        self.kept.restored();
        let fact = match row {
            RetainedRow::Vote(row) => {
                let held = Held { vote: *row, saved: true };
                return match &mut self.stage {
                    Stage::Open(open) => open.hold(held),
                    Stage::Closed(_) | Stage::Dead { .. } => self.next.votes.push(held),
                };
            }
            RetainedRow::Task(row) => Fact::Task(row),
            RetainedRow::Gold(row) => Fact::Gold(row),
            RetainedRow::Override(row) => Fact::Override(row),
            row => return self.restore_stage(row),
        };
        match &mut self.stage {
            Stage::Open(open) => open.insert(fact),
            Stage::Closed(_) | Stage::Dead { .. } => self.next.push(fact),
        }
    }

    fn restore_stage(&mut self, row: RetainedRow) {
        let Stage::Open(open) = &mut self.stage else { return };
        match row {
            RetainedRow::Duplicate { count, .. } => open.count_duplicates(count),
            RetainedRow::Closed(row) => open.restored = Some(row),
            RetainedRow::Tombstone { closed_at, forget_at, .. } => {
                self.next.append(open.split_after(Micros::MIN));
                self.stage = Stage::Dead { closed_at, forget_at };
            }
            RetainedRow::Task(_)
            | RetainedRow::Vote(_)
            | RetainedRow::Gold(_)
            | RetainedRow::Override(_)
            | RetainedRow::Clock(_)
            | RetainedRow::Agent(_)
            | RetainedRow::Control(_)
            | RetainedRow::Standing(_)
            | RetainedRow::Domain(_)
            | RetainedRow::Fresh(_)
            | RetainedRow::Weight(_)
            | RetainedRow::Tick(_)
            | RetainedRow::Exam(_) => {}
        }
    }

    /// After the last restored row: a task that had closed is closed again, as it was. Everything before `settled` was
    /// settled.
    ///
    /// # Errors
    /// If what follows from the retained rows is not what was written, and is not to be `otherwise`: the operators are
    /// not those that wrote it.
    pub fn resume(
        &mut self,
        settled: Micros,
        otherwise: Otherwise,
        rules: &Rules,
    ) -> Result<(), Box<(DecisionRow, DecisionRow)>> {
        let Stage::Open(open) = &mut self.stage else { return Ok(()) };
        let Some(written) = open.restored.take() else { return Ok(()) };
        let (mut closed, later) = std::mem::take(open).close_as_written(&written, rules);
        if *closed.row() != *written {
            match otherwise {
                Otherwise::Refused => {
                    return Err(Box::new((DecisionRow::clone(&written), closed.row().clone())));
                }
                Otherwise::Revised => closed.owe(written, settled, rules),
            }
        }
        self.stage = Stage::Closed(Box::new(closed));
        self.next.append(later);
        Ok(())
    }

    /// So many facts follow, most of them votes.
    pub(crate) fn expect(&mut self, facts: usize) {
        if let Stage::Open(open) = &mut self.stage {
            open.expect(facts);
        }
    }

    /// Takes a fact of an input row; everything before `settled` is settled.
    pub fn receive(&mut self, fact: Fact, settled: Micros, rules: &Rules, effects: &mut Effects) {
        let forget_at = match &mut self.stage {
            Stage::Open(open) => {
                keep(&fact, &mut self.kept);
                open.receive(fact, settled, rules, effects);
                return self.kept.take(&mut effects.of_task);
            }
            Stage::Closed(closed) => closed.forget_at(rules),
            Stage::Dead { forget_at, .. } => *forget_at,
        };
        if fact.event_time() > forget_at {
            keep(&fact, &mut self.kept);
            return self.next.push(fact);
        }
        match &mut self.stage {
            Stage::Closed(closed) => closed.receive(fact, rules, effects),
            Stage::Dead { closed_at, .. } => refuse::too_late(&fact, *closed_at, effects),
            Stage::Open(_) => {}
        }
        self.kept.take(&mut effects.of_task);
    }

    /// Does everything that happens before `moment`.
    pub fn advance(&mut self, moment: Moment, rules: &Rules, effects: &mut Effects) -> Advanced {
        let mut advanced = Advanced::Waits;
        loop {
            let step = match &self.stage {
                Stage::Open(_) => self.close(moment, rules, effects),
                Stage::Closed(_) => self.revise(moment, rules, effects),
                Stage::Dead { .. } => self.forget(moment, effects),
            };
            self.kept.take(&mut effects.of_task);
            match step {
                Advanced::Waits => return advanced,
                Advanced::Ended => advanced = Advanced::Ended,
                Advanced::Gone => return Advanced::Gone,
            }
        }
    }

    fn close(&mut self, moment: Moment, rules: &Rules, effects: &mut Effects) -> Advanced {
        let Stage::Open(open) = &mut self.stage else { return Advanced::Waits };
        match open.advance(&self.task, moment, rules, effects) {
            open::After::StillOpen => Advanced::Waits,
            open::After::GivenUp(later) => {
                self.next = later;
                self.bury(effects);
                self.begin_anew()
            }
            open::After::Closed(closed, after) => {
                let forget_at = closed.forget_at(rules);
                let closed_at = closed.row().closed_at;
                self.stage = Stage::Closed(closed);
                for held in after.votes {
                    if held.vote.event_time > forget_at {
                        self.next.votes.push(held);
                    } else {
                        refuse::late(&held.vote, closed_at, effects);
                        held.leave(effects);
                    }
                }
                for fact in after.records {
                    effects.drop(fact.clone().retained());
                    self.receive(fact, moment.until, rules, effects);
                }
                Advanced::Ended
            }
        }
    }

    /// Writes the revisions of a closed task before `moment`; the last of them ends it.
    fn revise(&mut self, moment: Moment, rules: &Rules, effects: &mut Effects) -> Advanced {
        let Stage::Closed(closed) = &mut self.stage else { return Advanced::Waits };
        if closed.advance(moment, rules, effects) {
            let (closed_at, forget_at) = (closed.row().closed_at, closed.forget_at(rules));
            self.bury(effects);
            effects.keep(RetainedRow::Tombstone { task: self.task.clone(), closed_at, forget_at });
            self.stage = Stage::Dead { closed_at, forget_at };
            return Advanced::Ended;
        }
        if let Some((now, before)) = closed.keep() {
            before.into_iter().for_each(|before| effects.drop(RetainedRow::Closed(before)));
            effects.keep(RetainedRow::Closed(now));
        }
        Advanced::Waits
    }

    fn forget(&mut self, moment: Moment, effects: &mut Effects) -> Advanced {
        let Stage::Dead { closed_at, forget_at } = self.stage else { return Advanced::Waits };
        // The end of the input ends no memory: the job may be reopened right after its last row.
        let passed = match moment.until {
            Micros::MAX => forget_at <= moment.greatest,
            until => forget_at < until,
        };
        if !passed {
            return Advanced::Waits;
        }
        effects.drop(RetainedRow::Tombstone { task: self.task.clone(), closed_at, forget_at });
        self.begin_anew()
    }

    /// The name is free for the next task, if there is one.
    fn begin_anew(&mut self) -> Advanced {
        let mut open = Box::<Open>::default();
        let later = std::mem::take(&mut self.next);
        let advanced = if later.is_empty() { Advanced::Gone } else { Advanced::Ended };
        later.votes.into_iter().for_each(|held| open.hold(held));
        later.records.into_iter().for_each(|fact| open.insert(fact));
        self.stage = Stage::Open(open);
        advanced
    }

    /// Everything kept goes, but for what is of a later task.
    fn bury(&mut self, effects: &mut Effects) {
        effects.of_task.clear();
        self.kept.bury();
        self.next.votes.iter_mut().for_each(|held| held.saved = false);
        if !self.next.votes.is_empty() {
            self.kept.has_fresh_votes();
        }
        self.next.records.iter().for_each(|fact| effects.keep(fact.clone().retained()));
    }

    /// When it next has something to do, as far as is known now.
    pub fn due(&self, rules: &Rules) -> Option<Due> {
        let due = match &self.stage {
            Stage::Open(open) => open.due(rules),
            Stage::Closed(closed) => Some(closed.due(rules)),
            Stage::Dead { forget_at, .. } => Some(Due::Age(*forget_at)),
        };
        match due {
            // A later task does nothing before this one is forgotten, but may then do anything.
            Some(Due::Age(at)) if !self.next.is_empty() => Some(Due::Close(at)),
            due => due,
        }
    }

    /// Since when it needs registrations and weights; `None` for a dead task.
    pub fn needs_since(&self) -> Option<Micros> {
        let now = match &self.stage {
            Stage::Open(open) => open.opened_at(),
            Stage::Closed(closed) => Some(closed.row().opened_at),
            Stage::Dead { .. } => None,
        };
        now.or_else(|| self.next.earliest())
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

/// A fact is durable from now on.
fn keep(fact: &Fact, kept: &mut Group) {
    match fact {
        Fact::Vote(_) => kept.has_fresh_votes(),
        record => kept.change(record.clone().retained(), 1),
    }
}
