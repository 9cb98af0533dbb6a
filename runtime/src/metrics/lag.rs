//! How far sources lie behind what there is to read. Whoever reads a partition puts in what it knows of it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use prometheus_client::metrics::family::Family;

use super::catalogue::Catalogue;
use super::series::{Amount, Named, Number};

/// So many partitions have series of their own; what the others come to is told together, as [`REST`].
const PARTITIONS: usize = 256;

/// The name under which the partitions beyond [`PARTITIONS`] are told.
const REST: &str = "(others)";

/// How far a partition of a stream is behind its end.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lag {
    /// Records that are there and were not read.
    pub records: u64,
    /// How long the next one to read has been there, in seconds.
    pub seconds: f64,
}

impl Lag {
    fn with(self, other: Lag) -> Lag {
        let seconds = self.seconds.max(other.seconds);
        Lag { records: self.records.saturating_add(other.records), seconds }
    }
}

/// What is known of lag.
pub(super) struct Lags {
    /// By source and partition.
    streams: Mutex<BTreeMap<(String, String), Lag>>,
    records: Family<Named<2>, Amount>,
    seconds: Family<Named<2>, Number>,
    bytes: Family<Named<1>, Amount>,
}

impl Lags {
    pub(super) fn of(catalogue: &mut Catalogue) -> Lags {
        Lags {
            streams: Mutex::default(),
            records: catalogue.gauge(
                (
                    "source_lag_records",
                    &["source", "partition"],
                    "Records of a stream's partition that are there and were not read",
                ),
                Family::default(),
            ),
            seconds: catalogue.gauge(
                (
                    "source_lag_seconds",
                    &["source", "partition"],
                    "How long the next record of a stream's partition has been waiting to be read",
                ),
                Family::default(),
            ),
            bytes: catalogue.gauge(
                (
                    "source_lag_bytes",
                    &["source"],
                    "Bytes of a source's files, as they lie there, that were not read",
                ),
                Family::default(),
            ),
        }
    }

    /// A partition of a stream is so far behind; `None`: it is not read here any more.
    pub(super) fn set(&self, source: &str, partition: &str, lag: Option<Lag>) {
        let key = (source.to_owned(), partition.to_owned());
        let mut streams = self.lock();
        match lag {
            Some(lag) => streams.insert(key, lag),
            None => streams.remove(&key),
        };
    }

    /// The files of a source have so many bytes more.
    pub(super) fn set_bytes(&self, source: &str, bytes: u64) {
        self.bytes.get_or_create(&[("source", source.to_owned())]).set(bytes);
    }

    /// Nothing is read any more.
    pub(super) fn forget(&self) {
        self.lock().clear();
        self.bytes.clear();
    }

    /// Shows what is known now.
    pub(super) fn show(&self) {
        let streams = self.lock();
        self.records.clear();
        self.seconds.clear();
        let mut rest: BTreeMap<&str, Lag> = BTreeMap::new();
        for (at, ((source, partition), lag)) in streams.iter().enumerate() {
            if at < PARTITIONS {
                self.show_one(source, partition, *lag);
            } else {
                let sum = rest.entry(source).or_default();
                *sum = sum.with(*lag);
            }
        }
        rest.into_iter().for_each(|(source, lag)| self.show_one(source, REST, lag));
    }

    fn show_one(&self, source: &str, partition: &str, lag: Lag) {
        let labels = [("source", source.to_owned()), ("partition", partition.to_owned())];
        self.records.get_or_create(&labels).set(lag.records);
        self.seconds.get_or_create(&labels).set(lag.seconds);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, String), Lag>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
