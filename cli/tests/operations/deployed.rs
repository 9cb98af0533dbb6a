//! What lies in `deploy/` fits the program: metrics that exist, alerts that say what to do, jobs that load.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use quorate_runtime::job::Job;
use quorate_runtime::metrics::{MetricKind, Metrics};
use serde_json::Value;

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("deploy")
}

fn text(path: &str) -> String {
    fs::read_to_string(deploy().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A program that `scripts/deploy.sh` has brought, if it has.
#[expect(clippy::disallowed_methods, reason = "where the scripts keep what they bring")]
pub(crate) fn tool(name: &str) -> Option<PathBuf> {
    let cache = std::env::var_os("QUORATE_CACHE").map(PathBuf::from);
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/quorate"));
    let path = cache.or_else(home)?.join("tools/go").join(name);
    path.exists().then_some(path)
}

/// The names in `text` that are of our metrics.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("quorate_")).map(str::to_owned).collect()
}

/// Every name that a query may use.
fn queryable() -> BTreeSet<String> {
    let metrics = Metrics::new();
    let of = |metric: &quorate_runtime::metrics::Described| match metric.kind {
        MetricKind::Histogram => {
            ["_bucket", "_sum", "_count"].map(|end| format!("{}{end}", metric.name)).to_vec()
        }
        MetricKind::Counter | MetricKind::Gauge => vec![metric.name.clone()],
    };
    metrics.catalogue().iter().flat_map(of).collect()
}

#[test]
fn alerts_and_dashboard_ask_for_metrics_that_there_are() {
    let known = queryable();
    for path in ["alerts.yaml", "alerts_test.yaml", "grafana/dashboards/quorate.json", "README.md"]
    {
        let used = names(&text(path));
        let strange: Vec<_> = used.difference(&known).collect();
        assert!(strange.is_empty(), "{path} names {strange:?}");
        assert!(used.len() >= 5 || path == "README.md", "{path} names {used:?}");
    }
}

#[test]
fn every_alert_has_a_runbook_and_a_test_and_the_matters_that_matter_have_an_alert() {
    let (alerts, tests) = (text("alerts.yaml"), text("alerts_test.yaml"));
    let blocks: Vec<&str> = alerts.split("- alert: ").skip(1).collect();
    let name = |block: &str| block.lines().next().unwrap().trim().to_owned();
    for block in &blocks {
        let alert = name(block);
        for key in ["expr:", "severity:", "summary:", "runbook:"] {
            assert!(block.contains(key), "{alert} has no {key}");
        }
        let tested = [format!("alertname: {alert}\n"), format!("alertname=\"{alert}\"")];
        assert!(tested.iter().any(|name| tests.contains(name)), "{alert} is not tested");
    }
    let names: Vec<String> = blocks.iter().map(|block| name(block)).collect();
    for wanted in [
        "QuorateCommitsStop",
        "QuorateLagGrows",
        "QuorateRejectsJump",
        "QuorateRestartsLoop",
        "QuorateMemoryNearLimit",
    ] {
        assert!(names.iter().any(|name| name == wanted), "{wanted} is not in {names:?}");
    }
}

#[test]
fn the_dashboard_is_one_and_no_panel_is_empty() {
    let board: Value = serde_json::from_str(&text("grafana/dashboards/quorate.json")).unwrap();
    let panels = board["panels"].as_array().unwrap();
    assert!(panels.len() >= 12, "{} panels", panels.len());
    let mut ids = BTreeSet::new();
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title} has another's id");
        for target in panel["targets"].as_array().unwrap() {
            let query = target["expr"].as_str().unwrap();
            assert!(!names(query).is_empty() || query.starts_with("up"), "{title}: {query}");
        }
    }
}

#[test]
fn the_example_jobs_load() {
    let mut loaded = 0;
    for entry in fs::read_dir(deploy().join("jobs")).unwrap() {
        let path = entry.unwrap().path();
        let job = Job::load(&path);
        let job = job.unwrap_or_else(|refused| panic!("{}: {refused:?}", path.display()));
        assert!(job.warnings.is_empty(), "{}: {:?}", path.display(), job.warnings);
        loaded += 1;
    }
    assert!(loaded >= 2, "{loaded} jobs");
}
