//! Which partitions there are, who reads each, and how far it has come: what survey, workers and lead know of each
//! other.
//!
//! ```text
//!                known          reads, stands, shut
//!   survey ◄───────────── Roster ◄──────────────────── workers
//!   (files) ─────────────►  │ ▲
//!            offer, missing ▼ │ leave_out
//!                           lead
//! ```
//!
//! 1. A partition has one owner for as long as a run knows it: two workers would read it twice, and its ranges would
//!    not chain.
//! 2. The survey judges files by where partitions stand now, not by where the log had them.
//! 3. Who rests (is idle, read to its end, or could not be opened) is open nowhere. The survey finds what there is for
//!    it to read, and its owner takes it up again.
//! 4. A name is free again once the log has forgotten it, and no sooner: ranges chain by name.
//!
//! *Memory*: some hundred bytes a partition, as in the log's records.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quorate_connectors::inlet::{Lateness, Progress, Resume};
use quorate_connectors::source::{Found, Known, Mark};
use quorate_schemas::log::{Position, Standing};
use quorate_schemas::place::Origin;
use quorate_schemas::time::Micros;

use crate::clock::Stopwatch;
use crate::epoch::ledger::Change;
use crate::error::Error;

/// What was read to its end and is gone is forgotten after so long: by then whoever rotates files has made of it what
/// is to become of it.
pub(crate) const FORGET_AFTER: Duration = Duration::from_secs(3_600);

/// What the log has of a partition beside its position, or will have once what is sealed is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// Whether it holds nothing up.
    pub(crate) idle: bool,
    /// Whether it was read to its end.
    pub(crate) done: bool,
    /// The watermark at which it joined.
    pub(crate) floor: Option<Micros>,
}

/// How a partition stands with its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// It is read.
    Open,
    /// It had nothing to read for longer than the job waits.
    Idle,
    /// It was read to its end.
    Done,
}

/// A partition that its owner is to take up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    /// Who reads it.
    pub(crate) owner: usize,
    /// What is known of its event times.
    pub(crate) resume: Resume,
    /// What the log has of it; `None` for a new one.
    pub(crate) told: Option<Told>,
}

/// A partition that rests and whose file is gone: nothing more will come of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    /// The partition, and who says so to the log.
    pub(crate) offer: Offer,
    /// Where it stands.
    pub(crate) known: Known<Mark>,
}

/// The partitions of a run.
pub(crate) struct Roster {
    members: Mutex<Members>,
    /// The floor of a partition that nobody knew when the run began.
    floor: Option<Micros>,
    forget_after: Duration,
}

struct Members {
    by_origin: BTreeMap<Origin, Member>,
    /// How many bytes each worker was given to read.
    loads: Vec<u64>,
}

struct Member {
    owner: Option<usize>,
    stage: Stage,
    known: Known<Mark>,
    resume: Resume,
    told: Option<Told>,
    /// How much of it was seen, where this run has read it.
    seen: Option<u64>,
    /// How many bytes its file had when a survey last found it; none of a topic.
    file_length: Option<u64>,
    /// Why it could not be opened the last time.
    trouble: Option<String>,
    gone: Option<Stopwatch>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The log has it; this run has not found it yet.
    Logged,
    /// Its owner has it, or is told to take it up.
    Open,
    /// Its owner has laid it down.
    Resting,
    /// The log is about to forget it.
    Leaving,
}

impl Roster {
    /// The partitions that the log has, for so many workers. What is gone is forgotten after `forget_after`.
    ///
    /// # Errors
    /// If a mark cannot be read.
    pub(crate) fn of(
        standing: &Standing,
        lateness_us: Micros,
        workers: usize,
        forget_after: Duration,
    ) -> Result<Roster, Error> {
        let promised = standing.clock.promised;
        let floor = (promised > Micros::MIN).then_some(promised);
        let member = |position: &Position| {
            let mark: Mark = serde_json::from_value(position.mark.clone()).map_err(|error| {
                let partition = &position.origin.partition;
                Error::Damaged(format!(
                    "the log's mark of partition {partition:?} cannot be read: {error}"
                ))
            })?;
            let resume = Resume {
                greatest: position.greatest_event_time_us,
                floor: position.join_watermark_us,
            };
            let member = Member {
                owner: None,
                stage: Stage::Logged,
                known: Known {
                    partition: position.origin.partition.clone(),
                    next: position.next,
                    mark,
                    done: position.done,
                },
                resume: resumed(resume, lateness_us, floor),
                told: Some(Told {
                    idle: position.idle,
                    done: position.done,
                    floor: position.join_watermark_us,
                }),
                seen: None,
                file_length: None,
                trouble: None,
                gone: None,
            };
            Ok((position.origin.clone(), member))
        };
        let by_origin = standing.positions.iter().map(member).collect::<Result<_, Error>>()?;
        let members = Members { by_origin, loads: vec![0; workers] };
        Ok(Roster { members: Mutex::new(members), floor, forget_after })
    }

    fn lock(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every partition of a source, as it stands now.
    pub(crate) fn known(&self, source: &str) -> Vec<Known<Mark>> {
        self.lock().of_source(source).map(|(_, member)| member.known.clone()).collect()
    }

    /// The marks that have changed since a survey was told of `known`: files were short then, and are known better by
    /// now. What it takes for new and begins like one of them is left to the next survey.
    pub(crate) fn fresher_than(&self, source: &str, known: &[Known<Mark>]) -> Vec<Mark> {
        let members = self.lock();
        let fresh = members.of_source(source).filter(|(origin, member)| {
            let before = known.binary_search_by(|known| known.partition.cmp(&origin.partition));
            before.is_ok_and(|at| known[at].mark != member.known.mark)
        });
        fresh.map(|(_, member)| member.known.mark.clone()).collect()
    }

    /// The marks of partitions that are being read.
    pub(crate) fn open(&self, source: &str) -> Vec<Mark> {
        let members = self.lock();
        let open = members.of_source(source).filter(|(_, member)| member.stage == Stage::Open);
        open.map(|(_, member)| member.known.mark.clone()).collect()
    }

    /// About how many bytes of each source's files, as they lie there, were not read.
    pub(crate) fn bytes_left(&self) -> BTreeMap<String, u64> {
        let mut left: BTreeMap<String, u64> = BTreeMap::new();
        for (origin, member) in &self.lock().by_origin {
            let Some(bytes) = member.bytes_left() else { continue };
            match left.get_mut(&origin.source) {
                Some(sum) => *sum += bytes,
                None => drop(left.insert(origin.source.clone(), bytes)),
            }
        }
        left
    }

    /// Whether somebody is to take up a partition that a survey found, and who. `surveyed` is what the survey took the
    /// partition for: if it has moved since, the next survey decides.
    pub(crate) fn offer(
        &self,
        source: &str,
        found: &Found,
        surveyed: Option<&Known<Mark>>,
    ) -> Option<Offer> {
        let mut members = self.lock();
        let origin = Origin { source: source.to_owned(), partition: found.partition().to_owned() };
        let bytes = found.left();
        let Some(member) = members.by_origin.get_mut(&origin) else {
            let owner = members.least_loaded(bytes);
            let resume = Resume { greatest: None, floor: self.floor };
            members.by_origin.insert(origin, Member::new(found, owner, resume));
            return Some(Offer { owner, resume, told: None });
        };
        member.file_length = file_length(found);
        let has_more = match member.stage {
            Stage::Open | Stage::Leaving => false,
            Stage::Logged => true,
            Stage::Resting => {
                // Of one that is done the survey has seen already that there is more.
                let read = member.seen.filter(|_| !member.known.done);
                read.is_none_or(|read| found.has_news(&member.known.mark, read))
            }
        };
        if !has_more || surveyed != Some(&member.known) {
            return None;
        }
        members.take_up(&origin, bytes)
    }

    /// Which partitions of a source a survey has missed: `gone` are all that it misses now. Gives those to whom nothing
    /// more will come.
    pub(crate) fn missing(&self, source: &str, gone: &[String]) -> Vec<Missing> {
        let mut members = self.lock();
        let mut over = Vec::new();
        for (origin, member) in members.of_source_mut(source) {
            if gone.binary_search(&origin.partition).is_err() {
                member.gone = None;
                continue;
            }
            let since = *member.gone.get_or_insert_with(Stopwatch::start);
            let rests = matches!(member.stage, Stage::Logged | Stage::Resting);
            if rests && !member.known.done && since.elapsed() >= self.forget_after {
                over.push((origin.clone(), Known { done: true, ..member.known.clone() }));
            }
        }
        let end = |(origin, known): (Origin, Known<Mark>)| {
            Some(Missing { offer: members.take_up(&origin, 0)?, known })
        };
        over.into_iter().filter_map(end).collect()
    }

    /// Its owner has read a partition up to here. The survey must know at once: what it takes for new may be a copy of
    /// what was read a moment ago.
    pub(crate) fn reads(&self, at: &Progress) {
        if let Some(member) = self.lock().by_origin.get_mut(&at.origin) {
            member.known = at.known();
        }
    }

    /// Its owner has sealed where a partition stands.
    pub(crate) fn stands(&self, at: &Progress, how: How) {
        let mut members = self.lock();
        let Some(member) = members.by_origin.get_mut(&at.origin) else { return };
        member.known = Known { done: how == How::Done, ..at.known() };
        member.resume = Resume { greatest: at.greatest, floor: at.floor };
        member.told =
            Some(Told { idle: how == How::Idle, done: how == How::Done, floor: at.floor });
        member.seen = Some(at.seen);
        member.trouble = None;
        if how != How::Open {
            member.stage = Stage::Resting;
        }
    }

    /// A partition's file could not be opened: the next survey finds out what became of it. Gives whether that is worth
    /// saying: the same trouble is said once.
    pub(crate) fn shut(&self, origin: &Origin, trouble: &str) -> bool {
        let mut members = self.lock();
        let Some(member) = members.by_origin.get_mut(origin) else { return true };
        member.stage = Stage::Resting;
        member.seen = None;
        member.trouble.replace(trouble.to_owned()).as_deref() != Some(trouble)
    }

    /// Leaves the partitions that are over and gone out of the record that is being written, so that its size is bounded
    /// by those that are there. Whoever writes it must say when they are [forgotten](Roster::forgotten).
    pub(crate) fn leave_out(&self, change: &mut Change) -> Vec<Origin> {
        // A position that this record moves is not left out of it.
        let moved: BTreeSet<&Origin> = change.ranges.iter().map(|range| &range.origin).collect();
        let at: BTreeMap<&Origin, u64> = change
            .positions
            .iter()
            .filter(|position| position.done && !moved.contains(&position.origin))
            .map(|position| (&position.origin, position.next))
            .collect();
        let mut leaving = Vec::new();
        for (origin, member) in &mut self.lock().by_origin {
            let gone = member.gone.is_some_and(|since| since.elapsed() >= self.forget_after);
            let rests = matches!(member.stage, Stage::Logged | Stage::Resting);
            // All that is known of it must be in the log: nothing of it may be on its way there.
            if gone && rests && member.known.done && at.get(origin) == Some(&member.known.next) {
                member.stage = Stage::Leaving;
                leaving.push(origin.clone());
            }
        }
        change.positions.retain(|position| leaving.binary_search(&position.origin).is_err());
        leaving
    }

    /// The log has forgotten these: whatever comes under their names is another partition.
    pub(crate) fn forgotten(&self, origins: &[Origin]) {
        let mut members = self.lock();
        for origin in origins {
            members.by_origin.remove(origin);
        }
    }
}

/// What a partition resumes with when the job goes on from a clock that has promised `floor`: nothing behind it.
///
/// Where a partition was neither idle nor done, and the job's lateness is what it was, this changes nothing: the clock
/// promised at most its bound, and both are of one record. One that was idle held nothing up, so the clock may have
/// passed it; it joins where the clock stands. An upgrade to a greater lateness would lower every bound below what the
/// clock has promised already.
fn resumed(resume: Resume, lateness_us: Micros, floor: Option<Micros>) -> Resume {
    let bound = Lateness::resumed(lateness_us, resume.greatest, resume.floor).bound();
    if bound < floor { Resume { floor, ..resume } } else { resume }
}

impl Members {
    fn of_source<'a>(&'a self, source: &str) -> impl Iterator<Item = (&'a Origin, &'a Member)> {
        let first = Origin { source: source.to_owned(), partition: String::new() };
        let source = source.to_owned();
        self.by_origin.range(first..).take_while(move |(origin, _)| origin.source == source)
    }

    fn of_source_mut<'a>(
        &'a mut self,
        source: &str,
    ) -> impl Iterator<Item = (&'a Origin, &'a mut Member)> {
        let first = Origin { source: source.to_owned(), partition: String::new() };
        let source = source.to_owned();
        self.by_origin.range_mut(first..).take_while(move |(origin, _)| origin.source == source)
    }

    /// The worker with the least to read, which gets so many bytes more.
    fn least_loaded(&mut self, bytes: u64) -> usize {
        let least = (0..self.loads.len()).min_by_key(|worker| (self.loads[*worker], *worker));
        let owner = least.unwrap_or(0);
        self.loads[owner] += bytes.max(1);
        owner
    }

    /// Gives a partition to its owner, or to somebody if it has none.
    fn take_up(&mut self, origin: &Origin, bytes: u64) -> Option<Offer> {
        let owner = self.by_origin.get(origin)?.owner;
        let owner = owner.unwrap_or_else(|| self.least_loaded(bytes));
        let member = self.by_origin.get_mut(origin)?;
        member.owner = Some(owner);
        member.stage = Stage::Open;
        Some(Offer { owner, resume: member.resume, told: member.told })
    }
}

impl Member {
    fn new(found: &Found, owner: usize, resume: Resume) -> Member {
        let (partition, next, mark) = (found.partition().to_owned(), found.next(), found.mark());
        Member {
            owner: Some(owner),
            stage: Stage::Open,
            known: Known { partition, next, mark, done: false },
            resume,
            told: None,
            seen: None,
            file_length: file_length(found),
            trouble: None,
            gone: None,
        }
    }

    /// About how many bytes of its file, as they lie there, were not read; none of a topic.
    fn bytes_left(&self) -> Option<u64> {
        let length = self.file_length?;
        Some(match self.seen {
            Some(seen) => length.saturating_sub(seen),
            None if self.known.next == 0 => length,
            // Taken up where an earlier run has left it: soon known.
            None => 0,
        })
    }
}

fn file_length(found: &Found) -> Option<u64> {
    match found {
        Found::File(entry) => Some(entry.file_bytes),
        Found::Topic(_) => None,
    }
}

#[cfg(test)]
mod tests;
