//! Start-up is recovery: take the lead, sweep what older incarnations left, read what was retained.

use quorate_connectors::staged::{Checked, read_added};
use quorate_connectors::store::Store;
use quorate_schemas::log::Standing;
use quorate_schemas::retained::RetainedRow;

use super::failpoint::{Step, reach};
use super::hands::drive;
use super::ledger::{Applicant, Claim, Claimed, Committed, Lead, NotClaimed, Sweep, Terms};
use super::retained::alive;
use crate::error::Error;

/// What a claim came to, for a run.
pub(crate) enum Taken {
    /// This run leads.
    Lead(Box<Lead>, Committed),
    /// The job is finished.
    Finished(Committed),
}

/// Takes the lead.
///
/// # Errors
/// If somebody else has it, or the log is not this job's.
pub(crate) async fn take_lead(
    applicant: Applicant,
    terms: Terms,
    store: &Store,
    note: &(dyn Fn(&str) + Sync),
) -> Result<Taken, Error> {
    let claimed = drive(Claim::new(applicant, terms), store, note).await?;
    match claimed {
        Claimed::Leading(lead, committed) => {
            reach(Step::Claimed);
            Ok(Taken::Lead(Box::new(lead), committed))
        }
        Claimed::Not(why) => match *why {
            NotClaimed::Finished(committed) => Ok(Taken::Finished(committed)),
            NotClaimed::Held { by, seq } => Err(Error::Held { by: by.to_string(), seq }),
            NotClaimed::OtherJob { found } => Err(Error::OtherJob { found }),
            NotClaimed::OtherFingerprint { .. } => Err(Error::OtherFingerprint),
            NotClaimed::Fenced(fenced) => Err(Error::Fenced(fenced)),
            NotClaimed::Damaged(damage) => Err(damage.into()),
            NotClaimed::Breach(breach) => Err(Error::Breach(breach)),
        },
    }
}

/// Removes what older incarnations staged and never committed.
///
/// # Errors
/// If the store fails for good.
pub(crate) async fn sweep(
    committed: &Committed,
    store: &Store,
    note: &(dyn Fn(&str) + Sync),
) -> Result<(), Error> {
    reach(Step::Sweep);
    drive(Sweep::orphans(committed), store, note).await?;
    Ok(())
}

/// The rows that are alive, as the log's standing has them, and its clock among them.
///
/// # Errors
/// If a file is missing or damaged.
pub(crate) async fn read_rows(
    standing: &Standing,
    store: &Store,
) -> Result<Vec<RetainedRow>, Error> {
    let mut files = Vec::new();
    for file in &standing.retained {
        let bytes = store.get(&file.path).await?;
        let bytes = bytes.ok_or_else(|| {
            Error::Damaged(format!("{} is named by the log and not there", file.path))
        })?;
        files.push(Checked::new(&file.path, bytes, &file.sha256)?);
    }
    let mut rows = alive(read_added(files)?).map_err(|row| {
        Error::Damaged(format!("retained rows take away what is not there: {row:?}"))
    })?;
    if standing.checkpoint > 0 {
        rows.push(RetainedRow::Clock(standing.clock));
    }
    reach(Step::Recovered);
    Ok(rows)
}
