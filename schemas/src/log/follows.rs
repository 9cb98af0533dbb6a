//! The rules between a record and the one before: what makes the log a chain.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::{
    Body, Breach, Commit, Merge, ObjectName, PartitionRange, Position, Record, RetainedFile,
    Standing,
};
use crate::place::Origin;

/// Holds `next` against the record before it: whether a log that ends in `previous` may go on with `next`.
///
/// A writer asks before it writes, a reader of the whole log asks of every pair; both take each record to be sound
/// in itself ([`Record::check`]). The first record follows nothing: it is checked by being a claim at
/// [`FIRST_SEQ`](super::FIRST_SEQ).
///
/// What a claim may change: the incarnation, the owner, the job's fingerprint (an upgrade), and on a finished job
/// the end and the clock (a reopening). What a heartbeat may change: nothing. A commit moves its partitions along
/// its ranges, adds what it says to the totals, and exchanges retained files along its merges. A partition that was
/// read to its end may go on, from there: a writer may come back to a file, and a bounded job may be followed.
///
/// # Errors
/// The first rule that is broken, naming the partition, file or field.
pub fn follows(previous: &Record, next: &Record) -> Result<(), Breach> {
    same("seq", &previous.seq.saturating_add(1), &next.seq)?;
    let expected = previous.digest();
    if next.previous != expected {
        return Err(Breach::Previous { expected, found: next.previous });
    }
    same("log_id", &previous.log_id, &next.log_id)?;
    same("job", &previous.job, &next.job)?;
    match &next.body {
        Body::Claim {} => claim_follows(previous, next),
        Body::Heartbeat {} => {
            goes_on_under_one_claim(previous, next)?;
            unmoved("the standing of a heartbeat", previous.standing == next.standing)
        }
        Body::Commit(commit) => {
            goes_on_under_one_claim(previous, next)?;
            commit_follows(&previous.standing, next, commit)
        }
    }
}

fn claim_follows(previous: &Record, next: &Record) -> Result<(), Breach> {
    same("incarnation", &previous.incarnation.saturating_add(1), &next.incarnation)?;
    let mut expected = Standing::claimed_after(previous);
    if expected.finished && !next.standing.finished {
        expected.finished = false;
        expected.clock = next.standing.clock;
        expected.reopened = previous.standing.reopened.saturating_add(1);
    }
    unmoved("the standing of a claim", expected == next.standing)
}

fn goes_on_under_one_claim(previous: &Record, next: &Record) -> Result<(), Breach> {
    same("incarnation", &previous.incarnation, &next.incarnation)?;
    same("fingerprint", &previous.fingerprint, &next.fingerprint)?;
    same("owner", &previous.owner.instance, &next.owner.instance)
}

fn commit_follows(old: &Standing, next: &Record, commit: &Commit) -> Result<(), Breach> {
    let new = &next.standing;
    unmoved("finished: nothing is committed after the end", !old.finished)?;
    unmoved("the checkpoint, which must grow", old.checkpoint < new.checkpoint)?;
    unmoved("endings", old.endings == new.endings)?;
    unmoved("the clock's phase, which must not go back", old.clock.phase <= new.clock.phase)?;
    unmoved("the watermark, which must not go back", old.clock.watermark <= new.clock.watermark)?;
    positions_follow(old, new, &commit.ranges)?;
    let totals = commit.ranges.iter().fold(old.totals, |sum, range| sum.plus(range.counts()));
    unmoved("totals", totals == new.totals)?;
    let (mut tables, mut before) = (old.tables.clone(), BTreeMap::new());
    for file in &commit.files {
        let table = tables.entry(file.table.clone()).or_default();
        before.entry(file.table.clone()).or_insert(table.last_seq);
        *table = table.plus_file(file.rows, file.bytes, next.seq);
    }
    unmoved("tables", tables == new.tables)?;
    unmoved("the records before that added files to the same tables", before == commit.before)?;
    retained_follow(old, next, &commit.merges)
}

fn positions_follow(
    old: &Standing,
    new: &Standing,
    ranges: &[PartitionRange],
) -> Result<(), Breach> {
    let ranges: BTreeMap<&Origin, &PartitionRange> =
        ranges.iter().map(|range| (&range.origin, range)).collect();
    for origin in ranges.keys() {
        if new.position(origin).is_none() {
            return Err(Breach::Partition {
                origin: (*origin).clone(),
                what: "has a range and no position",
            });
        }
    }
    for position in &old.positions {
        // A partition that is done and gone may be forgotten: whatever comes under its name in a later record is
        // another one.
        if !position.done && new.position(&position.origin).is_none() {
            return Err(Breach::Partition {
                origin: position.origin.clone(),
                what: "is forgotten before its end",
            });
        }
    }
    new.positions.iter().try_for_each(|position| {
        position_follows(
            old.position(&position.origin),
            position,
            ranges.get(&position.origin).copied(),
        )
    })
}

fn position_follows(
    old: Option<&Position>,
    new: &Position,
    range: Option<&PartitionRange>,
) -> Result<(), Breach> {
    let origin = || new.origin.clone();
    if old.is_some_and(|old| old.greatest_event_time_us > new.greatest_event_time_us) {
        let what = "its greatest event time goes back";
        return Err(Breach::Partition { origin: origin(), what });
    }
    // A partition found now may begin anywhere: a topic no longer has its oldest rows.
    let start = old.map(|old| old.next);
    if let (Some(expected), Some(range)) = (start, range)
        && range.from != expected
    {
        return Err(Breach::Chain {
            origin: origin(),
            what: "the start of the range",
            expected,
            found: range.from,
        });
    }
    match range.map(|range| range.to).or(start) {
        Some(expected) if new.next != expected => {
            Err(Breach::Chain { origin: origin(), what: "the position", expected, found: new.next })
        }
        _ => Ok(()),
    }
}

fn retained_follow(old: &Standing, next: &Record, merges: &[Merge]) -> Result<(), Breach> {
    let new = &next.standing.retained;
    let mut files: Vec<&RetainedFile> = old.retained.iter().collect();
    for merge in merges {
        apply(merge, &mut files, next)?;
    }
    // What the merges left must stand, and nothing else but files of the checkpoints committed now may come.
    let mut left = files.into_iter().peekable();
    for file in new {
        let stands = left.next_if(|kept| *kept == file).is_some();
        unmoved(
            "retained",
            stands || (file.checkpoint > old.checkpoint && made_by(&file.path, next)),
        )?;
    }
    unmoved("retained", left.next().is_none())
}

fn made_by(path: &str, record: &Record) -> bool {
    ObjectName::parse(path).and_then(|name| name.incarnation()) == Some(record.incarnation)
}

fn apply<'a>(
    merge: &Merge,
    files: &mut Vec<&'a RetainedFile>,
    next: &'a Record,
) -> Result<(), Breach> {
    let first = merge.replaced.first().cloned().unwrap_or_default();
    let broken = |what| Err(Breach::Merge { first: first.clone(), what });
    let Some(start) = files.iter().position(|file| file.path == first) else {
        return broken("it replaces a file that is not live");
    };
    let end = start + merge.replaced.len();
    let Some(replaced) = files.get(start..end) else {
        return broken("it replaces more files than are live");
    };
    if !replaced.iter().map(|file| &file.path).eq(&merge.replaced) {
        return broken("its files are not neighbours");
    }
    let checkpoint = replaced[replaced.len() - 1].checkpoint;
    if files.get(end).is_some_and(|after| after.checkpoint == checkpoint) {
        return broken("it splits a checkpoint");
    }
    let Some(into) = &merge.into else {
        files.drain(start..end);
        return Ok(());
    };
    let Some(output) = next.standing.retained.iter().find(|file| &file.path == into) else {
        return broken("its outcome is not live");
    };
    if !made_by(into, next) {
        return broken("its outcome is of another incarnation");
    }
    let rows = |files: &[&RetainedFile]| {
        files.iter().fold(0u64, |sum, file| sum.saturating_add(file.rows))
    };
    if output.rows > rows(replaced) {
        return broken("its outcome has more rows than went in");
    }
    if output.checkpoint != checkpoint {
        return broken("its outcome is not of the newest checkpoint that went in");
    }
    files.splice(start..end, [output]);
    Ok(())
}

fn same<T: PartialEq + Display>(what: &'static str, expected: &T, found: &T) -> Result<(), Breach> {
    if expected == found {
        return Ok(());
    }
    Err(Breach::Follows { what, expected: expected.to_string(), found: found.to_string() })
}

fn unmoved(what: &'static str, holds: bool) -> Result<(), Breach> {
    if holds { Ok(()) } else { Err(Breach::Moved { what }) }
}
