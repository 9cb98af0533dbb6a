//! Ticks of real agents: every one is counted once, in whatever order they come.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use crate::job::{Job, assert_alike, text};
use crate::panels::data_folder;

const LATENESS_S: usize = 600;

fn job(folder: &Path, name: &str, files: &str) -> Job {
    let job = format!(
        "name = \"town\"\nstore = \"./store-{name}\"\n\
         [source.ticks]\nfiles = \"{files}\"\n\
         [source.ticks.map]\nevent_time = \"ts\"\ndecision = \"action\"\nrun_id = \"dataset\"\n\
         status = {{ value = \"ok\" }}\nduration_ms = {{ value = 10000 }}\n\
         [consensus]\nlateness = \"{LATENESS_S}s\"\n"
    );
    Job::written(folder, name, &job)
}

#[test]
fn ticks_of_real_agents_are_counted_once_each_in_any_order() {
    let Some(data) = data_folder() else { return };
    let folder = tempfile::tempdir().unwrap();
    let packed = data.join("agents/generative_agents_ticks.jsonl.gz");
    fs::copy(&packed, folder.path().join("in-order.jsonl.gz")).unwrap();
    let plain = Command::new("gzip").arg("-dc").arg(&packed).output().unwrap();
    let plain = text(&plain.stdout);

    let ordered = job(folder.path(), "ordered", "in-order.jsonl.gz");
    ordered.run(2);
    ordered.verify();
    let expected = ordered.tables();
    let sums = "SELECT agent_id, sum(ticks) AS ticks FROM agent_activity GROUP BY agent_id ORDER BY agent_id";
    let counts: Vec<(String, u64)> = ordered
        .query(sums)
        .iter()
        .map(|row| serde_json::from_str::<Value>(row).unwrap())
        .map(|row| (row["agent_id"].as_str().unwrap().to_owned(), row["ticks"].as_u64().unwrap()))
        .collect();
    let agents = ["isabella_rodriguez", "klaus_mueller", "maria_lopez"];
    assert_eq!(counts, agents.map(|agent| (agent.to_owned(), 8_655)));

    for seed in 0..3 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        // Three agents tick every ten seconds: so many lines are half the lateness.
        let reach = LATENESS_S / 10 / 2 * 3;
        let mut lines: Vec<(usize, &str)> = plain
            .lines()
            .enumerate()
            .map(|(at, line)| (at + random.random_range(0..reach), line))
            .collect();
        lines.sort_by_key(|(at, _)| *at);
        let mut files = [String::new(), String::new()];
        for (_, line) in lines {
            writeln!(files[random.random_range(0..2)], "{line}").unwrap();
        }
        for (nr, file) in files.iter().enumerate() {
            fs::write(folder.path().join(format!("mixed-{seed}-{nr}.jsonl")), file).unwrap();
        }
        let mixed = job(folder.path(), &format!("mixed-{seed}"), &format!("mixed-{seed}-*.jsonl"));
        mixed.run(1 + seed as usize);
        mixed.verify();
        assert_alike(&expected, &mixed.tables(), &format!("order {seed}"));
    }
}
