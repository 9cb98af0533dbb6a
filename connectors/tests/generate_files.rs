//! What a fleet's folder holds: bytes that never change, rows that are labelled, a job that names its files.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use quorate_connectors::error::Error;
use quorate_connectors::generate::{Compression, Fleet, Mix, Style, Written, write_fleet};
use sha2::{Digest, Sha256};

/// The files of a fleet by name, decompressed.
type Files = BTreeMap<String, Vec<u8>>;

fn written(fleet: &Fleet) -> (Written, Files) {
    let folder = tempfile::tempdir().unwrap();
    let written = write_fleet(fleet, folder.path(), &mut |_| {}).unwrap();
    (written, files(folder.path()))
}

fn files(folder: &Path) -> Files {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let file = fs::File::open(&path).unwrap();
            let mut bytes = Vec::new();
            let mut reader: Box<dyn Read> = match path.extension().unwrap().to_str().unwrap() {
                "gz" => Box::new(flate2::read::GzDecoder::new(file)),
                "zst" => Box::new(zstd::Decoder::new(file).unwrap()),
                _ => Box::new(file),
            };
            reader.read_to_end(&mut bytes).unwrap();
            (name, bytes)
        })
        .collect()
}

fn rows_of(files: &Files, name: &str) -> usize {
    files.get(name).map_or(0, |bytes| bytes.iter().filter(|byte| **byte == b'\n').count())
}

/// A small fleet with everything in it.
fn everything(style: Style) -> Fleet {
    Fleet {
        tasks: 300,
        agents: 40,
        bad_rows_share: 0.02,
        late_share: 0.02,
        versions: 2,
        stake_max: 1_000,
        ticks_per_agent: 20,
        style,
        ..Fleet::default()
    }
}

/// SHA-256 of each file; a change here changes every fleet that anybody made before.
fn check_golden(style: Style, golden: &str) {
    let (_, files) = written(&everything(style));
    let rows = files.iter().filter(|(name, _)| name.ends_with(".jsonl"));
    let digests = rows.map(|(name, bytes)| {
        let digest: String =
            Sha256::digest(bytes)[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{digest} {name}\n")
    });
    assert_eq!(digests.collect::<String>(), golden, "{style:?}");
}

#[test]
fn the_bytes_of_a_seed_never_change() {
    check_golden(Style::Full, include_str!("golden/generate_full.sha256"));
    check_golden(Style::Compact, include_str!("golden/generate_compact.sha256"));
}

#[test]
fn another_seed_changes_every_file_of_rows() {
    let fleet = everything(Style::Full);
    let (same, other) = (written(&fleet), written(&Fleet { seed: 2, ..fleet.clone() }));
    assert_eq!(written(&fleet).1, same.1);
    for (name, bytes) in same.1.iter().filter(|(name, _)| name.ends_with(".jsonl")) {
        assert_ne!(bytes, &other.1[name], "{name}");
    }
}

#[test]
fn compression_changes_nothing_but_the_names() {
    let fleet = everything(Style::Full);
    let (_, plain) = written(&fleet);
    for compression in [Compression::Gz, Compression::Zst] {
        let (_, packed) = written(&Fleet { compression, ..fleet.clone() });
        for (name, bytes) in plain.iter().filter(|(name, _)| name.ends_with(".jsonl")) {
            assert!(bytes == &packed[&format!("{name}{}", compression.suffix())], "{name}");
        }
        assert_eq!(plain.len(), packed.len());
    }
}

#[test]
fn every_row_says_that_it_is_synthetic() {
    for (style, label) in [
        (Style::Full, &["{\"synthetic\":true,"][..]),
        (Style::Compact, &["\"task_id\":\"syn-", "\"agent_id\":\"syn-"]),
    ] {
        // A damaged line may lack the id, so it keeps the label only in the full style.
        let bad_rows_share = if style == Style::Full { 0.1 } else { 0.0 };
        let (_, files) = written(&Fleet { bad_rows_share, ..everything(style) });
        for (name, bytes) in files.iter().filter(|(name, _)| name.ends_with(".jsonl")) {
            let text = String::from_utf8_lossy(bytes);
            let unlabelled =
                text.lines().find(|line| !label.iter().any(|label| line.contains(label)));
            assert_eq!(unlabelled, None, "{name}");
        }
        assert!(String::from_utf8_lossy(&files["README.txt"]).starts_with("SYNTHETIC"));
    }
}

#[test]
fn what_is_said_to_be_written_stands_in_the_files() {
    let fleet = everything(Style::Full);
    let folder = tempfile::tempdir().unwrap();
    let mut told = Vec::new();
    let written = write_fleet(&fleet, folder.path(), &mut |rows| told.push(rows)).unwrap();
    let files = files(folder.path());
    let rows = |name| rows_of(&files, name) as u64;
    assert_eq!(written.agents, rows("agents.jsonl"));
    assert_eq!((written.tasks, written.tasks), (rows("tasks.jsonl"), rows("truth.jsonl")));
    assert_eq!((written.votes, written.gold), (rows("votes.jsonl"), rows("gold.jsonl")));
    assert_eq!((written.ticks, written.control), (rows("ticks.jsonl"), rows("control.jsonl")));
    let jsonl = files.iter().filter(|(name, _)| name.ends_with(".jsonl"));
    let bytes: usize = jsonl.clone().map(|(_, bytes)| bytes.len()).sum();
    let total: u64 = jsonl.map(|(name, _)| rows(name)).sum();
    assert_eq!(written.bytes, bytes as u64);
    assert_eq!(told.last(), Some(&total));
    for count in [written.duplicates, written.changed, written.late, written.equivocations] {
        assert!(count > 0, "{written:?}");
    }
    let is_vote = |line: &&[u8]| {
        // What is no JSON becomes null, which has none of these.
        let row = serde_json::from_slice::<serde_json::Value>(line).unwrap_or_default();
        let time = row["event_time"].as_str().is_some_and(|time| time.starts_with("2026-"));
        let task = row["task_id"].as_str().is_some_and(|id| id.len() < 256);
        let choice = row["choice"].is_string() || row["choice"].is_null();
        time && task && choice && row["agent_id"].is_string()
    };
    let lines = files["votes.jsonl"].split(|byte| *byte == b'\n');
    let good = lines.filter(is_vote).count() as u64;
    assert_eq!(good, written.votes - written.bad_rows);
}

#[test]
fn progress_is_told_as_it_happens_and_about_as_far_as_expected() {
    let fleet = Fleet { tasks: 30_000, ..Fleet::default() };
    let folder = tempfile::tempdir().unwrap();
    let mut told = Vec::new();
    write_fleet(&fleet, folder.path(), &mut |rows| told.push(rows)).unwrap();
    assert!(told.len() > 3 && told.is_sorted(), "{told:?}");
    let (total, expected) = (told[told.len() - 1] as f64, fleet.rows_expected() as f64);
    assert!((total / expected - 1.0).abs() < 0.03, "{total} of {expected}");
}

#[test]
fn nothing_is_written_over() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("job.toml"), "mine").unwrap();
    let error = write_fleet(&Fleet::default(), folder.path(), &mut |_| {}).unwrap_err();
    assert!(matches!(error, Error::Occupied { .. }), "{error}");
    assert_eq!(files(folder.path()).len(), 1);
    let file = folder.path().join("job.toml");
    let error = write_fleet(&Fleet::default(), &file, &mut |_| {}).unwrap_err();
    assert!(
        matches!(error, Error::Generate { .. }) && error.to_string().contains("job.toml"),
        "{error}"
    );
}

#[test]
fn a_fleet_that_cannot_be_leaves_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("fleet");
    let fleet = Fleet { mix: Mix { noisy: 2.0, ..Mix::honest() }, ..Fleet::default() };
    assert!(matches!(write_fleet(&fleet, &out, &mut |_| {}), Err(Error::Fleet { .. })));
    assert!(!out.exists());
}

/// The sources in the job are the files in the folder, but for the truth.
fn check_job(fleet: &Fleet, kinds: &[&str]) {
    let (_, files) = written(fleet);
    let text = String::from_utf8(files["job.toml"].clone()).unwrap();
    let job: toml::Table = text.parse().unwrap();
    let sources = job["source"].as_table().unwrap();
    let mut named: Vec<String> = sources
        .iter()
        .map(|(kind, source)| {
            let name = source["files"].as_str().unwrap();
            assert_eq!(name, format!("{kind}.jsonl{}", fleet.compression.suffix()));
            assert_eq!(source.get("map").is_some(), fleet.style == Style::Compact, "{kind}");
            name.to_owned()
        })
        .collect();
    named.sort();
    let suffix = fleet.compression.suffix();
    let ours = |name: &&String| name.contains(".jsonl") && !name.starts_with("truth");
    assert!(files.keys().filter(ours).eq(named.iter()), "{named:?} {:?}", files.keys());
    assert!(kinds.iter().all(|kind| files.contains_key(&format!("{kind}.jsonl{suffix}"))));
    assert_eq!(kinds.len(), named.len());
    assert_eq!(job["consensus"]["method"].as_str(), Some("weighted"));
    // The comments explain each key: a line with one has both.
    for line in text.lines().filter(|line| line.contains(" = ")) {
        assert!(line.contains(" # ") && line.len() <= 110, "{line}");
    }
}

#[test]
fn the_job_names_the_files_that_there_are() {
    let all = ["agents", "control", "gold", "tasks", "ticks", "votes"];
    check_job(&Fleet { tasks: 50, ..Fleet::default() }, &all);
    check_job(&everything(Style::Compact), &all);
    let zst = Fleet { compression: Compression::Zst, ..everything(Style::Compact) };
    check_job(&zst, &all);
    let least =
        Fleet { gold_share: 0.0, ticks_per_agent: 0, orders: 0, tasks: 5, ..Fleet::default() };
    check_job(&least, &["agents", "tasks", "votes"]);
}
