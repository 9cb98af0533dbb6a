//! Killed at any moment, a job goes on as if nothing had happened.

use std::path::Path;
use std::process::Output;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::job::{Job, Tables, assert_alike, generate, text};

/// Each step of the protocol that comes up again and again while rows are in flight.
pub(crate) const STEPS: [&str; 7] =
    ["seal", "upload", "uploaded", "create", "created", "publish", "published"];

/// Those that come up only after many checkpoints.
const RARE_STEPS: [&str; 2] = ["merge", "merged"];

/// Runs in which a step must be reached once while rows are in flight.
const TRIES: usize = 10;

/// Steps of a recovery: a run has been killed before.
const RECOVERY: [&str; 4] = ["claimed", "sweep", "remove", "recovered"];

/// Many small commits, each published.
pub(crate) const CUT: [(&str, &str); 1] = [(
    "every = \"5s\"",
    "every = \"10ms\"\nepoch = \"1ms\"\nbytes = \"64KiB\"\n\n[publish]\nevery = \"0s\"",
)];

/// How a run was killed: what the failpoint said.
pub(crate) struct Kill {
    pub(crate) said: String,
    pub(crate) rows_in_flight: u64,
}

fn fleet(folder: &Path, tasks: &str, seed: &str) -> (Job, Tables) {
    generate(folder, &["--tasks", tasks, "--agents", "20", "--seed", seed]);
    let whole = Job::variant(folder, "whole", &CUT);
    whole.run(2);
    let tables = whole.tables();
    (whole, tables)
}

/// Runs until the failpoint kills it; nothing if the run ends before.
pub(crate) fn killed(job: &Job, workers: usize, failpoint: &str) -> Option<Kill> {
    let mut command = job.command(workers);
    let Output { status, stderr, .. } =
        command.env("QUORATE_FAILPOINT", failpoint).output().unwrap();
    let said = text(&stderr);
    let line = said.lines().find(|line| line.starts_with("failpoint"));
    assert!(line.is_some() != status.success(), "{failpoint}: {said}");
    let said = line?.to_owned();
    let rows_in_flight = said.rsplit('=').next()?.parse().unwrap();
    println!("{said}");
    Some(Kill { said, rows_in_flight })
}

/// After its kills a job comes to what an uninterrupted one came to.
fn comes_right(job: &Job, workers: usize, expected: &Tables, how: &str) {
    job.run(workers);
    job.verify();
    assert_alike(expected, &job.tables(), how);
}

/// Five kills at each step, each with rows in flight: the first time, the second time, …
fn check_steps(steps: &[&str], tasks: &str, nth: fn(usize) -> usize) {
    let folder = tempfile::tempdir().unwrap();
    let (_, expected) = fleet(folder.path(), tasks, "3");
    for step in steps {
        for nr in 1..=5 {
            let nth = nth(nr);
            // Whether rows are in flight at a rare step is a matter of luck: a run that ends is no kill.
            let (job, kill) = (0..TRIES)
                .find_map(|attempt| {
                    let job = Job::variant(folder.path(), &format!("{step}-{nr}-{attempt}"), &CUT);
                    killed(&job, 1 + nr % 2, &format!("{step}:{nth}!")).map(|kill| (job, kill))
                })
                .unwrap_or_else(|| panic!("{step}:{nth} is never reached"));
            assert!(kill.rows_in_flight > 0, "{}", kill.said);
            comes_right(&job, 1 + nr % 3, &expected, &kill.said);
        }
    }
}

#[test]
fn a_kill_at_any_step_changes_no_table() {
    check_steps(&STEPS, "1500", |nr| nr);
}

#[test]
fn a_kill_while_retained_files_are_merged_changes_no_table() {
    check_steps(&RARE_STEPS, "5000", |_| 1);
}

#[test]
fn a_kill_while_recovering_changes_no_table() {
    let folder = tempfile::tempdir().unwrap();
    let (_, expected) = fleet(folder.path(), "1000", "4");
    for step in RECOVERY {
        for nr in 1..=5 {
            let job = Job::variant(folder.path(), &format!("{step}-{nr}"), &CUT);
            // Files are uploaded that no record names: something is there to sweep.
            let before = killed(&job, 2, &format!("create:{}!", 1 + nr % 2));
            let before = before.expect("a run has that many commits");
            assert!(before.rows_in_flight > 0, "{}", before.said);
            let kill = killed(&job, 1 + nr % 2, &format!("{step}:1"));
            assert!(kill.is_some(), "{step} is never reached");
            comes_right(&job, 1 + nr % 3, &expected, step);
        }
    }
}

#[test]
fn fifty_kills_at_random_moments_change_no_table() {
    const KILLS: usize = 50;
    let folder = tempfile::tempdir().unwrap();
    let (_, expected) = fleet(folder.path(), "1500", "5");
    let rows = expected["votes"].len() + expected["rejects"].len();
    let (mut kills, mut nr) = (0, 0);
    while kills < KILLS {
        nr += 1;
        let mut random = ChaCha8Rng::seed_from_u64(nr);
        let job = Job::variant(folder.path(), &format!("random-{nr}"), &CUT);
        // So many at most: a machine may be too slow to commit anything between two of them.
        for _ in 0..5 {
            let (row, delay_us) =
                (random.random_range(1..=rows / 10), random.random_range(0..30_000));
            let workers = random.random_range(1..=3);
            let Some(kill) = killed(&job, workers, &format!("rows:{row}+{delay_us}")) else {
                break;
            };
            assert!(kill.rows_in_flight > 0, "{}", kill.said);
            kills += 1;
        }
        comes_right(&job, 2, &expected, &format!("seed {nr}"));
    }
    println!("{kills} kills of {nr} jobs");
}
