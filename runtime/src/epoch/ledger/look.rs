//! Is our record still the last one?

use quorate_schemas::log::{LOG_PREFIX, ObjectName};

use super::ask::{Ask, Fact, Operation, Patience, Turn};
use super::find::highest_seq;

/// Looks for any record above `seq`, after a commit that may have slept through everything.
///
/// Reading the next place finds whoever claimed after us. It can't find what follows if that much time has passed
/// that the records after ours, and the one whose place ours then took, are trimmed: then our record was *created*
/// all right and yet stands in a hole below the log. A listing shows that, for trimming always leaves a record that
/// is older than any listing lags behind.
#[derive(Debug)]
pub(super) struct Look {
    seq: u64,
    phase: Phase,
    patience: Patience,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    ToRead,
    Reading,
    ToList,
    Listing,
    /// A higher record was listed; reading it only tells whose it is.
    Identifying(u64),
}

/// What lies above our record.
#[derive(Debug)]
pub(super) enum Above {
    /// Nothing.
    Nothing,
    /// A record of this number, with its bytes where they could be read.
    Record(u64, Option<Vec<u8>>),
}

impl Look {
    pub(super) fn above(seq: u64) -> Look {
        Look { seq, phase: Phase::ToRead, patience: Patience::default() }
    }

    fn turn(mut self, phase: Phase, ask: Ask) -> Turn<Look> {
        self.phase = phase;
        Turn::Ask(self, ask)
    }

    fn read(self, seq: u64, phase: Phase) -> Turn<Look> {
        self.turn(phase, Ask::Read { path: ObjectName::Log { seq }.to_string() })
    }

    fn list(self) -> Turn<Look> {
        let after = Some(ObjectName::Log { seq: self.seq }.to_string());
        self.turn(Phase::Listing, Ask::List { prefix: LOG_PREFIX, after })
    }

    fn wait(mut self, then: Phase) -> Turn<Look> {
        let ask = self.patience.wait();
        self.turn(then, ask)
    }
}

impl Operation for Look {
    type Outcome = Above;

    fn next(self, fact: Fact, _now_ms: u64) -> Turn<Look> {
        let next = self.seq + 1;
        match (self.phase, fact) {
            (Phase::ToRead, _) => self.read(next, Phase::Reading),
            (Phase::Reading, Fact::Present(bytes)) => Turn::Done(Above::Record(next, Some(bytes))),
            (Phase::Reading, Fact::Absent) | (Phase::ToList, _) => self.list(),
            (Phase::Reading, _) => self.wait(Phase::ToRead),
            (Phase::Listing, Fact::Listed(found)) => {
                match highest_seq(&found).filter(|highest| *highest > self.seq) {
                    None => Turn::Done(Above::Nothing),
                    Some(highest) => self.read(highest, Phase::Identifying(highest)),
                }
            }
            (Phase::Listing, _) => self.wait(Phase::ToList),
            (Phase::Identifying(seq), Fact::Present(bytes)) => {
                Turn::Done(Above::Record(seq, Some(bytes)))
            }
            (Phase::Identifying(seq), _) => Turn::Done(Above::Record(seq, None)),
        }
    }
}
