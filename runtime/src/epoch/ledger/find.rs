//! Which record is the latest?

use quorate_schemas::log::{
    Breach, Digest, FIRST_SEQ, HINT_PATH, LOG_PREFIX, MAX_NUMBER, ObjectName, Record, Unreadable,
    follows, parse_hint,
};

use super::ask::{Ask, Fact, Listed, Operation, Patience, Turn};

/// Finds the latest record of a log.
///
/// ```text
/// read hint ─► list log after hint ─► read the highest ─► read the next ─► … ─► absent: the one before is it
///                    │ nothing             │ absent: list the whole log
///                    └─► read hint's own ──┘
/// ```
///
/// 1. The hint is never believed. It only says where to begin listing, which saves listing the whole log.
/// 2. A listing may miss the newest records, so what it shows is followed up by reading one number after another
///    until there is none. Reads are always right.
/// 3. Reading on from a record is only right where no record above it was trimmed. Trimming leaves a record older
///    than any listing lags behind and nothing below it counts, so the *highest* listed record is such a one.
/// 4. Each record must follow the one before. One that doesn't is looked at twice: whoever sleeps for long between two
///    reads may have read on into the hole that was trimmed in the meantime.
///
/// Cost: three requests and one for each record that the listing missed.
#[derive(Debug)]
pub struct Find {
    search: Search,
    phase: Phase,
}

#[derive(Debug, Default)]
struct Search {
    hint: Option<u64>,
    /// How often what was read did not follow.
    doubts: u32,
    patience: Patience,
}

#[derive(Debug)]
enum Phase {
    Start,
    Hinting,
    ToList,
    Listing,
    ToProbe(Probe),
    Probing(Probe),
    ToStep(Box<Latest>),
    Stepping(Box<Latest>),
}

/// Where to begin reading, and who said so.
#[derive(Clone, Copy, Debug)]
enum Probe {
    Listed(u64),
    Hinted(u64),
    /// Nothing is listed: is there a young log that listings don't show yet?
    First,
}

impl Probe {
    fn seq(self) -> u64 {
        match self {
            Probe::Listed(seq) | Probe::Hinted(seq) => seq,
            Probe::First => FIRST_SEQ,
        }
    }
}

/// The latest record, and its digest.
#[derive(Clone, Debug)]
pub struct Latest {
    /// The record.
    pub record: Record,
    /// Its digest.
    pub digest: Digest,
}

/// What there is.
#[derive(Debug)]
pub enum Found {
    /// No log.
    Empty,
    /// A log that ends in this record.
    Latest(Box<Latest>),
    /// A log that can't be followed.
    Damaged(Damage),
}

/// A record of the log that can't be read, or doesn't follow the one before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// It can't be read.
    #[error("log record {seq}: {why}")]
    Unreadable {
        /// Which.
        seq: u64,
        /// Why not.
        why: Unreadable,
    },
    /// It is not where it belongs.
    #[error("log record {seq}: {why}")]
    Misplaced {
        /// Which.
        seq: u64,
        /// Why not.
        why: Breach,
    },
}

/// The record that `bytes` read at `seq` are.
pub(super) fn record_at(seq: u64, bytes: &[u8]) -> Result<Latest, Damage> {
    let record = Record::from_bytes(bytes).map_err(|why| Damage::Unreadable { seq, why })?;
    if record.seq == seq {
        return Ok(Latest { record, digest: Digest::of(bytes) });
    }
    let why =
        Breach::Follows { what: "seq", expected: seq.to_string(), found: record.seq.to_string() };
    Err(Damage::Misplaced { seq, why })
}

/// The record that `bytes` are, which were read right above `before`.
pub(super) fn record_above(before: &Record, bytes: &[u8]) -> Result<Latest, Damage> {
    let seq = before.seq + 1;
    let latest = record_at(seq, bytes)?;
    follows(before, &latest.record).map_err(|why| Damage::Misplaced { seq, why })?;
    Ok(latest)
}

impl Find {
    /// Begins the search.
    pub fn latest() -> Find {
        Find { search: Search::default(), phase: Phase::Start }
    }
}

impl Operation for Find {
    type Outcome = Found;

    fn next(self, fact: Fact, _now_ms: u64) -> Turn<Find> {
        let search = self.search;
        match (self.phase, fact) {
            (Phase::Start, _) => {
                search.turn(Phase::Hinting, Ask::Read { path: HINT_PATH.to_owned() })
            }
            (Phase::Hinting, Fact::Present(bytes)) => search.hinted(&bytes),
            // Without a hint it goes as well.
            (Phase::Hinting | Phase::ToList, _) => search.list(),
            (Phase::Listing, Fact::Listed(found)) => search.listed(&found),
            (Phase::Listing, _) => search.wait(Phase::ToList),
            (Phase::ToProbe(probe), _) => search.probe(probe),
            (Phase::Probing(probe), Fact::Present(bytes)) => {
                search.read(record_at(probe.seq(), &bytes))
            }
            (Phase::Probing(probe), Fact::Absent) => search.absent(probe),
            (Phase::Probing(probe), _) => search.wait(Phase::ToProbe(probe)),
            (Phase::ToStep(latest), _) => search.step(latest),
            (Phase::Stepping(latest), Fact::Present(bytes)) => {
                match record_above(&latest.record, &bytes) {
                    Err(_) if search.doubts == 0 => search.doubt(),
                    read => search.read(read),
                }
            }
            (Phase::Stepping(latest), Fact::Absent) => Turn::Done(Found::Latest(latest)),
            (Phase::Stepping(latest), _) => search.wait(Phase::ToStep(latest)),
        }
    }
}

impl Search {
    fn turn(self, phase: Phase, ask: Ask) -> Turn<Find> {
        Turn::Ask(Find { search: self, phase }, ask)
    }

    fn wait(mut self, then: Phase) -> Turn<Find> {
        let ask = self.patience.wait();
        self.turn(then, ask)
    }

    fn hinted(mut self, bytes: &[u8]) -> Turn<Find> {
        self.hint = parse_hint(bytes).filter(|hint| (FIRST_SEQ..MAX_NUMBER).contains(hint));
        self.list()
    }

    fn list(self) -> Turn<Find> {
        let after = self.hint.map(|hint| ObjectName::Log { seq: hint - 1 }.to_string());
        self.turn(Phase::Listing, Ask::List { prefix: LOG_PREFIX, after })
    }

    fn listed(self, found: &[Listed]) -> Turn<Find> {
        let probe = match (highest_seq(found), self.hint) {
            (Some(highest), _) => Probe::Listed(highest),
            (None, Some(hint)) => Probe::Hinted(hint),
            (None, None) => Probe::First,
        };
        self.probe(probe)
    }

    fn probe(self, probe: Probe) -> Turn<Find> {
        self.turn(
            Phase::Probing(probe),
            Ask::Read { path: ObjectName::Log { seq: probe.seq() }.to_string() },
        )
    }

    fn absent(mut self, probe: Probe) -> Turn<Find> {
        match probe {
            Probe::First => Turn::Done(Found::Empty),
            Probe::Hinted(_) => {
                self.hint = None;
                self.list()
            }
            // Trimmed since it was listed: a great deal of time has passed.
            Probe::Listed(_) => {
                self.hint = None;
                self.wait(Phase::ToList)
            }
        }
    }

    fn doubt(mut self) -> Turn<Find> {
        self.doubts += 1;
        self.hint = None;
        self.list()
    }

    fn read(self, record: Result<Latest, Damage>) -> Turn<Find> {
        match record {
            Ok(latest) => self.step(Box::new(latest)),
            Err(damage) => Turn::Done(Found::Damaged(damage)),
        }
    }

    fn step(self, latest: Box<Latest>) -> Turn<Find> {
        let path = ObjectName::Log { seq: latest.record.seq + 1 }.to_string();
        self.turn(Phase::Stepping(latest), Ask::Read { path })
    }
}

/// The highest number of a record among `found`.
pub(super) fn highest_seq(found: &[Listed]) -> Option<u64> {
    let seqs = found.iter().filter_map(|listed| match ObjectName::parse(&listed.path) {
        Some(ObjectName::Log { seq }) => Some(seq),
        _ => None,
    });
    seqs.max()
}
