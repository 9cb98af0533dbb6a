//! What votes count, as it leaves a fit: in whole steps, and within bounds.

use std::collections::BTreeMap;

use quorate_schemas::id::Name;

/// The step of a weight, a sixty-fourth of a nat, in millionths: clones share a worth, so steps must be small.
pub(crate) const QUANTUM_MICROS: i64 = 15_625;
/// No vote counts more than these steps, for or against: four nats.
const MOST_STEPS: f64 = 256.0;

/// What a vote of an agent without gold counts: a share of the log-odds of its imaginary tasks, ln(5/3), in whole
/// steps.
pub fn newcomer_micros() -> i64 {
    18 * QUANTUM_MICROS
}

/// What votes count, in millionths of a nat: of each agent that sat an exam.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weights {
    /// In a domain of which nothing is known; nothing where what is known of others does not tell.
    pub everywhere: BTreeMap<Name, i64>,
    /// By domain and agent: how much more than everywhere, or less, where that is so.
    pub domains: BTreeMap<(Name, Name), i64>,
}

impl Weights {
    pub(crate) fn everywhere_of(&self, agent: &Name) -> i64 {
        self.everywhere.get(agent).copied().unwrap_or_else(newcomer_micros)
    }

    /// What a vote of `agent` counts in `domain`.
    pub fn of(&self, domain: &Name, agent: &Name) -> i64 {
        self.everywhere_of(agent)
            + self.domains.get(&(domain.clone(), agent.clone())).copied().unwrap_or(0)
    }

    /// From now on a vote of `agent` counts `micros` in `domain`.
    pub(crate) fn set(&mut self, domain: &Name, agent: &Name, micros: i64) {
        let more = micros - self.everywhere_of(agent);
        if more != 0 {
            self.domains.insert((domain.clone(), agent.clone()), more);
        }
    }
}

/// A worth in nats, to the nearest step.
pub(crate) fn micros(worth: f64) -> i64 {
    let steps = (worth * 1e6 / QUANTUM_MICROS as f64).clamp(-MOST_STEPS, MOST_STEPS);
    (if steps < 0.0 { steps - 0.5 } else { steps + 0.5 }) as i64 * QUANTUM_MICROS
}
