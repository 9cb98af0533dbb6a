//! The rules that concern one record alone, and the bounds that keep it small.

use super::{
    Body, Breach, Commit, FIRST_SEQ, FORMAT, ObjectName, Position, Record, RetainedFile, StagedFile,
};

/// The greatest seq, incarnation and checkpoint: a Delta transaction's version is a signed number, and one more
/// than any number in a record must not overflow.
pub const MAX_NUMBER: u64 = i64::MAX as u64;

/// The most live retained files. Merging keeps the list far below; a commit that would exceed it has to wait.
pub const MAX_RETAINED_FILES: usize = 256;

/// The most entries in a standing's `endings`.
pub const MAX_ENDINGS: usize = 64;

/// The longest mark of a partition, as JSON.
pub const MAX_MARK_BYTES: usize = 1024;

impl Record {
    /// Holds the record against the rules that concern it alone.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn check(&self) -> Result<(), Breach> {
        if self.format != FORMAT {
            return Err(Breach::Format { found: self.format });
        }
        in_range("seq", self.seq, FIRST_SEQ)?;
        in_range("incarnation", self.incarnation, 1)?;
        in_range("checkpoint", self.standing.checkpoint, 0)?;
        self.check_positions()?;
        self.check_retained()?;
        self.check_endings()?;
        match &self.body {
            Body::Claim {} | Body::Heartbeat {} => Ok(()),
            Body::Commit(commit) => self.check_commit(commit),
        }
    }

    fn check_positions(&self) -> Result<(), Breach> {
        let positions = &self.standing.positions;
        in_order(
            "positions",
            positions,
            |position| &position.origin,
            |position| position.origin.partition.clone(),
        )?;
        positions.iter().try_for_each(check_mark)
    }

    fn check_retained(&self) -> Result<(), Breach> {
        let files = &self.standing.retained;
        not_longer("retained", files.len(), MAX_RETAINED_FILES)?;
        in_order(
            "retained",
            files,
            |file| (file.checkpoint, &file.path),
            |file| file.path.clone(),
        )?;
        files.iter().try_for_each(|file| self.check_retained_file(file))
    }

    fn check_retained_file(&self, file: &RetainedFile) -> Result<(), Breach> {
        match ObjectName::parse(&file.path) {
            Some(
                ObjectName::Retained { incarnation, checkpoint, .. }
                | ObjectName::Merged { incarnation, checkpoint, .. },
            ) if checkpoint == file.checkpoint
                && incarnation <= self.incarnation
                && checkpoint <= self.standing.checkpoint =>
            {
                Ok(())
            }
            _ => Err(Breach::Name { what: "a retained file of this log", path: file.path.clone() }),
        }
    }

    fn check_endings(&self) -> Result<(), Breach> {
        let endings = &self.standing.endings;
        not_longer("endings", endings.len(), MAX_ENDINGS)?;
        in_order(
            "endings",
            endings,
            |ending| ending.incarnation,
            |ending| ending.incarnation.to_string(),
        )?;
        in_order(
            "endings",
            endings,
            |ending| ending.checkpoint,
            |ending| ending.checkpoint.to_string(),
        )?;
        match endings.last() {
            Some(last) if last.incarnation >= self.incarnation => {
                Err(Breach::Range { what: "the last ending", found: last.incarnation })
            }
            // The next claim would add an ending before it, and be refused: nobody could go on.
            Some(last) if last.checkpoint > self.standing.checkpoint => Err(Breach::Range {
                what: "the checkpoint of the last ending",
                found: last.checkpoint,
            }),
            _ => Ok(()),
        }
    }

    fn check_commit(&self, commit: &Commit) -> Result<(), Breach> {
        if commit.checkpoint != self.standing.checkpoint {
            return Err(Breach::Range {
                what: "the commit's checkpoint",
                found: commit.checkpoint,
            });
        }
        in_order(
            "ranges",
            &commit.ranges,
            |range| &range.origin,
            |range| range.origin.partition.clone(),
        )?;
        for range in &commit.ranges {
            let origin = || range.origin.clone();
            if range.from >= range.to {
                return Err(Breach::EmptyRange {
                    origin: origin(),
                    from: range.from,
                    to: range.to,
                });
            }
            let accounted = range.on_time.saturating_add(range.late).saturating_add(range.rejected);
            if range.rows_in != accounted {
                return Err(Breach::Conservation {
                    origin: origin(),
                    rows_in: range.rows_in,
                    accounted,
                });
            }
        }
        in_order("files", &commit.files, |file| &file.path, |file| file.path.clone())?;
        commit.files.iter().try_for_each(|file| self.check_staged_file(file))
    }

    fn check_staged_file(&self, file: &StagedFile) -> Result<(), Breach> {
        match ObjectName::parse(&file.path) {
            Some(ObjectName::Table { table, incarnation, checkpoint, .. })
                if table == file.table
                    && incarnation == self.incarnation
                    && checkpoint <= self.standing.checkpoint =>
            {
                Ok(())
            }
            _ => Err(Breach::Name {
                what: "a table's file of this incarnation",
                path: file.path.clone(),
            }),
        }
    }
}

fn check_mark(position: &Position) -> Result<(), Breach> {
    // The length of a string needs no encoding; a nested mark is rare and small.
    let length = position.mark.as_str().map_or_else(|| position.mark.to_string().len(), str::len);
    not_longer("mark", length, MAX_MARK_BYTES)
}

fn in_range(what: &'static str, found: u64, least: u64) -> Result<(), Breach> {
    if (least..=MAX_NUMBER).contains(&found) { Ok(()) } else { Err(Breach::Range { what, found }) }
}

fn not_longer(what: &'static str, found: usize, bound: usize) -> Result<(), Breach> {
    if found <= bound { Ok(()) } else { Err(Breach::TooLong { what, found, bound }) }
}

/// Holds a list against being strictly ascending by `key`.
fn in_order<'a, T, K: Ord>(
    what: &'static str,
    list: &'a [T],
    key: impl Fn(&'a T) -> K,
    show: impl Fn(&T) -> String,
) -> Result<(), Breach> {
    match list.windows(2).find(|pair| key(&pair[0]) >= key(&pair[1])) {
        None => Ok(()),
        Some(pair) => Err(Breach::Order { what, at: show(&pair[1]) }),
    }
}
