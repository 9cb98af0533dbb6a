//! Brokers that go away, and rows that are gone before they were read.

use std::fs;
use std::time::Duration;

use quorate_broker::{Broker, Leader, Mock, Real};

use super::rig::{Running, following, refused, send_votes, wait_for_rows};
use crate::job::Job;

#[test]
fn a_topic_made_anew_is_not_taken_for_the_old_one() {
    let Some(real) = Broker::real("a topic made anew") else { return };
    let folder = tempfile::tempdir().unwrap();
    let topic = Broker::shared().topic("anew", 1);
    send_votes(&topic, 0, 0..10);
    let job = following(folder.path(), "anew", "anew", "");
    let running = Running::of(&job);
    wait_for_rows(&job, &[("anew/0", 10)]);
    running.stop();
    for (again, lost) in [(0..4, "deleted and made anew"), (20..60, "deleted and made anew")] {
        real.remove_topic("anew");
        let topic = Broker::shared().topic("anew", 1);
        send_votes(&topic, 0, again);
        let said = refused(&job);
        assert!(
            said.contains("anew/0") && said.contains(lost) && said.contains("gone ="),
            "{said}"
        );
    }
    let goes_on = following(folder.path(), "anew", "anew", ", gone = \"earliest\"");
    let running = Running::of(&goes_on);
    wait_for_rows(&goes_on, &[("anew/0", 10), ("anew/0@2", 40)]);
    running.stop();
    goes_on.verify();
}

#[test]
fn brokers_that_do_not_answer_are_waited_for_and_it_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let job = following(folder.path(), "nobody", "nobody", "");
    // A port that nobody listens at.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let file = fs::read_to_string(&job.file).unwrap();
    let address = Broker::shared().address();
    let job =
        Job::written(folder.path(), "nobody", &file.replace(address, &format!("127.0.0.1:{port}")));
    let running = Running::of(&job);
    std::thread::sleep(Duration::from_secs(8));
    let said = running.stop();
    assert!(said.contains("no broker can be reached") && said.contains("asked again"), "{said}");
}

#[test]
fn rows_that_are_gone_stop_the_job_unless_it_says_otherwise() {
    let Some(real) = Broker::real("rows that are gone") else { return };
    let folder = tempfile::tempdir().unwrap();
    let topic = Broker::shared().topic("aged", 1);
    send_votes(&topic, 0, 0..10);
    let job = following(folder.path(), "aged", "aged", "");
    let running = Running::of(&job);
    wait_for_rows(&job, &[("aged/0", 10)]);
    running.stop();
    send_votes(&topic, 0, 10..50);
    real.delete_records("aged", 0, 30);
    let said = refused(&job);
    assert!(
        said.contains("20 offsets from 10 to 30 are gone") && said.contains("gone ="),
        "{said}"
    );
    let goes_on = following(folder.path(), "aged", "aged", ", gone = \"earliest\"");
    let running = Running::of(&goes_on);
    wait_for_rows(&goes_on, &[("aged/0", 30)]);
    let said = running.stop();
    assert!(said.contains("it goes on at offset 30"), "{said}");
    goes_on.verify();
    // The ranges in the log still chain.
    let ranges = goes_on.query("SELECT max(position) AS last FROM votes");
    assert!(ranges.len() == 1, "{ranges:?}");
}

/// As while a broker starts.
#[test]
fn a_run_does_not_begin_without_a_partition_that_nobody_leads_for_now() {
    let folder = tempfile::tempdir().unwrap();
    let mock = Mock::start();
    let topic = mock.topic("led", 2);
    send_votes(&topic, 0, 0..10);
    send_votes(&topic, 1, 10..30);
    let job = following(folder.path(), "led", "led", "");
    let file = fs::read_to_string(&job.file).unwrap();
    let file = file.replace(Broker::shared().address(), mock.address());
    let file = file.replace("topic = \"led\" }", "topic = \"led\" }\nfollow = false");
    let job = Job::written(folder.path(), "led", &file);
    mock.lead("led", 1, Leader::None);
    let running = job.command(2).stderr(std::process::Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(4));
    mock.lead("led", 1, Leader::Broker);
    let output = running.wait_with_output().unwrap();
    let said = crate::job::text(&output.stderr);
    assert!(output.status.success() && said.contains("no broker leads led/1"), "{said}");
    assert_eq!(job.query("SELECT sum(rows_in) AS n FROM conservation"), ["{\"n\":30}"]);
    job.verify();
}

#[test]
fn a_broker_that_restarts_loses_nothing() {
    let mut real = match Real::own() {
        Ok(real) => real,
        Err(absent) => return println!("SKIPPED: a broker that restarts: {absent}"),
    };
    let folder = tempfile::tempdir().unwrap();
    let topic = real.topic("restarted", 2);
    send_votes(&topic, 0, 0..20);
    let job = following(folder.path(), "restarted", "restarted", "");
    let file = fs::read_to_string(&job.file).unwrap();
    let file = file.replace(Broker::shared().address(), real.fact("KAFKA_PLAINTEXT"));
    let job = Job::written(folder.path(), "restarted", &file);
    let running = Running::of(&job);
    wait_for_rows(&job, &[("restarted/0", 20)]);
    real.kill();
    std::thread::sleep(Duration::from_secs(3));
    real.start();
    send_votes(&topic, 1, 20..50);
    wait_for_rows(&job, &[("restarted/0", 20), ("restarted/1", 30)]);
    let said = running.stop();
    assert!(said.contains("no broker can be reached") && said.contains("answer"), "{said}");
    job.verify();
}
