//! Event time as the whole job sees it, carried as data.

use serde::{Deserialize, Serialize};

use crate::time::Micros;

/// How far a job has come beyond event time: a bounded input ends, and what is held open to its end then closes
/// in two steps, gold first, so that its evidence decides the rest.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum Phase {
    /// Rows may still come.
    #[default]
    Running,
    /// The input has ended: gold tasks held open to the end close.
    EndOfGold,
    /// Their era has ended: everything else closes.
    End,
}

/// The job's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Clock {
    /// How far the job has come beyond event time.
    pub phase: Phase,
    /// Everything below is settled.
    pub watermark: Micros,
    /// No row below will be accepted any more. The watermark follows, at most one era at a time.
    pub promised: Micros,
    /// The greatest event time of any accepted row.
    pub greatest: Micros,
    /// No open or closed task needs registrations or weights from before this time.
    pub oldest_needed: Micros,
}

impl Clock {
    /// The clock before any row.
    pub const START: Clock = Clock {
        phase: Phase::Running,
        watermark: Micros::MIN,
        promised: Micros::MIN,
        greatest: Micros::MIN,
        oldest_needed: Micros::MIN,
    };
}

impl Default for Clock {
    fn default() -> Clock {
        Clock::START
    }
}

/// Eras: spans of event time of one length, counted from 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Eras {
    length: Micros,
}

impl Eras {
    /// Eras of `length` microseconds, at least one.
    pub fn of_length(length: Micros) -> Eras {
        Eras { length: length.max(1) }
    }

    /// The era that `time` lies in.
    pub fn era_of(self, time: Micros) -> i64 {
        time.div_euclid(self.length)
    }

    /// When `era` begins.
    pub fn start_of(self, era: i64) -> Micros {
        era.saturating_mul(self.length)
    }
}
