//! What a program costs that does less: parsing alone, a tally without any of our guarantees, a consumer that counts.

use std::fs;
use std::path::PathBuf;

use anyhow::ensure;
use hashbrown::HashMap;
use serde::Deserialize;

use crate::broker;

/// Which one, and on what.
#[derive(clap::Args)]
pub(crate) struct Args {
    which: Which,
    /// The votes; of `consume`, the address of a broker that has them
    file: PathBuf,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Which {
    /// Parses every line and adds up what it found
    Parse,
    /// Keeps each agent's last vote on each task in a map, and counts at the end
    Tally,
    /// Takes every message of a topic from a broker, and adds up their lengths
    Consume,
}

#[derive(Deserialize)]
struct Vote<'a> {
    event_time: u64,
    #[serde(borrow)]
    task_id: &'a str,
    #[serde(borrow)]
    agent_id: &'a str,
    #[serde(borrow)]
    choice: &'a str,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    // Files are read whole: one that is read in pieces costs these programs a little more.
    let read = || -> anyhow::Result<Vec<u8>> {
        let bytes = fs::read(&args.file)?;
        ensure!(!bytes.is_empty(), "{} is empty", args.file.display());
        Ok(bytes)
    };
    match args.which {
        Which::Parse => parse(&read()?),
        Which::Tally => tally(&read()?),
        Which::Consume => broker::consume(&args.file.to_string_lossy()),
    }
}

fn each<'a>(bytes: &'a [u8], mut take: impl FnMut(Vote<'a>)) -> anyhow::Result<()> {
    let mut from = 0;
    for end in memchr::memchr_iter(b'\n', bytes) {
        take(sonic_rs::from_slice(&bytes[from..end])?);
        from = end + 1;
    }
    Ok(())
}

fn parse(bytes: &[u8]) -> anyhow::Result<()> {
    let mut sum = 0u64;
    each(bytes, |vote| {
        let lengths = vote.task_id.len() + vote.agent_id.len() + vote.choice.len();
        sum = sum.wrapping_add(vote.event_time + lengths as u64);
    })?;
    println!("{sum}");
    Ok(())
}

fn tally(bytes: &[u8]) -> anyhow::Result<()> {
    let mut agents: HashMap<&str, u32> = HashMap::new();
    let mut tasks: HashMap<&str, Vec<(u32, u64, &str)>> = HashMap::new();
    each(bytes, |vote| {
        let next = agents.len() as u32;
        let agent = *agents.entry(vote.agent_id).or_insert(next);
        let votes = tasks.entry(vote.task_id).or_default();
        match votes.iter_mut().find(|(voter, ..)| *voter == agent) {
            Some(before) if before.1 <= vote.event_time => {
                (before.1, before.2) = (vote.event_time, vote.choice);
            }
            Some(_) => {}
            None => votes.push((agent, vote.event_time, vote.choice)),
        }
    })?;
    let (mut counted, mut decided) = (0, 0u64);
    for votes in tasks.values() {
        let mut counts = [0u32; 256];
        for (_, _, choice) in votes {
            counts[usize::from(choice.as_bytes()[0])] += 1;
        }
        let most = counts.iter().max().copied().unwrap_or_default();
        counted += votes.len();
        decided += u64::from(u64::from(most) * 3 > votes.len() as u64 * 2);
    }
    println!("{} tasks, {counted} votes, {decided} with a quorum", tasks.len());
    Ok(())
}
