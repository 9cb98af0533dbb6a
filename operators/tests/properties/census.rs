//! The inputs drawn here do reach everything that is claimed of them: a property over cases that never occur says
//! nothing.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::harness::{Course, run};
use crate::scenario::{any_layout, any_scenario, scenario_held_open, scenario_of_one_task};
use crate::view::View;

/// What `view` is a case of.
fn kinds(view: &View) -> Vec<String> {
    match view {
        View::Decision(row) => {
            let mut kinds = vec![
                format!("closed by {}", row.close_rule.word()),
                format!("revised by {}", row.reason.word()),
                format!("stands {:?}", row.status),
                format!("of {}", row.eligible_basis.word()),
            ];
            let traits = [
                ("final at once", row.is_final && row.revision == 0),
                ("revised twice", row.revision > 2),
                ("with duplicates", row.duplicates > 0),
                ("with superseded votes", row.superseded > 0),
                ("with gold", row.gold.is_some()),
                ("crowded", row.votes > 3),
            ];
            kinds.extend(
                traits.into_iter().filter(|(_, holds)| *holds).map(|(kind, _)| kind.to_owned()),
            );
            kinds
        }
        View::Vote(row) => vec![
            format!("vote {}", row.status.word()),
            format!(
                "vote of weight {}",
                if [500_000, 1_000_000].contains(&row.weight_micros) { "usual" } else { "learnt" }
            ),
        ],
        View::Reputation(row) => vec![format!("reputation of {}", row.basis.word())],
        View::Choice(row) => vec![format!("tried {}: {:?}", row.method, row.reason)],
        View::Anomaly { kind, .. } => vec![format!("anomaly {}", kind.word())],
        View::Reject { record, reason, .. } => vec![format!("reject {record:?} {reason}")],
    }
}

fn count(
    scenarios: impl Strategy<Value = crate::scenario::Scenario>,
    counts: &mut BTreeMap<String, u32>,
) {
    let mut runner = TestRunner::deterministic();
    for _case in 0..1_000 {
        let (scenario, layout) =
            (&scenarios, any_layout()).new_tree(&mut runner).expect("an input").current();
        let outcome = run(
            scenario.policy,
            &layout.partitions(&scenario.rows),
            layout.lateness,
            &Course::plain(),
        );
        for kind in outcome.rows.iter().flat_map(View::of).flat_map(|view| kinds(&view)) {
            *counts.entry(kind).or_default() += 1;
        }
    }
}

#[test]
fn the_inputs_reach_every_kind_of_outcome() {
    let mut counts = BTreeMap::new();
    count(any_scenario(), &mut counts);
    count(scenario_held_open(), &mut counts);
    count(scenario_of_one_task(), &mut counts);
    for (k, v) in &counts {
        println!("{v:6} {k}");
    }
}
