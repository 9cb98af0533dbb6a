//! Merges retained files while commits go on.

use std::collections::BTreeMap;

use super::Violation;
use super::contender::{Around, Move, Stopped, Who};
use super::mutation::Mutation;
use super::rows::{self, RetainedRows, Upload};
use crate::epoch::ledger::{Ask, Fact, MergePlan, Merged, Older};

/// What the lane is at.
#[derive(Debug)]
pub(super) enum MergeLane {
    Resting,
    /// So many files are read, these are their rows.
    Reading(MergePlan, usize, RetainedRows),
    Writing(Merged, Upload),
    /// Only a mutation does this: removing the files before the merge is committed.
    Removing(Vec<String>),
}

type Next = Result<Move<MergeLane>, Violation>;

impl MergeLane {
    pub(super) fn next(self, fact: Fact, who: &mut Who, mut around: Around<'_>) -> Next {
        match self {
            MergeLane::Resting => {
                // Enough for a race between two.
                let latest = who.shared.latest.as_ref().filter(|_| who.shared.merged.len() < 2);
                match latest.and_then(|latest| MergePlan::of(&latest.record().standing, &who.terms))
                {
                    Some(plan) => Ok(read(plan, 0, RetainedRows::new())),
                    None => Ok(rest(&mut around)),
                }
            }
            MergeLane::Reading(plan, done, mut rows) => match fact {
                Fact::Present(bytes) => {
                    rows.extend(rows::decode_retained(&bytes));
                    if done + 1 < plan.files().len() {
                        return Ok(read(plan, done + 1, rows));
                    }
                    write(plan, &rows, who, &mut around)
                }
                // The other lane has merged it away, or another contender has.
                Fact::Absent => Ok(rest(&mut around)),
                _ => Ok(read(plan, done, rows)),
            },
            MergeLane::Writing(merged, _) if fact == Fact::Done => {
                Ok(written(merged, who, &mut around))
            }
            MergeLane::Writing(merged, upload) => Ok(put(merged, upload)),
            MergeLane::Removing(mut paths) => {
                paths.pop();
                Ok(remove(paths, &mut around))
            }
        }
    }
}

fn rest(around: &mut Around<'_>) -> Move<MergeLane> {
    Move::wait(MergeLane::Resting, around.rng.between(100, 10_000))
}

fn read(plan: MergePlan, done: usize, rows: RetainedRows) -> Move<MergeLane> {
    let path = plan.files()[done].path.clone();
    Move::ask(MergeLane::Reading(plan, done, rows), Ask::Read { path })
}

fn write(plan: MergePlan, rows: &RetainedRows, who: &mut Who, around: &mut Around<'_>) -> Next {
    let consolidated: BTreeMap<(usize, u64), i64> = rows::consolidate(rows);
    let rows: RetainedRows =
        consolidated.into_iter().map(|((partition, row), diff)| (partition, row, diff)).collect();
    if plan.older() == Older::Nothing
        && let Some(row) = rows.iter().find(|row| row.2 < 0)
    {
        return Err(format!("a merge of everything leaves the burial {row:?}"));
    }
    let Some(incarnation) = who.shared.latest.as_ref().map(|latest| latest.record().incarnation)
    else {
        return Ok(Move::Stop(Stopped::Outdated));
    };
    let path = plan.path(incarnation, 0, who.shared.merges);
    who.shared.merges += 1;
    let (file, upload) = rows::retained_file(path, plan.checkpoint(), &rows);
    let output = (!rows.is_empty()).then_some(file);
    let is_empty = output.is_none();
    let merged =
        plan.merged(output).map_err(|breach| format!("a merge breaks a rule: {breach}"))?;
    if is_empty { Ok(written(merged, who, around)) } else { Ok(put(merged, upload)) }
}

fn put(merged: Merged, upload: Upload) -> Move<MergeLane> {
    let (path, bytes) = upload.clone();
    Move::ask(MergeLane::Writing(merged, upload), Ask::Put { path, bytes })
}

fn written(merged: Merged, who: &mut Who, around: &mut Around<'_>) -> Move<MergeLane> {
    let removed = match around.mutation {
        Some(Mutation::SweepBeforeCommit) => merged.replaced().collect(),
        _ => Vec::new(),
    };
    who.shared.merged.push(merged);
    remove(removed, around)
}

fn remove(paths: Vec<String>, around: &mut Around<'_>) -> Move<MergeLane> {
    match paths.last().cloned() {
        Some(path) => Move::ask(MergeLane::Removing(paths), Ask::Delete { path }),
        None => rest(around),
    }
}
