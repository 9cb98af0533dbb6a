//! Waiting for a store: one that is slow, full or away holds things up, but ends nothing.

use std::time::Duration;

use crate::error::Error;
use crate::observe::Observer;
use crate::shared::Shared;

/// The first wait before something is tried again; each one is twice the one before.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The longest.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Attempts before a run has begun: a store that answers none of them is probably not where the job says.
const TRIES_AT_START: u32 = 8;

/// What came of an attempt.
pub(crate) enum Outlasted<T> {
    /// It worked.
    Done(T),
    /// It is to be made again, now.
    Again,
    /// The run has failed meanwhile: nobody waits for it any more.
    Over,
}

/// Attempts at one thing.
pub(crate) struct Attempts<'a> {
    observer: &'a dyn Observer,
    /// The run they are part of, once it has begun.
    run: Option<&'a Shared>,
    doing: &'static str,
    failed: u32,
}

impl<'a> Attempts<'a> {
    /// Attempts at what an observer knows as `doing`: "publishing waits". They go on as long as the run.
    pub(crate) fn at(doing: &'static str, run: &'a Shared) -> Attempts<'a> {
        Attempts { observer: run.observer.as_ref(), run: Some(run), doing, failed: 0 }
    }

    /// Attempts at beginning a run, which are few.
    pub(crate) fn at_start(observer: &'a dyn Observer) -> Attempts<'a> {
        Attempts { observer, run: None, doing: "the start", failed: 0 }
    }

    /// Waits, if the store could not do it for now, and says so once.
    ///
    /// # Errors
    /// What no waiting mends.
    pub(crate) async fn outlast<T>(
        &mut self,
        attempt: Result<T, Error>,
    ) -> Result<Outlasted<T>, Error> {
        match attempt {
            Err(Error::Connector(error)) if error.retryable() && self.may_go_on() => {
                if self.run.is_some_and(Shared::has_failed) {
                    return Ok(Outlasted::Over);
                }
                if self.failed == 0 {
                    let note = format!("{} waits, trying again: {error}", self.doing);
                    self.observer.note(&note);
                }
                let wait = FIRST_WAIT.saturating_mul(1 << self.failed.min(10)).min(LONGEST_WAIT);
                self.failed += 1;
                tokio::time::sleep(wait).await;
                Ok(Outlasted::Again)
            }
            done => done.map(Outlasted::Done),
        }
    }

    fn may_go_on(&self) -> bool {
        self.run.is_some() || self.failed + 1 < TRIES_AT_START
    }
}
