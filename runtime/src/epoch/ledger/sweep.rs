//! Which objects nobody needs any more.

use quorate_schemas::log::{ObjectName, RETAINED_PREFIX, TABLES_PREFIX};

use super::ask::{Ask, Fact, Listed, Operation, Patience, Turn};
use super::commit::Committed;

/// Removes objects that nothing will ever name, in the name of a committed record.
///
/// *Orphans* are what older incarnations staged and never committed. An object is an orphan only if
///
/// 1. its name is one of ours and carries an incarnation *older* than that of the committed record: the claim of
///    that incarnation has closed the log to all older ones, so no late create can name the object any more;
/// 2. as a table's file, its checkpoint lies above the last one that its incarnation committed. A file that was
///    committed is Delta's from then on, also when the record that names it is long trimmed;
/// 3. as a retained file, it is not live in the committed record. Later records can't name it either: of an older
///    incarnation's files, live ones only become fewer.
///
/// None of this gets wrong with time, so a sweeper may be slow, stale or fenced and does no harm. What a late upload
/// brings back after the sweep is found by the next one.
///
/// *Replaced* are the files of our own that a committed merge has made superfluous.
///
/// Cost: a listing of tables and retained files, and a request for each object removed.
#[derive(Debug)]
pub struct Sweep {
    pub(super) broom: Broom,
    phase: Phase,
}

#[derive(Debug)]
pub(super) struct Broom {
    pub(super) committed: Committed,
    /// What is left to remove, last one first.
    pub(super) condemned: Vec<String>,
    deleted: Vec<String>,
    patience: Patience,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    ToList(&'static str),
    Listing(&'static str),
    ToDelete,
    Deleting,
}

/// What was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// The paths.
    pub deleted: Vec<String>,
}

/// Whether an object is an orphan as seen from `committed`.
pub fn is_orphan(path: &str, committed: &Committed) -> bool {
    let record = committed.record();
    match ObjectName::parse(path) {
        Some(ObjectName::Table { incarnation, checkpoint, .. })
            if incarnation < record.incarnation =>
        {
            record.standing.ended_at(incarnation).is_some_and(|last| checkpoint > last)
        }
        Some(ObjectName::Retained { incarnation, .. } | ObjectName::Merged { incarnation, .. })
            if incarnation < record.incarnation =>
        {
            !record.standing.retained.iter().any(|file| file.path == path)
        }
        _ => false,
    }
}

impl Sweep {
    /// Removes orphans: once after each claim, and now and then.
    pub fn orphans(committed: &Committed) -> Sweep {
        Sweep { broom: Broom::new(committed, Vec::new()), phase: Phase::ToList(TABLES_PREFIX) }
    }

    /// Removes what this very record has replaced; nothing to do after most. What a crash leaves over is an
    /// orphan for the next incarnation.
    pub fn replaced(committed: &Committed) -> Sweep {
        Sweep { broom: Broom::new(committed, committed.garbage().to_vec()), phase: Phase::ToDelete }
    }
}

impl Operation for Sweep {
    type Outcome = Swept;

    fn next(self, fact: Fact, _now_ms: u64) -> Turn<Sweep> {
        let broom = self.broom;
        match (self.phase, fact) {
            (Phase::ToList(prefix), _) => broom.list(prefix),
            (Phase::Listing(prefix), Fact::Listed(found)) => broom.listed(prefix, &found),
            (Phase::Listing(prefix), _) => broom.wait(Phase::ToList(prefix)),
            (Phase::ToDelete, _) => broom.delete(),
            (Phase::Deleting, Fact::Done | Fact::Absent) => broom.deleted(),
            (Phase::Deleting, _) => broom.wait(Phase::ToDelete),
        }
    }
}

impl Broom {
    fn new(committed: &Committed, condemned: Vec<String>) -> Broom {
        Broom {
            committed: committed.clone(),
            condemned,
            deleted: Vec::new(),
            patience: Patience::default(),
        }
    }

    fn wait(mut self, then: Phase) -> Turn<Sweep> {
        let ask = self.patience.wait();
        Turn::Ask(Sweep { broom: self, phase: then }, ask)
    }

    fn list(self, prefix: &'static str) -> Turn<Sweep> {
        Turn::Ask(
            Sweep { broom: self, phase: Phase::Listing(prefix) },
            Ask::List { prefix, after: None },
        )
    }

    fn listed(mut self, prefix: &'static str, found: &[Listed]) -> Turn<Sweep> {
        let orphans = found.iter().filter(|listed| is_orphan(&listed.path, &self.committed));
        self.condemned.extend(orphans.map(|listed| listed.path.clone()));
        if prefix == TABLES_PREFIX { self.list(RETAINED_PREFIX) } else { self.delete() }
    }

    fn delete(self) -> Turn<Sweep> {
        match self.condemned.last().cloned() {
            None => Turn::Done(Swept { deleted: self.deleted }),
            Some(path) => {
                Turn::Ask(Sweep { broom: self, phase: Phase::Deleting }, Ask::Delete { path })
            }
        }
    }

    fn deleted(mut self) -> Turn<Sweep> {
        self.deleted.extend(self.condemned.pop());
        self.patience = Patience::default();
        self.delete()
    }
}
