//! All processes of a cluster are ready or none, and one of which a thread hangs does not hold up the others for ever.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::crew::{Crew, addresses, wait_for};
use super::probe::ask;
use super::{CUT, comes_right, fleet};
use crate::job::{Job, generate};

const SOON: Duration = Duration::from_secs(2);

/// What a process says of itself.
fn verdict(address: &str, path: &str) -> Option<(u16, Value)> {
    let (code, body) = ask(address, path, SOON)?;
    Some((code, serde_json::from_str(&body).unwrap()))
}

fn wait_for_all(addresses: &[String], what: &str, is: impl Fn(u16, &str) -> bool) {
    for address in addresses {
        wait_for(&format!("{address} to be {what}"), || {
            let (code, body) = ask(address, "/readyz", SOON)?;
            is(code, &body).then_some(())
        });
    }
}

/// Files that are followed: process 0 reads them, the others have nothing but what it sends them.
fn followed(folder: &Path) -> (Job, Vec<u8>) {
    generate(folder, &["--tasks", "300", "--agents", "20", "--seed", "21", "--orders", "8"]);
    let votes = folder.join("votes.jsonl");
    let all = fs::read(&votes).unwrap();
    let half = all[..all.len() / 2].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    fs::write(&votes, &all[..half]).unwrap();
    let job = Job::variant(folder, "healthy", &[CUT, ("files = ", "follow = true\nfiles = ")]);
    (job, all[half..].to_vec())
}

#[test]
fn all_processes_are_ready_while_commits_come_and_none_is_when_they_stop() {
    let folder = tempfile::tempdir().unwrap();
    let (job, rest) = followed(folder.path());
    let (listening, away) = (addresses(3), folder.path().join("away"));
    let faults = format!("*: error while {}", away.display());
    let mut crew = Crew::changed(&job, 3, "", &|index, command| {
        command.args(["--workers", "1", "--listen", &listening[index]]);
        // Only the process that commits is cut off from the store: the others have no other sign of it.
        if index == 0 {
            command.env("QUORATE_FAULTS", &faults);
        }
    });
    wait_for_all(&listening, "ready", |code, _| code == 200);
    fs::write(&away, "").unwrap();
    let votes = folder.path().join("votes.jsonl");
    let mut file = fs::OpenOptions::new().append(true).open(votes).unwrap();
    file.write_all(&rest).unwrap();
    wait_for_all(&listening, "unready", |code, body| {
        code == 503 && body.contains("nothing was committed for")
    });
    for address in &listening {
        let (code, facts) = verdict(address, "/healthz").unwrap();
        assert_eq!((code, &facts["stage"]), (200, &"reading".into()), "{facts}");
    }
    fs::remove_file(&away).unwrap();
    wait_for_all(&listening, "ready again", |code, _| code == 200);
    crew.stop();
    job.verify();
    assert!(!crew.all().contains("starting again"), "{}", crew.all());
}

#[test]
fn a_process_of_which_a_thread_hangs_ends_the_generation_and_the_next_comes_right() {
    let folder = tempfile::tempdir().unwrap();
    let expected = fleet(folder.path(), "8000", "22");
    for victim in [0, 2] {
        let job = Job::variant(folder.path(), &format!("hung-{victim}"), &[CUT]);
        let mut crew = Crew::changed(&job, 3, "", &|index, command| {
            command.args(["--workers", "2", "--silence", "2", "--hangs-after", "3"]);
            if index == victim {
                command.env("QUORATE_FAILPOINT", "hang:300");
            }
        });
        comes_right(&mut crew, &job, &expected, &format!("a thread of process {victim} hung"));
        for (index, member) in crew.members.iter().enumerate() {
            let cause = match index == victim {
                true => "has not gone through its loop for 3 s",
                false => "it hangs, and this process ends",
            };
            assert!(member.complaints().contains(cause), "{index}: {}", crew.all());
            assert_eq!(member.complaints().matches("starting again").count(), 1, "{}", crew.all());
        }
        let hung = crew.members[victim].all();
        assert!(hung.contains("failpoint hang:300"), "{hung}");
    }
}
