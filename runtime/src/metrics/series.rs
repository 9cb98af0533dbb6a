//! Series of a metric, told apart by labels whose values are few.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

/// Labels of which the code knows every value.
pub(super) type Known<const N: usize> = [(&'static str, &'static str); N];

/// Labels whose values come from a job: names of sources, partitions.
pub(super) type Named<const N: usize> = [(&'static str, String); N];

/// A number with a fraction.
pub(super) type Number = Gauge<f64, AtomicU64>;

/// A whole number that is not negative.
pub(super) type Amount = Gauge<u64, AtomicU64>;

/// A number that there may be, or not.
pub(super) type Maybe = Family<Known<0>, Number>;

/// Shows `value`, or that there is none.
pub(super) fn show(metric: &Maybe, value: Option<f64>) {
    match value {
        Some(value) => {
            metric.get_or_create(&[]).set(value);
        }
        None => metric.clear(),
    }
}

/// Shows what was counted elsewhere.
pub(super) fn show_count(counter: &Counter, value: u64) {
    counter.inner().store(value, std::sync::atomic::Ordering::Relaxed);
}
