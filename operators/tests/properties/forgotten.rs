//! Every key dies: of who is not heard of any more nothing is retained, but for what still holds of them.

use std::collections::BTreeMap;

use proptest::prelude::*;
use quorate_operators::ballot::Fact;
use quorate_operators::policy::Policy;
use quorate_schemas::id::{Id, Name};
use quorate_schemas::record::{ControlAction, Placed, Value, Vote};
use quorate_schemas::retained::RetainedRow;
use quorate_schemas::time::Micros;

use super::cases;
use crate::harness::{key, run};
use crate::scenario::{Row, any_course, any_layout, any_scenario, place};

/// So many eras after everything else somebody votes again, in each of some eras.
const SILENT_ERAS: i64 = 1_500;

fn stranger_votes(policy: Policy, rows: &[Row]) -> Vec<Row> {
    let last = rows.iter().map(Row::event_time).max().unwrap_or(0).max(1_000_000);
    let era = policy.eras.era_of(last) + SILENT_ERAS;
    let vote = |n| {
        let body = Vote {
            task: key().id(&format!("far {n}")),
            agent: key().id("stranger"),
            value: Value::Abstain,
        };
        let event_time: Micros = policy.eras.start_of(era + n);
        Row::Fact(Fact::vote(Placed {
            event_time,
            event_id: Name::default(),
            place: place(5_000 + n as usize),
            body,
        }))
    };
    (0..8).map(vote).collect()
}

proptest! {
    #![proptest_config(cases(2))]

    #[test]
    fn nothing_is_retained_of_who_is_not_heard_of_any_more(
        scenario in any_scenario(), layout in any_layout(), course in any_course(), after in 1..60 as Micros,
    ) {
        let mut policy = scenario.policy;
        policy.close.after = Some(after);
        let mut rows = scenario.rows;
        rows.extend(stranger_votes(policy, &rows));
        let outcome = run(policy, &layout.partitions(&rows), layout.lateness, &course);
        let mut registrations: BTreeMap<Id, u32> = BTreeMap::new();
        let mut orders: BTreeMap<Id, u32> = BTreeMap::new();
        let mut weights: BTreeMap<(Id, Id), BTreeMap<i64, i64>> = BTreeMap::new();
        let greatest = rows.iter().map(Row::event_time).max().unwrap_or(Micros::MIN);
        for row in outcome.retained {
            match row {
                // Who votes in the end is still heard of.
                RetainedRow::Tombstone { forget_at, .. } if forget_at > greatest => {}
                // A registration holds until it is taken back, and a quarantine until the release: one row each.
                RetainedRow::Agent(row) => *registrations.entry(row.body.agent).or_default() += 1,
                RetainedRow::Control(row) => match row.body.action {
                    ControlAction::Quarantine { agent } => *orders.entry(agent).or_default() += 1,
                    action => prop_assert!(false, "what was given back is forgotten: {action:?}"),
                },
                // The job may be reopened in its last era, so what held before that one is forgotten after it.
                RetainedRow::Weight(row) => {
                    weights.entry((row.agent, row.domain)).or_default().insert(row.era, row.weight_micros);
                }
                row => prop_assert!(false, "still there after {SILENT_ERAS} eras: {row:?}"),
            }
        }
        let newcomer = policy.method.newcomer_micros();
        for ((agent, domain), told) in weights {
            let nothing = if domain == key().everywhere() || policy.method.fits().is_none() { newcomer } else { 0 };
            prop_assert!(told.len() <= 2, "{agent:?} in {domain:?}: {told:?}");
            prop_assert_eq!(told.last_key_value().map(|(_, weight)| *weight), Some(nothing), "{:?} in {:?}", agent, domain);
        }
        prop_assert!(registrations.values().chain(orders.values()).all(|rows| *rows == 1));
    }
}
