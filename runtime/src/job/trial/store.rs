use quorate_connectors::error::Error;
use quorate_connectors::store::Store;
use quorate_schemas::log::{LOG_PREFIX, Record};

use super::{Problem, StoreContents};
use crate::job::Job;

const ABOUT: &str = "store";

/// What the job's store holds, once it has shown that it can be written and creates nothing twice.
pub(super) async fn contents(job: &Job, problems: &mut Vec<Problem>) -> Option<StoreContents> {
    match look(job).await {
        Ok(None) => Some(StoreContents::Empty),
        Ok(Some(bytes)) => Some(judge(job, &bytes, problems)),
        Err(error) => {
            problems.push(Problem::error(ABOUT, with_causes(&error)));
            None
        }
    }
}

/// An error and what it comes from: of a store that refuses, only the system below knows why.
fn with_causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text} ({cause_text})");
        }
        next = cause.source();
    }
    text
}

/// The latest record of the log, if there is one.
async fn look(job: &Job) -> Result<Option<Vec<u8>>, Error> {
    let store = Store::open(&job.store).await?;
    store.check_conditional_create().await?;
    match store.list(LOG_PREFIX).await?.last() {
        Some(latest) => Ok(store.get(&latest.path).await?.map(Vec::from)),
        None => Ok(None),
    }
}

fn judge(job: &Job, bytes: &[u8], problems: &mut Vec<Problem>) -> StoreContents {
    let record = match Record::from_bytes(bytes) {
        Ok(record) => record,
        Err(error) => {
            problems.push(Problem::error(
                ABOUT,
                format!("the latest record of its log cannot be read: {error}"),
            ));
            return StoreContents::Foreign;
        }
    };
    if record.job != job.name {
        let message =
            format!("holds the log of job \"{}\": choose another store, or that name", record.job);
        problems.push(Problem::error(ABOUT, message));
        return StoreContents::Foreign;
    }
    if record.fingerprint != job.fingerprint() {
        let message = "holds results of this job under other settings (consensus, limits, or how rows are read): \
                       choose another store, or go back to those settings";
        problems.push(Problem::error(ABOUT, message));
        return StoreContents::Foreign;
    }
    StoreContents::Log { seq: record.seq, finished: record.standing.finished }
}
