//! One record to one place in the log: whose is it in the end?

use super::ask::{Ask, Fact, Operation, Patience, Turn};

/// Tries to put one record in its place until it is certain whose record lies there.
///
/// ```text
///            ┌───────────────── absent, after a wait ────────────────┐
///            ▼                                                       │
///   ┌─► create ── already exists / unanswered ──► read ── present ──►│ compare ─► ours / theirs
///   │        │                                     ▲ └─ unanswered ──┤
///   └────────┤ refused, after a wait               └──── after a wait┘
///            └─ created ─► ours
/// ```
///
/// 1. The bytes never change from one try to the next: a try that was given up may still land, and must then be
///    recognised as ours.
/// 2. Neither a timeout nor *already exists* says whose record lies there; only the whole content does.
///
/// It never gives up by itself. Dropping it half-way is a crash: the record may yet land, and whoever claims next
/// finds out.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) path: String,
    pub(super) bytes: Vec<u8>,
    phase: Phase,
    patience: Patience,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    ToCreate,
    Creating,
    ToRead,
    Reading,
}

/// Whose record lies there.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// Ours, byte for byte.
    Ours,
    /// Another's: these bytes.
    Theirs(Vec<u8>),
}

impl Attempt {
    pub(super) fn new(path: String, bytes: Vec<u8>) -> Attempt {
        Attempt { path, bytes, phase: Phase::ToCreate, patience: Patience::default() }
    }

    fn create(mut self) -> Turn<Attempt> {
        self.phase = Phase::Creating;
        let ask = Ask::Create { path: self.path.clone(), bytes: self.bytes.clone() };
        Turn::Ask(self, ask)
    }

    fn read(mut self) -> Turn<Attempt> {
        self.phase = Phase::Reading;
        let ask = Ask::Read { path: self.path.clone() };
        Turn::Ask(self, ask)
    }

    fn wait(mut self, then: Phase) -> Turn<Attempt> {
        self.phase = then;
        let ask = self.patience.wait();
        Turn::Ask(self, ask)
    }
}

impl Operation for Attempt {
    type Outcome = Whose;

    fn next(self, fact: Fact, _now_ms: u64) -> Turn<Attempt> {
        match (self.phase, fact) {
            (Phase::ToCreate, _) => self.create(),
            (Phase::Creating, Fact::Created) => Turn::Done(Whose::Ours),
            (Phase::Creating, Fact::Refused) => self.wait(Phase::ToCreate),
            (Phase::Creating | Phase::ToRead, _) => self.read(),
            (Phase::Reading, Fact::Present(found)) if found == self.bytes => {
                Turn::Done(Whose::Ours)
            }
            (Phase::Reading, Fact::Present(found)) => Turn::Done(Whose::Theirs(found)),
            (Phase::Reading, Fact::Absent) => self.wait(Phase::ToCreate),
            (Phase::Reading, _) => self.wait(Phase::ToRead),
        }
    }
}
