//! Partitions of topics, each read by one process of several.

use super::crew::{Crew, signal};
use super::{CUT, comes_right};
use crate::job::{Job, generate};
use crate::topics::on_topics;

#[test]
fn partitions_are_dealt_to_processes_and_outlive_them() {
    let folder = tempfile::tempdir().unwrap();
    // Nothing is late: that is judged by partition, so it would depend on how rows are dealt to them.
    let fleet =
        ["--tasks", "6000", "--agents", "20", "--seed", "8", "--orders", "8", "--late-share", "0"];
    generate(folder.path(), &fleet);
    let whole = Job::variant(folder.path(), "whole", &[]);
    whole.run(2);
    let expected = whole.tables();
    let job = on_topics(folder.path(), "dealt", 5);
    let text = std::fs::read_to_string(&job.file).unwrap();
    let text = text.replace("every = \"10ms\"\nepoch = \"1ms\"", CUT.1);
    let job = Job::written(folder.path(), "dealt", &text);
    let mut crew = Crew::start(&job, 3, 1, "");
    for victim in [1, 0] {
        assert!(crew.commits_more(2), "{}", crew.all());
        signal(crew.members[victim].child().unwrap(), "-KILL");
    }
    comes_right(&mut crew, &job, &expected, "five partitions of three processes");
}
