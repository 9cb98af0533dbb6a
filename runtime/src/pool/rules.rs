//! What a worker may do with a job that it sees: rules over what was read, without a store or a clock.

use std::time::Duration;

use super::entry::Entry;
use super::record::{Failure, Phase, Run, Wish};

/// A run that has not changed for so many of its beats is dead.
pub(super) const SILENT_BEATS: u64 = 5;

/// The longest pause before a job that failed is tried again.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What may be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing, for now or for ever.
    Nothing,
    /// Take it: the next claim's run begins as this one.
    Take(Run),
    /// Take it to write down how it ended, since whoever ran it cannot.
    Close(Run),
}

/// What may be done with a job of which nothing has changed for `still`; it is given up after `restarts` failures in a
/// row.
pub(super) fn next(entry: &Entry, still: Duration, restarts: u32, now_ms: u64) -> Next {
    let stop = entry.order.as_ref().is_some_and(|order| order.wish == Wish::Stop);
    let beat = Duration::from_millis(entry.claim.as_ref().map_or(0, |claim| claim.beat_ms));
    let is_silent = still >= silence(beat);
    let Some(run) = &entry.run else {
        let unheard = Run::default();
        return match (entry.claim_nr, stop) {
            (0, true) => Next::Nothing,
            (0, false) => Next::Take(unheard),
            _ if is_silent => died(&unheard, entry, stop, restarts, now_ms),
            _ => Next::Nothing,
        };
    };
    match run.phase {
        Phase::Running | Phase::Stopping if is_silent => died(run, entry, stop, restarts, now_ms),
        Phase::Released if !stop => Next::Take(after(run)),
        Phase::Failing if !stop && still >= pause(beat, run.failures) => Next::Take(after(run)),
        Phase::Stopped | Phase::Failed if entry.is_to_go_on() => {
            Next::Take(Run { failures: 0, failure: None, ..after(run) })
        }
        _ => Next::Nothing,
    }
}

/// How long a run may be silent that writes something at each `beat`.
pub(super) fn silence(beat: Duration) -> Duration {
    beat.saturating_mul(SILENT_BEATS as u32)
}

/// How long a job rests after so many failures in a row.
pub(super) fn pause(beat: Duration, failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    beat.saturating_mul(1 << doublings).min(LONGEST_PAUSE)
}

/// A run that failed, as it is written down; `hopeless` if trying again cannot help.
pub(super) fn failed(run: Run, failure: Failure, hope: Hope, restarts: u32) -> Run {
    let failures = if run.commits > 0 { 1 } else { run.failures + 1 };
    let phase = match hope {
        Hope::None => Phase::Failed,
        Hope::Some if failures > restarts => Phase::Failed,
        Hope::Some => Phase::Failing,
    };
    let first_failure = run.first_failure.or_else(|| Some(failure.clone()));
    Run { phase, failures, failure: Some(failure), first_failure, ..run }
}

/// Whether trying again may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hope {
    Some,
    None,
}

/// The run after one whose worker is no more.
fn died(run: &Run, entry: &Entry, stop: bool, restarts: u32, now_ms: u64) -> Next {
    if stop {
        return Next::Close(Run { phase: Phase::Stopped, ..run.clone() });
    }
    let worker = entry.claim.as_ref().map(|claim| &claim.worker);
    let who = worker.map_or_else(String::new, |it| format!(" (process {} on {})", it.pid, it.host));
    let message = format!(
        "its worker{who} was not heard of any more: it died, or was cut off from the pool's store"
    );
    let failure = Failure { at_ms: now_ms, kind: "died".to_owned(), message };
    let run = failed(run.clone(), failure, Hope::Some, restarts);
    match run.phase {
        Phase::Failed => Next::Close(run),
        // The silence was pause enough.
        _ => Next::Take(after(&run)),
    }
}

/// What a run hands on to the next.
fn after(run: &Run) -> Run {
    let Run { led, failures, failure, first_failure, .. } = run.clone();
    Run { led, failures, failure, first_failure, ..Run::default() }
}
