//! Which changes of a job's settings its log cannot follow.
//!
//! Most can be taken up on the way: what is final stays, what is open is decided by the new settings, and what is in
//! between is decided anew. Some would give what is kept another meaning; a job with those needs a new store.

use quorate_connectors::store::Store;
use quorate_schemas::log::{Digest, LOG_PREFIX, Record, job_path};

use crate::epoch::patience::{Attempts, Outlasted};
use crate::error::Error;
use crate::job::Job;
use crate::observe::Observer;

const ERA: &str = "consensus.era_us";
const FINALITY: &str = "consensus.finality_after_us";

/// Asks whether `job` can go on with the log on `store`, whatever settings that was written under.
///
/// # Errors
/// Which setting stands in the way; or the store fails.
pub(crate) async fn check_upgrade(
    job: &Job,
    store: &Store,
    observer: &dyn Observer,
) -> Result<(), Error> {
    let mut attempts = Attempts::at_start(observer);
    loop {
        match attempts.outlast(settings_of_log(job, store).await).await? {
            Outlasted::Done(None) | Outlasted::Over => return Ok(()),
            Outlasted::Done(Some(then)) => return check(&then, &job.canonical()),
            Outlasted::Again => {}
        }
    }
}

/// The settings that the latest record was written under, if they are not the job's; nothing before the first.
async fn settings_of_log(job: &Job, store: &Store) -> Result<Option<String>, Error> {
    let Some(latest) = store.list(LOG_PREFIX).await?.pop() else { return Ok(None) };
    let Some(bytes) = store.get(&latest.path).await? else { return Ok(None) };
    // What is wrong with it, or with the job's name, is said by whoever claims the log.
    let Ok(record) = Record::from_bytes(&bytes) else { return Ok(None) };
    if record.fingerprint == job.fingerprint() {
        return Ok(None);
    }
    let path = job_path(&record.fingerprint);
    let text = store.get(&path).await?.filter(|text| Digest::of(text) == record.fingerprint);
    let text = text.and_then(|text| String::from_utf8(text.into()).ok());
    match text {
        Some(text) => Ok(Some(text)),
        None => Err(Error::Damaged(format!(
            "the settings that record {} was written under are not at {path}, so nobody knows what an upgrade changes",
            record.seq
        ))),
    }
}

fn check(then: &str, now: &str) -> Result<(), Error> {
    let refused = |setting: &'static str, why| {
        let value = |text| value(text, setting).unwrap_or("not set").to_owned();
        Err(Error::NotUpgradable { setting, then: value(then), now: value(now), why })
    };
    let number = |text, setting| value(text, setting).and_then(|value| value.parse::<i64>().ok());
    if number(then, ERA) != number(now, ERA) {
        return refused(ERA, "evidence and weights are kept by era");
    }
    if number(then, FINALITY) > number(now, FINALITY) {
        return refused(FINALITY, "tasks may have been revised when they would have been final");
    }
    Ok(())
}

fn value<'t>(text: &'t str, setting: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(setting)?.strip_prefix(" = "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const THEN: &str =
        "name = a\nconsensus.era_us = 5\nconsensus.quorum = 2/3\nconsensus.finality_after_us = 7\n";

    #[test]
    fn settings_that_would_give_what_is_kept_another_meaning_stay() {
        let refusal = |from: &str, to: &str| match check(THEN, &THEN.replace(from, to)) {
            Ok(()) => None,
            Err(error) => Some(error.to_string()),
        };
        assert_eq!(refusal("quorum = 2/3", "quorum = 1/2"), None);
        assert_eq!(refusal("finality_after_us = 7", "finality_after_us = 8"), None);
        let era = refusal("era_us = 5", "era_us = 6").unwrap();
        assert!(era.contains("consensus.era_us") && era.contains("from 5 to 6"), "{era}");
        let finality = refusal("finality_after_us = 7", "finality_after_us = 6").unwrap();
        assert!(finality.contains("from 7 to 6"), "{finality}");
    }
}
