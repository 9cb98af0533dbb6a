//! Every metric by its name, as it is registered: what documents and alerts are held against.

use prometheus_client::registry::{Metric, Registry};

/// What every name begins with.
const PREFIX: &str = "quorate";

/// How a metric moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// It only grows, from 0 with each start of the program.
    Counter,
    /// It is what it is now.
    Gauge,
    /// Observations by size: `_bucket`, `_sum` and `_count`.
    Histogram,
}

impl MetricKind {
    /// As the exposition has it.
    pub fn word(self) -> &'static str {
        match self {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        }
    }
}

/// One metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Its name, as the exposition has it.
    pub name: String,
    /// How it moves.
    pub kind: MetricKind,
    /// The labels of its series.
    pub labels: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
}

/// The registry while it is filled.
#[derive(Default)]
pub(super) struct Catalogue {
    registry: Registry,
    described: Vec<Described>,
}

/// A metric before it has its kind: name, labels, meaning.
pub(super) type Entry = (&'static str, &'static [&'static str], &'static str);

impl Catalogue {
    /// Adds a counter, whose name gets `_total` at its end, and gives it back.
    pub(super) fn counter<M: Metric + Clone>(&mut self, entry: Entry, metric: M) -> M {
        self.add(MetricKind::Counter, entry, metric)
    }

    /// Adds a gauge, and gives it back.
    pub(super) fn gauge<M: Metric + Clone>(&mut self, entry: Entry, metric: M) -> M {
        self.add(MetricKind::Gauge, entry, metric)
    }

    /// Adds a histogram, and gives it back.
    pub(super) fn histogram<M: Metric + Clone>(&mut self, entry: Entry, metric: M) -> M {
        self.add(MetricKind::Histogram, entry, metric)
    }

    fn add<M: Metric + Clone>(&mut self, kind: MetricKind, entry: Entry, metric: M) -> M {
        let (name, labels, help) = entry;
        let name = format!("{PREFIX}_{name}");
        self.registry.register(name.clone(), help, metric.clone());
        let ending = if kind == MetricKind::Counter { "_total" } else { "" };
        self.described.push(Described { name: format!("{name}{ending}"), kind, labels, help });
        metric
    }

    /// What was registered.
    pub(super) fn close(self) -> (Registry, Vec<Described>) {
        (self.registry, self.described)
    }
}
