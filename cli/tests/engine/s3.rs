//! The engine on a store that speaks S3, over real HTTP: the same tables, whatever happens on the wire.

use std::path::Path;
use std::process::Output;

use quorate_s3::{BUCKET, Plan, Server};

use crate::job::{Job, assert_alike, generate, text};
use crate::often::{CUT, fleet};

fn server(folder: &Path, plan: &str) -> Server {
    Server::start(&folder.join("s3"), Plan::parse(plan).unwrap()).unwrap()
}

#[test]
fn a_bucket_holds_the_same_tables_as_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let expected = fleet(folder.path());
    let server = server(folder.path(), "");
    let job = Job::in_s3(folder.path(), "plain", &CUT, &server);
    job.run(2);
    job.verify();
    assert_alike(&expected, &job.tables(), "in a bucket");
    // Told to others: a Delta log, whose versions were created one after the other.
    let log = folder.path().join("s3").join(BUCKET).join("plain/tables/votes/_delta_log");
    for version in 0..2 {
        let path = log.join(format!("{version:020}.json"));
        assert!(std::fs::read_to_string(&path).unwrap().contains("commitInfo"), "{path:?}");
    }
    let again = job.command(1).arg("--json").output().unwrap();
    assert!(text(&again.stdout).contains("already_finished"), "{}", text(&again.stdout));
}

#[test]
fn faults_on_the_wire_change_no_table() {
    let plans = [
        ("errors", "seed 1; *: 503 5%; *: 500 5%"),
        ("conflicts", "seed 2; create: 409 20%"),
        ("lost-answers", "seed 3; create: lost 25%; put: lost 10%; delete: lost 10%; get: half 5%"),
        ("false-answers", "seed 4; create: did 500 20%; create: did 412 5%; put: did 503 10%"),
        ("cut", "seed 5; *: cut 5%; create: cut 15%"),
        ("slow", "put: slow 30; create: slow 30; list: slow 20"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let expected = fleet(folder.path());
    for (name, plan) in plans {
        let server = server(folder.path(), plan);
        let job = Job::in_s3(folder.path(), name, &CUT, &server);
        job.run(2);
        let seen = server.seen();
        assert!(seen.faults >= 5, "{name}: {seen:?}");
        job.verify();
        assert_alike(&expected, &job.tables(), name);
    }
}

/// One kill at each step; the server, like the machine it stands for, knows nothing of it.
#[cfg(feature = "failpoints")]
#[test]
fn a_kill_at_any_step_on_a_bucket_changes_no_table() {
    use crate::kills::{CUT, STEPS, killed};

    let folder = tempfile::tempdir().unwrap();
    generate(folder.path(), &["--tasks", "1500", "--agents", "20", "--seed", "3"]);
    let whole = Job::variant(folder.path(), "whole", &CUT);
    whole.run(2);
    let expected = whole.tables();
    let server = server(folder.path(), "");
    for step in STEPS {
        let job = Job::in_s3(folder.path(), step, &CUT, &server);
        // What is slow is published together, perhaps once all rows are committed: then it is the publication alone
        // that is in flight.
        let publishes = step.starts_with("publish");
        let at = if publishes { format!("{step}:1") } else { format!("{step}:2!") };
        let kill = killed(&job, 2, &at).unwrap_or_else(|| panic!("{at} is never reached"));
        assert!(publishes || kill.rows_in_flight > 0, "{}", kill.said);
        job.run(2);
        job.verify();
        assert_alike(&expected, &job.tables(), &kill.said);
    }
}

/// It goes away, and comes back with what it had.
#[test]
fn a_store_that_is_away_for_a_while_holds_things_up_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let expected = fleet(folder.path());
    let first = server(folder.path(), "put: slow 20");
    let job = Job::in_s3(folder.path(), "away", &CUT, &first);
    let run = job.command(2).stderr(std::process::Stdio::piped()).spawn().unwrap();
    while first.seen().put < 10 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let address = first.address();
    drop(first);
    std::thread::sleep(std::time::Duration::from_secs(2));
    let back = Server::start_at(address, &folder.path().join("s3"), Plan::default()).unwrap();
    let Output { status, stderr, .. } = run.wait_with_output().unwrap();
    assert!(status.success(), "{}", text(&stderr));
    assert!(back.seen().create > 0, "it goes on where it was");
    job.verify();
    assert_alike(&expected, &job.tables(), "away for a while");
}

/// Whatever it says meanwhile, nobody concludes that it is no store for a job.
#[test]
fn a_store_that_takes_nothing_when_a_run_begins_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let expected = fleet(folder.path());
    for (name, plan) in [("full", "put: 507"), ("errors", "*: 503")] {
        let server = server(&folder.path().join(name), plan);
        let job = Job::in_s3(folder.path(), name, &CUT, &server);
        let run = job.command(2).stderr(std::process::Stdio::piped()).spawn().unwrap();
        // More than one look at whether it keeps its promises.
        while server.seen().create < 12 {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        server.turn(Plan::default());
        let Output { status, stderr, .. } = run.wait_with_output().unwrap();
        let said = text(&stderr);
        assert!(status.success() && said.contains("the start waits, trying again"), "{said}");
        job.verify();
        assert_alike(&expected, &job.tables(), name);
    }
}

#[test]
fn a_store_that_overwrites_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path(), &["--tasks", "10", "--agents", "5"]);
    let server = server(folder.path(), "conditions ignored");
    let job = Job::in_s3(folder.path(), "overwrites", &CUT, &server);
    for command in ["validate", "run"] {
        let Output { status, stdout, stderr } =
            job.quorate(&[command, job.file.to_str().unwrap()]).output().unwrap();
        let said = format!("{}{}", text(&stdout), text(&stderr));
        assert_eq!(status.code(), Some(2), "{said}");
        for part in ["wrote over an object", "use a store that honours `If-None-Match: *`"] {
            assert!(said.contains(part), "{command}: {said} does not say {part:?}");
        }
    }
    let bucket = folder.path().join("s3").join(BUCKET).join("overwrites");
    assert!(!bucket.join("log").exists(), "nothing was begun");
}

#[test]
fn keys_come_from_the_files_of_a_profile_and_are_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path(), &["--tasks", "10", "--agents", "5"]);
    let server = server(folder.path(), "");
    let job = Job::in_s3(folder.path(), "profile", &CUT, &server);
    let of = |name: &str| {
        let found = job.environment.iter().find(|(key, _)| *key == name);
        found.unwrap().1.clone()
    };
    let (endpoint, secret) = (of("AWS_ENDPOINT_URL"), of("AWS_SECRET_ACCESS_KEY"));
    let credentials = folder.path().join("credentials");
    let keys = format!(
        "[team]\naws_access_key_id = {}\naws_secret_access_key = {secret}\n",
        of("AWS_ACCESS_KEY_ID")
    );
    std::fs::write(&credentials, keys).unwrap();
    let config = folder.path().join("config");
    std::fs::write(
        &config,
        format!("[profile team]\nregion = nowhere-1\nendpoint_url = {endpoint}\n"),
    )
    .unwrap();
    let check = |profile: &str, code: i32, expected: &str| {
        let mut command = crate::job::quorate(&["validate", job.file.to_str().unwrap()]);
        let files = [("AWS_SHARED_CREDENTIALS_FILE", &credentials), ("AWS_CONFIG_FILE", &config)];
        command.envs(files).env("AWS_ALLOW_HTTP", "true").env("AWS_PROFILE", profile);
        let output = command.env("QUORATE_LOG", "trace").output().unwrap();
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(expected), "{said} does not say {expected:?}");
        assert!(!said.contains(&secret), "the secret is shown");
    };
    check("team", 0, "the job can run");
    check("stranger", 2, "no profile \"stranger\"");
}
