//! Where a run is asked for its metrics and health.

use quorate_runtime::metrics::Metrics;
use quorate_server::{Endpoint, Error};

use crate::exit::Exit;

/// Opens the endpoint, if one is wanted: as the command line has it, or else `QUORATE_LISTEN`.
pub(super) fn open(wanted: Option<&str>, metrics: &Metrics) -> anyhow::Result<Option<Endpoint>> {
    let address = wanted.map(str::to_owned).or_else(|| set("QUORATE_LISTEN"));
    let Some(address) = address else { return Ok(None) };
    match Endpoint::open(&address, metrics.clone()) {
        Ok(endpoint) => Ok(Some(endpoint)),
        Err(error) => {
            let exit = match &error {
                Error::Address { .. } => Exit::Misconfigured,
                _ => Exit::Failed,
            };
            Err(anyhow::Error::from(error).context(exit))
        }
    }
}

/// Counts what a supervisor says of the runs before this one in `QUORATE_RESTARTS`: `CAUSE=TIMES`, several with commas.
pub(super) fn count_restarts(metrics: &Metrics) {
    for (cause, times) in parse(&set("QUORATE_RESTARTS").unwrap_or_default()) {
        metrics.restarted(cause, times);
    }
}

/// What is no count is left out: a slip in it must not keep a job from running.
fn parse(restarts: &str) -> Vec<(&str, u64)> {
    let pairs = restarts.split(',').filter_map(|pair| pair.split_once('='));
    pairs.filter_map(|(cause, times)| Some((cause.trim(), times.trim().parse().ok()?))).collect()
}

#[expect(clippy::disallowed_methods, reason = "the program's edge: read once, here, and passed on")]
fn set(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restarts_are_counts_by_cause_and_slips_are_left_out() {
        let restarts = parse("worker-died=2, store = 1,nothing,=x,fenced=many");
        assert_eq!(restarts, [("worker-died", 2), ("store", 1)]);
        assert_eq!(parse(""), []);
    }
}
