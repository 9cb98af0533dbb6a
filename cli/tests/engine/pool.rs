//! Jobs in a pool: each is run by one worker, and by another where that one dies.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use quorate_s3::{BUCKET, Plan, Server};
use serde_json::Value;

use crate::job::{Environment, Job, Tables, assert_alike, generate, quorate, text};

/// So long a job may take to come to what is expected of it.
const PATIENCE: Duration = Duration::from_secs(60);
const NAP: Duration = Duration::from_millis(50);

const CUT: [(&str, &str); 1] = [(
    "every = \"5s\"",
    "every = \"20ms\"\nepoch = \"2ms\"\nbytes = \"64KiB\"\n\n[publish]\nevery = \"0s\"",
)];

/// A pool, and the folder in which its jobs' files are.
struct Pool {
    folder: PathBuf,
    url: String,
    environment: Environment,
}

/// A worker; dropped, it is killed.
struct Worker {
    child: Child,
    said: PathBuf,
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Worker {
    fn said(&self) -> String {
        fs::read_to_string(&self.said).unwrap()
    }

    /// Ends it as a supervisor does.
    fn stop(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{}", self.said());
    }
}

impl Pool {
    fn local(folder: &Path) -> Pool {
        let url = folder.join("pool").to_str().unwrap().to_owned();
        Pool { folder: folder.to_owned(), url, environment: Vec::new() }
    }

    fn in_s3(folder: &Path, server: &Server) -> Pool {
        let (url, environment) = (format!("s3://{BUCKET}/pool"), server.environment().to_vec());
        Pool { folder: folder.to_owned(), url, environment }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = quorate(arguments);
        command.args(["--pool", &self.url]);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// What a command says, and how it ends.
    fn ask(&self, arguments: &[&str]) -> (i32, String) {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        (status.code().unwrap(), format!("{}{}", text(&stdout), text(&stderr)))
    }

    /// A job whose paths are the same everywhere, with its name and store of its own.
    fn job(&self, name: &str, changes: &[(&str, &str)]) -> Job {
        let mut job = Job::variant(&self.folder, name, changes);
        let mut text = fs::read_to_string(&job.file).unwrap();
        let folder = self.folder.to_str().unwrap();
        text = text.replace("files = \"", &format!("files = \"{folder}/"));
        text = text.replace("name = \"fleet\"", &format!("name = \"{name}\""));
        let store = match self.environment.is_empty() {
            true => format!("\"{folder}/store-{name}\""),
            false => format!("\"s3://{BUCKET}/{name}\""),
        };
        text = text.replace(&format!("\"./store-{name}\""), &store);
        fs::write(&job.file, text).unwrap();
        job.environment.clone_from(&self.environment);
        job
    }

    fn submit(&self, job: &Job) {
        let (code, said) = self.ask(&["submit", job.file.to_str().unwrap()]);
        assert_eq!(code, 0, "{said}");
    }

    fn worker(&self, name: &str, more: &[&str], environment: &[(&str, &str)]) -> Worker {
        let said = self.folder.join(format!("{name}.log"));
        let mut command = self.command(&["worker", "--beat-s", "1", "--workers", "2"]);
        command.args(more).envs(environment.iter().copied());
        let child = command.stderr(fs::File::create(&said).unwrap()).stdout(Stdio::null()).spawn();
        Worker { child: child.unwrap(), said }
    }

    fn status(&self, name: &str) -> Value {
        let Output { status, stdout, stderr } =
            self.command(&["status", name, "--json"]).output().unwrap();
        assert!(status.success(), "{}", text(&stderr));
        serde_json::from_slice(&stdout).unwrap()
    }

    /// Waits until `is` holds of a job.
    fn wait(&self, name: &str, is: impl Fn(&Value) -> bool) -> Value {
        let mut waited = Duration::ZERO;
        loop {
            let status = self.status(name);
            if is(&status) {
                return status;
            }
            assert!(waited < PATIENCE, "{status}");
            sleep(NAP);
            waited += NAP;
        }
    }
}

fn fleet(folder: &Path, tasks: &str) -> Tables {
    generate(folder, &["--tasks", tasks, "--agents", "20", "--seed", "6"]);
    let whole = Job::variant(folder, "whole", &CUT);
    whole.run(2);
    whole.tables()
}

/// Two workers, and more jobs than they can take at once.
fn check_race(pool: &Pool, jobs: usize, expected: &Tables) {
    let names: Vec<String> = (0..jobs).map(|nr| format!("race-{nr}")).collect();
    let all: Vec<Job> = names.iter().map(|name| pool.job(name, &CUT)).collect();
    let workers = ["one", "two"].map(|name| pool.worker(name, &["--at-once", "2"], &[]));
    all.iter().for_each(|job| pool.submit(job));
    for (name, job) in names.iter().zip(&all) {
        let status = pool.wait(name, |status| status["state"] == "finished");
        assert_eq!(status["claims"], 1, "{status}");
        assert_eq!(status["first_failure"], Value::Null, "{status}");
        job.verify();
        assert_alike(expected, &job.tables(), name);
    }
    let said = workers.each_ref().map(Worker::said);
    for name in &names {
        let taken = said.iter().flat_map(|said| said.lines());
        let taken = taken.filter(|line| line.contains(&format!("{name}: taken"))).count();
        assert_eq!(taken, 1, "{name} was taken by one: {said:?}");
    }
    assert!(said.iter().all(|said| said.contains("taken")), "both work: {said:?}");
    workers.into_iter().for_each(Worker::stop);
}

#[test]
fn of_twenty_jobs_each_is_run_once_by_one_of_two_workers() {
    let folder = tempfile::tempdir().unwrap();
    let expected = fleet(folder.path(), "60");
    check_race(&Pool::local(folder.path()), 20, &expected);
}

#[test]
fn workers_race_for_jobs_on_a_bucket_that_loses_answers() {
    let folder = tempfile::tempdir().unwrap();
    let expected = fleet(folder.path(), "60");
    let plan = Plan::parse("seed 9; create: lost 10%; create: 409 5%; *: 503 3%").unwrap();
    let server = Server::start(&folder.path().join("s3"), plan).unwrap();
    check_race(&Pool::in_s3(folder.path(), &server), 6, &expected);
    assert!(server.seen().faults > 10);
}

/// The first one dies with rows in flight, without a word.
#[cfg(feature = "failpoints")]
fn check_death(pool: &Pool, expected: &Tables) {
    let job = pool.job("fragile", &CUT);
    pool.submit(&job);
    let kill = [("QUORATE_FAILPOINT", "created:3!")];
    let mut first = pool.worker("first", &[], &kill);
    assert!(!first.child.wait().unwrap().success(), "{}", first.said());
    assert!(first.said().contains("failpoint"), "{}", first.said());
    assert_eq!(pool.status("fragile")["state"], "running", "nobody knows yet");
    let second = pool.worker("second", &[], &[]);
    let status = pool.wait("fragile", |status| status["state"] == "finished");
    assert_eq!(status["claims"], 2, "{status}");
    let failure = &status["first_failure"];
    assert_eq!(failure["kind"], "died", "{status}");
    let pid = first.child.id().to_string();
    assert!(failure["message"].as_str().unwrap().contains(&pid), "{failure} names {pid}");
    job.verify();
    assert_alike(expected, &job.tables(), "taken over");
    second.stop();
}

#[cfg(feature = "failpoints")]
#[test]
fn a_job_whose_worker_is_killed_is_taken_over_and_comes_to_the_same_tables() {
    let folder = tempfile::tempdir().unwrap();
    let expected = fleet(folder.path(), "1500");
    check_death(&Pool::local(folder.path()), &expected);
    let server = Server::start(&folder.path().join("s3"), Plan::default()).unwrap();
    check_death(&Pool::in_s3(folder.path(), &server), &expected);
}

/// A pause longer than its silence: the other takes over, and the first one finds out.
#[test]
fn a_worker_that_was_frozen_lets_go_of_what_another_took_over() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path(), &["--tasks", "60", "--agents", "10", "--seed", "6"]);
    let pool = Pool::local(folder.path());
    let follow = ("/votes.jsonl\"", "/votes.jsonl\"\nfollow = true");
    let job = pool.job("frozen", &[CUT[0]]);
    let text = fs::read_to_string(&job.file).unwrap().replace(follow.0, follow.1);
    fs::write(&job.file, text).unwrap();
    pool.submit(&job);
    let first = pool.worker("first", &[], &[]);
    let led = |status: &Value| status["commits"].as_u64().unwrap_or(0) > 0;
    pool.wait("frozen", led);
    let signal = |name: &str| {
        let id = first.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    };
    signal("-STOP");
    let second = pool.worker("second", &[], &[]);
    let status = pool.wait("frozen", |status| status["claims"] == 2);
    assert_eq!(status["worker"]["pid"], second.child.id(), "{status}");
    // A row more is read by the second one: the first cannot, and need not.
    let votes = folder.path().join("votes.jsonl");
    let last = fs::read_to_string(&votes).unwrap().lines().next_back().unwrap().to_owned();
    let mut file = fs::OpenOptions::new().append(true).open(&votes).unwrap();
    writeln!(file, "{last}").unwrap();
    pool.wait("frozen", led);
    signal("-CONT");
    let mut waited = Duration::ZERO;
    while !first.said().contains("frozen: another worker has taken it") {
        assert!(waited < PATIENCE, "{}", first.said());
        sleep(NAP);
        waited += NAP;
    }
    let (code, said) = pool.ask(&["stop", "frozen", "--wait"]);
    assert_eq!((code, said.contains("frozen: stopped")), (0, true), "{said}");
    assert_eq!(pool.status("frozen")["claims"], 2, "it is not taken back");
    job.verify();
    let rows = fs::read_to_string(&votes).unwrap().lines().count();
    let accounted = "SELECT sum(rows_in) AS n FROM conservation WHERE source = 'votes'";
    assert_eq!(job.query(accounted), [format!("{{\"n\":{rows}}}")]);
    first.stop();
    second.stop();
}

#[test]
fn a_stopped_job_has_committed_everything_and_goes_on_when_it_is_submitted_again() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path(), &["--tasks", "60", "--agents", "10", "--seed", "6"]);
    let pool = Pool::local(folder.path());
    let job = pool.job("stopping", &[("every = \"5s\"", "every = \"1h\"")]);
    let text = fs::read_to_string(&job.file).unwrap();
    let text = text.replace("/votes.jsonl\"", "/votes.jsonl\"\nfollow = true");
    fs::write(&job.file, text).unwrap();
    let file = job.file.to_str().unwrap();
    pool.submit(&job);
    let worker = pool.worker("worker", &[], &[]);
    let votes = fs::read_to_string(folder.path().join("votes.jsonl")).unwrap().lines().count();
    pool.wait("stopping", |status| status["rows"]["rows_in"].as_u64().unwrap_or(0) >= votes as u64);
    let (code, said) = pool.ask(&["stop", "stopping", "--wait"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("stopping: stopped"), "{said}");
    // Nothing was due for an hour: it is the stop that committed them.
    let accounted = "SELECT sum(rows_in) AS n FROM conservation WHERE source = 'votes'";
    assert_eq!(job.query(accounted), [format!("{{\"n\":{votes}}}")]);
    let (code, said) = pool.ask(&["submit", file]);
    assert_eq!((code, said.contains("is there already: stopped")), (0, true), "{said}");
    let (code, said) = pool.ask(&["submit", file, "--again"]);
    assert_eq!((code, said.contains("goes on")), (0, true), "{said}");
    pool.wait("stopping", |status| status["state"] == "running" && status["claims"] == 2);
    // Its worker ends: the job waits for another one.
    worker.stop();
    assert_eq!(pool.status("stopping")["state"], "submitted");
    job.verify();
}

#[test]
fn a_job_is_submitted_once_and_one_that_cannot_run_says_why() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path(), &["--tasks", "20", "--agents", "5"]);
    let pool = Pool::local(folder.path());
    let job = pool.job("once", &CUT);
    let file = job.file.to_str().unwrap();
    pool.submit(&job);
    let (code, said) = pool.ask(&["submit", file]);
    assert_eq!((code, said.contains("is there already: submitted")), (0, true), "{said}");
    let text = fs::read_to_string(&job.file).unwrap();
    let other = Job::written(folder.path(), "other", &text.replace("2/3", "1/2"));
    let (code, said) = pool.ask(&["submit", other.file.to_str().unwrap()]);
    assert_eq!((code, said.contains("another file")), (2, true), "{said}");
    let relative = Job::variant(folder.path(), "relative", &CUT);
    let (code, said) = pool.ask(&["submit", relative.file.to_str().unwrap()]);
    assert_eq!((code, said.contains("whole path")), (2, true), "{said}");
    let (code, said) = pool.ask(&["status", "nobody"]);
    assert_eq!((code, said.contains("no job nobody")), (2, true), "{said}");

    let broken = pool.job("broken", &CUT);
    let text = fs::read_to_string(&broken.file).unwrap();
    fs::write(&broken.file, text.replace("votes.jsonl", "absent.jsonl")).unwrap();
    let worker = pool.worker("worker", &[], &[]);
    let (code, said) = pool.ask(&["submit", broken.file.to_str().unwrap(), "--wait"]);
    assert_eq!(code, 2, "{said}");
    let status = pool.status("broken");
    assert_eq!((&status["state"], &status["claims"]), (&"failed".into(), &1.into()), "{status}");
    let cause = status["first_failure"]["message"].as_str().unwrap();
    assert!(cause.contains("absent.jsonl"), "{cause}");
    pool.wait("once", |status| status["state"] == "finished");
    let (_, listed) = pool.ask(&["jobs"]);
    for part in ["once", "finished", "broken", "failed"] {
        assert!(listed.contains(part), "{listed}");
    }
    worker.stop();
}
