//! Ticks by agent and minute.

use quorate_schemas::clock::Clock;
use quorate_schemas::id::{Id, Name};
use quorate_schemas::record::{Placed, Tick};
use quorate_schemas::retained::RetainedRow;
use quorate_schemas::table::{ActivityRow, OutRow};
use quorate_schemas::time::{Micros, SECOND};

use crate::decide::ToOutlet;
use crate::retain::{Keeping, latch, retain, summarise, upsert};
use crate::rows::Feed;

const MINUTE: Micros = 60 * SECOND;

/// An agent and the start of a minute.
type AgentMinute = (Id, Micros);

/// Counts each agent's ticks per minute. A tick is known by agent, run and number within its minute: the same one
/// again is one tick, a corrected one replaces it. A minute is told when the watermark has reached its end.
///
/// *State*: the ticks of minutes that are not over. *Cost*: of a tick, those of its agent and minute.
pub fn activity<'s>(
    ticks: Feed<'s, Placed<Tick>>,
    restored: Feed<'s, RetainedRow>,
    clocks: Feed<'s, Clock>,
) -> Feed<'s, ToOutlet> {
    let kept = restored.clone().filter_map(|row| match row {
        RetainedRow::Tick(tick) => Some(*tick),
        _ => None,
    });
    let clock = restored.filter_map(|row| match row {
        RetainedRow::Clock(clock) => Some(clock),
        _ => None,
    });
    let keeping = Keeping {
        route: |tick: &Placed<Tick>| tick.body.agent.route(),
        expiry: |tick: &Placed<Tick>| minute_of(tick) + MINUTE,
        written: |tick| RetainedRow::Tick(Box::new(tick)),
    };
    let (ticks, keep) = retain(ticks, kept, clocks.clone(), keeping);
    let ticks =
        upsert(ticks, identity, |tick| (tick.event_time, tick.event_id.clone(), tick.body.clone()));
    let minutes = summarise(ticks, |tick| (tick.body.agent.clone(), minute_of(tick)), summary);
    let told = latch(minutes, clock.for_all(), clocks, |(_, minute): &AgentMinute| minute + MINUTE);
    keep.merge(told.map(|(_, row)| ToOutlet::Row(OutRow::Activity(Box::new(row)))))
}

fn minute_of(tick: &Placed<Tick>) -> Micros {
    tick.event_time.div_euclid(MINUTE) * MINUTE
}

fn identity(tick: &Placed<Tick>) -> (AgentMinute, Name, i64) {
    ((tick.body.agent.clone(), minute_of(tick)), tick.body.run_id.clone(), tick.body.tick)
}

fn summary((agent, minute): &AgentMinute, ticks: &[&Placed<Tick>]) -> ActivityRow {
    let order = |tick: &&&Placed<Tick>| (tick.event_time, tick.event_id.clone(), tick.body.clone());
    let last = ticks.iter().max_by_key(order).map(|tick| (**tick).clone());
    let body = last.as_ref().map(|tick| &tick.body);
    ActivityRow {
        event_time: *minute,
        agent: agent.clone(),
        ticks: ticks.len() as i64,
        failed: ticks
            .iter()
            .filter(|tick| tick.body.status != "ok" && !tick.body.status.is_empty())
            .count() as i64,
        duration_ms: ticks.iter().map(|tick| tick.body.duration_ms).fold(0, i64::saturating_add),
        tokens: ticks.iter().map(|tick| tick.body.tokens).fold(0, i64::saturating_add),
        last_at: last.as_ref().map_or(*minute, |tick| tick.event_time),
        last_tick: body.map_or(0, |tick| tick.tick),
        last_zone: body.and_then(|tick| tick.zone.clone()),
        last_decision: body.map(|tick| tick.decision.clone()).unwrap_or_default(),
        last_status: body.map(|tick| tick.status.clone()).unwrap_or_default(),
    }
}
