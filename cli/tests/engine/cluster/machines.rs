//! Machines of their own, with cables that can be pulled: network namespaces, where they can be made.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::Duration;

use super::crew::{Crew, Member};
use super::{CUT, comes_right, fleet};
use crate::job::{Job, text};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/cluster/namespaces.sh");

/// What the script ends with where it is not allowed to do anything.
const SKIPPED: i32 = 77;

/// Machines that are there, by their name.
#[derive(Clone, Debug)]
pub(crate) struct Cables(pub(crate) String);

/// Machines that were made here, and are removed with this.
pub(crate) struct Machines(pub(crate) Cables);

impl Drop for Machines {
    fn drop(&mut self) {
        self.0.ask("remove", &[]);
    }
}

impl Machines {
    /// So many machines; nothing, with a word why, where there can be none.
    pub(crate) fn make(count: usize) -> Option<Machines> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        // Tests run beside each other.
        let nr = MADE.fetch_add(1, Ordering::Relaxed) % 10;
        let machines = Machines(Cables(format!("q{}{nr}", std::process::id() % 10_000_000)));
        match machines.0.ask("make", &[&count.to_string()]) {
            (Some(0), _) => Some(machines),
            (Some(SKIPPED), why) => {
                println!("skipped: {why}");
                None
            }
            (code, why) => panic!("{code:?}: {why}"),
        }
    }
}

impl Cables {
    /// Asks the script.
    pub(crate) fn ask(&self, what: &str, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new("bash");
        command.args([SCRIPT, what, &self.0]).args(arguments);
        let Output { status, stderr, .. } = command.output().unwrap();
        (status.code(), text(&stderr))
    }

    /// Whether one can be made bad here; it is said if not.
    pub(crate) fn can_be_worse(&self) -> bool {
        match self.ask("worse", &["0", "delay", "1ms"]) {
            (Some(0), _) => self.ask("better", &["0"]).0 == Some(0),
            (Some(SKIPPED), why) => {
                println!("no bad cables: {why}");
                false
            }
            (code, why) => panic!("{code:?}: {why}"),
        }
    }

    /// What a command on machine `index` begins with.
    pub(crate) fn enter(&self, index: usize) -> Vec<String> {
        ["ip", "netns", "exec", &format!("{}-{index}", self.0)].map(str::to_owned).to_vec()
    }

    /// `program` on machine `index`.
    pub(crate) fn command(&self, index: usize, program: &Path) -> Command {
        let enter = self.enter(index);
        let mut command = Command::new(&enter[0]);
        command.args(&enter[1..]).arg(program);
        command
    }

    /// `quorate` on machine `index`.
    pub(crate) fn quorate(&self, index: usize) -> Command {
        self.command(index, Path::new(env!("CARGO_BIN_EXE_quorate")))
    }

    /// The address of machine `index`.
    pub(crate) fn address(index: usize) -> String {
        format!("10.77.0.{}", index + 1)
    }
}

fn crew(machines: &Machines, job: &Job, folder: &Path) -> Crew {
    let hosts: Vec<String> =
        (0..3).map(|index| format!("{}:2101", Cables::address(index))).collect();
    let start = |index| {
        let mut command = machines.0.quorate(index);
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
        assert_eq!(machines.0.ask("down", &[&victim.to_string()]).0, Some(0));
        sleep(Duration::from_secs(4));
        assert_eq!(machines.0.ask("up", &[&victim.to_string()]).0, Some(0));
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
    match machines.0.ask("worse", &["1", "loss", "10%", "delay", "50ms"]) {
        (Some(0), _) => {}
        (Some(SKIPPED), why) => return println!("skipped: {why}"),
        (code, why) => panic!("{code:?}: {why}"),
    }
    let mut crew = crew(&machines, &job, folder.path());
    comes_right(&mut crew, &job, &expected, "a bad cable");
}
