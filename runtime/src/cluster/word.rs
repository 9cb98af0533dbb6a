//! What processes tell each other beside rows.

use quorate_schemas::log::{Counts, Digest};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::observe::{FailureKind, Outcome, Requests, Totals};

/// A word from one process to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Word {
    /// Where it stands: again and again, so that it is also the sign of its being alive.
    Standing(Standing),
    /// To process 0: it is connected with everybody below it.
    Met,
    /// From process 0: the log is claimed, go on from there.
    Begin(Begin),
    /// How the run has ended, for all: from process 0, or whoever cannot go on, and passed on by everybody. Then nobody is
    /// missed who leaves.
    Over(Ending),
    /// It leaves, for this cause: so the first cause is known everywhere.
    Leaves(String),
}

/// Where a process stands. Each is told whole: whatever came before is outdated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Standing {
    /// The highest epoch that any of its workers has opened.
    pub(crate) opened: u64,
    /// Bytes it has read since the run began.
    pub(crate) bytes: u64,
    /// Rows it has read, by what became of them.
    pub(crate) rows: Counts,
    /// Of those on time, the ones that were refused in its tasks.
    pub(crate) refused: u64,
    /// The highest checkpoint that is committed, and how many were: as process 0 knows it.
    pub(crate) committed: (u64, u64),
    /// How long rows that it has read have been waiting without any commit.
    pub(crate) waits_ms: u64,
    /// Whether it was asked to stop.
    pub(crate) stops: bool,
}

/// What the run goes on from: a record that everybody reads from the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Begin {
    /// The claim.
    pub(crate) seq: u64,
    /// Its digest: the record that was meant, and no other.
    pub(crate) digest: Digest,
}

/// How a run has ended for all of its processes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Ending {
    /// The input is at its end.
    Finished(Done),
    /// It was asked to.
    Stopped(Done),
    /// There was nothing to do.
    AlreadyFinished,
    /// It failed, in a way that starting again does not mend.
    Failed(Verdict, String),
}

/// What all processes have done together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Done {
    rows: Counts,
    decided: u64,
    undecided: u64,
    refused: u64,
    commits: u64,
}

impl Done {
    fn of(totals: &Totals) -> Done {
        let Totals { rows, decided, undecided, refused, commits, requests: _ } = *totals;
        Done { rows, decided, undecided, refused, commits }
    }

    /// As a process tells it that has asked so much of the store itself.
    fn totals(self, requests: Requests) -> Totals {
        let Done { rows, decided, undecided, refused, commits } = self;
        Totals { rows, decided, undecided, refused, commits, requests }
    }
}

/// [`FailureKind`], where a generation must not be followed by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Verdict {
    Misconfigured,
    Fenced,
    RejectLimit,
}

impl Ending {
    /// The ending for all, of a run that ended so for one; `None` if another generation may do better.
    pub(crate) fn of(result: &Result<Outcome, Error>) -> Option<Ending> {
        Some(match result {
            Ok(Outcome::Finished(totals)) => Ending::Finished(Done::of(totals)),
            Ok(Outcome::Stopped(totals)) => Ending::Stopped(Done::of(totals)),
            Ok(Outcome::AlreadyFinished) => Ending::AlreadyFinished,
            Err(error) => {
                let verdict = match error.kind() {
                    FailureKind::Failed => return None,
                    FailureKind::Misconfigured => Verdict::Misconfigured,
                    FailureKind::Fenced => Verdict::Fenced,
                    FailureKind::RejectLimit => Verdict::RejectLimit,
                };
                let why = match error {
                    // As it was told.
                    Error::Led { why, .. } => why.clone(),
                    error => error.to_string(),
                };
                Ending::Failed(verdict, why)
            }
        })
    }

    /// What it is for a process that has asked so much of the store.
    pub(crate) fn outcome(self, requests: Requests) -> Result<Outcome, Error> {
        match self {
            Ending::Finished(done) => Ok(Outcome::Finished(done.totals(requests))),
            Ending::Stopped(done) => Ok(Outcome::Stopped(done.totals(requests))),
            Ending::AlreadyFinished => Ok(Outcome::AlreadyFinished),
            Ending::Failed(verdict, why) => {
                let kind = match verdict {
                    Verdict::Misconfigured => FailureKind::Misconfigured,
                    Verdict::Fenced => FailureKind::Fenced,
                    Verdict::RejectLimit => FailureKind::RejectLimit,
                };
                Err(Error::Led { kind, why })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_processes_end_as_the_first_one_did() {
        let too_many = || Error::TooManyRejects { rejected: 3, rows_in: 4 };
        let ending = Ending::of(&Err(too_many())).unwrap();
        let word = serde_json::to_string(&Word::Over(ending)).unwrap();
        let Word::Over(ending) = serde_json::from_str(&word).unwrap() else { panic!("{word}") };
        let error = ending.outcome(Requests::default()).unwrap_err();
        assert_eq!(error.kind(), FailureKind::RejectLimit);
        assert!(error.to_string().contains(&too_many().to_string()), "{error}");
        assert_eq!(Ending::of(&Err(error)), Ending::of(&Err(too_many())), "passed on as it is");

        assert_eq!(Ending::of(&Err(Error::Worker("it died".to_owned()))), None);
        let (there, here) = (Requests { put: 1, ..Requests::default() }, Requests::default());
        let totals = Totals { commits: 3, decided: 2, requests: there, ..Totals::default() };
        let stopped = Ending::of(&Ok(Outcome::Stopped(totals))).unwrap();
        let told = Totals { requests: here, ..totals };
        assert_eq!(stopped.outcome(here).unwrap(), Outcome::Stopped(told));
    }
}
