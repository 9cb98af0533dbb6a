//! What becomes of a request on its way.

use super::rng::Rng;
use crate::epoch::ledger::Ask;

/// How bad it is: each number is in thousandths of all requests, or in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weather {
    pub(super) lost_request: u64,
    pub(super) lost_answer: u64,
    pub(super) late: u64,
    pub(super) refused: u64,
    /// Of creates: done, and answered with "already exists".
    pub(super) own_exists: u64,
    /// Of creates: not done, nothing there, and answered with "already exists" (S3's 409).
    pub(super) hollow_conflict: u64,
    pub(super) latency_ms: u64,
    pub(super) timeout_ms: u64,
    /// How long after its timeout a late request may still take effect.
    pub(super) late_ms: u64,
    /// How far listings may lag behind.
    pub(super) listing_lag_ms: u64,
    /// Of facts on their way to a contender.
    pub(super) crash: u64,
    pub(super) pause: u64,
    pub(super) pause_ms: u64,
}

/// What becomes of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Plain,
    LostRequest,
    LostAnswer,
    Late,
    Refused,
    OwnExists,
    HollowConflict,
}

impl Weather {
    pub(super) const CLEAR: Weather = Weather {
        lost_request: 0,
        lost_answer: 0,
        late: 0,
        refused: 0,
        own_exists: 0,
        hollow_conflict: 0,
        latency_ms: 50,
        timeout_ms: 2_000,
        late_ms: 0,
        listing_lag_ms: 0,
        crash: 0,
        pause: 0,
        pause_ms: 0,
    };

    /// Between a little rough and terrible.
    pub(super) fn of(rng: &mut Rng) -> Weather {
        let badness = rng.pick(&[5, 20, 60, 150]);
        let mut some = || rng.between(0, badness);
        Weather {
            lost_request: some(),
            lost_answer: some(),
            late: some(),
            refused: some(),
            own_exists: some(),
            hollow_conflict: some(),
            latency_ms: rng.pick(&[5, 50, 500]),
            timeout_ms: rng.pick(&[500, 2_000, 8_000]),
            late_ms: rng.pick(&[1_000, 10_000, 40_000]),
            listing_lag_ms: rng.pick(&[0, 5_000, 60_000]),
            crash: rng.pick(&[0, 1, 5, 20]),
            pause: rng.pick(&[0, 1, 5]),
            pause_ms: rng.pick(&[5_000, 30_000, 120_000, 600_000]),
        }
    }

    pub(super) fn fate(&self, ask: &Ask, rng: &mut Rng) -> Fate {
        let is_create = matches!(ask, Ask::Create { .. });
        let mut fates = vec![
            (self.lost_request, Fate::LostRequest),
            (self.lost_answer, Fate::LostAnswer),
            (self.late, Fate::Late),
            (self.refused, Fate::Refused),
        ];
        if is_create {
            fates.push((self.own_exists, Fate::OwnExists));
            fates.push((self.hollow_conflict, Fate::HollowConflict));
        }
        let mut roll = rng.between(0, 999);
        for (share, fate) in fates {
            if roll < share {
                return fate;
            }
            roll -= share;
        }
        Fate::Plain
    }

    pub(super) fn latency(&self, rng: &mut Rng) -> u64 {
        rng.between(1, self.latency_ms)
    }
}
