//! Machines of their own, with cables that can be pulled: network namespaces, where they can be made.

use std::path::Path;
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::Duration;

use super::crew::{Crew, Member};
use super::{CUT, comes_right, fleet};
use crate::job::{Job, text};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/cluster/namespaces.sh");

/// What the script ends with where it is not allowed to do anything.
const SKIPPED: i32 = 77;

struct Machines {
    name: String,
}

impl Drop for Machines {
    fn drop(&mut self) {
        self.ask("remove", &[]);
    }
}

impl Machines {
    /// So many machines; nothing, with a word why, where there can be none.
    fn make(count: usize) -> Option<Machines> {
        let machines = Machines { name: format!("q{}", std::process::id() % 100_000_000) };
        match machines.ask("make", &[&count.to_string()]) {
            (Some(0), _) => Some(machines),
            (Some(SKIPPED), why) => {
                println!("skipped: {why}");
                None
            }
            (code, why) => panic!("{code:?}: {why}"),
        }
    }

    fn ask(&self, what: &str, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new("bash");
        command.args([SCRIPT, what, &self.name]).args(arguments);
        let Output { status, stderr, .. } = command.output().unwrap();
        (status.code(), text(&stderr))
    }

    /// `quorate` on machine `index`.
    fn quorate(&self, index: usize) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &format!("{}-{index}", self.name)]);
        command.arg(env!("CARGO_BIN_EXE_quorate"));
        command
    }
}

fn crew(machines: &Machines, job: &Job, folder: &Path) -> Crew {
    let hosts: Vec<String> = (1..=3).map(|nr| format!("10.77.0.{nr}:2101")).collect();
    let start = |index| {
        let mut command = machines.quorate(index);
        Member::told(&mut command, job, &hosts, index);
        command.args(["--workers", "1", "--silence", "2"]).current_dir(folder);
        Member::of(command, job, index, "")
    };
    Crew { members: (0..3).map(start).collect() }
}

#[test]
fn a_machine_that_is_cut_off_comes_back() {
    let Some(machines) = Machines::make(3) else { return };
    let folder = tempfile::tempdir().unwrap();
    let expected = fleet(folder.path(), "8000", "10");
    let job = Job::variant(folder.path(), "cut", &[CUT]);
    let mut crew = crew(&machines, &job, folder.path());
    for victim in [2, 0] {
        assert!(crew.commits_more(2), "{}", crew.all());
        assert_eq!(machines.ask("down", &[&victim.to_string()]).0, Some(0));
        sleep(Duration::from_secs(4));
        assert_eq!(machines.ask("up", &[&victim.to_string()]).0, Some(0));
    }
    comes_right(&mut crew, &job, &expected, "cables were pulled");
    for member in &crew.members {
        assert!(member.has_said("starting again"), "{}", crew.all());
    }
}

#[test]
fn a_bad_cable_changes_no_table() {
    let Some(machines) = Machines::make(3) else { return };
    let folder = tempfile::tempdir().unwrap();
    let expected = fleet(folder.path(), "300", "12");
    let job = Job::variant(folder.path(), "bad", &[CUT]);
    match machines.ask("worse", &["1", "loss", "10%", "delay", "50ms"]) {
        (Some(0), _) => {}
        (Some(SKIPPED), why) => return println!("skipped: {why}"),
        (code, why) => panic!("{code:?}: {why}"),
    }
    let mut crew = crew(&machines, &job, folder.path());
    comes_right(&mut crew, &job, &expected, "a bad cable");
}
