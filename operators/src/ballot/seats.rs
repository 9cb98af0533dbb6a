//! The agents that vote on one task.

use quorate_schemas::id::Id;
use quorate_schemas::record::{Placed, Vote};

use crate::kept::Held;
use crate::maps::IdMap;

/// Among so few, looking at each is faster than a map, and takes no more room.
const FEW: usize = 16;

/// An agent's seat at a task.
pub(crate) struct Seat {
    /// Its last word.
    pub(crate) vote: Placed<Vote>,
    /// Whether a file has it.
    pub(crate) saved: bool,
    /// How many different votes it has cast.
    pub(crate) versions: u32,
    /// Whether it is one of the answers that close a task by their number.
    pub(crate) answers: bool,
    /// What the vote counts in the running tally; nothing where there is none, or in quarantine.
    pub(crate) running_micros: Option<i64>,
}

impl Seat {
    pub(crate) fn new(held: Held, versions: u32) -> Seat {
        let Held { vote, saved } = held;
        Seat { vote, saved, versions, answers: false, running_micros: None }
    }

    pub(crate) fn into_held(self) -> Held {
        Held { vote: self.vote, saved: self.saved }
    }
}

/// Seats by agent, in the order in which they were taken.
#[derive(Default)]
pub(crate) struct Seats {
    seats: Vec<Seat>,
    /// Where each agent sits, once they are many.
    places: IdMap<usize>,
}

impl Seats {
    fn place(&self, agent: &Id) -> Option<usize> {
        match self.seats.len() <= FEW {
            true => self.seats.iter().position(|seat| seat.vote.body.agent == *agent),
            false => self.places.get(agent).copied(),
        }
    }

    /// Makes room for so many more.
    pub(crate) fn reserve(&mut self, more: usize) {
        // Most of those that follow the first take a seat; many may all be one agent's.
        self.seats.reserve(more.min(FEW));
    }

    /// The agent's seat.
    pub(crate) fn get(&self, agent: &Id) -> Option<&Seat> {
        self.place(agent).map(|at| &self.seats[at])
    }

    /// The agent's seat.
    pub(crate) fn get_mut(&mut self, agent: &Id) -> Option<&mut Seat> {
        self.place(agent).map(|at| &mut self.seats[at])
    }

    /// Seats the vote's agent; what was in its seat before.
    pub(crate) fn insert(&mut self, seat: Seat) -> Option<Seat> {
        if let Some(before) = self.get_mut(&seat.vote.body.agent) {
            return Some(std::mem::replace(before, seat));
        }
        self.seats.push(seat);
        if self.seats.len() > FEW {
            let from = if self.places.is_empty() { 0 } else { self.seats.len() - 1 };
            let new = self.seats.iter().enumerate().skip(from);
            self.places.extend(new.map(|(at, seat)| (seat.vote.body.agent.clone(), at)));
        }
        None
    }

    /// All seats.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Seat> {
        self.seats.iter()
    }

    /// All seats.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Seat> {
        self.seats.iter_mut()
    }

    /// All seats.
    pub(crate) fn into_seats(self) -> Vec<Seat> {
        self.seats
    }
}

#[cfg(test)]
mod tests {
    use quorate_schemas::id::{IdKey, Name};
    use quorate_schemas::place::{Origin, Place};
    use quorate_schemas::record::Value;

    use super::*;

    #[test]
    fn an_agent_has_one_seat_however_many_there_are() {
        let key = IdKey::new([1; 16]);
        let origin = Origin { source: String::new(), partition: String::new() }.shared();
        let seat = |agent: u64, position: u64| {
            let (task, agent) = (key.id("t"), key.id(&format!("a{agent}")));
            let place = Place { origin, position };
            let body = Vote { task, agent, value: Value::Abstain };
            let vote = Placed { event_time: 0, event_id: Name::default(), place, body };
            Seat::new(Held::new(vote), 1)
        };
        let mut seats = Seats::default();
        for agents in 1..=3 * FEW as u64 {
            assert!(seats.insert(seat(agents, 0)).is_none());
            for agent in 1..=agents {
                let before = seats.insert(seat(agent, agents)).expect("it has a seat");
                assert!(before.vote.place.position < agents);
                let now = seats.get(&key.id(&format!("a{agent}"))).expect("it has a seat");
                assert_eq!(now.vote.place.position, agents);
            }
            assert_eq!(seats.iter().count() as u64, agents);
            assert!(seats.get(&key.id("another")).is_none());
        }
    }
}
