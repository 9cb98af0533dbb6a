//! Inputs of an adversary, row by row, and what must not come of them.

mod caps;
mod crowds;
mod early;
mod end;
mod eras;
mod quorum;
mod stakes;

use quorate_operators::ballot::Fact;
use quorate_operators::policy::Policy;
use quorate_schemas::id::Name;
use quorate_schemas::record::{Agent, AgentAction, Gold, Placed, Task, TaskKind, Value, Vote};
use quorate_schemas::table::{DecisionRow, OutRow, RejectReason};
use quorate_schemas::time::Micros;

use crate::harness::{Course, Outcome, flow, key, run};
use crate::oracle::oracle;
use crate::scenario::{Row, place};
use crate::view::View;

/// Rows in one partition, in the order in which they were said.
#[derive(Clone, Default)]
struct Input {
    rows: Vec<Row>,
}

impl Input {
    fn placed<T>(&self, event_time: Micros, body: T) -> Placed<T> {
        Placed { event_time, event_id: Name::default(), place: place(self.rows.len()), body }
    }

    fn agent(&mut self, at: Micros, agent: &str, stake: u64, family: Option<&str>) -> &mut Input {
        let body = Agent {
            agent: key().id(agent),
            action: AgentAction::Register,
            operator: None,
            family: family.map(Name::new),
            stake: Some(stake),
            domains: Vec::new(),
        };
        self.rows.push(Row::Agent(self.placed(at, body)));
        self
    }

    /// An agent that may vote in these domains alone.
    fn agent_of(&mut self, at: Micros, agent: &str, domains: &[&str]) -> &mut Input {
        self.agent(at, agent, 0, None);
        if let Some(Row::Agent(row)) = self.rows.last_mut() {
            row.body.domains = domains.iter().map(|domain| Name::new(domain)).collect();
        }
        self
    }

    fn declare(&mut self, at: Micros, task: Task) -> &mut Input {
        self.rows.push(Row::Fact(Fact::declaration(self.placed(at, task))));
        self
    }

    fn agents(&mut self, at: Micros, names: &[&str]) -> &mut Input {
        names.iter().for_each(|name| {
            self.agent(at, name, 0, None);
        });
        self
    }

    fn vote(&mut self, at: Micros, task: &str, agent: &str, label: &str) -> &mut Input {
        let value = Value::Choice(Name::new(label));
        let body = Vote { task: key().id(task), agent: key().id(agent), value };
        self.rows.push(Row::Fact(Fact::vote(self.placed(at, body))));
        self
    }

    fn votes(&mut self, at: Micros, task: &str, agents: &[&str], label: &str) -> &mut Input {
        agents.iter().for_each(|agent| {
            self.vote(at, task, agent, label);
        });
        self
    }

    fn gold(&mut self, at: Micros, task: &str, answer: &str) -> &mut Input {
        let body = Gold { task: key().id(task), answer: Name::new(answer) };
        self.rows.push(Row::Fact(Fact::gold(self.placed(at, body))));
        self
    }

    /// Decides the rows, none of which is late; asks the oracle and the dataflow too.
    fn decide(&self, policy: Policy) -> Outcome {
        let mut rows = self.rows.clone();
        rows.sort_by_key(Row::event_time);
        let outcome = run(policy, std::slice::from_ref(&rows), 0, &Course::plain());
        let (found, expected) = (View::of_all(&outcome.rows), oracle(policy, &self.rows));
        let differs = found.iter().zip(&expected).find(|(found, expected)| found != expected);
        assert_eq!((differs, found.len()), (None, expected.len()), "and the oracle");
        let wired = flow(policy, &[rows], 0, &Course { workers: 2, ..Course::plain() });
        assert_eq!(View::of_all(&wired.rows), expected, "the dataflow and the oracle");
        outcome
    }
}

/// A task of a domain whose answer is one of `options`, if there are any.
fn task(name: &str, domain: &str, options: &[&str]) -> Task {
    Task {
        task: key().id(name),
        domain: key().id(domain),
        kind: TaskKind::Choice,
        options: options.iter().map(|option| Name::new(option)).collect(),
        deadline: None,
        min_votes: None,
        quorum: None,
        reward_microunits: None,
    }
}

impl Outcome {
    /// How many rows were rejected for this reason.
    fn rejects(&self, reason: RejectReason) -> usize {
        let for_it = |row: &&OutRow| matches!(row, OutRow::Reject(row) if row.reason == reason);
        self.rows.iter().filter(for_it).count()
    }

    /// The revisions of a task's decisions.
    fn decisions(&self, task: &str) -> Vec<&DecisionRow> {
        let decisions = self.rows.iter().filter_map(|row| match row {
            OutRow::Decision(row) => Some(&**row),
            _ => None,
        });
        decisions.filter(|row| row.task == key().id(task)).collect()
    }

    /// The first of them.
    fn decision(&self, task: &str) -> &DecisionRow {
        self.decisions(task).first().unwrap_or_else(|| panic!("{task} was never decided"))
    }
}
