//! Work per core: W1's votes from a topic by one worker, by two, and by three processes with a worker each.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, ensure};

use crate::broker::Broker;
use crate::costs::Costs;
use crate::topics;
use crate::w1::{self, Common};

/// Processes and workers of each.
const CLUSTERS: [(usize, usize); 3] = [(1, 1), (1, 2), (3, 1)];

pub(crate) fn run(args: &Common) -> anyhow::Result<()> {
    let Common { binary, folder, millions, runs } = args;
    let (folder, votes) = w1::votes_in(folder, *millions)?;
    let broker = Broker::start(&folder.join("kafka"))?;
    broker.fill(&votes)?;
    let job = folder.join("scale.toml");
    fs::write(&job, topics::job(&broker))?;
    let quorate = binary.path()?;
    let mut all: [Vec<Costs>; 3] = Default::default();
    for _ in 0..*runs.max(&1) {
        for ((processes, workers), costs) in CLUSTERS.into_iter().zip(&mut all) {
            let _ = fs::remove_dir_all(folder.join("store"));
            costs.push(cluster(&quorate, &job, processes, workers)?);
        }
    }
    let lines = *millions as f64 * 1e6;
    println!("W1 from a topic, {millions} million votes, median of {runs}");
    println!(
        "{:<24} {:>9} {:>9} {:>12} {:>12} {:>9}",
        "", "CPU s", "wall s", "votes/CPU s", "votes/s", "peak MB"
    );
    let mut alone = None;
    for ((processes, workers), costs) in CLUSTERS.into_iter().zip(all) {
        let costs = Costs::median(costs).context("it ran")?;
        let rate = lines / costs.cpu_s;
        println!(
            "{:<24} {:>9.2} {:>9.2} {rate:>12.0} {:>12.0} {:>9.0} {:>5.2} of one worker's",
            format!("{processes} x {workers} workers"),
            costs.cpu_s,
            costs.wall_s,
            lines / costs.wall_s,
            costs.peak_bytes as f64 / 1e6,
            rate / *alone.get_or_insert(rate),
        );
    }
    Ok(())
}

/// What all processes of a cluster cost together; the peak of memory is the greatest of one of them.
fn cluster(quorate: &Path, job: &Path, processes: usize, workers: usize) -> anyhow::Result<Costs> {
    let workers = workers.to_string();
    let commands: Vec<Vec<String>> = if processes == 1 {
        vec![["run", &w1::text(job), "--workers", &workers, "--quiet"].map(str::to_owned).into()]
    } else {
        let hosts = free_ports(processes)?;
        let command = |index: usize| {
            let index = index.to_string();
            let job = w1::text(job);
            ["worker", &job, "--workers", &workers, "--quiet", "--hosts", &hosts, "--index", &index]
                .map(str::to_owned)
                .into()
        };
        (0..processes).map(command).collect()
    };
    let began = now();
    let bench = std::env::current_exe()?;
    let start = |command: Vec<String>| -> anyhow::Result<Child> {
        let mut measured = Command::new(&bench);
        measured.args(["costs", "--"]).arg(quorate).args(command).stdout(Stdio::piped());
        Ok(measured.spawn()?)
    };
    let children = commands.into_iter().map(start).collect::<anyhow::Result<Vec<Child>>>()?;
    let mut sum = Costs { cpu_s: 0.0, wall_s: 0.0, peak_bytes: 0 };
    for child in children {
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "a process of the cluster failed: {}", output.status);
        let costs: Costs = serde_json::from_slice(&output.stdout)?;
        sum.cpu_s += costs.cpu_s;
        sum.peak_bytes = sum.peak_bytes.max(costs.peak_bytes);
    }
    sum.wall_s = began.elapsed().as_secs_f64();
    Ok(sum)
}

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn now() -> Instant {
    Instant::now()
}

/// Addresses of this machine that nobody listens on now.
fn free_ports(count: usize) -> anyhow::Result<String> {
    let held: Vec<TcpListener> =
        (0..count).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<std::io::Result<_>>()?;
    let addresses = held.iter().map(|port| Ok(port.local_addr()?.to_string()));
    Ok(addresses.collect::<anyhow::Result<Vec<String>>>()?.join(","))
}
