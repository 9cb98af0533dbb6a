//! What the log says that a destination lacks of a table.

use quorate_schemas::log::StagedFile;
use quorate_schemas::table::Table;

use super::hands::drive;
use super::ledger::{Committed, Follow, Followed};
use crate::error::Error;
use crate::shared::Shared;

/// Commits and their files for one table, oldest first.
pub(super) type Lacking = Vec<(u64, Vec<StagedFile>)>;

/// What the log says that a destination lacks.
pub(super) enum Traced {
    /// All of it.
    Whole(Lacking),
    /// A record on the way is not there any more.
    Gone { seq: u64 },
}

/// What `destination`, which has everything of `table` up to `progress`, lacks up to `latest`.
///
/// # Errors
/// If it is the destination of another log, or the log cannot be read.
pub(super) async fn trace(
    destination: &str,
    table: Table,
    progress: u64,
    latest: &Committed,
    shared: &Shared,
) -> Result<Traced, Error> {
    let note = |text: &str| shared.observer.note(text);
    let mut lacking = Vec::new();
    let mut follow = Follow::from(table.name(), progress, latest);
    loop {
        match drive(follow, &shared.store, &note).await? {
            Followed::Next(committed, rest) => {
                if let Some(found) = committed.files_for(table.name()) {
                    lacking.push((found.seq, found.files.into_iter().cloned().collect()));
                }
                follow = rest;
            }
            Followed::End => return Ok(Traced::Whole(lacking)),
            Followed::Missing { seq } => return Ok(Traced::Gone { seq }),
            Followed::Strayed { progress, expected } => {
                return Err(Error::Damaged(format!(
                    "{destination} says that it has everything up to record {progress}, but its last files came with \
                     record {expected}: it is that of another log"
                )));
            }
            Followed::Damaged(damage) => return Err(damage.into()),
        }
    }
}
