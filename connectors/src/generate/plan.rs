//! One task: who votes on it, when, and what.

use std::sync::Arc;

use quorate_schemas::id::IdKey;
use quorate_schemas::record::{Value, Vote};

use super::behaviour::{Behaviour, Question};
use super::cast::Cast;
use super::chance::{Chance, WHOLE};
use super::fleet::Style;
use super::names::Names;

/// A task and the truth about it. Domains and labels are numbers, see [`Names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskRow {
    /// Its number.
    pub task: u64,
    /// Its domain.
    pub domain: u32,
    /// The right label.
    pub answer: u32,
    /// The wrong label that the clique pushes, if it attacks this task.
    pub target: Option<u32>,
    /// Whether the job knows the answer.
    pub gold: bool,
    /// When it opens.
    pub event_time_ms: u64,
}

/// A line among the votes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VoteRow {
    /// Its task's number.
    pub task: u64,
    /// Its number among the votes on its task; the two lines of a duplicate share one.
    pub serial: u32,
    /// Who votes.
    pub agent: u32,
    /// As of which version, counted from 0.
    pub version: u32,
    /// The label, if it is not an abstention.
    pub choice: Option<u32>,
    /// When.
    pub event_time_ms: u64,
    /// What it is to the other votes of its agent on its task.
    pub part: Part,
}

/// What a vote is to the other votes of its agent on its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The only one.
    Only,
    /// The same line a second time.
    Duplicate,
    /// A slip that the agent takes back.
    Superseded,
    /// What it says instead.
    Changed,
    /// The only one, and too late.
    Late,
    /// The first of two that contradict each other.
    Equivocation,
    /// The second of them.
    Contradiction,
}

impl VoteRow {
    /// The vote as a record, for a fleet whose agents have no versions.
    pub fn record(&self, style: Style, key: &IdKey) -> Vote {
        let names = Names::of(style);
        Vote {
            task: key.id_of(names.task(self.task)),
            agent: key.id_of(names.agent(self.agent)),
            value: self.choice.map_or(Value::Abstain, |label| Value::Choice(names.label(label))),
        }
    }
}

/// A vote and how long after its event time its line is written.
pub(super) struct Planned {
    pub(super) row: VoteRow,
    pub(super) delay_ms: u64,
}

/// An equivocator's second answer comes this long after the first at most.
const CONTRADICTION_MS: u32 = 1_000;

/// Makes up the votes on one task after another.
pub(super) struct Planner {
    cast: Arc<Cast>,
    /// The numbers of all agents, in order between two tasks.
    order: Vec<u32>,
    /// What was swapped to draw the voters of the task at hand.
    swapped: Vec<usize>,
}

/// One voter's moment.
struct Turn<'a> {
    question: &'a Question,
    chance: &'a mut Chance,
    first: VoteRow,
    /// The end of the task's votes.
    end_ms: u64,
}

impl Planner {
    pub(super) fn new(cast: Arc<Cast>) -> Planner {
        let order = (0..cast.fleet.agents).collect();
        Planner { cast, order, swapped: Vec::new() }
    }

    /// The `task`-th task; its votes go to `into`.
    pub(super) fn plan(&mut self, task: u64, into: &mut Vec<Planned>) -> TaskRow {
        let (row, question, mut chance) = self.cast.task(task);
        if chance.hits(self.cast.shares.empty_task) {
            return row;
        }
        let fleet = &self.cast.fleet;
        let most = fleet.votes_per_task_max.min(fleet.agents);
        let least = fleet.votes_per_task_min.min(most);
        let version = fleet.version_at(row.event_time_ms);
        let mut serial = 0;
        for _ in 0..chance.between(least, most) {
            let agent = self.draw_voter(&mut chance);
            let end_ms = row.event_time_ms + u64::from(self.cast.fleet.vote_spread_ms);
            let offset_ms = u64::from(chance.below(self.cast.fleet.vote_spread_ms));
            let event_time_ms = row.event_time_ms + offset_ms;
            let part = Part::Only;
            let first = VoteRow { task, serial, agent, version, choice: None, event_time_ms, part };
            let turn = Turn { question: &question, chance: &mut chance, first, end_ms };
            serial += self.take_turn(turn, row.domain, into);
        }
        self.put_back();
        row
    }

    /// What one voter says, and how many numbers that took.
    fn take_turn(&self, mut turn: Turn, domain: u32, into: &mut Vec<Planned>) -> u32 {
        let shares = &self.cast.shares;
        let VoteRow { agent, version, task, .. } = turn.first;
        let voice = self.cast.voice(agent, version, domain, task);
        let label = voice.say(turn.question, turn.chance);
        let silent = turn.chance.hits(shares.abstain) && !voice.behaviour.is_hostile();
        turn.first.choice = (!silent).then_some(label);
        if voice.behaviour == Behaviour::Equivocating {
            self.equivocate(turn, label, into);
            return 2;
        }
        let fate = turn.chance.below(WHOLE);
        let (late, duplicate) = (shares.late, shares.late + shares.duplicate);
        if fate < late {
            self.come_late(turn, into);
        } else if fate < duplicate {
            self.repeat(turn, into);
        } else if fate < duplicate + shares.changed {
            self.change(turn, label, into);
            return 2;
        } else {
            self.send(turn.first, turn.chance, into);
        }
        1
    }

    fn equivocate(&self, turn: Turn, label: u32, into: &mut Vec<Planned>) {
        let Turn { question, chance, first, end_ms } = turn;
        let later_ms = if chance.hits(WHOLE / 2) { 0 } else { 1 + chance.below(CONTRADICTION_MS) };
        let event_time_ms = (first.event_time_ms + u64::from(later_ms)).min(end_ms);
        let contradiction = VoteRow {
            serial: first.serial + 1,
            choice: Some(question.other_than(label, chance)),
            event_time_ms,
            part: Part::Contradiction,
            ..first
        };
        self.send(VoteRow { part: Part::Equivocation, ..first }, chance, into);
        self.send(contradiction, chance, into);
    }

    /// A slip first; what the agent's behaviour says replaces it, so that its accuracy stays what it is.
    fn change(&self, turn: Turn, label: u32, into: &mut Vec<Planned>) {
        let Turn { question, chance, first, end_ms } = turn;
        let slip = VoteRow {
            choice: Some(question.other_than(label, chance)),
            part: Part::Superseded,
            ..first
        };
        let left_ms = end_ms - first.event_time_ms;
        let changed = VoteRow {
            serial: first.serial + 1,
            event_time_ms: first.event_time_ms + 1 + chance.below_wide(left_ms),
            part: Part::Changed,
            ..first
        };
        self.send(slip, chance, into);
        self.send(changed, chance, into);
    }

    fn repeat(&self, turn: Turn, into: &mut Vec<Planned>) {
        self.send(turn.first, turn.chance, into);
        self.send(VoteRow { part: Part::Duplicate, ..turn.first }, turn.chance, into);
    }

    /// More than the lateness after its time, and up to twice that.
    fn come_late(&self, turn: Turn, into: &mut Vec<Planned>) {
        let lateness_ms = u64::from(self.cast.fleet.lateness_ms);
        let delay_ms = lateness_ms + turn.chance.below_wide(lateness_ms);
        into.push(Planned { row: VoteRow { part: Part::Late, ..turn.first }, delay_ms });
    }

    fn send(&self, row: VoteRow, chance: &mut Chance, into: &mut Vec<Planned>) {
        let delay_ms = chance.between(0, self.cast.fleet.out_of_order_ms).into();
        into.push(Planned { row, delay_ms });
    }

    /// An agent that has not voted on this task: a shuffle of the order that goes only as far as is needed.
    fn draw_voter(&mut self, chance: &mut Chance) -> u32 {
        let drawn = self.swapped.len();
        let at = drawn + chance.below((self.order.len() - drawn) as u32) as usize;
        self.order.swap(drawn, at);
        self.swapped.push(at);
        self.order[drawn]
    }

    /// Undoes the shuffle, so that the next task's voters do not depend on this one's.
    fn put_back(&mut self) {
        while let Some(at) = self.swapped.pop() {
            self.order.swap(self.swapped.len(), at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Fleet;

    #[test]
    fn a_task_does_not_depend_on_those_planned_before() {
        let cast = Arc::new(Cast::of(&Fleet::default()).unwrap());
        let planned = |tasks: &[u64]| {
            let (mut planner, mut votes) = (Planner::new(Arc::clone(&cast)), Vec::new());
            for task in tasks {
                votes.clear();
                planner.plan(*task, &mut votes);
            }
            votes.iter().map(|vote| (vote.row, vote.delay_ms)).collect::<Vec<_>>()
        };
        assert!(!planned(&[9]).is_empty());
        assert_eq!(planned(&[9]), planned(&[3, 1, 4, 9]));
    }

    #[test]
    fn a_vote_becomes_a_record_under_its_names() {
        let key = IdKey::new([1; 16]);
        let (task, serial, agent, version, event_time_ms) = (7, 0, 3, 0, 0);
        let part = Part::Only;
        let row = VoteRow { task, serial, agent, version, choice: Some(1), event_time_ms, part };
        let record = row.record(Style::Full, &key);
        assert_eq!(
            (record.task.name().as_str(), record.agent.name().as_str()),
            ("task-7", "agent-3")
        );
        assert_eq!(record.value, Value::Choice("B".into()));
        let silent = VoteRow { choice: None, ..row };
        assert_eq!(silent.record(Style::Full, &key).value, Value::Abstain);
    }
}
