//! Real rows, where there are some.

use std::path::PathBuf;
use std::sync::Arc;

use quorate_connectors::decode::{Decoder, FieldMap, FieldSource};
use quorate_connectors::inlet::{Inlet, InletSpec, InletState, Limits, Resume};
use quorate_connectors::source::{FileSource, FileSpec, Format, Reading};
use quorate_schemas::id::IdKey;
use quorate_schemas::record::{Record, RecordKind, Value};

/// Reads `file` below the folder of real data with `map`; how many rows came on time, or were rejected, and of the
/// votes among them, how many abstain. None without that folder.
fn read(
    file: &str,
    kind: RecordKind,
    map: &[(&str, FieldSource)],
) -> Option<(usize, usize, usize)> {
    #[expect(clippy::disallowed_methods, reason = "tests have no other edge than this")]
    let Some(base) = std::env::var_os("QUORATE_DATA") else {
        eprintln!("skipped: QUORATE_DATA does not name the folder of real data");
        return None;
    };
    let spec = FileSpec {
        base: PathBuf::from(base),
        patterns: vec![file.to_owned()],
        format: Format::Json,
        reading: Reading::Bounded,
    };
    let survey = FileSource::new(spec).survey(&[]).unwrap();
    let map: FieldMap = map.iter().map(|(name, from)| (*name, from.clone())).collect();
    let decoder = Arc::new(Decoder::new(kind, &map, IdKey::new([1; 16])).unwrap());
    let limits = Limits { future_skew_us: i64::MAX, ..Limits::default() };
    let spec = InletSpec { source: "real".into(), decoder, lateness_us: 0, limits };
    let mut inlet = Inlet::open(&spec, &survey.entries[0], Resume::default()).unwrap();
    let (mut rows, mut rejects) = (Vec::new(), Vec::new());
    while inlet.poll(256 * 1024, 0, &mut rows, &mut rejects).unwrap() != InletState::Done {}
    let abstains =
        |body: &Record| matches!(body, Record::Vote(vote) if vote.value == Value::Abstain);
    let abstentions = rows.iter().filter(|row| abstains(&row.body)).count();
    Some((rows.len(), rejects.len(), abstentions))
}

fn check(
    file: &str,
    kind: RecordKind,
    map: &[(&str, FieldSource)],
    expected: (usize, usize, usize),
) {
    if let Some(found) = read(file, kind, map) {
        assert_eq!(found, expected, "{file}: rows, rejects, abstentions");
    }
}

fn always() -> (&'static str, FieldSource) {
    ("event_time", FieldSource::constant("2026-01-01T00:00:00Z"))
}

#[test]
fn real_votes_are_all_decoded() {
    let path = FieldSource::path;
    let crowd = [
        always(),
        ("task_id", path("item_id")),
        ("agent_id", path("worker_id")),
        ("choice", path("label")),
    ];
    check("crowds/barzan.jsonl.gz", RecordKind::Vote, &crowd, (5_000, 0, 0));
    check("crowds/adultcontent2.jsonl.gz", RecordKind::Vote, &crowd, (92_721, 0, 0));
    let judges = [
        always(),
        ("task_id", path("item_id")),
        ("agent_id", path("judge_id")),
        ("choice", path("vote")),
    ];
    check("panels/llmbar_votes.jsonl.gz", RecordKind::Vote, &judges, (54_470, 0, 134));
    let numbers = [always(), ("task_id", path("item_id")), ("agent_id", path("worker_id"))];
    check("crowds/coins.jsonl.gz", RecordKind::Vote, &numbers, (5_696, 0, 0));
}

#[test]
fn a_wide_row_is_reached_into() {
    let votes = |model: &str| {
        [
            always(),
            ("agent_id", FieldSource::constant(model)),
            ("choice", FieldSource::path(&format!("preds.{model}"))),
        ]
    };
    let file = "panels/mmlu_pro_preds_wide.jsonl.gz";
    // 1,681 rows have no such model: what is not there is no abstention.
    check(file, RecordKind::Vote, &votes("DeepSeek-Coder-V2"), (10_351, 1_681, 11));
}

#[test]
fn real_ticks_are_all_decoded() {
    let path = FieldSource::path;
    let ticks = [("event_time", path("ts")), ("decision", path("action"))];
    check("agents/generative_agents_ticks.jsonl.gz", RecordKind::Tick, &ticks, (25_965, 0, 0));
}
