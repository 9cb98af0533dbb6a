use std::collections::{BTreeMap, BTreeSet};

use quorate_connectors::inlet::Counts;
use quorate_schemas::place::Origin;
use quorate_schemas::record::RecordKind;

use super::*;

/// The value of each series.
fn series(metrics: &Metrics) -> BTreeMap<String, f64> {
    let text = metrics.render();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        })
        .collect()
}

/// A metric's labels, sorted, as a document names them.
fn labels(metric: &Described) -> String {
    metric.labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ")
}

#[test]
fn the_document_lists_every_metric_as_it_is() {
    let document = include_str!("../../../deploy/METRICS.md");
    let rows = document.lines().filter(|line| line.starts_with("| `quorate_"));
    let found: Vec<String> = rows.map(str::to_owned).collect();
    let metrics = Metrics::new();
    let row = |metric: &Described| {
        let Described { name, kind, help, .. } = metric;
        format!("| `{name}` | {} | {} | {help} |", kind.word(), labels(metric))
    };
    let expected: Vec<String> = metrics.catalogue().iter().map(row).collect();
    assert_eq!(found, expected, "write into deploy/METRICS.md:\n{}", expected.join("\n"));
}

#[test]
fn names_follow_the_conventions() {
    let metrics = Metrics::new();
    let names: Vec<&str> = metrics.catalogue().iter().map(|metric| metric.name.as_str()).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "each once");
    for metric in metrics.catalogue() {
        let name = metric.name.as_str();
        let plain = |c: char| c.is_ascii_lowercase() || c == '_';
        assert!(name.starts_with("quorate_") && name.chars().all(plain), "{name}");
        assert_eq!(name.ends_with("_total"), metric.kind == MetricKind::Counter, "{name}");
        assert!(!metric.help.ends_with('.'), "{name}: the exposition adds it");
        assert!(!name.contains("_ms") && !name.contains("_micros"), "{name}: base units");
    }
}

#[test]
fn rows_are_counted_by_source_kind_and_outcome() {
    let metrics = Metrics::new();
    let origin = Origin { source: "votes.2".into(), partition: "a\"b".into() }.shared();
    let counts = Counts { rows_in: 7, on_time: 4, late: 2, rejected: 1 };
    let piece = Piece { origin, record: RecordKind::Vote, counts, bytes: 700 };
    metrics.read(&piece);
    metrics.read(&piece);
    metrics.refused(RejectStage::Inlet, RejectReason::InvalidJson);
    let series = series(&metrics);
    let rows = |outcome: &str| {
        series[&format!(
            "quorate_source_rows_total{{source=\"votes.2\",record=\"votes\",outcome=\"{outcome}\"}}"
        )]
    };
    assert_eq!([rows("on_time"), rows("late"), rows("rejected")], [8.0, 4.0, 2.0]);
    assert_eq!(series["quorate_source_bytes_total{source=\"votes.2\",record=\"votes\"}"], 1_400.0);
    assert_eq!(series["quorate_rejects_total{stage=\"inlet\",reason=\"invalid_json\"}"], 1.0);
}

#[test]
fn lag_is_told_by_partition_up_to_a_bound_and_forgotten_with_it() {
    let metrics = Metrics::new();
    let lag = |at: u64| Lag { records: 10, seconds: at as f64 };
    for at in 0..300 {
        metrics.set_lag("votes", &format!("votes-{at:03}"), Some(lag(at)));
    }
    metrics.set_lag("votes", "votes-000", None);
    let told = series(&metrics);
    let records = told.iter().filter(|(name, _)| name.starts_with("quorate_source_lag_records"));
    assert_eq!((records.clone().count(), records.map(|(_, n)| n).sum::<f64>()), (257, 2_990.0));
    let rest = "{source=\"votes\",partition=\"(others)\"}";
    assert_eq!(told[&format!("quorate_source_lag_seconds{rest}")], 299.0);
    metrics.has_come_to(Stage::Idle);
    assert!(!metrics.render().contains("quorate_source_lag_records{"));
}

#[test]
fn a_table_lags_behind_the_log_until_it_has_everything() {
    let metrics = Metrics::new();
    let behind = |metrics: &Metrics| series(metrics)["quorate_publish_lag_commits{publisher=\"delta\",table=\"votes\"}"];
    metrics.published("delta", "votes", 3);
    metrics.committed(7, 10, Decided::default(), &Standing::default());
    assert_eq!(behind(&metrics), 4.0);
    metrics.published("delta", "votes", 7);
    assert_eq!(behind(&metrics), 0.0);
}

#[test]
fn causes_of_restarts_are_few_and_plain() {
    let metrics = Metrics::new();
    metrics.restarted("worker died", 2);
    (0..100).for_each(|at| metrics.restarted(&format!("cause {at}\n\"x\""), 1));
    let told = series(&metrics);
    let restarts: Vec<_> =
        told.iter().filter(|(name, _)| name.starts_with("quorate_restarts_total")).collect();
    assert_eq!(restarts.len(), 17);
    assert_eq!(restarts.iter().map(|(_, n)| **n).sum::<f64>(), 102.0);
    assert_eq!(told["quorate_restarts_total{cause=\"worker-died\"}"], 2.0);
}

#[test]
fn every_series_is_of_a_metric_in_the_catalogue() {
    let metrics = Metrics::new();
    metrics.took(CheckpointStep::Staging, Duration::from_millis(3));
    metrics.staged(StagedAs::Tables, 9);
    let text = metrics.render();
    let typed: BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .map(|line| line.to_owned())
        .collect();
    let known: BTreeSet<String> = metrics
        .catalogue()
        .iter()
        .map(|metric| format!("{} {}", metric.name, metric.kind.word()))
        .collect();
    let strange: Vec<_> = typed.difference(&known).collect();
    assert!(strange.is_empty(), "{strange:?}");
    assert!(text.contains("quorate_checkpoint_duration_seconds_bucket{"), "{text}");
    assert!(text.contains("quorate_memory_resident_bytes"), "{text}");
}
