//! The weights of an era are published once, with all that was shown before it.

use std::collections::BTreeSet;

use quorate_operators::policy::{Close, Method, Policy};
use quorate_schemas::clock::Eras;
use quorate_schemas::table::OutRow;

use super::{Input, task};

/// One task closes by its votes, one is held to the end, and both have gold: the era after the last row is entered when
/// the second one has shown its evidence, too.
#[test]
fn the_era_after_the_last_row_waits_for_the_gold_tasks_held_to_the_end() {
    let policy = Policy {
        method: Method::Weighted,
        eras: Eras::of_length(100),
        close: Close { after: None, votes: Some(3), quorum: false },
        ..Policy::default()
    };
    let mut input = Input::default();
    for name in ["full", "held"] {
        input.declare(10, task(name, "", &[])).gold(11, name, "x");
    }
    input.votes(20, "full", &["a", "b", "c"], "x").votes(30, "held", &["a", "b"], "x");
    let outcome = input.decide(policy);
    let rows = outcome.rows.iter().filter_map(|row| match row {
        OutRow::Reputation(row) => Some((row.era, row.domain.clone(), row.agent.clone())),
        _ => None,
    });
    let rows: Vec<_> = rows.collect();
    let keys: BTreeSet<_> = rows.iter().cloned().collect();
    assert!(rows.iter().any(|(era, ..)| *era == 1), "the era after the last row was entered");
    assert_eq!(rows.len(), keys.len(), "a row for each agent, domain and era");
}
