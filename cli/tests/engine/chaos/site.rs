//! Where it happens: three processes, a broker and a store, each on a machine of its own where machines can be made.

use std::fs;
use std::path::Path;
use std::process::Command;

use quorate_broker::{Broker, Machine, Real, Topic};
use quorate_s3::{BUCKET, Plan, Server};
use tempfile::TempDir;

use super::feed::{FILE, Feed, TICKS, VOTES};
use super::plan::{Means, SILENCE};
use super::progress::{Log, Reached};
use crate::cluster::crew::{Member, addresses, signal, wait_for};
use crate::cluster::machines::Cables;
use crate::job::{Job, generate, quorate};
use crate::published::Published;

pub(super) const PROCESSES: usize = 3;

/// The broker's machine, and the one of the store and of whoever watches.
pub(super) const BROKER: usize = 3;
pub(super) const STORE: usize = 4;
pub(super) const MACHINES: usize = 5;

/// The job's name among others, and its folder in the bucket.
const NAME: &str = "chaos";

/// Many small commits.
const CUT: (&str, &str) = ("every = \"5s\"", "every = \"300ms\"\nepoch = \"20ms\"");

/// A job in trouble, and all that it stands on.
pub(super) struct Site {
    pub(super) cables: Option<Cables>,
    /// None: librdkafka's own, which nothing can happen to.
    pub(super) broker: Option<Real>,
    pub(super) store: Option<Server>,
    pub(super) members: Vec<Member>,
    pub(super) feed: Feed,
    pub(super) log: Log,
    /// Told to topics where those can be read as committed.
    published: Option<Published>,
    job: Job,
    hosts: Vec<String>,
    /// How often a process was started by hand.
    starts: usize,
    /// Rows of files that are read once, at the start.
    rows_at_start: u64,
    folder: TempDir,
}

impl Drop for Site {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.folder.disable_cleanup(true);
            println!("everything is kept in {}", self.folder.path().display());
        }
    }
}

/// The fleet's job with votes and ticks in topics and votes in a file beside them, all that grows followed or read to its
/// end.
fn job(folder: &Path, store: &str, broker: &str, growing: Growing) -> String {
    let follow = match growing {
        Growing::Followed => "follow = true",
        Growing::Bounded => "follow = false",
    };
    let votes = format!(
        "[[source.votes]]\nkafka = {{ topic = \"votes\" }}\n{follow}\n[[source.votes]]\nfiles = \"{FILE}\"\n{follow}"
    );
    let ticks = format!("kafka = {{ topic = \"ticks\" }}\n{follow}");
    let changes = [
        ("./quorate-data", store),
        ("[source.votes]\nfiles = \"votes.jsonl\"", &votes),
        ("files = \"ticks.jsonl\"", &ticks),
        // Where a partition is idle results depend on when its rows came.
        ("lateness = \"10s\"", "lateness = \"10s\"\nidle_after = \"off\""),
        CUT,
    ];
    let mut job = fs::read_to_string(folder.join("job.toml")).unwrap();
    for (from, to) in changes {
        assert!(job.contains(from), "{job} has no {from:?}");
        job = job.replace(from, to);
    }
    job.push_str(&format!("\n[kafka]\nbrokers = \"{broker}\"\n"));
    job
}

fn address(broker: Option<&Real>) -> String {
    let address = broker.map(|real| real.fact("KAFKA_PLAINTEXT"));
    address.unwrap_or_else(|| Broker::shared().address()).to_owned()
}

#[derive(Clone, Copy, Debug)]
enum Growing {
    Followed,
    Bounded,
}

impl Site {
    /// Everything but the processes. `tasks` is how many rows there are, a dozen for each.
    pub(super) fn prepare(
        cables: Option<Cables>,
        real_broker: bool,
        tasks: usize,
        seed: u64,
    ) -> Site {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let (tasks, ticks, seed) = (tasks.to_string(), (tasks / 10).to_string(), seed.to_string());
        let fleet = ["--tasks", &tasks, "--ticks-per-agent", &ticks, "--seed", &seed];
        let more = ["--agents", "20", "--orders", "8", "--bad-rows-share", "0.005"];
        generate(path, &[&fleet[..], &more].concat());
        let machine = cables.as_ref().map_or_else(Machine::default, |cables| Machine {
            enter: cables.enter(BROKER),
            address: Cables::address(BROKER),
        });
        let broker = real_broker.then(|| Real::own_on(machine).unwrap());
        let topic = |name: &str, partitions| match &broker {
            Some(real) => real.topic(name, partitions),
            None => Broker::shared().topic(name, partitions),
        };
        let address = address(broker.as_ref());
        let own = if cables.is_some() { Cables::address(STORE) } else { "127.0.0.1".to_owned() };
        let own = format!("{own}:0").parse().unwrap();
        let store = Server::start_at(own, &path.join("s3"), Plan::default()).unwrap();
        let (votes, ticks): (Topic, Topic) = (topic("votes", VOTES), topic("ticks", TICKS));
        let feed = Feed::start(path, &votes, &ticks);
        let in_bucket = format!("s3://{BUCKET}/{NAME}");
        let text = job(path, &in_bucket, &address, Growing::Followed);
        let mut published = broker
            .is_some()
            .then(|| Published::telling(&text, (path, NAME), &address, |name| topic(name, 2)));
        let mut job = Job::written(path, "as-it-was", &text);
        job.environment = store.environment().to_vec();
        if let Some(published) = &mut published {
            published.job.environment = job.environment.clone();
            job.file = published.job.file.clone();
        }
        let rows = |kind: &str| {
            fs::read_to_string(path.join(format!("{kind}.jsonl"))).unwrap().lines().count() as u64
        };
        let rows_at_start = ["agents", "tasks", "gold", "control"].into_iter().map(rows).sum();
        let hosts = match cables.is_some() {
            true => (0..PROCESSES).map(|at| format!("{}:2101", Cables::address(at))).collect(),
            false => addresses(PROCESSES),
        };
        let log = Log::of(path.join("s3").join(BUCKET).join(NAME).join("log"));
        let (members, starts) = (Vec::new(), 0);
        let store = Some(store);
        Site {
            cables,
            broker,
            store,
            members,
            feed,
            log,
            published,
            job,
            hosts,
            starts,
            rows_at_start,
            folder,
        }
    }

    /// What there is to break.
    pub(super) fn means(&self) -> Means {
        let cables = self.cables.is_some();
        let bad_cables = self.cables.as_ref().is_some_and(Cables::can_be_worse);
        Means { cables, bad_cables, real_broker: self.broker.is_some() }
    }

    /// Starts all processes.
    pub(super) fn start(&mut self) {
        self.members = (0..PROCESSES).map(|index| self.member(index)).collect();
    }

    /// Starts one process.
    pub(super) fn member(&mut self, index: usize) -> Member {
        let mut command = match &self.cables {
            Some(cables) => cables.quorate(index),
            None => quorate(&[]),
        };
        let silence = SILENCE.as_secs().to_string();
        Member::told(&mut command, &self.job, &self.hosts, index);
        command.args(["--workers", "1", "--silence", &silence]);
        self.starts += 1;
        Member::of(command, &self.job, index, &format!("{}-", self.starts))
    }

    /// Where the log stands.
    pub(super) fn reached(&self) -> Reached {
        self.log.reached()
    }

    /// All rows that there are for the job.
    pub(super) fn rows(&self) -> u64 {
        self.rows_at_start + self.feed.rows
    }

    /// Waits until `found` is; meanwhile no process may have ended for good.
    pub(super) fn until<T>(
        &mut self,
        what: &str,
        mut found: impl FnMut(&mut Site) -> Option<T>,
    ) -> T {
        wait_for(what, || {
            for member in &mut self.members {
                let ended = member.supervisor.try_wait().unwrap();
                assert!(ended.is_none(), "{ended:?}: it ended for good\n{}", member.complaints());
            }
            found(self)
        })
    }

    /// Asks all to stop, once everything is committed; then a run reads to the end what was followed.
    pub(super) fn finish(&mut self) {
        let (all, job) = (self.rows(), self.job.file.clone());
        let reached = self.until("everything to be committed", |site| {
            let reached = site.reached();
            (reached.rows >= all).then_some(reached)
        });
        assert_eq!(reached.rows, all, "each row is read once");
        for member in &self.members {
            signal(member.supervisor.id(), "-TERM");
        }
        for member in &mut self.members {
            assert_eq!(member.code(), 0, "{}", member.complaints());
        }
        let text = fs::read_to_string(&job).unwrap();
        fs::write(&job, text.replace("follow = true", "follow = false")).unwrap();
        self.job.run(2);
        self.job.verify();
    }

    /// What the processes have told people, all together.
    pub(super) fn complaints(&self) -> String {
        let entries = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let said = entries.filter(|path| path.extension().is_some_and(|end| end == "err"));
        said.map(|path| fs::read_to_string(path).unwrap()).collect()
    }

    /// The job that had all the trouble.
    pub(super) fn job(&self) -> &Job {
        &self.job
    }

    /// Topics hold what the tables hold, each row once.
    pub(super) fn assert_told(&self, how: &str) {
        match &self.published {
            Some(published) => published.assert_told(how),
            None => println!("chaos: without a real Kafka nothing is told to topics"),
        }
    }

    /// The same rows, read by one process that nothing happens to.
    pub(super) fn uninterrupted(&self) -> Job {
        let path = self.folder.path();
        let address = address(self.broker.as_ref());
        let text = job(path, "./store-uninterrupted", &address, Growing::Bounded);
        let job = Job::written(path, "uninterrupted", &text);
        job.run(2);
        job
    }

    /// What the store serves.
    pub(super) fn bucket(&self) -> std::path::PathBuf {
        self.folder.path().join("s3")
    }

    /// A command for the script that pulls cables.
    pub(super) fn cable(&self, what: &str, machine: usize, more: &[&str]) {
        let cables = self.cables.as_ref().expect("a plan for machines with cables");
        let machine = machine.to_string();
        let (code, said) = cables.ask(what, &[&[machine.as_str()], more].concat());
        assert_eq!(code, Some(0), "{what} {machine}: {said}");
    }
}

/// This program again, on the machine of the store.
pub(super) fn on_the_stores_machine(cables: &Cables) -> Command {
    let program = std::env::current_exe().unwrap();
    cables.command(STORE, &program)
}
