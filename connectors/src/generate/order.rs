//! What the fleet's operator orders: evenly spread over the run, by turns of three kinds.

use super::cast::Cast;

/// A line among the control records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OrderRow {
    pub(super) order: Order,
    pub(super) event_time_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// A hostile agent's votes stop counting,
    Quarantine { agent: u32, version: u32 },
    /// and count again.
    Release { agent: u32, version: u32 },
    /// The task opened last gets its right answer.
    Override { task: u64, answer: u32 },
}

/// All orders of a fleet, in order of event time. Without a hostile agent, any will do.
pub(super) fn orders(cast: &Cast) -> impl Iterator<Item = OrderRow> + '_ {
    let suspects = suspects(cast);
    (0..cast.fleet.orders).map(move |number| {
        let event_time_ms = time_of(cast, number);
        let suspect = |quarantine: u32| {
            let agent = suspects[(quarantine / 3) as usize % suspects.len()];
            // Released is whoever was quarantined, though it may have a newer version by now.
            (agent, cast.fleet.version_at(time_of(cast, quarantine)))
        };
        let order = match number % 3 {
            0 => {
                let (agent, version) = suspect(number);
                Order::Quarantine { agent, version }
            }
            1 => {
                let (agent, version) = suspect(number - 1);
                Order::Release { agent, version }
            }
            _ => {
                let since_ms = event_time_ms - cast.fleet.start_ms;
                let opened = since_ms / cast.fleet.task_spacing_ms;
                let (row, ..) = cast.task(opened.min(cast.fleet.tasks - 1));
                Order::Override { task: row.task, answer: row.answer }
            }
        };
        OrderRow { order, event_time_ms }
    })
}

fn time_of(cast: &Cast, number: u32) -> u64 {
    let (part, whole) = (u128::from(number) + 1, u128::from(cast.fleet.orders) + 1);
    cast.fleet.start_ms + (u128::from(cast.fleet.duration_ms()) * part / whole) as u64
}

fn suspects(cast: &Cast) -> Vec<u32> {
    let members = (0u32..).zip(&cast.members);
    let hostile: Vec<u32> = members
        .filter(|(_, member)| member.behaviour.is_hostile())
        .map(|(agent, _)| agent)
        .collect();
    if hostile.is_empty() { (0..cast.fleet.agents).collect() } else { hostile }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{Fleet, Mix};

    fn check(fleet: Fleet) {
        let cast = Cast::of(&fleet).unwrap();
        let rows: Vec<OrderRow> = orders(&cast).collect();
        assert_eq!(rows.len(), fleet.orders as usize);
        assert!(rows.is_sorted_by_key(|row| row.event_time_ms));
        for turn in rows.chunks(3) {
            let Order::Quarantine { agent, version } = turn[0].order else { panic!("{turn:?}") };
            if let Some(second) = turn.get(1) {
                assert_eq!(second.order, Order::Release { agent, version });
            }
            if let Some(third) = turn.get(2) {
                let Order::Override { task, answer } = third.order else { panic!("{turn:?}") };
                let (row, ..) = cast.task(task);
                assert_eq!(row.answer, answer);
                assert!(row.event_time_ms <= third.event_time_ms);
            }
        }
    }

    #[test]
    fn every_quarantine_is_released_and_every_override_is_right() {
        check(Fleet { orders: 11, versions: 3, ..Fleet::default() });
        check(Fleet { orders: 5, mix: Mix::honest(), ..Fleet::default() });
        check(Fleet { orders: 200, tasks: 1, ..Fleet::default() });
        check(Fleet { orders: 0, ..Fleet::default() });
    }
}
