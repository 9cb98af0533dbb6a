//! Several processes come to what one comes to, whatever becomes of them on the way.

#[cfg(feature = "failpoints")]
mod clocks;
pub(crate) mod crew;
#[cfg(feature = "failpoints")]
mod health;
pub(crate) mod machines;
mod probe;
mod rendered;
#[cfg(feature = "failpoints")]
mod signals;
mod strangers;
mod telling;
mod topics;

use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::job::{Job, Tables, assert_alike, generate};
use crew::{Crew, signal};

/// Many small commits.
const CUT: (&str, &str) =
    ("every = \"5s\"", "every = \"50ms\"\nepoch = \"2ms\"\nbytes = \"64KiB\"");

fn fleet(folder: &Path, tasks: &str, seed: &str) -> Tables {
    generate(folder, &["--tasks", tasks, "--agents", "20", "--seed", seed, "--orders", "8"]);
    let whole = Job::variant(folder, "whole", &[]);
    whole.run(2);
    let tables = whole.tables();
    assert!(tables["decisions"].len() > 200 && !tables["rejects"].is_empty());
    tables
}

fn comes_right(crew: &mut Crew, job: &Job, expected: &Tables, how: &str) {
    crew.comes_right();
    job.verify();
    assert_alike(expected, &job.tables(), how);
}

#[test]
fn three_processes_and_one_give_the_same_tables() {
    let folder = tempfile::tempdir().unwrap();
    let expected = fleet(folder.path(), "300", "11");
    for (count, threads) in [(3, 1), (2, 2)] {
        let job = Job::variant(folder.path(), &format!("{count}x{threads}"), &[CUT]);
        let mut crew = Crew::start(&job, count, threads, "");
        comes_right(&mut crew, &job, &expected, &format!("{count} processes of {threads}"));
        for member in &crew.members {
            let outcome = &member.said("outcome")[0]["outcome"];
            assert_eq!(outcome["ended"], "finished", "{}", crew.all());
            assert_eq!(member.said("started")[0]["workers"], count * threads);
            assert!(!member.complaints().contains("panicked"), "{}", crew.all());
        }
        assert!(crew.commits() > 3, "{}", crew.all());
        // Whoever comes later hears from the log that there is nothing to do.
        let mut again = Crew::start(&job, count, threads, "again");
        again.comes_right();
        assert_eq!(again.members[1].said("outcome")[0]["outcome"]["ended"], "already_finished");
    }
}

#[test]
fn a_process_that_is_killed_ends_the_generation_and_the_next_comes_right() {
    let folder = tempfile::tempdir().unwrap();
    let expected = fleet(folder.path(), "8000", "3");
    let mut kills = 0;
    for seed in 0..3 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let job = Job::variant(folder.path(), &format!("killed-{seed}"), &[CUT]);
        let mut crew = Crew::start(&job, 3, 1, "");
        // Each of them once, and so on.
        for nr in 0..3 {
            let victim = (nr + seed as usize) % 3;
            if !crew.commits_more(2) {
                break;
            }
            sleep(Duration::from_millis(random.random_range(0..100)));
            let Some(pid) = crew.members[victim].child() else { break };
            signal(pid, "-KILL");
            kills += 1;
        }
        comes_right(&mut crew, &job, &expected, &format!("seed {seed}"));
        assert!(!crew.all().contains("panicked"), "{}", crew.all());
        let again = crew.members.iter().all(|member| member.has_said("starting again"));
        assert!(again, "a kill ends the generation for all: {}", crew.all());
    }
    assert!(kills >= 6, "{kills} kills with rows in flight");
}

#[test]
fn a_process_that_is_halted_is_given_up_and_a_machine_that_was_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let expected = fleet(folder.path(), "12000", "4");
    for victim in [0, 2] {
        let job = Job::variant(folder.path(), &format!("halted-{victim}"), &[CUT]);
        let mut crew = Crew::start(&job, 3, 1, "");
        // The process alone: its supervisor kills it.
        assert!(crew.commits_more(2), "{}", crew.all());
        signal(crew.members[victim].child().unwrap(), "-STOP");
        crew::wait_for("the halted process to be killed", || {
            crew.members[victim].has_said("the process hung").then_some(())
        });
        assert!(crew.commits_more(2), "{}", crew.all());
        // Its supervisor, too: as if the machine had stood still.
        let pids = [crew.members[victim].supervisor.id(), crew.members[victim].child().unwrap()];
        pids.iter().for_each(|pid| signal(*pid, "-STOP"));
        sleep(Duration::from_secs(3));
        pids.iter().for_each(|pid| signal(*pid, "-CONT"));
        comes_right(&mut crew, &job, &expected, &format!("process {victim} was halted"));
        let other = &crew.members[(victim + 1) % 3];
        assert!(other.has_said("it was silent for 2 s"), "{}", crew.all());
    }
}

#[test]
fn more_and_fewer_processes_go_on_from_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let expected = fleet(folder.path(), "8000", "5");
    let job = Job::variant(folder.path(), "rescaled", &[CUT]);
    for (nr, count) in [1, 3].into_iter().enumerate() {
        let mut crew = Crew::start(&job, count, 1, &format!("{nr}-"));
        assert!(crew.commits_more(3), "{}", crew.all());
        crew.stop();
        let outcome = &crew.members[0].said("outcome")[0]["outcome"];
        assert_eq!(outcome["ended"], "stopped", "there is something left to do");
    }
    let mut crew = Crew::start(&job, 2, 1, "2-");
    comes_right(&mut crew, &job, &expected, "1, 3, 2 processes");
}

#[test]
fn who_is_asked_to_stop_commits_for_all_and_the_others_wait_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let expected = fleet(folder.path(), "8000", "6");
    let job = Job::variant(folder.path(), "left", &[CUT]);
    let hosts = crew::addresses(3);
    let change = |_: usize, command: &mut Command| {
        command.args(["--workers", "1", "--silence", "2"]);
    };
    let start = |index, name: &str| crew::Member::start(&job, &hosts, index, name, &change);
    let mut crew = Crew { members: (0..3).map(|index| start(index, "")).collect() };
    assert!(crew.commits_more(2), "{}", crew.all());
    signal(crew.members[1].supervisor.id(), "-TERM");
    assert_eq!(crew.members[1].code(), 0, "{}", crew.all());
    crew::wait_for("the others to wait", || {
        crew.members[0].has_said(&format!("waiting for {} (process 1)", hosts[1])).then_some(())
    });
    assert!(crew.members[2].has_said("another process was asked to stop"), "{}", crew.all());
    crew.members[1] = start(1, "back");
    comes_right(&mut crew, &job, &expected, "process 1 was away");
}

#[test]
fn of_two_clusters_of_one_job_one_makes_progress() {
    let folder = tempfile::tempdir().unwrap();
    let expected = fleet(folder.path(), "8000", "7");
    // Of another directory: the second waits, and finds the job finished.
    let job = Job::variant(folder.path(), "two", &[CUT]);
    let elsewhere = tempfile::tempdir().unwrap();
    let mut first = Crew::start(&job, 2, 1, "first");
    assert!(first.commits_more(1), "{}", first.all());
    let mut second = Crew::changed(&job, 2, "second", &|_, command| {
        command.current_dir(elsewhere.path()).args(["--workers", "1", "--silence", "2"]);
    });
    comes_right(&mut first, &job, &expected, "another cluster stood by");
    second.comes_right();
    assert!(
        second.commits() == 0 && second.members[0].has_said("leads this job"),
        "{}",
        second.all()
    );
    // Of the same: the second takes over, and all of the first end for good.
    let job = Job::variant(folder.path(), "taken", &[CUT]);
    let mut first = Crew::start(&job, 2, 1, "first");
    assert!(first.commits_more(1), "{}", first.all());
    let mut second = Crew::start(&job, 2, 1, "second");
    assert_eq!(first.codes(), [3, 3], "{}", first.all());
    comes_right(&mut second, &job, &expected, "it took over");
}
