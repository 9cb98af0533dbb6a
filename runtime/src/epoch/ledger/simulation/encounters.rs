//! What the runs met: a simulation in which nothing happens shows nothing.

use std::collections::BTreeMap;

/// How often each thing happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Encounters(BTreeMap<&'static str, u64>);

impl Encounters {
    /// Everything that must have happened in a thousand runs.
    const WANTED: &[&'static str] = &[
        "claim",
        "commit",
        "heartbeat",
        "publish",
        "merge committed",
        "merge dropped",
        "orphan swept",
        "replaced file swept",
        "record trimmed",
        "crash",
        "crash with a record on its way",
        "pause longer than the silence",
        "pause longer than the trim age",
        "record landed late",
        "record landed after its writer was gone",
        "fenced",
        "held by another",
        "taken over after silence",
        "taken over at once",
        "record created in the hole below the log",
        "publishing lost a race",
        "own record found behind already exists",
        "nothing found behind already exists",
        "finished job found",
    ];

    pub(super) fn meet(&mut self, what: &'static str) {
        self.meet_times(what, 1);
    }

    pub(super) fn meet_times(&mut self, what: &'static str, times: u64) {
        debug_assert!(Self::WANTED.contains(&what), "{what} is not wanted");
        *self.0.entry(what).or_default() += times;
    }

    pub(super) fn add(&mut self, other: &Encounters) {
        for (what, times) in &other.0 {
            self.meet_times(what, *times);
        }
    }

    pub(super) fn missing(&self) -> Vec<&'static str> {
        Self::WANTED
            .iter()
            .copied()
            .filter(|what| self.0.get(what).copied().unwrap_or_default() == 0)
            .collect()
    }
}
