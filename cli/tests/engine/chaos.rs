//! Whatever fails, and however often, in the end there is what one process that nothing happened to comes to.
//!
//! ```text
//!   seed ─► plan of faults              machine 0, 1, 2: quorate worker      machine 3: Kafka
//!              │                                 │    ╲________________________╱ │
//!              ▼                                 ▼                               │
//!   rows ─► machine 4: producer, store (S3), and whoever watches the log ◄───────┘
//! ```
//!
//! 1. Rows are produced all the time, to topics and to a file. Each fault strikes while some of them are not committed,
//!    as the log says, which is asserted.
//! 2. Three strikes of four wait until what was in flight at the one before is committed; the fourth meets a cluster that
//!    is on its way back.
//! 3. In the end each row was read once, `verify` finds nothing, the tables are those of an uninterrupted run, and topics
//!    read as committed hold what the tables hold.
//!
//! `SEED` and `QUORATE_CHAOS` (how many faults) make another plan: `make chaos SEED=7 FAULTS=120`. Where there are no
//! network namespaces it is on loopback, without faults of cables; without Java it has the broker of librdkafka, without
//! faults of brokers.

mod feed;
mod plan;
mod progress;
mod site;
mod suffer;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use quorate_broker::Real;

use crate::cluster::machines::{Cables, Machines};
use crate::job::assert_alike;
use plan::{Fault, Kind, Moment, plan};
use site::{MACHINES, Site, on_the_stores_machine};

/// The name of the machines, where this is played on one of them.
const ON: &str = "QUORATE_CHAOS_ON";

/// So many faults, if it is not said; with less to break, fewer.
const FAULTS: usize = 20;
const FEWER_FAULTS: usize = 6;

/// Rows from one fault to the next, …
const ROWS: u64 = 800;

/// … so many of them a second.
const PACE: u64 = 200;

/// Of which so many at least are not committed when a fault strikes.
const IN_FLIGHT: u64 = 30;

/// Rows that a task brings with it: votes and ticks.
const ROWS_PER_TASK: u64 = 11;

#[expect(clippy::disallowed_methods, reason = "tests have no other edge than this")]
fn given(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn number(name: &str) -> Option<u64> {
    given(name).map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

#[expect(clippy::disallowed_methods, reason = "how long it took is told, and nothing else")]
fn now() -> Instant {
    Instant::now()
}

#[test]
fn a_seeded_plan_of_faults_changes_no_table() {
    const NAME: &str = "chaos::a_seeded_plan_of_faults_changes_no_table";
    if let Some(machines) = given(ON) {
        return play(Some(Cables(machines)), true);
    }
    if let Err(absent) = Real::is_there() {
        println!("chaos: with the broker of librdkafka, and on loopback: {absent}");
        return play(None, false);
    }
    let Some(machines) = Machines::make(MACHINES) else {
        println!("chaos: on loopback, so no cable is pulled");
        return play(None, true);
    };
    let mut command = on_the_stores_machine(&machines.0);
    command.args([NAME, "--exact", "--nocapture"]).env(ON, &machines.0.0);
    let mut played = command.stdout(Stdio::piped()).spawn().unwrap();
    for line in BufReader::new(played.stdout.take().unwrap()).lines() {
        println!("{}", line.unwrap());
    }
    assert!(played.wait().unwrap().success(), "see above");
}

fn play(cables: Option<Cables>, real_broker: bool) {
    let seed = number("SEED").unwrap_or(1);
    let usual = if real_broker { FAULTS } else { FEWER_FAULTS };
    let count = number("QUORATE_CHAOS").map_or(usual, |count| count as usize);
    let rows = ROWS * (count as u64 + 2);
    let mut site = Site::prepare(cables, real_broker, (rows / ROWS_PER_TASK) as usize, seed);
    let faults = plan(seed, count, site.means());
    println!("chaos: SEED={seed}, {count} faults:");
    for (nr, fault) in faults.iter().enumerate() {
        println!("  {:>3} {fault}", nr + 1);
    }
    let began = now();
    site.start();
    let share = site.feed.rows / (count as u64 + 2);
    site.feed.go_on(share, PACE);
    let mut caught_up = 0;
    for (nr, fault) in faults.iter().enumerate() {
        let waited = wait(&mut site, fault, caught_up);
        site.feed.go_on(share * (nr as u64 + 2), PACE);
        let (produced, reached) = site.until("rows in flight", |site| {
            // Of files some rows wait until topics have come as far in event time.
            let (reached, produced) = (site.reached(), site.feed.in_topics());
            (produced >= reached.of_topics + IN_FLIGHT).then_some((produced, reached))
        });
        let at = began.elapsed();
        site.suffer(fault);
        println!(
            "{:>7.1} s  {:>3}/{count} {fault}: {} rows in flight, {} committed in {} records by run {}{waited}",
            at.as_secs_f64(),
            nr + 1,
            produced - reached.of_topics,
            reached.rows,
            reached.record,
            reached.incarnation,
        );
        caught_up = produced;
    }
    site.feed.go_on(u64::MAX, PACE * 20);
    let reached = site.reached();
    site.finish();
    let complaints = site.complaints();
    assert!(!complaints.contains("panicked"), "{complaints}");
    // Most faults end a generation; those that meet one that has not begun end none.
    assert!(reached.incarnation > count as u64 / 4, "{reached:?} after {count} faults");
    let expected = site.uninterrupted().tables();
    let few = expected.iter().find(|(_, rows)| rows.is_empty());
    assert!(few.is_none_or(|(table, _)| *table == "anomalies"), "{few:?} has no rows");
    assert_alike(&expected, &site.job().tables(), &format!("SEED={seed}, {count} faults"));
    site.assert_told(&format!("SEED={seed}, {count} faults"));
    tell(&faults, &site, reached.incarnation, began.elapsed());
}

/// Waits for the fault's moment; says how long it took to commit what was in flight at the one before.
fn wait(site: &mut Site, fault: &Fault, in_flight: u64) -> String {
    let began = now();
    match fault.moment {
        Moment::AfterACommit(delay) => {
            site.until("what was in flight to be committed", |site| {
                (site.reached().of_topics >= in_flight.max(1)).then_some(())
            });
            sleep(delay);
            format!(" (after {:.1} s)", began.elapsed().as_secs_f64())
        }
        Moment::WhileRecovering(delay) => {
            sleep(delay);
            String::new()
        }
    }
}

fn tell(faults: &[Fault], site: &Site, runs: u64, took: Duration) {
    let mut kinds = BTreeMap::<Kind, usize>::new();
    for fault in faults {
        *kinds.entry(fault.kind).or_default() += 1;
    }
    println!(
        "chaos: {} faults with rows in flight, {runs} runs, {} rows, {} s; all as in an uninterrupted run",
        faults.len(),
        site.rows(),
        took.as_secs()
    );
    for (kind, times) in kinds {
        println!("  {times:>3} {kind:?}");
    }
}
