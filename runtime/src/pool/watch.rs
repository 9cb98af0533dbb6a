//! What a worker remembers of the jobs it sees: how long each has stood still.
//!
//! What changes is alive and need not be read; what has stood still since the last look is read once. So a pool full of
//! running jobs costs a worker its listing, and nothing else.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Pool;
use super::entry::{Entry, Traces};
use crate::error::Error;

#[derive(Default)]
pub(super) struct Watch {
    seen: BTreeMap<String, Seen>,
}

struct Seen {
    traces: Traces,
    /// When it was first seen as it is now.
    since: Duration,
    /// Its parts, once they were read.
    entry: Option<Entry>,
}

impl Watch {
    /// Takes in a listing at `now`; jobs that nobody has taken come first, then the others, each by age.
    pub(super) fn look(&mut self, found: BTreeMap<String, Traces>, now: Duration) -> Vec<String> {
        self.seen.retain(|name, _| found.contains_key(name));
        for (name, traces) in found {
            let known = self.seen.get(&name).is_some_and(|seen| seen.traces == traces);
            if !known {
                self.seen.insert(name, Seen { traces, since: now, entry: None });
            }
        }
        let is_due = |seen: &Seen| seen.traces.claim_nr == 0 || seen.since < now;
        let mut due: Vec<(&String, &Seen)> =
            self.seen.iter().filter(|(_, seen)| is_due(seen)).collect();
        due.sort_by_key(|(_, seen)| (seen.traces.claim_nr > 0, seen.traces.submitted_ms));
        due.into_iter().map(|(name, _)| name.clone()).collect()
    }

    /// The parts of a job, and how long they have stood still.
    pub(super) async fn entry(
        &mut self,
        name: &str,
        pool: &Pool,
        now: Duration,
    ) -> Result<Option<(Entry, Duration)>, Error> {
        let Some(seen) = self.seen.get_mut(name) else {
            return Ok(None);
        };
        if seen.entry.is_none() {
            seen.entry = pool.entry(name.to_owned(), &seen.traces).await?;
        }
        Ok(seen.entry.clone().map(|entry| (entry, now.saturating_sub(seen.since))))
    }

    /// It has changed by what this worker did.
    pub(super) fn forget(&mut self, name: &str) {
        self.seen.remove(name);
    }
}
