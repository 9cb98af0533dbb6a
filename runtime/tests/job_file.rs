//! What a job file resolves to, what its fingerprint depends on, and that no text can break the reader.

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use proptest::prelude::*;
use quorate_connectors::decode::{Cast, Decoder, FieldSource};
use quorate_operators::policy::{Close, Method, Policy, QuorumOf, StakeRule};
use quorate_runtime::job::{
    Format, Input, Job, Loaded, REFERENCE, RejectLimit, Source, schema as job_schema,
};
use quorate_schemas::id::IdKey;
use quorate_schemas::ratio::Ratio;
use quorate_schemas::record::RecordKind;
use quorate_schemas::time::{LATEST, SECOND, TimeUnit};

mod checked;

const LEAST: &str =
    "name = \"j\"\n[source.votes]\nfiles = \"v.jsonl\"\n[source.gold]\nfiles = \"g.jsonl\"\n";

fn load(text: &str) -> Loaded {
    Job::parse(text, Path::new("jobs/j.toml")).unwrap_or_else(|refused| panic!("{text}\n{refused}"))
}

fn job(text: &str) -> Job {
    load(text).job
}

#[test]
fn what_is_left_out_has_the_default_that_the_reference_states() {
    let Loaded { job: reference, warnings } = load(REFERENCE);
    assert_eq!(warnings, []);
    let least = job(LEAST);
    assert_eq!(least.policy, reference.policy);
    assert_eq!((least.lateness, least.idle_after), (reference.lateness, reference.idle_after));
    assert_eq!(least.checkpoint, reference.checkpoint);
    assert_eq!(least.limits, reference.limits);
    assert_eq!(least.publish, reference.publish);
    assert_eq!((least.store, least.workers), (reference.store, reference.workers));
    assert_eq!(least.policy, Policy { updates: false, registered: false, ..Policy::default() });
}

#[test]
fn the_reference_shows_every_key() {
    // Whatever it does not show would be unknown to readers: each section is asked for its keys by a wrong one.
    let sections = [
        "",
        "source",
        "source.votes",
        "source.ticks.kafka",
        "kafka",
        "kafka.tls",
        "kafka.sasl",
        "kafka.registry",
        "consensus",
        "consensus.close",
        "checkpoint",
        "limits",
        "outputs",
        "publish",
        "publish.kafka",
        "publish.kafka.topics",
    ];
    for section in sections {
        let text = if section.is_empty() {
            "qqqqqqqqqqqq = 1".to_owned()
        } else {
            format!("[{section}]\nqqqqqqqqqqqq = 1")
        };
        let refused = Job::parse(&text, Path::new("j.toml")).unwrap_err();
        let unknown =
            refused.findings.iter().find(|finding| finding.message == "unknown key").unwrap();
        let keys = unknown
            .remedy
            .strip_prefix("known here: ")
            .unwrap_or_else(|| panic!("{}", unknown.remedy));
        for key in keys.split(", ") {
            let full = if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") };
            let shown = |line: &str| {
                let line = line.trim_start_matches("# ");
                line.starts_with(&format!("{key} = ")) || line.starts_with(&format!("[{full}"))
            };
            assert!(
                REFERENCE.lines().any(shown) || section == "source",
                "{full} is not in the reference"
            );
        }
    }
}

#[test]
fn every_key_is_read() {
    let job = job(r#"
name = "panel-1"
store = "s3://bucket/prefix"
workers = 0x4
[[source.votes]]
files = ["a/*.jsonl", "b.jsonl.gz"]
map = { task_id = "q.id", choice = "answers.0", event_time = { field = "at", unit = "ms" }, version = { value = 3 } }
[[source.votes]]
files = "/var/log/votes.jsonl"
follow = true
name = "live"
[[source.votes]]
files = "c.csv"
format = "csv"
delimiter = "\t"
map = { choice = "How. many..", task_id = { field = "n", as = "text" } }
[source.agents]
files = "agents.jsonl"
[consensus]
method = "majority"
quorum = 0.75
close = { after = "1m30s", votes = 40, quorum = true }
lateness = "0s"
idle_after = "off"
era = "1d"
finality_after = "5s"
forget_after = "2h"
stake = "linear"
min_votes = 3
unknown_agents = "reject"
[checkpoint]
every = "20ms"
bytes = "1GiB"
[limits]
line_bytes = "1KiB"
votes_per_task = 1_000
votes_per_agent_and_task = 2
future_skew = "off"
rejects = 5
[outputs]
decision_updates = true
[publish]
delta = false
every = "0s"
merge_files = 2
merge_bytes = "1MiB"
keep_removed = "30d"
"#);
    assert_eq!(
        (job.name.as_str(), job.store.as_str(), job.workers),
        ("panel-1", "s3://bucket/prefix", Some(4))
    );
    let names: Vec<&str> =
        job.sources_of(RecordKind::Vote).map(|source| source.name.as_str()).collect();
    assert_eq!(names, ["votes", "live", "votes-3"]);
    let votes = job.sources.iter().find(|source| source.name == "votes").unwrap();
    assert_eq!(
        (&votes.input, votes.format, votes.follow),
        (&Input::Files(vec!["a/*.jsonl".into(), "b.jsonl.gz".into()]), Format::Json, false)
    );
    assert_eq!(votes.map.fields["choice"], FieldSource::path("answers.0"));
    assert_eq!(votes.map.fields["event_time"], FieldSource::time("at", TimeUnit::Ms));
    assert_eq!(votes.map.fields["version"], FieldSource::constant(3));
    assert_eq!(votes.files(&[], &job.folder).base, Path::new("jobs"));
    assert!(job.sources.iter().any(|source| source.name == "live" && source.follow));
    let cells = job.sources.iter().find(|source| source.name == "votes-3").unwrap();
    assert_eq!(cells.format, Format::Csv { delimiter: b'\t' });
    assert_eq!(cells.map.fields["choice"], FieldSource::path("How. many.."));
    assert_eq!(cells.map.fields["task_id"], FieldSource::cast("n", Cast::Text));
    let policy = job.policy;
    assert_eq!(
        (policy.method, policy.stake, policy.registered),
        (Method::Majority, StakeRule::Linear, true)
    );
    assert_eq!(
        (policy.quorum, policy.min_votes, policy.updates),
        (Ratio::new(3, 4).unwrap(), 3, true)
    );
    assert_eq!(policy.close, Close { after: Some(90 * SECOND), votes: Some(40), quorum: true });
    assert_eq!((policy.eras.start_of(1), job.lateness), (86_400 * SECOND, 0));
    assert_eq!(job.idle_after, None);
    assert_eq!((policy.finality_after, policy.forget_after), (5 * SECOND, 7_200 * SECOND));
    assert_eq!((policy.caps.votes_per_task, policy.caps.votes_per_agent_and_task), (1_000, 2));
    // A checkpoint shorter than the usual epoch makes the epoch shorter.
    assert_eq!(job.checkpoint.epoch, Duration::from_millis(20));
    assert_eq!((job.checkpoint.every, job.checkpoint.bytes), (Duration::from_millis(20), 1 << 30));
    assert_eq!((job.limits.rows.line_bytes_max, job.limits.rows.reject_bytes_max), (1_024, 1_024));
    assert!(job.limits.rows.future_skew_us > LATEST && job.limits.rejects == RejectLimit::Rows(5));
    assert!(!job.publish.delta && job.publish.every.is_zero() && job.publish.merge_files == 2);
}

#[test]
fn where_stake_is_at_risk_less_than_a_third_of_it_neither_decides_nor_blocks() {
    let agents = "[source.agents]\nfiles = \"a.jsonl\"\n";
    let policy = job(&format!("{LEAST}{agents}[consensus]\nstake = \"linear\"")).policy;
    assert_eq!((policy.cap, policy.quorum_of), (Some(Ratio::ONE_THIRD), QuorumOf::Eligible));
    let policy = job(&format!(
        "{LEAST}{agents}[consensus]\nstake = \"linear\"\ncap = \"off\"\nquorum_of = \"votes\""
    ))
    .policy;
    assert_eq!((policy.cap, policy.quorum_of), (None, QuorumOf::Votes));
    let policy = job(&format!("{LEAST}{agents}")).policy;
    assert_eq!((policy.cap, policy.quorum_of), (None, QuorumOf::Votes));
}

#[test]
fn paths_are_relative_to_the_job_file() {
    let at = |path: &str| Job::parse(LEAST, Path::new(path)).unwrap().job;
    assert_eq!(at("jobs/j.toml").folder, Path::new("jobs"));
    assert_eq!(at("jobs/j.toml").store, "jobs/quorate-data");
    assert_eq!(
        (at("j.toml").folder.as_path(), at("j.toml").store.as_str()),
        (Path::new("."), "quorate-data")
    );
    assert_eq!(at("/srv/j.toml").folder, Path::new("/srv"));
    let elsewhere = LEAST.replace("[source.votes]", "store = \"/srv/tables\"\n[source.votes]");
    assert_eq!(job(&elsewhere).store, "/srv/tables");
    let here = LEAST.replace("[source.votes]", "store = \".\"\n[source.votes]");
    assert_eq!(Job::parse(&here, Path::new("j.toml")).unwrap().job.store, ".");
}

#[test]
fn the_fingerprint_changes_exactly_when_results_may() {
    let base = job(LEAST);
    let consensus = |line: &str| job(&format!("{LEAST}[consensus]\n{line}"));
    let limits = |line: &str| job(&format!("{LEAST}[limits]\n{line}"));
    let votes = |line: &str| {
        job(&LEAST.replace("files = \"v.jsonl\"", &format!("files = \"v.jsonl\"\n{line}")))
    };
    let other = [
        consensus("method = \"majority\""),
        consensus("quorum = \"3/4\""),
        consensus("quorum_of = \"eligible\""),
        consensus("close = \"end-of-input\""),
        consensus("close = { after = \"11m\" }"),
        consensus("close = { after = \"10m\", votes = 5 }"),
        consensus("close = { after = \"10m\", quorum = true }"),
        consensus("lateness = \"31s\""),
        consensus("era = \"2h\""),
        consensus("finality_after = \"11m\""),
        consensus("forget_after = \"2h\""),
        consensus("cap = \"1/2\""),
        consensus("min_votes = 2"),
        limits("line_bytes = \"1MiB\""),
        limits("reject_bytes = \"1KiB\""),
        limits("votes_per_task = 10"),
        limits("votes_per_agent_and_task = 10"),
        votes("name = \"ballots\""),
        votes("format = \"csv\""),
        votes("format = \"csv\"\ndelimiter = \";\""),
        votes("map = { choice = { field = \"choice\", as = \"text\" } }"),
        votes("map = { choice = { field = \"choice\", as = \"number\" } }"),
        votes("map = { event_time = { field = \"at\", as = \"number\" } }"),
        votes("map = { event_time = { field = \"at\", unit = \"ms\", as = \"number\" } }"),
        votes("map = { choice = \"answer\" }"),
        votes("map = { choice = { value = \"answer\" } }"),
        votes("map = { event_time = \"at\" }"),
        votes("map = { event_time = { field = \"at\", unit = \"s\" } }"),
        job(&LEAST.replace("\"j\"", "\"k\"")),
        job(&format!("{LEAST}[source.agents]\nfiles = \"a.jsonl\"")),
    ];
    let mut seen = vec![base.fingerprint()];
    for other in other {
        let fingerprint = other.fingerprint();
        assert!(!seen.contains(&fingerprint), "{}", other.canonical());
        seen.push(fingerprint);
    }
    let equal = [
        Job::parse(LEAST, Path::new("/elsewhere/other.toml")).unwrap().job,
        job(&format!("store = \"/srv\"\nworkers = 3\n{LEAST}")),
        job(&format!("{LEAST}[checkpoint]\nevery = \"1s\"\nepoch = \"20ms\"\nbytes = \"1MiB\"")),
        job(&format!("{LEAST}[publish]\ndelta = false\n[outputs]\ndecision_updates = true")),
        limits("rejects = \"off\"\nfuture_skew = \"1h\""),
        consensus("idle_after = \"5s\""),
        votes("follow = true"),
        votes("format = \"json\"\nname = \"votes\""),
        votes("map = {}"),
        consensus("method = \"weighted\"\nquorum = \"4/6\""),
        job(&LEAST.replace("\"v.jsonl\"", "[\"more/*.jsonl\", \"v.jsonl.zst\"]")),
    ];
    for equal in equal {
        assert_eq!(equal.canonical(), base.canonical());
    }
}

#[test]
fn the_fingerprint_of_today_is_the_one_of_tomorrow() {
    // A log refuses a job with another fingerprint: this text changes only together with a way to upgrade.
    let job = job(&format!(
        "{LEAST}map = {{ task_id = \"a.b\", event_time = {{ field = \"at\", unit = \"ms\" }} }}"
    ));
    assert_eq!(job.canonical(), include_str!("jobs/canonical.txt"));
}

/// Lines that stand in job files, some of them wrong, to be put together at random.
fn line() -> impl Strategy<Value = String> {
    let keys = prop::sample::select(vec![
        "name",
        "store",
        "workers",
        "files",
        "follow",
        "format",
        "delimiter",
        "map",
        "method",
        "quorum",
        "close",
        "cap",
        "era",
        "every",
        "epoch",
        "bytes",
        "rejects",
        "future_skew",
        "delta",
        "merge_files",
        "after",
        "votes",
        "x",
    ]);
    let values = prop_oneof![
        prop::sample::select(vec![
            "\"j\"",
            "\"1h\"",
            "\"2/3\"",
            "\"off\"",
            "\"10%\"",
            "\"weighted\"",
            "true",
            "0",
            "-1",
            "1e999",
            "nan",
            "[]",
            "[\"a\", 1]",
            "{ after = \"1s\" }",
            "{ a = { field = \"b\", value = 1 } }",
            "\"csv\"",
            "{ choice = { field = \"b..\", as = \"number\" }, task_id = { field = \"b\", as = \"text\" } }",
            "\";\"",
            "\"~/x\"",
            "\"a**\"",
            "1979-05-27",
            "\"\"",
            "99999999999999999999999",
            "\"16MiB\"",
            "\"end-of-input\"",
            "\"s3://\"",
        ])
        .prop_map(str::to_owned),
        any::<String>().prop_map(|text| format!("{text:?}")),
    ];
    let sections = prop::sample::select(vec![
        "[source]",
        "[source.votes]",
        "[[source.votes]]",
        "[source.gold]",
        "[source.votes.map]",
        "[consensus]",
        "[consensus.close]",
        "[checkpoint]",
        "[limits]",
        "[publish]",
        "[outputs]",
        "[x]",
        "",
    ]);
    prop_oneof![
        (keys, values).prop_map(|(key, value)| format!("{key} = {value}")),
        sections.prop_map(str::to_owned)
    ]
}

static SCHEMA: LazyLock<serde_json::Value> =
    LazyLock::new(|| serde_json::from_str(&job_schema()).unwrap());

/// Whatever is said about a text can be said, and a job that is accepted is consistent.
fn survives(text: &str) {
    match Job::parse(text, Path::new("j.toml")) {
        Err(refused) => {
            assert!(!refused.findings.is_empty());
            assert!(!refused.to_string().is_empty());
        }
        Ok(Loaded { job, warnings }) => {
            for warning in warnings {
                let _ = warning.in_full().to_string();
            }
            assert!(job.checkpoint.epoch <= job.checkpoint.every);
            assert!(job.limits.rows.reject_bytes_max <= job.limits.rows.line_bytes_max);
            assert!(
                job.policy.close.after.is_some() || job.sources.iter().all(|source| !source.follow)
            );
            assert!(job.policy.quorum.numerator() < job.policy.quorum.denominator());
            assert!(job.policy.cap.is_none_or(|cap| cap.numerator() > 0));
            let names: std::collections::BTreeSet<&str> =
                job.sources.iter().map(|source| source.name.as_str()).collect();
            assert_eq!(names.len(), job.sources.len());
            let is_somewhere = |source: &Source| match &source.input {
                Input::Files(patterns) => !patterns.is_empty(),
                Input::Topics(spec) => {
                    !spec.topics.is_empty() && !spec.connection.brokers.is_empty()
                }
            };
            assert!(job.sources.iter().all(is_somewhere));
            // Whoever decodes the rows accepts what was accepted here.
            for source in &job.sources {
                let key = IdKey::new([0; 16]);
                assert!(Decoder::of(source.format, source.kind, &source.map, key).is_ok());
            }
            let _ = job.fingerprint();
            // What runs must not be underlined in an editor.
            let table: serde_json::Value = toml::from_str(text).unwrap();
            assert_eq!(checked::complaints(&SCHEMA, &table), Vec::<String>::new(), "{text}");
        }
    }
}

proptest! {
    #[test]
    fn no_text_breaks_the_reader(text in any::<String>()) {
        survives(&text);
    }

    #[test]
    fn no_mixture_of_lines_breaks_the_reader(lines in prop::collection::vec(line(), 0..30)) {
        survives(&lines.join("\n"));
    }

    #[test]
    fn no_slip_in_a_good_file_breaks_the_reader(at in 0..REFERENCE.len(), cut in 0..40usize, put in ".{0,3}") {
        let from = REFERENCE.floor_char_boundary(at);
        let to = REFERENCE.floor_char_boundary((from + cut).min(REFERENCE.len()));
        survives(&format!("{}{put}{}", &REFERENCE[..from], &REFERENCE[to..]));
    }
}
