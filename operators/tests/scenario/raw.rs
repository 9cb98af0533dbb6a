//! Rows as a handful of small numbers, so that a failing input shrinks to one that can be read.

use proptest::collection::vec;
use proptest::prelude::*;
use quorate_operators::ballot::Fact;
use quorate_schemas::id::Name;
use quorate_schemas::place::Place;
use quorate_schemas::ratio::Ratio;
use quorate_schemas::record::{
    Agent, AgentAction, Control, ControlAction, Gold, Number, Placed, Task, TaskKind, Value, Vote,
};
use quorate_schemas::time::Micros;

use super::Row;
use crate::harness::key;

/// What a row says, in numbers; what each number means depends on the kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Raw {
    pub(crate) kind: Kind,
    pub(crate) at: Micros,
    pub(crate) task: u8,
    pub(crate) agent: u8,
    pub(crate) says: u8,
    pub(crate) more: u8,
    pub(crate) event_id: u8,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Vote,
    Declaration,
    Gold,
    Override,
    Quarantine,
    Release,
    Registration,
}

fn any_kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        32 => Just(Kind::Vote),
        4 => Just(Kind::Declaration),
        4 => Just(Kind::Gold),
        2 => Just(Kind::Override),
        3 => Just(Kind::Quarantine),
        3 => Just(Kind::Release),
        6 => Just(Kind::Registration),
    ]
}

fn any_task() -> impl Strategy<Value = u8> {
    prop_oneof![4 => Just(0), 2 => Just(1), 1 => Just(2)]
}

/// Up to some dozens of rows within two minutes of microseconds, some of them twice.
pub(crate) fn any_rows() -> impl Strategy<Value = Vec<Raw>> {
    let row = (
        any_kind(),
        0..120 as Micros,
        any_task(),
        0..6u8,
        0..16u8,
        any::<u8>(),
        prop_oneof![4 => Just(0), 1 => 0..3u8],
    );
    let raw = |(kind, at, task, agent, says, more, event_id)| Raw {
        kind,
        at,
        task,
        agent,
        says,
        more,
        event_id,
    };
    let start = prop_oneof![Just(0), Just(-53), Just(1_000_003)];
    (vec(row.prop_map(raw), 0..60), vec(any::<prop::sample::Index>(), 0..4), start, 1..=3 as Micros)
        .prop_map(|(mut rows, twice, start, coarse)| {
            if !rows.is_empty() {
                let again: Vec<Raw> =
                    twice.iter().map(|index| rows[index.index(rows.len())]).collect();
                rows.extend(again);
            }
            // Coarse times make more of them equal.
            rows.iter_mut().for_each(|row| row.at = start + row.at / coarse * coarse);
            rows
        })
}

/// Some hundreds of rows about one task, most of one kind of record of which only so many count.
pub(crate) fn many_records() -> impl Strategy<Value = Vec<Raw>> {
    let most = prop_oneof![Just(Kind::Declaration), Just(Kind::Gold), Just(Kind::Override)];
    let row = (any_kind(), 0..120 as Micros, 0..6u8, 0..16u8, any::<u8>(), any::<bool>());
    (most, vec(row, 60..260), 1..=3 as Micros).prop_map(|(most, rows, coarse)| {
        let raw = |(kind, at, agent, says, more, usual): (Kind, Micros, u8, u8, u8, bool)| {
            let kind = if usual { kind } else { most };
            Raw { kind, at: at / coarse * coarse, task: 0, agent, says, more, event_id: 0 }
        };
        rows.into_iter().map(raw).collect()
    })
}

impl Raw {
    /// The row this stands for, read at `place`.
    pub(crate) fn row(&self, place: Place) -> Row {
        match self.kind {
            Kind::Vote => Row::Fact(Fact::vote(self.placed(place, self.vote()))),
            Kind::Declaration => {
                Row::Fact(Fact::declaration(self.placed(place, self.declaration())))
            }
            Kind::Gold => {
                let gold = Gold { task: self.task(), answer: label(self.says % 3) };
                Row::Fact(Fact::gold(self.placed(place, gold)))
            }
            Kind::Override => {
                let action =
                    ControlAction::Override { task: self.task(), answer: label(self.says % 4) };
                Row::Fact(Fact::by_hand(self.placed(place, self.control(action))))
            }
            Kind::Quarantine => Row::Order(
                self.placed(place, self.control(ControlAction::Quarantine { agent: self.agent() })),
            ),
            Kind::Release => Row::Order(
                self.placed(place, self.control(ControlAction::Release { agent: self.agent() })),
            ),
            Kind::Registration => Row::Agent(self.placed(place, self.registration())),
        }
    }

    fn placed<T>(&self, place: Place, body: T) -> Placed<T> {
        let event_id = ["", "e1", "e2"][usize::from(self.event_id) % 3];
        Placed { event_time: self.at, event_id: Name::new(event_id), place, body }
    }

    fn task(&self) -> quorate_schemas::id::Id {
        key().id(["t0", "t1", "t2"][usize::from(self.task) % 3])
    }

    fn agent(&self) -> quorate_schemas::id::Id {
        let names = [
            ("a0", None),
            ("a1", None),
            ("a2", Some("v1")),
            ("a2", Some("v2")),
            ("a4", None),
            ("a5", None),
        ];
        let (name, version) = names[usize::from(self.agent) % 6];
        key().agent(name, version)
    }

    fn vote(&self) -> Vote {
        let value = match self.says {
            0..=11 => Value::Choice(label(self.says % 3)),
            12 | 13 => Value::Abstain,
            14 if self.more < 128 => {
                Value::Number(Number::new(f64::from(self.more % 3)).expect("finite"))
            }
            14 => Value::Ranking(Box::new((label(self.more % 2), label(2)))),
            _ if self.more < 128 => {
                Value::Score(Box::new(("r".into(), Number::new(0.5).expect("finite"))))
            }
            _ => Value::Choice(label(3)),
        };
        Vote { task: self.task(), agent: self.agent(), value }
    }

    fn declaration(&self) -> Task {
        let options = [&[][..], &[], &["a", "b", "c"], &["b", "a"]][usize::from(self.says) % 4];
        let more = Micros::from(self.more);
        Task {
            task: self.task(),
            domain: key().id(["", "x", "y"][usize::from(self.agent) % 3]),
            kind: if self.more.is_multiple_of(7) { TaskKind::Text } else { TaskKind::Choice },
            options: options.iter().map(|option| Name::new(option)).collect(),
            // Some lie before their own declaration, some far beyond every row.
            deadline: (self.says >= 8).then(|| self.at - 15 + more),
            min_votes: (self.more.is_multiple_of(5)).then_some(u32::from(self.more % 4)),
            quorum: (self.more.is_multiple_of(3)).then(|| Ratio::new(1, 2).expect("a half")),
            reward_microunits: None,
        }
    }

    fn control(&self, action: ControlAction) -> Control {
        let (operator, reason) =
            (Name::new("op"), Name::new(["", "why"][usize::from(self.more) % 2]));
        Control { action, operator, reason }
    }

    fn registration(&self) -> Agent {
        let domains = [&[][..], &[], &["x"], &["y", "x"]][usize::from(self.more) % 4];
        Agent {
            agent: self.agent(),
            action: match self.says {
                0..=8 => AgentAction::Register,
                9..=11 => AgentAction::Update,
                12 | 13 => AgentAction::Slash,
                _ => AgentAction::Retire,
            },
            operator: None,
            family: (self.more >= 128).then(|| Name::new(["f", "g"][usize::from(self.says) % 2])),
            stake: match (self.says % 4, self.more / 4) {
                (3, _) => None,
                // Some have all there is.
                (2, few @ 0..4) => Some(u64::MAX - u64::from(few)),
                (1, few) => Some(u64::from(few)),
                (_, few) => Some(u64::from(few) * 1_000),
            },
            domains: domains.iter().map(|domain| Name::new(domain)).collect(),
        }
    }
}

fn label(number: u8) -> Name {
    Name::new(["a", "b", "c", "z"][usize::from(number) % 4])
}
