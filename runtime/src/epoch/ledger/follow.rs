//! Reading the log back: what a publisher's destination lacks.

use quorate_schemas::log::{ObjectName, Record};

use super::ask::{Ask, Fact, Operation, Patience, Turn};
use super::commit::Committed;
use super::find::{Damage, Latest, record_at};

/// Finds the records up to a committed one that have files of a table which its destination lacks, oldest first.
/// Whatever lies below a committed record is committed and can't change, whoever wrote it.
///
/// ```text
/// destination ─► progress 12                             upto (51): the table's last files came with 47
///                      │                                                     │
///        12 ◄── before ── 30 ◄── before ── 47 ◄─────────────────────────────┘      trace back…
///                         30 ────────────► 47 ─► end                               … publish forward
/// ```
///
/// Records in between, which have nothing for the table, are not read; they may be trimmed. That the trace meets the
/// destination's progress exactly shows that it is a progress of this log.
///
/// Cost: two requests a record that the destination lacks, none if it lacks nothing.
#[derive(Debug)]
pub struct Follow {
    trail: Trail,
    phase: Phase,
}

#[derive(Debug)]
struct Trail {
    table: String,
    progress: u64,
    upto: Committed,
    /// Records found lacking, newest first.
    lacking: Vec<u64>,
    patience: Patience,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Start,
    ToTrace(u64),
    Tracing(u64),
    ToFetch,
    Fetching,
}

/// The next record to publish, or why there is none.
#[derive(Debug)]
pub enum Followed {
    /// The next record, and the rest of the way.
    Next(Committed, Follow),
    /// There is no more.
    End,
    /// This record is gone, or another than it was, though the destination lacks it. Either another run has published
    /// and trimmed in the meantime: then the destination's progress, read again, has moved. Or the destination has
    /// lost its progress, or the log a record.
    Missing {
        /// Which.
        seq: u64,
    },
    /// The destination claims a progress at which this log has no files for the table.
    Strayed {
        /// The claimed progress.
        progress: u64,
        /// The last record at or below it that has files for the table.
        expected: u64,
    },
    /// A record can't be read.
    Damaged(Damage),
}

impl Follow {
    /// From a destination's progress (0 if it has none) up to and with `upto`.
    pub fn from(table: &str, progress: u64, upto: &Committed) -> Follow {
        let (table, upto) = (table.to_owned(), upto.clone());
        let trail =
            Trail { table, progress, upto, lacking: Vec::new(), patience: Patience::default() };
        Follow { trail, phase: Phase::Start }
    }
}

impl Operation for Follow {
    type Outcome = Followed;

    fn next(self, fact: Fact, _now_ms: u64) -> Turn<Follow> {
        let trail = self.trail;
        match (self.phase, fact) {
            (Phase::Start, _) => trail.start(),
            (Phase::ToTrace(seq), _) => trail.trace(seq),
            (Phase::Tracing(seq), Fact::Present(bytes)) => trail.traced(seq, &bytes),
            (Phase::Tracing(seq), Fact::Absent) => Turn::Done(Followed::Missing { seq }),
            (Phase::Tracing(seq), _) => trail.wait(Phase::ToTrace(seq)),
            (Phase::ToFetch, _) => trail.fetch(),
            (Phase::Fetching, Fact::Present(bytes)) => trail.fetched(&bytes),
            (Phase::Fetching, Fact::Absent) => trail.lost(),
            (Phase::Fetching, _) => trail.wait(Phase::ToFetch),
        }
    }
}

fn has_files(record: &Record, table: &str) -> bool {
    record.commit().is_some_and(|commit| commit.before.contains_key(table))
}

impl Trail {
    fn start(self) -> Turn<Follow> {
        let record = self.upto.record();
        // Somebody has published beyond what we know of: nothing is left to us.
        if self.progress > record.seq {
            return Turn::Done(Followed::End);
        }
        let last = record.standing.tables.get(&self.table).map_or(0, |table| table.last_seq);
        self.trace(last)
    }

    fn wait(mut self, then: Phase) -> Turn<Follow> {
        let ask = self.patience.wait();
        Turn::Ask(Follow { trail: self, phase: then }, ask)
    }

    fn read(self, seq: u64, phase: Phase) -> Turn<Follow> {
        Turn::Ask(
            Follow { trail: self, phase },
            Ask::Read { path: ObjectName::Log { seq }.to_string() },
        )
    }

    fn trace(self, seq: u64) -> Turn<Follow> {
        if seq == self.progress {
            return self.fetch();
        }
        if seq < self.progress {
            return Turn::Done(Followed::Strayed { progress: self.progress, expected: seq });
        }
        if seq == self.upto.record().seq {
            let upto = self.upto.clone();
            return self.lacks(upto.record());
        }
        self.read(seq, Phase::Tracing(seq))
    }

    fn traced(self, seq: u64, bytes: &[u8]) -> Turn<Follow> {
        match record_at(seq, bytes) {
            Err(damage) => Turn::Done(Followed::Damaged(damage)),
            Ok(Latest { record, .. }) => self.lacks(&record),
        }
    }

    fn lacks(mut self, record: &Record) -> Turn<Follow> {
        let before = record.commit().and_then(|commit| commit.before.get(&self.table));
        // Before itself, so that the trace ends whatever a damaged record says.
        let Some(before) = before.copied().filter(|before| *before < record.seq) else {
            return Turn::Done(Followed::Missing { seq: record.seq });
        };
        self.lacking.push(record.seq);
        self.trace(before)
    }

    fn fetch(self) -> Turn<Follow> {
        match self.lacking.last().copied() {
            None => Turn::Done(Followed::End),
            Some(seq) if seq == self.upto.record().seq => {
                let upto = self.upto.clone();
                self.arrive(upto)
            }
            Some(seq) => self.read(seq, Phase::Fetching),
        }
    }

    fn lost(self) -> Turn<Follow> {
        Turn::Done(self.lacking.last().map_or(Followed::End, |seq| Followed::Missing { seq: *seq }))
    }

    fn fetched(self, bytes: &[u8]) -> Turn<Follow> {
        let seq = self.lacking.last().copied().unwrap_or_default();
        match record_at(seq, bytes) {
            Err(damage) => Turn::Done(Followed::Damaged(damage)),
            Ok(Latest { record, .. }) if !has_files(&record, &self.table) => self.lost(),
            Ok(latest) => self.arrive(Committed::read(latest)),
        }
    }

    fn arrive(mut self, committed: Committed) -> Turn<Follow> {
        self.lacking.pop();
        self.patience = Patience::default();
        Turn::Done(Followed::Next(committed, Follow { trail: self, phase: Phase::ToFetch }))
    }
}
