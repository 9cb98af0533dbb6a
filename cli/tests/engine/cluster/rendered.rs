//! What the chart renders starts a cluster: three pods of the built binary, with the arguments, environment and mounts
//! of the StatefulSet, and an orchestrator that goes by its probes.
//!
//! The rendered manifest is kept in the repository, so that no helm is needed here; `scripts/deploy.sh` holds it against
//! what helm renders now. What a machine without Kubernetes cannot give is put in place of what the manifest says, and
//! nothing else: an address for each pod's name, a folder for each mount, `--index` for the number in the pod's host name.

mod manifest;
mod orchestrator;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use quorate_s3::{BUCKET, Plan, Server};

use super::crew::SECRET;
use crate::job::{Job, generate};
use manifest::{Mounted, StatefulSet};
use orchestrator::Orchestrator;

/// Many small commits, of files that are followed.
const CHANGES: [(&str, &str); 2] = [
    ("every = \"5s\"", "every = \"100ms\"\nepoch = \"5ms\""),
    ("files = \"", "follow = true\nfiles = \"FOLDER/"),
];

/// A job as a chart would have it: in a bucket, with whole paths.
fn job(folder: &Path, server: &Server) -> Job {
    fs::create_dir(folder).unwrap();
    generate(folder, &["--tasks", "300", "--agents", "20", "--seed", "31", "--orders", "8"]);
    let job = Job::in_s3(folder, "rendered", &CHANGES, server);
    let text = fs::read_to_string(&job.file).unwrap();
    fs::write(&job.file, text.replace("FOLDER", folder.to_str().unwrap())).unwrap();
    job
}

fn rows_of(folder: &Path) -> usize {
    let count = |name: &str| {
        let text = fs::read_to_string(folder.join(format!("{name}.jsonl"))).unwrap_or_default();
        text.lines().count()
    };
    ["agents", "tasks", "votes", "gold", "ticks", "control", "responses"].map(count).iter().sum()
}

#[test]
fn the_rendered_stateful_set_starts_a_cluster_that_its_probes_find_well() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("s3"), Plan::parse("").unwrap()).unwrap();
    let fleet = folder.path().join("fleet");
    let job = job(&fleet, &server);
    // Half of the votes are there from the beginning.
    let votes = fleet.join("votes.jsonl");
    let all = fs::read(&votes).unwrap();
    let half = all[..all.len() / 2].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    fs::write(&votes, &all[..half]).unwrap();

    let set = StatefulSet::read();
    assert_eq!(set.replicas, 3);
    let environment = server.environment();
    let mounted = Mounted {
        folder: folder.path(),
        job: &fs::read_to_string(&job.file).unwrap(),
        secrets: &[
            ("panel-cluster", &[("secret", SECRET.to_owned())]),
            ("panel-store", &environment),
        ],
    };
    let mut pods = Orchestrator::new(&set, &mounted);
    // Of three that are wanted two are scheduled: they are alive, and none is ready.
    pods.start(0);
    pods.start(1);
    pods.pass(set.readiness.period * 3);
    assert_eq!((pods.ready(), pods.killed()), (0, 0), "{}", pods.all());
    pods.start(2);
    pods.wait("all to be ready", |pods| pods.ready() == 3);
    pods.wait("commits", |pods| pods.metric(0, "quorate_commits_total") >= 2.0);

    // A machine goes: its pod is started anew, and no other is taken for dead meanwhile.
    pods.signal_all(1, "-KILL");
    pods.wait("a pod to be unready", |pods| pods.ready() < 3);
    pods.wait("all to be ready again", |pods| pods.ready() == 3);
    assert_eq!((pods.restarts(), pods.killed()), ([0, 1, 0].to_vec(), 0), "{}", pods.all());
    assert!(pods.all().contains("starting again"), "{}", pods.all());

    let mut file = fs::OpenOptions::new().append(true).open(&votes).unwrap();
    file.write_all(&all[half..]).unwrap();
    let rows = rows_of(&fleet);
    assert!(rows > 1_000, "{rows}");
    let accounted = || {
        let answer = job.query("SELECT sum(rows_in) AS n FROM conservation");
        answer == [format!("{{\"n\":{rows}}}")]
    };
    pods.wait("every row to be committed", |_| accounted());
    assert_eq!((pods.ready(), pods.killed()), (3, 0), "{}", pods.all());

    // The end that the manifest asks for, within the time that it gives.
    let codes = pods.stop(Duration::from_secs(set.grace_seconds));
    assert_eq!(codes, [0, 0, 0], "{}", pods.all());
    job.verify();
    let stored = folder.path().join("s3").join(BUCKET).join("rendered/log");
    assert!(fs::read_dir(stored).unwrap().count() > 3);
}

/// An orchestrator that goes by these probes ends what hangs, and nothing else.
#[test]
fn a_pod_that_is_halted_is_found_by_its_liveness_probe() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("s3"), Plan::parse("").unwrap()).unwrap();
    let fleet = folder.path().join("fleet");
    let job = job(&fleet, &server);
    let mut set = StatefulSet::read();
    // As they are, but a tenth of the time apart.
    for probe in [&mut set.liveness, &mut set.readiness] {
        probe.period /= 10;
        probe.timeout /= 10;
    }
    let environment = server.environment();
    let mounted = Mounted {
        folder: folder.path(),
        job: &fs::read_to_string(&job.file).unwrap(),
        secrets: &[
            ("panel-cluster", &[("secret", SECRET.to_owned())]),
            ("panel-store", &environment),
        ],
    };
    let mut pods = Orchestrator::new(&set, &mounted);
    (0..3).for_each(|ordinal| pods.start(ordinal));
    pods.wait("all to be ready", |pods| pods.ready() == 3);
    // All of the pod: nobody in it is left who could end it.
    pods.signal_all(2, "-STOP");
    pods.wait("its pod to be ended", |pods| pods.killed() == 1);
    pods.wait("all to be ready again", |pods| pods.ready() == 3);
    assert_eq!(pods.restarts(), [0, 0, 1], "{}", pods.all());
    assert_eq!(pods.stop(Duration::from_secs(set.grace_seconds)), [0, 0, 0], "{}", pods.all());
    job.verify();
}
