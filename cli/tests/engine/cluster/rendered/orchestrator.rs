//! What Kubernetes does with pods: starts what has ended, asks probes, ends who fails them too often.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::manifest::{Mounted, Probe, StatefulSet};
use crate::cluster::crew::signal;
use crate::cluster::probe::ask;

const NAP: Duration = Duration::from_millis(50);

/// So long anything may take.
const PATIENCE: Duration = Duration::from_secs(150);

/// The pods of a set.
pub(super) struct Orchestrator<'a> {
    set: &'a StatefulSet,
    mounted: &'a Mounted<'a>,
    /// The address of a pod, with `{}` for its number.
    addresses: String,
    pods: Vec<Pod>,
}

#[derive(Default)]
struct Pod {
    container: Option<Child>,
    restarts: usize,
    /// How often it was ended for its liveness.
    killed: usize,
    ready: bool,
    alive: Asked,
    serves: Asked,
    said: PathBuf,
}

/// How a probe went so far.
#[derive(Default)]
struct Asked {
    at: Option<Instant>,
    failures: u64,
}

impl Drop for Orchestrator<'_> {
    fn drop(&mut self) {
        for pod in &mut self.pods {
            pod.end();
        }
    }
}

impl<'a> Orchestrator<'a> {
    pub(super) fn new(set: &'a StatefulSet, mounted: &'a Mounted<'a>) -> Orchestrator<'a> {
        // Addresses of this machine that nobody else has, in another run of this suite or in this one: ports are the
        // manifest's.
        static SETS: AtomicU32 = AtomicU32::new(0);
        let nr = std::process::id().wrapping_mul(4) + SETS.fetch_add(1, Ordering::Relaxed);
        let addresses = format!("127.{}.{}.{{}}", 1 + nr % 250, nr / 250 % 250);
        let said = |ordinal: usize| mounted.folder.join(format!("pod-{ordinal}.log"));
        let pod = |ordinal| Pod { said: said(ordinal), ..Pod::default() };
        Orchestrator { set, mounted, addresses, pods: (0..set.replicas).map(pod).collect() }
    }

    /// Starts a pod, again.
    pub(super) fn start(&mut self, ordinal: usize) {
        let pod = &mut self.pods[ordinal];
        let file = File::options().create(true).append(true).open(&pod.said).unwrap();
        let mut command = self.set.command(ordinal, &self.addresses, self.mounted);
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        pod.container = Some(command.spawn().unwrap());
        (pod.ready, pod.alive, pod.serves) = (false, Asked::default(), Asked::default());
    }

    /// One look at everything.
    fn turn(&mut self) {
        for ordinal in 0..self.pods.len() {
            let pod = &mut self.pods[ordinal];
            let Some(container) = &mut pod.container else { continue };
            let address = self.addresses.replace("{}", &ordinal.to_string());
            let ended = container.try_wait().unwrap().is_some();
            let is_dead = match pod.alive.ask(&self.set.liveness, &address) {
                Some(false) => pod.alive.failures >= self.set.liveness.failures,
                Some(true) | None => false,
            };
            match pod.serves.ask(&self.set.readiness, &address) {
                Some(true) => pod.ready = true,
                Some(false) if pod.serves.failures >= self.set.readiness.failures => {
                    pod.ready = false;
                }
                Some(false) | None => {}
            }
            if is_dead {
                pod.killed += 1;
                pod.end();
            }
            if ended || is_dead {
                pod.restarts += 1;
                self.start(ordinal);
            }
        }
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, time: Duration) {
        let until = now() + time;
        while now() < until {
            self.turn();
            sleep(NAP);
        }
    }

    /// Lets time pass until something is so.
    pub(super) fn wait(&mut self, what: &str, is: impl Fn(&Orchestrator<'_>) -> bool) {
        let until = now() + PATIENCE;
        while !is(self) {
            assert!(now() < until, "waited for {what}: {}", self.all());
            self.turn();
            sleep(NAP);
        }
    }

    /// How many pods are ready.
    pub(super) fn ready(&self) -> usize {
        self.pods.iter().filter(|pod| pod.ready).count()
    }

    /// How many were ended since they were taken for dead.
    pub(super) fn killed(&self) -> usize {
        self.pods.iter().map(|pod| pod.killed).sum()
    }

    /// How often each was started again.
    pub(super) fn restarts(&self) -> Vec<usize> {
        self.pods.iter().map(|pod| pod.restarts).collect()
    }

    /// Sends a signal to all processes of a pod.
    pub(super) fn signal_all(&self, ordinal: usize, name: &str) {
        self.pods[ordinal].signal_all(name);
    }

    /// What a pod's metrics tell.
    pub(super) fn metric(&self, ordinal: usize, name: &str) -> f64 {
        let address = self.addresses.replace("{}", &ordinal.to_string());
        let at = format!("{address}:{}", self.set.readiness.port);
        let answer = ask(&at, "/metrics", Duration::from_secs(5));
        let text = answer.map(|(_, text)| text).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |number| number.parse().unwrap())
    }

    /// Ends all as the manifest says; their codes.
    pub(super) fn stop(&mut self, grace: Duration) -> Vec<i32> {
        for ordinal in 0..self.pods.len() {
            signal(self.pods[ordinal].container.as_ref().unwrap().id(), "-TERM");
        }
        let until = now() + grace;
        let code = |pod: &mut Pod| {
            let container = pod.container.as_mut().unwrap();
            while now() < until {
                if let Some(status) = container.try_wait().unwrap() {
                    return status.code().unwrap_or(-1);
                }
                sleep(NAP);
            }
            -2
        };
        self.pods.iter_mut().map(code).collect()
    }

    /// What all have said.
    pub(super) fn all(&self) -> String {
        let said = |pod: &Pod| fs::read_to_string(&pod.said).unwrap_or_default();
        let all = self.pods.iter().enumerate();
        all.map(|(ordinal, pod)| format!("-- pod {ordinal}\n{}", said(pod))).collect()
    }
}

impl Pod {
    /// Ends it, and all that is in it.
    fn end(&mut self) {
        self.signal_all("-KILL");
        if let Some(mut container) = self.container.take() {
            let _ = container.wait();
        }
    }

    fn signal_all(&self, name: &str) {
        let Some(container) = &self.container else { return };
        let pid = container.id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let children = children.unwrap_or_default();
        let children = children.split_whitespace().filter_map(|child| child.parse().ok());
        // The first process last: the others end with it.
        children.chain([pid]).for_each(|pid| signal(pid, name));
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test waits for other programs, though not for ever"
)]
fn now() -> Instant {
    Instant::now()
}

impl Asked {
    /// Asks if it is time: whether it went well.
    fn ask(&mut self, probe: &Probe, address: &str) -> Option<bool> {
        if self.at.is_some_and(|at| at.elapsed() < probe.period) {
            return None;
        }
        self.at = Some(now());
        let answer = ask(&format!("{address}:{}", probe.port), &probe.path, probe.timeout);
        let well = answer.is_some_and(|(code, _)| (200..400).contains(&code));
        self.failures = if well { 0 } else { self.failures + 1 };
        Some(well)
    }
}
