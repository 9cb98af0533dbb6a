//! What is read when somebody asks: the store, the machine, where the run stands.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use quorate_connectors::store::{Failures, Requests};
use quorate_schemas::time::Micros;

use super::catalogue::Catalogue;
use super::memory;
use super::series::{Amount, Known, Maybe, Named, Number, show, show_count};
use crate::health::Facts;

/// So many causes of restarts have series of their own.
const CAUSES: usize = 16;

/// So much of a cause is told.
const CAUSE_CHARS: usize = 40;

/// What is set when somebody asks.
pub(super) struct Now {
    watermark_lag: Maybe,
    open_epochs: Amount,
    in_flight: Amount,
    checkpoint_age: Number,
    turn_age: Number,
    workers: Amount,
    ready: Amount,
    incarnation: Amount,
    requests: Family<Known<1>, Counter>,
    failures: Family<Known<1>, Counter>,
    bytes: Family<Known<1>, Counter>,
    resident: Maybe,
    limit: Maybe,
    restarts: Family<Named<1>, Counter>,
    causes: Mutex<BTreeSet<String>>,
    job: Family<Named<1>, Amount>,
}

impl Now {
    pub(super) fn of(catalogue: &mut Catalogue, started_ms: u64) -> Now {
        let started = catalogue.gauge(
            (
                "process_start_time_seconds",
                &[],
                "When this program was started, in seconds since 1970",
            ),
            Number::default(),
        );
        started.set(started_ms as f64 / 1_000.0);
        let build = catalogue.gauge(
            ("build_info", &["version"], "1, with the version of this build"),
            Family::<Known<1>, Amount>::default(),
        );
        build.get_or_create(&[("version", env!("CARGO_PKG_VERSION"))]).set(1);
        Now {
            watermark_lag: catalogue.gauge(
                (
                    "watermark_lag_seconds",
                    &[],
                    "How far the event-time watermark lies behind the clock; absent before it is set and after the end",
                ),
                Maybe::default(),
            ),
            open_epochs: catalogue.gauge(
                ("open_epochs", &[], "Epochs of the open checkpoint that some worker may still add to"),
                Amount::default(),
            ),
            in_flight: catalogue.gauge(
                (
                    "in_flight_bytes",
                    &[],
                    "Bytes that this process has read and that are not committed (a row as at least 64): at three times checkpoint.bytes nothing more is read",
                ),
                Amount::default(),
            ),
            checkpoint_age: catalogue.gauge(
                (
                    "checkpoint_age_seconds",
                    &[],
                    "How long rows that were read have been waiting without any commit; 0 if none wait",
                ),
                Number::default(),
            ),
            turn_age: catalogue.gauge(
                (
                    "worker_turn_age_seconds",
                    &[],
                    "How long ago the worker that is furthest behind has gone through its loop",
                ),
                Number::default(),
            ),
            workers: catalogue.gauge(("workers", &[], "Worker threads of this process"), Amount::default()),
            ready: catalogue.gauge(
                ("ready", &[], "1 if the run reads and commits, as /readyz has it; else 0"),
                Amount::default(),
            ),
            incarnation: catalogue.gauge(
                ("incarnation", &[], "Which of the job's runs this is, by its log; 0 before it leads"),
                Amount::default(),
            ),
            requests: catalogue.counter(
                ("store_requests", &["operation"], "Requests to the store, tries again included"),
                Family::default(),
            ),
            failures: catalogue.counter(
                ("store_failures", &["problem"], "Requests to the store that failed or were not answered, by what was in the way"),
                Family::default(),
            ),
            bytes: catalogue.counter(
                ("store_bytes", &["direction"], "Bytes of content sent to the store and received from it"),
                Family::default(),
            ),
            resident: catalogue.gauge(
                ("memory_resident_bytes", &[], "Memory that this process has (resident set)"),
                Maybe::default(),
            ),
            limit: catalogue.gauge(
                ("memory_limit_bytes", &[], "Memory that its control group allows; absent without a limit"),
                Maybe::default(),
            ),
            restarts: catalogue.counter(
                ("restarts", &["cause"], "Restarts of the run by its supervisor, by their first cause"),
                Family::default(),
            ),
            causes: Mutex::default(),
            job: catalogue.gauge(("job_info", &["name"], "1, with the name of the job"), Family::default()),
        }
    }

    /// This job runs.
    pub(super) fn job(&self, name: &str) {
        self.job.clear();
        self.job.get_or_create(&[("name", name.to_owned())]).set(1);
    }

    /// It leads, as this incarnation.
    pub(super) fn incarnation(&self, incarnation: u64) {
        self.incarnation.set(incarnation);
    }

    /// So many epochs are open.
    pub(super) fn open_epochs(&self, epochs: u64) {
        self.open_epochs.set(epochs);
    }

    /// So many bytes are not committed.
    pub(super) fn in_flight(&self, bytes: u64) {
        self.in_flight.set(bytes);
    }

    /// The run was started again, so many times.
    pub(super) fn restart(&self, cause: &str, times: u64) {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        let mut cause: String = cause.chars().take(CAUSE_CHARS).map(plain).collect();
        let mut causes = self.causes.lock().unwrap_or_else(PoisonError::into_inner);
        // Series are few, whatever a cause is made of.
        if !causes.contains(&cause) && causes.len() >= CAUSES {
            cause = "other".to_owned();
        }
        causes.insert(cause.clone());
        self.restarts.get_or_create(&[("cause", cause)]).inc_by(times);
    }

    /// Shows what is known of the run now.
    pub(super) fn show(&self, facts: &Facts, watermark_lag_us: Option<Micros>) {
        let seconds = |ms: u64| ms as f64 / 1_000.0;
        show(&self.watermark_lag, watermark_lag_us.map(|us| us as f64 / 1_000_000.0));
        self.checkpoint_age.set(seconds(facts.checkpoint_age_ms));
        self.turn_age.set(seconds(facts.turn_age_ms));
        self.workers.set(facts.workers as u64);
        self.ready.set(u64::from(facts.readiness().is_empty()));
    }

    /// Shows what the machine says of this program now.
    pub(super) fn show_memory(&self) {
        show(&self.resident, memory::resident_bytes().map(|bytes| bytes as f64));
        show(&self.limit, memory::limit_bytes().map(|bytes| bytes as f64));
    }

    /// Shows what went between this program and its store.
    pub(super) fn show_store(&self, requests: &Requests) {
        let Requests { create, put, get, head, list, delete, sent_bytes, received_bytes, failures } =
            *requests;
        let by_operation = [
            ("create", create),
            ("put", put),
            ("get", get),
            ("head", head),
            ("list", list),
            ("delete", delete),
        ];
        show_all(&self.requests, "operation", by_operation);
        let Failures { timed_out, unreachable, unknown, denied, full, other } = failures;
        let by_problem = [
            ("timed_out", timed_out),
            ("unreachable", unreachable),
            ("unknown", unknown),
            ("denied", denied),
            ("full", full),
            ("other", other),
        ];
        show_all(&self.failures, "problem", by_problem);
        let by_direction = [("sent", sent_bytes), ("received", received_bytes)];
        show_all(&self.bytes, "direction", by_direction);
    }
}

fn show_all<const N: usize>(
    family: &Family<Known<1>, Counter>,
    label: &'static str,
    counts: [(&'static str, u64); N],
) {
    for (value, count) in counts {
        show_count(&family.get_or_create(&[(label, value)]), count);
    }
}
