//! A generation that ends while its tables are told to others.

use quorate_s3::{Plan, Server};

use super::crew::{Crew, signal, wait_for};
use super::{CUT, comes_right, fleet};
use crate::job::Job;

#[test]
fn a_generation_that_ends_in_the_middle_of_a_publication_ends_without_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let expected = fleet(folder.path(), "8000", "13");
    // Nearly all the time some table is being told.
    let plan = Plan::parse("list _delta_log: slow 400; get _delta_log: slow 400").unwrap();
    let server = Server::start(&folder.path().join("s3"), plan).unwrap();
    let cut = format!("{}\n\n[publish]\nevery = \"0s\"", CUT.1);
    let job = Job::in_s3(folder.path(), "telling", &[(CUT.0, &cut)], &server);
    let mut crew = Crew::start(&job, 2, 1, "");
    for _ in 0..3 {
        assert!(crew.commits_more(1), "{}", crew.all());
        let before = server.seen().faults;
        wait_for("a publication", || (server.seen().faults > before).then_some(()));
        signal(crew.members[1].child().unwrap(), "-KILL");
    }
    server.turn(Plan::default());
    comes_right(&mut crew, &job, &expected, "killed while tables were told");
    assert!(crew.all().contains("starting again"), "{}", crew.all());
    assert!(!crew.all().contains("panicked"), "{}", crew.all());
}
