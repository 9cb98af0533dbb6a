//! Ticks: what agents do between votes, each at its own moment of a common beat.

use std::sync::Arc;

use super::behaviour::Behaviour;
use super::cast::Cast;
use super::chance::{Chance, Purpose};
use super::window::Window;

/// A line among the ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TickRow {
    pub(super) agent: u32,
    pub(super) version: u32,
    pub(super) tick: u32,
    pub(super) zone: u32,
    pub(super) decision: &'static str,
    pub(super) status: &'static str,
    pub(super) duration_ms: u32,
    pub(super) tokens: u32,
    pub(super) event_time_ms: u64,
}

const DECISIONS: [&str; 5] = ["answer", "plan", "read", "search", "wait"];
const ZONES: u32 = 8;
/// An agent changes its zone once in so many ticks.
const TICKS_PER_MOVE: u32 = 10;
/// A step fails once in so many.
const TICKS_PER_ERROR: u32 = 50;
const DURATION_MS_MAX: u32 = 2_000;
const TOKENS_MAX: u32 = 4_000;

/// All ticks in the order in which their lines arrive.
///
/// *Memory*: a zone per agent, and the ticks within the disorder that the fleet allows.
pub(super) struct Ticks {
    cast: Arc<Cast>,
    chance: Chance,
    /// Agents by phase: the order within each beat.
    order: Vec<u32>,
    /// Where each agent is.
    zones: Vec<u32>,
    /// The next tick and the position of its agent in the order.
    next: (u32, usize),
    on_their_way: Window<TickRow>,
}

impl Ticks {
    pub(super) fn new(cast: Arc<Cast>) -> Ticks {
        let mut order: Vec<u32> = (0..cast.fleet.agents).collect();
        order.sort_by_key(|agent| (cast.members[*agent as usize].phase_ms, *agent));
        let zones = order.iter().map(|agent| agent % ZONES).collect();
        let chance = cast.chance(Purpose::Ticks, 0);
        Ticks { cast, chance, order, zones, next: (0, 0), on_their_way: Window::new() }
    }

    /// Who ticks next, and when.
    fn upcoming(&self) -> Option<(u32, u64)> {
        let fleet = &self.cast.fleet;
        let (tick, position) = self.next;
        let agent = *self.order.get(position)?;
        let phase_ms = self.cast.members[agent as usize].phase_ms;
        let since_ms = u64::from(tick) * u64::from(fleet.tick_ms) + u64::from(phase_ms);
        (tick < fleet.ticks_per_agent).then_some((agent, fleet.start_ms + since_ms))
    }

    fn step(&mut self, agent: u32, event_time_ms: u64) {
        let (chance, index) = (&mut self.chance, agent as usize);
        if chance.below(TICKS_PER_MOVE) == 0 {
            self.zones[index] = chance.below(ZONES);
        }
        let (tick, position) = self.next;
        let any = DECISIONS[chance.below(DECISIONS.len() as u32) as usize];
        let row = TickRow {
            agent,
            version: self.cast.fleet.version_at(event_time_ms),
            tick,
            zone: self.zones[index],
            // Who always says the same also does the same: a loop for those who look for loops.
            decision: match self.cast.members[index].behaviour {
                Behaviour::Constant => "wait",
                _ => any,
            },
            status: if chance.below(TICKS_PER_ERROR) == 0 { "error" } else { "ok" },
            duration_ms: 1 + chance.below(DURATION_MS_MAX),
            tokens: chance.below(TOKENS_MAX),
            event_time_ms,
        };
        let delay_ms = chance.between(0, self.cast.fleet.out_of_order_ms);
        self.on_their_way.put(event_time_ms + u64::from(delay_ms), row);
        let round_ends = position + 1 == self.order.len();
        self.next = if round_ends { (tick + 1, 0) } else { (tick, position + 1) };
    }
}

impl Iterator for Ticks {
    type Item = TickRow;

    fn next(&mut self) -> Option<TickRow> {
        loop {
            let upcoming = self.upcoming();
            let arrived = self.on_their_way.take_before(upcoming.map(|(_, time_ms)| time_ms));
            match (arrived, upcoming) {
                (Some(row), _) => return Some(row),
                (None, Some((agent, time_ms))) => self.step(agent, time_ms),
                (None, None) => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Fleet;

    #[test]
    fn every_agent_makes_all_its_ticks_one_beat_apart() {
        let fleet = Fleet { agents: 7, ticks_per_agent: 9, tick_ms: 1_000, ..Fleet::default() };
        let mut rows: Vec<TickRow> = Ticks::new(Arc::new(Cast::of(&fleet).unwrap())).collect();
        let least = |rows: &[TickRow]| rows.iter().map(|row| row.event_time_ms).min().unwrap();
        for at in 0..rows.len() {
            assert!(least(&rows[at..]) + 2_000 >= rows[at].event_time_ms, "{at}");
        }
        rows.sort_by_key(|row| (row.agent, row.tick));
        let expected = (0..7).flat_map(|agent| (0..9).map(move |tick| (agent, tick)));
        assert!(rows.iter().map(|row| (row.agent, row.tick)).eq(expected));
        for pair in rows.windows(2).filter(|pair| pair[0].agent == pair[1].agent) {
            assert_eq!(pair[1].event_time_ms, pair[0].event_time_ms + 1_000);
        }
    }
}
