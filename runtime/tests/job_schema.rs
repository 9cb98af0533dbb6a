//! The schema by which editors check job files, held against the reader.
//!
//! After a wanted change: `QUORATE_BLESS=1 cargo test -p quorate-runtime --test job_schema`, then read the diff.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use quorate_runtime::job::{Job, REFERENCE, schema};
use serde_json::Value;

mod checked;

const LEAST: &str = "name = \"j\"\n[source.votes]\nfiles = \"v.jsonl\"\n";

fn described_by_us() -> Value {
    serde_json::from_str(&schema()).unwrap()
}

/// What the schema says against a job file.
fn complaints(schema: &Value, text: &str) -> Vec<String> {
    let table = toml::from_str(text).unwrap_or_else(|error| panic!("{text}\n{error}"));
    checked::complaints(schema, &table)
}

fn jobs_in(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let paths = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let jobs: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    assert!(!jobs.is_empty(), "{} holds no jobs", folder.display());
    jobs
}

/// The job files that a document shows.
fn shown_in(document: &str) -> Vec<String> {
    let blocks = document.split("```toml\n").skip(1);
    let blocks = blocks.filter_map(|block| block.split_once("```")).map(|(block, _)| block);
    blocks.filter(|block| block.contains("[source.")).map(str::to_owned).collect()
}

#[test]
fn the_schema_is_the_one_that_editors_have() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/job/schema.json");
    if bless() {
        fs::write(&path, schema()).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == schema(), "{} is not what the readers say now", path.display());
}

#[expect(clippy::disallowed_methods, reason = "a test's own switch, read at its edge")]
fn bless() -> bool {
    std::env::var_os("QUORATE_BLESS").is_some()
}

#[test]
fn every_job_of_ours_is_what_the_schema_describes() {
    let schema = described_by_us();
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md"));
    let mut jobs = shown_in(&readme.unwrap());
    assert!(!jobs.is_empty(), "the README shows no job");
    jobs.push(REFERENCE.to_owned());
    jobs.extend(
        jobs_in("tests/jobs/doubtful").iter().map(|path| fs::read_to_string(path).unwrap()),
    );
    for job in jobs {
        assert_eq!(complaints(&schema, &job), Vec::<String>::new(), "{job}");
    }
}

/// The tables of a job file, each with a line that opens it, so that a key can be put there.
const TABLES: &[(&str, &str)] = &[
    ("", ""),
    ("source", "[source]"),
    ("source.tasks", "[source.tasks]"),
    ("source.agents", "[source.agents]"),
    ("source.votes", "[source.votes]"),
    ("source.gold", "[source.gold]"),
    ("source.control", "[source.control]"),
    ("source.ticks", "[source.ticks]"),
    ("source.votes.map", "[source.votes.map]"),
    ("source.votes.map.choice", "[source.votes.map.choice]"),
    ("source.votes.map.event_time", "[source.votes.map.event_time]"),
    ("source.tasks.kafka", "[source.tasks.kafka]"),
    ("kafka", "[kafka]"),
    ("kafka.tls", "[kafka.tls]"),
    ("kafka.sasl", "[kafka.sasl]"),
    ("kafka.registry", "[kafka.registry]"),
    ("consensus", "[consensus]"),
    ("consensus.close", "[consensus.close]"),
    ("checkpoint", "[checkpoint]"),
    ("limits", "[limits]"),
    ("outputs", "[outputs]"),
    ("publish", "[publish]"),
    ("publish.kafka", "[publish.kafka]"),
    ("publish.kafka.topics", "[publish.kafka.topics]"),
];

/// The keys that the schema has at `path`.
fn described<'s>(schema: &'s Value, path: &str) -> BTreeSet<&'s str> {
    let mut table = schema;
    for key in path.split('.').filter(|key| !key.is_empty()) {
        let property = &table["properties"][key];
        let forms =
            property["anyOf"].as_array().map_or(std::slice::from_ref(property), Vec::as_slice);
        let name = forms.iter().find_map(|form| form["$ref"].as_str()).unwrap();
        table = &schema["definitions"][name.strip_prefix("#/definitions/").unwrap()];
        assert_eq!(table["additionalProperties"], false, "{path}");
    }
    table["properties"].as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn the_schema_has_the_keys_that_the_reader_knows_and_no_others() {
    let schema = described_by_us();
    for (path, opening) in TABLES {
        let text = format!("{opening}\nqqqqqqqqqqqq = 1\n");
        assert!(
            complaints(&schema, &text).iter().any(|said| said.contains("qqqqqqqqqqqq")),
            "{path}"
        );
        let refused = Job::parse(&text, Path::new("j.toml")).unwrap_err();
        let finding = refused.findings.iter().find(|finding| finding.key.contains("qqqqqqqqqqqq"));
        let remedy = &finding.unwrap().remedy;
        let (_, known) =
            remedy.rsplit_once("known here: ").or(remedy.rsplit_once("fields: ")).unwrap();
        let mut known: BTreeSet<&str> = known.split(", ").collect();
        // What only a time has, and what only some fields can be taken for, is offered by the reader all the same.
        if path.starts_with("source.votes.map.") && !path.ends_with("event_time") {
            known.remove("unit");
        }
        assert_eq!(described(&schema, path), known, "{path}");
    }
    let paths: BTreeSet<&str> = TABLES.iter().map(|(path, _)| *path).collect();
    for name in schema["definitions"].as_object().unwrap().keys() {
        let map = name.split_once(".map");
        assert!(paths.contains(name.as_str()) || map.is_some(), "no test asks for {name}");
    }
}

#[test]
fn what_the_reader_calls_unknown_the_schema_refuses() {
    let (schema, mut checked) = (described_by_us(), 0);
    for path in jobs_in("tests/jobs/bad") {
        // JSON has no whole numbers of more than 64 bits.
        let text = fs::read_to_string(&path).unwrap().replace("99999999999999999999", "9");
        let refused = Job::parse(&text, &path).unwrap_err();
        let unknown =
            |message: &str| message == "unknown key" || message.starts_with("is no field of");
        if refused.findings.iter().any(|finding| unknown(&finding.message)) {
            assert!(!complaints(&schema, &text).is_empty(), "{}", path.display());
            checked += 1;
        }
    }
    assert!(checked >= 4, "{checked}");
}

#[test]
fn slips_are_seen_while_they_are_typed() {
    let schema = described_by_us();
    assert_eq!(complaints(&schema, LEAST), Vec::<String>::new());
    let refused = [
        LEAST.replace("name = \"j\"", ""),
        LEAST.replace("name = \"j\"", "name = \"a b\""),
        LEAST.replace("files", "file"),
        LEAST.replace("\"v.jsonl\"", "[]"),
        LEAST.replace("\"v.jsonl\"", "3"),
        LEAST.replace("\"v.jsonl\"", "\"v.jsonl\"\nformat = \"xml\""),
        LEAST.replace("\"v.jsonl\"", "\"v.jsonl\"\nkafka = \"topic\""),
        LEAST.replace(
            "\"v.jsonl\"",
            "\"v.jsonl\"\nmap = { choice = { field = \"c\", unit = \"ms\" } }",
        ),
        LEAST.replace("\"v.jsonl\"", "\"v.jsonl\"\nmap = { chioce = \"c\" }"),
        "name = \"j\"".to_owned(),
        format!("workers = 0\n{LEAST}"),
        format!("workers = \"4\"\n{LEAST}"),
        format!("{LEAST}[consensus]\nlateness = \"30\""),
        format!("{LEAST}[consensus]\nlateness = 30"),
        format!("{LEAST}[consensus]\nquorum = \"3 of 4\""),
        format!("{LEAST}[consensus]\nquorum = 1.5"),
        format!("{LEAST}[consensus]\nmethod = \"weigthed\""),
        format!("{LEAST}[consensus]\nclose = \"end of input\""),
        format!("{LEAST}[consensus]\nclose = {{ votes = 3 }}"),
        format!("{LEAST}[checkpoint]\nbytes = \"64Mib\""),
        format!("{LEAST}[limits]\nrejects = \"ten\""),
        format!("{LEAST}[publish]\ndelta = \"yes\""),
    ];
    for text in refused {
        assert!(!complaints(&schema, &text).is_empty(), "{text}");
        assert!(Job::parse(&text, Path::new("j.toml")).is_err(), "{text}");
    }
}

#[test]
fn a_key_is_explained_where_it_is_typed() {
    let schema = described_by_us();
    for (path, _) in TABLES.iter().filter(|(path, _)| !path.contains(".map") && *path != "source") {
        for key in described(&schema, path) {
            let table = if path.is_empty() { &schema } else { &schema["definitions"][*path] };
            // A table that is alike another is written under the other's name, and a section explains itself.
            let property = &table["properties"][key];
            let is_told = property["description"].is_string() || property.get("$ref").is_some();
            assert!(table.is_null() || is_told, "{path}.{key} is not explained: {property}");
        }
    }
    let lateness = &schema["definitions"]["consensus"]["properties"]["lateness"];
    assert_eq!(lateness["default"], "30s");
    assert!(lateness["description"].as_str().unwrap().contains("is late"));
}
