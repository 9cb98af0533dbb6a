//! When to merge retained files, and which.

use quorate_schemas::log::{Breach, Merge, ObjectName, RetainedFile, Standing};

use super::terms::Terms;

/// Retained files that are to become one.
///
/// Each checkpoint adds a file per worker, and what dies leaves its row and its burial behind. Two rules keep both
/// the number of files and the dead weight down:
///
/// 1. *Whole*: once the files hold more than twice the rows that are live, or more than twice the rows of the oldest
///    file, everything is merged and only live rows are left. The first is exact where writers count what they bury;
///    the second, the rule of doubling, needs no counting: the oldest file is what was live at the last whole merge.
///    Either way a row is rewritten for a row that has been added or died since, so the cost of a change is constant.
/// 2. *Newest*: once there are more than [`Terms::merge_at_files`] files, the newest are merged: as many as it takes
///    to come down to three quarters of that, and on through older ones as long as they are no larger than what is
///    taken already. So a file that is merged again is at least doubled: a row is rewritten a logarithmic number of
///    times (measured: four times in 20,000 checkpoints), and the list stays short.
///
/// A merge reads its files while commits go on. Its outcome enters with a later commit, in the place of exactly
/// these files; if they are not all live any more, it is dropped. Only neighbours are merged and checkpoints are
/// never split, since a burial ends what was written *before* it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergePlan {
    files: Vec<RetainedFile>,
    older: Older,
}

/// Whether there are files older than those that are merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Older {
    /// None: burials have done their work and are left out of the outcome.
    Nothing,
    /// Some: burials must be kept, ahead of the rows that outlive them.
    Files,
}

/// A merge that is ready to enter with a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    pub(super) files: Vec<RetainedFile>,
    output: Option<RetainedFile>,
}

impl MergePlan {
    /// What should be merged as the job stands; at most one plan at a time need be under way.
    pub fn of(standing: &Standing, terms: &Terms) -> Option<MergePlan> {
        let files = &standing.retained;
        if wants_whole(files, terms) {
            return Some(MergePlan { files: files.clone(), older: Older::Nothing });
        }
        if files.len() <= terms.merge_at_files {
            return None;
        }
        let start = start_of_newest(files, terms);
        let older = if start == 0 { Older::Nothing } else { Older::Files };
        // One file would only be copied.
        (files.len() - start > 1).then(|| MergePlan { files: files[start..].to_vec(), older })
    }

    /// The files to read, oldest first.
    pub fn files(&self) -> &[RetainedFile] {
        &self.files
    }

    /// Whether files are left that are older than these.
    pub fn older(&self) -> Older {
        self.older
    }

    /// The newest checkpoint among the files: the outcome's.
    pub fn checkpoint(&self) -> u64 {
        self.files.last().map_or(0, |file| file.checkpoint)
    }

    /// Where the outcome goes: `nr` counts the merges of an incarnation.
    pub fn path(&self, incarnation: u64, worker: u32, nr: u32) -> String {
        ObjectName::Merged { incarnation, checkpoint: self.checkpoint(), worker, nr }.to_string()
    }

    /// The merge with its outcome; `None` if no row was left. An outcome with nothing older has nothing buried.
    ///
    /// # Errors
    /// The outcome has more rows than went in, or another checkpoint: a bug of whoever merged.
    pub fn merged(self, output: Option<RetainedFile>) -> Result<Merged, Breach> {
        let first = self.files.first().map_or_else(String::new, |file| file.path.clone());
        let broken = |what| Err(Breach::Merge { first, what });
        let rows = rows_of(&self.files);
        match &output {
            Some(output) if output.rows > rows => broken("its outcome has more rows than went in"),
            Some(output) if output.checkpoint != self.checkpoint() => {
                broken("its outcome is not of the newest checkpoint that went in")
            }
            Some(output) if self.older == Older::Nothing && output.buried > 0 => {
                broken("its outcome has burials although nothing is older")
            }
            _ => Ok(Merged { files: self.files, output }),
        }
    }
}

impl Merged {
    /// Exchanges the files in `live`, if all of them are there as they were.
    pub(super) fn apply(&self, live: &mut Vec<RetainedFile>) -> bool {
        let start = live.windows(self.files.len().max(1)).position(|window| window == self.files);
        let Some(start) = start else { return false };
        live.splice(start..start + self.files.len(), self.output.clone());
        true
    }

    /// The paths that it makes superfluous once it is committed.
    pub(super) fn replaced(&self) -> impl Iterator<Item = String> {
        self.files.iter().map(|file| file.path.clone())
    }

    /// The path that is superfluous if it is dropped.
    pub(super) fn output(&self) -> impl Iterator<Item = String> {
        self.output.iter().map(|file| file.path.clone())
    }

    pub(super) fn into_merge(self) -> Merge {
        Merge { replaced: self.replaced().collect(), into: self.output().next() }
    }
}

fn rows_of(files: &[RetainedFile]) -> u64 {
    files.iter().fold(0, |sum, file| sum.saturating_add(file.rows))
}

fn wants_whole(files: &[RetainedFile], terms: &Terms) -> bool {
    let rows = rows_of(files);
    let buried = files.iter().fold(0u64, |sum, file| sum.saturating_add(file.buried));
    let exceeds = |live: u64| rows > live.saturating_mul(2).saturating_add(terms.merge_slack_rows);
    let Some(oldest) = files.first() else { return false };
    let base = files.partition_point(|file| file.checkpoint == oldest.checkpoint);
    (buried > 0 && exceeds(rows.saturating_sub(buried)))
        || (base < files.len() && exceeds(rows_of(&files[..base])))
}

fn start_of_newest(files: &[RetainedFile], terms: &Terms) -> usize {
    let most = (terms.merge_at_files * 3 / 4).max(1);
    let (mut start, mut taken) = (files.len(), 0u64);
    while start > 0 {
        let next = &files[start - 1];
        // The outcome is one of the files that remain.
        let is_needed = start + 1 > most;
        let is_cheap = next.rows <= taken;
        let splits = files.get(start).is_some_and(|file| file.checkpoint == next.checkpoint);
        if !(is_needed || is_cheap || splits) {
            break;
        }
        taken = taken.saturating_add(next.rows);
        start -= 1;
    }
    start
}
