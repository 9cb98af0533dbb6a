//! Reading the log.

use futures::{StreamExt, TryStreamExt};
use quorate_connectors::store::Store;
use quorate_schemas::log::{HINT_PATH, LOG_PREFIX, ObjectName, Record, parse_hint};

use crate::error::{Error, Result};

/// Records that are asked for at once.
const READS_AT_ONCE: usize = 16;

/// The numbers of the records that are there, in order; objects that are no records are none of them.
pub(crate) async fn seqs(store: &Store) -> Result<Vec<u64>> {
    Ok(store.list(LOG_PREFIX).await?.iter().filter_map(|listed| seq_of(&listed.path)).collect())
}

/// The number of the newest record.
pub(crate) async fn newest(store: &Store) -> Result<Option<u64>> {
    let hint = store.get(HINT_PATH).await?.and_then(|bytes| parse_hint(&bytes));
    if let Some(before) = hint.and_then(|hint| hint.checked_sub(1)) {
        // The hint may be old or wrong: what counts is the end of the list, if there is any from there on.
        let after = ObjectName::Log { seq: before }.to_string();
        let listed = store.list_after(LOG_PREFIX, &after).await?;
        if let Some(seq) = listed.iter().rev().find_map(|listed| seq_of(&listed.path)) {
            return Ok(Some(seq));
        }
    }
    Ok(seqs(store).await?.last().copied())
}

/// The newest record.
pub(crate) async fn latest(store: &Store) -> Result<Record> {
    match newest(store).await? {
        Some(seq) => record(store, seq).await,
        None => Err(Error::NoLog { store: store.name().to_owned() }),
    }
}

/// The record of this number.
pub(crate) async fn record(store: &Store, seq: u64) -> Result<Record> {
    let path = ObjectName::Log { seq }.to_string();
    let unreadable = |reason: String| Error::Record { path: path.clone(), reason };
    let bytes = store.get(&path).await?.ok_or_else(|| unreadable("it is gone".to_owned()))?;
    let record = Record::from_bytes(&bytes).map_err(|error| unreadable(error.to_string()))?;
    if record.seq != seq {
        return Err(unreadable(format!("it says that it is record {}", record.seq)));
    }
    Ok(record)
}

/// The records of these numbers, in their order.
pub(crate) async fn records(store: &Store, seqs: &[u64]) -> Result<Vec<Record>> {
    futures::stream::iter(seqs)
        .map(|seq| record(store, *seq))
        .buffered(READS_AT_ONCE)
        .try_collect()
        .await
}

fn seq_of(path: &str) -> Option<u64> {
    match ObjectName::parse(path) {
        Some(ObjectName::Log { seq }) => Some(seq),
        _ => None,
    }
}
