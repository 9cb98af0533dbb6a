//! Does what the ledger asks of the store, and brings back what became of it.

use std::time::Duration;

use bytes::Bytes;
use quorate_connectors::store::{Creation, Store};

use super::failpoint::{Step, reach};
use super::ledger::{Ask, Fact, Listed, Operation, Turn};
use crate::clock::{boot_ms, now_ms};
use crate::error::Error;

/// Drives `operation` to its end. What can be waited for is waited for, and `note` told once.
///
/// # Errors
/// If the store fails in a way that waiting does not mend.
pub(crate) async fn drive<O: Operation>(
    mut operation: O,
    store: &Store,
    note: &(dyn Fn(&str) + Sync),
) -> Result<O::Outcome, Error> {
    let mut fact = Fact::Begin;
    let mut said = false;
    loop {
        match operation.next(fact, boot_ms()) {
            Turn::Done(outcome) => return Ok(outcome),
            Turn::Ask(next, ask) => {
                operation = next;
                fact = execute(ask, store, note, &mut said).await?;
            }
        }
    }
}

async fn execute(
    ask: Ask,
    store: &Store,
    note: &(dyn Fn(&str) + Sync),
    said: &mut bool,
) -> Result<Fact, Error> {
    let done = match ask {
        Ask::Create { path, bytes } => {
            let is_record = path.starts_with("log/");
            if is_record {
                reach(Step::Create);
            }
            let created = store.create(&path, Bytes::from(bytes)).await;
            if is_record {
                reach(Step::Created);
            }
            created.map(|creation| match creation {
                Creation::Created => Fact::Created,
                Creation::Exists => Fact::AlreadyExists,
                Creation::Unknown => Fact::Unanswered,
            })
        }
        Ask::Put { path, bytes } => store.put(&path, Bytes::from(bytes)).await.map(|()| Fact::Done),
        Ask::Read { path } => store
            .get(&path)
            .await
            .map(|found| found.map_or(Fact::Absent, |bytes| Fact::Present(bytes.to_vec()))),
        Ask::List { prefix, after } => {
            let listed = match after {
                Some(after) => store.list_after(prefix, &after).await,
                None => store.list(prefix).await,
            };
            let now = now_ms();
            listed.map(|objects| {
                let age = |modified_ms: u64| now.saturating_sub(modified_ms);
                let listed = objects.into_iter();
                Fact::Listed(
                    listed.map(|o| Listed { path: o.path, age_ms: age(o.modified_ms) }).collect(),
                )
            })
        }
        Ask::Delete { path } => {
            reach(Step::Remove);
            store.delete(&path).await.map(|()| Fact::Done)
        }
        Ask::Wait { ms } => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            Ok(Fact::Waited)
        }
    };
    match done {
        Ok(fact) => Ok(fact),
        Err(error) if error.retryable() => {
            if !std::mem::replace(said, true) {
                note(&format!("{error}; trying again"));
            }
            Ok(Fact::Unanswered)
        }
        Err(error) => Err(Error::Connector(error)),
    }
}
