//! W1 from topics: what a broker costs us, beside the same votes from a file, and beside a consumer that only counts.

use std::fs;

use crate::broker::{Broker, PARTITIONS, TOPIC};
use crate::costs::{self, Costs};
use crate::w1::{self, Common};

/// W1's job over a topic of `broker`.
pub(crate) fn job(broker: &Broker) -> String {
    let topic = format!("kafka = {{ topic = \"{TOPIC}\" }}\nfollow = false");
    let job = w1::JOB.replace("files = \"votes.jsonl\"", &topic);
    format!("{job}\n[kafka]\nbrokers = \"{}\"\n", broker.address)
}

pub(crate) fn run(args: &w1::Args) -> anyhow::Result<()> {
    let w1::Args { common: Common { binary, folder, millions, runs }, workers } = args;
    let (folder, votes) = w1::votes_in(folder, *millions)?;
    let broker = Broker::start(&folder.join("kafka"))?;
    broker.fill(&votes)?;
    let (files, topics) = (folder.join("w1.toml"), folder.join("topics.toml"));
    fs::write(&files, w1::JOB)?;
    fs::write(&topics, job(&broker))?;
    let (bench, quorate) = (std::env::current_exe()?, binary.path()?);
    let (bench, quorate) = (w1::text(&bench), w1::text(&quorate));
    let (files, topics, workers) = (w1::text(&files), w1::text(&topics), workers.to_string());
    let commands: [(&str, Vec<&str>); 3] = [
        ("bare consumer", vec![&bench, "opponent", "consume", &broker.address]),
        ("quorate, a file", vec![&quorate, "run", &files, "--workers", &workers, "--quiet"]),
        ("quorate, a topic", vec![&quorate, "run", &topics, "--workers", &workers, "--quiet"]),
    ];
    let mut all: [Vec<(Costs, f64)>; 3] = Default::default();
    // In turns: the machine's speed varies from minute to minute.
    for _ in 0..*runs.max(&1) {
        for ((_, command), costs) in commands.iter().zip(&mut all) {
            let _ = fs::remove_dir_all(folder.join("store"));
            let before = broker.cpu_s()?;
            let own = costs::of(command)?;
            costs.push((own, broker.cpu_s()? - before));
        }
    }
    let lines = *millions as f64 * 1e6;
    println!(
        "W1 from a topic of {PARTITIONS} partitions, {millions} million votes, {workers} workers, median of {runs}"
    );
    println!(
        "{:<17} {:>9} {:>9} {:>12} {:>12} {:>9} {:>13}",
        "", "CPU s", "wall s", "votes/CPU s", "votes/s", "peak MB", "broker CPU s"
    );
    let mut rates = Vec::new();
    for ((name, _), mut costs) in commands.iter().zip(all) {
        costs.sort_by(|(a, _), (b, _)| a.cpu_s.total_cmp(&b.cpu_s));
        let (costs, broker_s) = costs[costs.len() / 2];
        println!(
            "{name:<17} {:>9.2} {:>9.2} {:>12.0} {:>12.0} {:>9.0} {broker_s:>13.2}",
            costs.cpu_s,
            costs.wall_s,
            lines / costs.cpu_s,
            lines / costs.wall_s,
            costs.peak_bytes as f64 / 1e6
        );
        rates.push(lines / costs.cpu_s);
    }
    println!("a topic against a file, votes per CPU second:          {:.2}", rates[2] / rates[1]);
    println!("a topic against a bare consumer, votes per CPU second: {:.2}", rates[2] / rates[0]);
    Ok(())
}
