//! What a job reads: small inputs in which everything happens.

use quorate_operators::ballot::Fact;
use quorate_operators::policy::{Close, Method, Policy, QuorumOf};
use quorate_schemas::clock::Eras;
use quorate_schemas::id::{Id, IdKey, Name};
use quorate_schemas::place::{Origin, OriginRef, Place};
use quorate_schemas::ratio::Ratio;
use quorate_schemas::record::{
    Agent, AgentAction, Control, ControlAction, Gold, Placed, RecordKind, Task, TaskKind, Value,
    Vote,
};
use quorate_schemas::time::{Micros, SECOND};

/// Where the first row's time begins.
pub(crate) const START: Micros = 1_767_225_600 * SECOND;

/// Each line takes so many bytes.
pub(crate) const LINE_BYTES: u64 = 100;

pub(crate) fn key() -> IdKey {
    IdKey::new(*b"a shelf of tests")
}

/// A line of a partition.
#[derive(Clone, Debug)]
pub(crate) enum Line {
    /// About a task.
    Fact(Fact),
    /// A registration.
    Agent(Placed<Agent>),
    /// A quarantine or release.
    Order(Placed<Control>),
    /// Not a row at all.
    Garbage,
}

impl Line {
    pub(crate) fn event_time(&self) -> Option<Micros> {
        match self {
            Line::Fact(fact) => Some(fact.event_time()),
            Line::Agent(row) => Some(row.event_time),
            Line::Order(row) => Some(row.event_time),
            Line::Garbage => None,
        }
    }
}

/// A partition and its lines.
#[derive(Clone, Debug)]
pub(crate) struct Partition {
    pub(crate) origin: OriginRef,
    pub(crate) record: RecordKind,
    pub(crate) lines: Vec<Line>,
}

/// A job and its input.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) policy: Policy,
    pub(crate) lateness: Micros,
    pub(crate) partitions: Vec<Partition>,
    /// Lines of each partition in an epoch.
    pub(crate) lines_an_epoch: usize,
    pub(crate) epochs_a_checkpoint: u64,
    /// Whether the input is read to its end.
    pub(crate) to_the_end: bool,
}

impl Scenario {
    pub(crate) fn new(policy: Policy) -> Scenario {
        let (partitions, lateness) = (Vec::new(), 5 * SECOND);
        Scenario {
            policy,
            lateness,
            partitions,
            lines_an_epoch: 4,
            epochs_a_checkpoint: 2,
            to_the_end: true,
        }
    }

    fn add(&mut self, record: RecordKind, line: impl FnOnce(Place) -> Line) {
        let source = record.source_key();
        let at =
            self.partitions.iter().position(|partition| partition.record == record).unwrap_or_else(
                || {
                    let origin =
                        Origin { source: source.to_owned(), partition: format!("{source}.jsonl") }
                            .shared();
                    self.partitions.push(Partition { origin, record, lines: Vec::new() });
                    self.partitions.len() - 1
                },
            );
        let partition = &mut self.partitions[at];
        let position = partition.lines.len() as u64 * LINE_BYTES;
        let line = line(Place { origin: partition.origin, position });
        partition.lines.push(line);
    }

    pub(crate) fn task(&mut self, at: Micros, task: &str, domain: &str, deadline: Option<Micros>) {
        let body = Task {
            task: key().id(task),
            domain: key().id(domain),
            kind: TaskKind::Choice,
            options: Vec::new(),
            deadline,
            min_votes: None,
            quorum: None,
            reward_microunits: None,
        };
        self.add(RecordKind::Task, |place| Line::Fact(Fact::declaration(placed(at, place, body))));
    }

    pub(crate) fn vote(&mut self, at: Micros, task: &str, agent: &str, choice: Option<&str>) {
        let value = choice.map_or(Value::Abstain, |choice| Value::Choice(Name::new(choice)));
        let body = Vote { task: key().id(task), agent: agent_id(agent), value };
        self.add(RecordKind::Vote, |place| Line::Fact(Fact::vote(placed(at, place, body))));
    }

    pub(crate) fn gold(&mut self, at: Micros, task: &str, answer: &str) {
        let body = Gold { task: key().id(task), answer: Name::new(answer) };
        self.add(RecordKind::Gold, |place| Line::Fact(Fact::gold(placed(at, place, body))));
    }

    pub(crate) fn control(&mut self, at: Micros, action: ControlAction) {
        let about_task = matches!(action, ControlAction::Override { .. });
        let body = Control { action, operator: Name::new("op"), reason: Name::default() };
        self.add(RecordKind::Control, |place| match about_task {
            true => Line::Fact(Fact::by_hand(placed(at, place, body))),
            false => Line::Order(placed(at, place, body)),
        });
    }

    pub(crate) fn agent(&mut self, at: Micros, agent: &str, stake: u64) {
        let body = Agent {
            agent: agent_id(agent),
            action: AgentAction::Register,
            operator: None,
            family: None,
            stake: Some(stake),
            domains: Vec::new(),
        };
        self.add(RecordKind::Agent, |place| Line::Agent(placed(at, place, body)));
    }

    pub(crate) fn garbage(&mut self, record: RecordKind) {
        self.add(record, |_| Line::Garbage);
    }
}

/// `name` or `name@version`.
pub(crate) fn agent_id(agent: &str) -> Id {
    match agent.split_once('@') {
        Some((name, version)) => key().agent(name, Some(version)),
        None => key().agent(agent, None),
    }
}

fn placed<T>(event_time: Micros, place: Place, body: T) -> Placed<T> {
    Placed { event_time, event_id: Name::default(), place, body }
}

/// Numbers that follow from a seed.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }

    pub(crate) fn one_in(&mut self, sides: u64) -> bool {
        self.below(sides) == 0
    }
}

/// Gold, agents that differ, changed, withdrawn, equal and late votes, quarantine, garbage: over several eras.
pub(crate) fn busy(seed: u64, policy: Policy) -> Scenario {
    let mut dice = Dice::new(seed);
    let mut scenario = Scenario { lateness: 30 * SECOND, ..Scenario::new(policy) };
    scenario.lines_an_epoch = 1 + dice.below(7) as usize;
    scenario.epochs_a_checkpoint = 1 + dice.below(4);
    let agents = ["ada", "bo@1", "bo@2", "cy", "dee", "eve"];
    if policy.registered {
        agents
            .iter()
            .enumerate()
            .for_each(|(nr, agent)| scenario.agent(START, agent, 100 + 50 * nr as u64));
    }
    for nr in 0..24i64 {
        let (task, opened) = (format!("t{nr}"), START + nr * 20 * SECOND);
        let domain = ["maths", "law"][dice.below(2) as usize];
        let truth = ["a", "b", "c"][dice.below(3) as usize];
        if !dice.one_in(5) {
            let deadline = dice.one_in(3).then(|| opened + 25 * SECOND);
            scenario.task(opened, &task, domain, deadline);
        }
        for (at, agent) in agents.iter().enumerate() {
            // Those further down know less.
            let knows = dice.below(8) >= at as u64;
            let choice = if knows { truth } else { ["a", "b", "c", "d"][dice.below(4) as usize] };
            let cast = opened + (1 + dice.below(28) as i64) * SECOND;
            let cast = if dice.one_in(20) { cast - 15 * SECOND } else { cast };
            if dice.one_in(9) {
                continue;
            }
            scenario.vote(cast, &task, agent, Some(choice).filter(|_| !dice.one_in(12)));
            if dice.one_in(8) {
                scenario.vote(cast, &task, agent, Some(choice));
            }
            if dice.one_in(7) {
                scenario.vote(cast + SECOND, &task, agent, Some(truth));
            }
        }
        if dice.one_in(3) {
            let learnt = opened + dice.below(70) as i64 * SECOND;
            scenario.gold(learnt, &task, truth);
        }
        if dice.one_in(10) {
            scenario.garbage(RecordKind::Vote);
        }
        if dice.one_in(6) {
            let agent = agent_id(agents[dice.below(6) as usize]);
            let action = match dice.one_in(2) {
                true => ControlAction::Quarantine { agent },
                false => ControlAction::Release { agent },
            };
            scenario.control(opened + 10 * SECOND, action);
        }
    }
    scenario
}

/// A policy with short eras, so that weights are learnt and used.
pub(crate) fn policy(method: Method) -> Policy {
    Policy {
        method,
        close: Close { after: Some(30 * SECOND), votes: None, quorum: false },
        eras: Eras::of_length(60 * SECOND),
        finality_after: 40 * SECOND,
        forget_after: 60 * SECOND,
        ..Policy::default()
    }
}

/// Policies that differ in what `verify` has to know of them.
pub(crate) fn policies() -> Vec<Policy> {
    let (weighted, stacked) = (policy(Method::Weighted), policy(Method::Stacked));
    let end_of_input = Close { after: None, votes: None, quorum: false };
    let by_rule = Close { after: Some(30 * SECOND), votes: Some(4), quorum: true };
    vec![
        weighted,
        policy(Method::Majority),
        Policy { close: end_of_input, ..weighted },
        Policy { close: by_rule, min_votes: 3, ..weighted },
        Policy { finality_after: 0, ..weighted },
        Policy { quorum_of: QuorumOf::Eligible, ..weighted },
        Policy {
            quorum_of: QuorumOf::Eligible,
            registered: true,
            cap: Some(Ratio::ONE_THIRD),
            ..weighted
        },
        stacked,
        Policy { close: end_of_input, ..stacked },
        Policy { quorum_of: QuorumOf::Eligible, ..stacked },
        policy(Method::Auto),
        Policy { min_votes: 5, quorum: "0.5".parse().expect("a ratio"), ..weighted },
    ]
}
