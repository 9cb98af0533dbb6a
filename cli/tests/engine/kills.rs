//! Killed at any step of the protocol, a job goes on as if nothing had happened.

use std::process::Output;

use crate::job::{Job, assert_alike, generate, text};

/// Each step of the protocol that comes up again and again, and when it is reached with rows in flight.
const STEPS: [&str; 8] =
    ["seal", "upload", "uploaded", "create", "created", "publish", "published", "merge"];

#[test]
fn a_kill_at_any_step_changes_no_table() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path(), &["--tasks", "400", "--agents", "20", "--seed", "3"]);
    let cut = [("every = \"5s\"", "every = \"10ms\"\nepoch = \"1ms\"\nbytes = \"64KiB\"")];
    let whole = Job::variant(folder.path(), "whole", &cut);
    whole.run(2);
    let expected = whole.tables();
    for step in STEPS {
        for nth in 1..=5 {
            let job = Job::variant(folder.path(), &format!("{step}-{nth}"), &cut);
            let Output { status, stderr, .. } =
                job.command(2).env("QUORATE_FAILPOINT", format!("{step}:{nth}")).output().unwrap();
            let said = text(&stderr);
            let killed = said.lines().find(|line| line.starts_with("failpoint"));
            println!("{}", killed.unwrap_or("not reached"));
            assert!(killed.is_some() != status.success(), "{step}:{nth}: {said}");
            job.run(1 + nth % 3);
            job.verify();
            assert_alike(&expected, &job.tables(), &format!("killed at {step}:{nth}"));
        }
    }
}
