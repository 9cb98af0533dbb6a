//! What the end of an era costs: weights fitted to a million votes of ten thousand agents.
//!
//! `cargo run --release -p quorate-learning --example cost`

use std::time::Instant;

use quorate_learning::exams::{Exams, Rule};
use quorate_schemas::id::Name;
use quorate_schemas::retained::Exam;

/// Agents, tasks, and votes on each.
const CROWDS: [(u64, u64, u64); 3] = [(29, 640, 29), (10_000, 100_000, 10), (10_000, 10_000, 100)];

#[expect(clippy::disallowed_methods, reason = "it measures time")]
fn main() {
    for (agents, tasks, votes) in CROWDS {
        let mut exams = Exams::default();
        exams.enter(1, (0..tasks).map(|task| exam(task, agents, votes)).collect());
        for rule in [Rule::Stacked, Rule::Auto] {
            let began = Instant::now();
            let (weights, _) = exams.weights(rule);
            let took = began.elapsed();
            let agents = weights.domains.len();
            println!("{rule:?}: {agents} agents, {tasks} tasks of {votes} votes: {took:.2?}");
        }
    }
}

/// Agents are right as often as their number says; a third say what their neighbour says.
fn exam(task: u64, agents: u64, votes: u64) -> Exam {
    let said = |agent: u64| {
        let right = drawn(task, agent) % 100 < 40 + agent % 50;
        if right { 0 } else { 1 + drawn(task, agent + agents) % 3 }
    };
    let first = drawn(task, 0) % agents;
    let vote = |nr: u64| {
        let agent = (first + nr) % agents;
        let label = said(if agent.is_multiple_of(3) { agent + 1 } else { agent });
        (Name::from(format!("agent-{agent:05}")), Name::from(label.to_string()))
    };
    let mut votes: Vec<(Name, Name)> = (0..votes).map(vote).collect();
    votes.sort();
    let domain = Name::new("d");
    Exam {
        era: 0,
        known_at: 0,
        domain,
        task: format!("task-{task:06}").into(),
        answer: Name::new("0"),
        votes,
    }
}

/// A number drawn for a pair (SplitMix64).
fn drawn(a: u64, b: u64) -> u64 {
    let mut x = a.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ b.wrapping_mul(0xd1b5_4a32_d192_ed03);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
