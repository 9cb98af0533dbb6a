//! A cluster of real processes on this machine.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::job::{Job, quorate};

const NAP: Duration = Duration::from_millis(20);

/// So long anything may take.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) const SECRET: &str = "a secret that only tests know";

/// Addresses that nobody listens at.
pub(crate) fn addresses(count: usize) -> Vec<String> {
    let bound = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    let bound: Vec<TcpListener> = bound.collect();
    bound.iter().map(|listener| listener.local_addr().unwrap().to_string()).collect()
}

/// Waits until `found` is; says what was waited for if that takes too long.
pub(crate) fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let mut waited = Duration::ZERO;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(waited < PATIENCE, "waited for {what}");
        sleep(NAP);
        waited += NAP;
    }
}

pub(crate) fn signal(pid: u32, name: &str) {
    // It may have ended a moment ago.
    let mut kill = Command::new("kill");
    let _ = kill.args([name, &pid.to_string()]).stderr(Stdio::null()).status().unwrap();
}

/// A process of a cluster: its supervisor, and what both have said.
pub(crate) struct Member {
    pub(crate) supervisor: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Drop for Member {
    fn drop(&mut self) {
        // What it supervises ends with it.
        let _ = self.supervisor.kill();
        let _ = self.supervisor.wait();
    }
}

impl Member {
    /// Starts process `index` of those at `hosts`. What it says goes to files beside the job that begin with `name`.
    pub(crate) fn start(
        job: &Job,
        hosts: &[String],
        index: usize,
        name: &str,
        change: &dyn Fn(usize, &mut Command),
    ) -> Member {
        let mut command = quorate(&[]);
        change(index, Member::told(&mut command, job, hosts, index));
        Member::of(command, job, index, name)
    }

    /// What every process is told.
    pub(crate) fn told<'a>(
        command: &'a mut Command,
        job: &Job,
        hosts: &[String],
        index: usize,
    ) -> &'a mut Command {
        command.args(["worker", job.file.to_str().unwrap(), "--json"]);
        command.args(["--hosts", &hosts.join(","), "--index", &index.to_string()]);
        command.envs(job.environment.iter().map(|(name, value)| (name, value)));
        command.env("QUORATE_CLUSTER_SECRET", SECRET)
    }

    /// Starts it.
    pub(crate) fn of(mut command: Command, job: &Job, index: usize, name: &str) -> Member {
        let folder = job.file.parent().unwrap();
        let stem = job.file.file_stem().unwrap().to_str().unwrap();
        let file = |end: &str| folder.join(format!("{stem}-{name}{index}.{end}"));
        let (out, err) = (file("out"), file("err"));
        command.stdin(Stdio::null());
        command.stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
        Member { supervisor: command.spawn().unwrap(), out, err }
    }

    /// The process of its generation.
    pub(crate) fn child(&self) -> Option<u32> {
        let pid = self.supervisor.id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
        children.split_whitespace().next()?.parse().ok()
    }

    /// What it has told machines so far.
    pub(crate) fn said(&self, kind: &str) -> Vec<Value> {
        let text = fs::read_to_string(&self.out).unwrap();
        // The last line may still be on its way, or have been when its process was killed.
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["type"] == kind).collect()
    }

    /// What it has told people.
    pub(crate) fn complaints(&self) -> String {
        fs::read_to_string(&self.err).unwrap()
    }

    /// Everything, for a test that fails.
    pub(crate) fn all(&self) -> String {
        format!("{}{}", fs::read_to_string(&self.out).unwrap(), self.complaints())
    }

    pub(crate) fn has_said(&self, part: &str) -> bool {
        self.all().contains(part)
    }

    /// Waits for its end.
    pub(crate) fn code(&mut self) -> i32 {
        let all = (self.out.clone(), self.err.clone());
        let what = || {
            let text = |path: &Path| fs::read_to_string(path).unwrap_or_default();
            format!("the end of {}{}", text(&all.0), text(&all.1))
        };
        let mut waited = Duration::ZERO;
        loop {
            if let Some(status) = self.supervisor.try_wait().unwrap() {
                return status.code().unwrap_or(-1);
            }
            assert!(waited < PATIENCE, "waited for {}", what());
            sleep(NAP);
            waited += NAP;
        }
    }
}

/// All processes of a cluster.
pub(crate) struct Crew {
    pub(crate) members: Vec<Member>,
}

impl Crew {
    /// A cluster of so many, each with as many threads, where who is silent for two seconds is dead.
    pub(crate) fn start(job: &Job, count: usize, threads: usize, name: &str) -> Crew {
        Crew::changed(job, count, name, &|_, command| {
            command.args(["--workers", &threads.to_string(), "--silence", "2"]);
        })
    }

    /// A cluster whose commands are changed.
    pub(crate) fn changed(
        job: &Job,
        count: usize,
        name: &str,
        change: &dyn Fn(usize, &mut Command),
    ) -> Crew {
        let hosts = addresses(count);
        let start = |index| Member::start(job, &hosts, index, name, change);
        Crew { members: (0..count).map(start).collect() }
    }

    /// Commits that its process 0 has told of, over all generations.
    pub(crate) fn commits(&self) -> usize {
        self.members[0].said("commit").len()
    }

    /// Waits until it has committed so many more times; false if it has ended before.
    pub(crate) fn commits_more(&mut self, more: usize) -> bool {
        let before = self.commits();
        wait_for("commits", || match self.members[0].supervisor.try_wait().unwrap() {
            Some(_) => Some(false),
            None => (self.commits() >= before + more).then_some(true),
        })
    }

    /// The codes with which all end.
    pub(crate) fn codes(&mut self) -> Vec<i32> {
        self.members.iter_mut().map(Member::code).collect()
    }

    /// Waits until all have come to a good end.
    pub(crate) fn comes_right(&mut self) {
        let codes = self.codes();
        assert!(codes.iter().all(|code| *code == 0), "{codes:?}\n{}", self.all());
    }

    /// Asks every process to stop, and waits.
    pub(crate) fn stop(&mut self) {
        for member in &self.members {
            signal(member.supervisor.id(), "-TERM");
        }
        self.comes_right();
    }

    /// What all have said.
    pub(crate) fn all(&self) -> String {
        let all = self.members.iter().enumerate();
        all.map(|(index, member)| format!("-- {index}\n{}", member.all())).collect()
    }
}
