//! The text format of Prometheus, read by the letter: what a scraper would refuse fails here.

use std::collections::{BTreeMap, BTreeSet};

/// Series with their values, and the metrics that were announced.
pub(crate) struct Exposition {
    pub(crate) series: BTreeMap<String, f64>,
    /// Name and kind of each metric.
    pub(crate) metrics: BTreeMap<String, String>,
}

impl Exposition {
    /// Reads `text`, and fails where it is not what the format demands.
    pub(crate) fn of(text: &str) -> Exposition {
        let (mut series, mut metrics) = (BTreeMap::new(), BTreeMap::new());
        let (mut helped, mut done) = (BTreeSet::new(), BTreeSet::new());
        let mut current = String::new();
        assert!(text.ends_with('\n'), "the last line ends");
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect("a name and a help");
                assert!(!help.is_empty() && helped.insert(name.to_owned()), "{line}");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a name and a type");
                assert!(helped.contains(name), "no help before {line}");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert!(done.insert(name.to_owned()), "twice: {line}");
                metrics.insert(name.to_owned(), kind.to_owned());
                current = name.to_owned();
            } else {
                let (name, value) = line.rsplit_once(' ').expect("a series and a value");
                let metric = name.split('{').next().unwrap();
                let of = ["", "_bucket", "_sum", "_count"];
                let mut endings = of.iter().map(|end| format!("{current}{end}"));
                assert!(endings.any(|own| own == metric), "{line} stands under {current}");
                assert!(name.len() == metric.len() || name.ends_with('}'), "{line}");
                let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
                assert!(series.insert(name.to_owned(), value).is_none(), "twice: {line}");
            }
        }
        Exposition { series, metrics }
    }

    /// The sum over all series of a metric that have these labels.
    pub(crate) fn sum(&self, metric: &str, labels: &[&str]) -> f64 {
        let of = |name: &str| name.split('{').next() == Some(metric);
        let has = |name: &str| labels.iter().all(|label| name.contains(label));
        self.series.iter().filter(|(name, _)| of(name) && has(name)).map(|(_, value)| value).sum()
    }
}
