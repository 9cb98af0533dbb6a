//! A seeded simulation of the whole protocol against a store that loses, delays and lies.
//!
//! ```text
//!  Contender (several at once)          World                        Oracle
//!  ┌ commit lane ── Claim, Sent ┐  asks   ┌ queue of happenings ┐  every effect ┌ the one chain, rows,  ┐
//!  │ upkeep lane ── Follow, ... ├────────►│ Weather: lose, delay│──────────────►│ live files, published │
//!  └ merge lanes ───────────────┘◄────────│ Store, Destination  │               └ Err(Violation) ───────┘
//!                                 facts   └ crash, pause, start ┘
//! ```
//!
//! Contenders read rows of simulated partitions, stage objects, commit, publish, merge, sweep and trim with nothing
//! but the ledger's operations. A run is a function of its seed: `SEED=17 cargo test -p quorate-runtime
//! one_seed -- --nocapture` plays it again and prints what happened; `SEEDS=100000` runs more of them.
//!
//! At the end of each run the weather clears, and then the work must get done: all rows committed and published, no
//! orphan left, no healthy leader unseated.
//!
//! A simulation that finds nothing proves nothing, so rules are broken on purpose (`Mutation`), each of which must be
//! caught, and what the runs met is counted: each kind of trouble must have happened.

mod bent;
mod commit_lane;
mod contender;
mod encounters;
mod merge_lane;
mod mutation;
mod oracle;
mod rng;
mod rows;
mod scenario;
mod store;
mod upkeep_lane;
mod weather;
mod world;

use encounters::Encounters;
use mutation::Mutation;
use scenario::Scenario;
use world::{Trace, World};

/// A broken invariant, in words.
type Violation = String;

fn run(seed: u64, mutation: Option<Mutation>, trace: Trace) -> Result<Encounters, Violation> {
    World::new(Scenario::of(seed), mutation, trace).run()
}

#[expect(clippy::disallowed_methods, reason = "a test's own switch, read at its edge")]
fn number_from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn whatever_the_store_does_every_row_is_committed_and_published_exactly_once() {
    let seeds = number_from_environment("SEEDS").unwrap_or(1_000);
    let mut met = Encounters::default();
    for seed in 0..seeds {
        match run(seed, None, Trace::Silent) {
            Ok(encounters) => met.add(&encounters),
            Err(violation) => panic!("SEED={seed}: {violation}"),
        }
    }
    println!("{seeds} seeds met {met:#?}");
    assert!(seeds < 1_000 || met.missing().is_empty(), "never met: {:?}", met.missing());
}

#[test]
fn one_seed() {
    let Some(seed) = number_from_environment("SEED") else { return };
    let encounters = run(seed, None, Trace::Printed)
        .unwrap_or_else(|violation| panic!("SEED={seed}: {violation}"));
    println!("{encounters:#?}");
}

#[test]
fn a_run_is_a_function_of_its_seed() {
    for seed in 0..5 {
        assert_eq!(run(seed, None, Trace::Silent), run(seed, None, Trace::Silent));
    }
}
