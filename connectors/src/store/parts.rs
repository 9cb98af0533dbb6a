//! Large objects, sent in parts: none of them has to be sent again because another one got lost.
//!
//! ```text
//! begin ─► part 1 ┐
//!       ─► part 2 ├─► complete: now it is there, whole
//!       ─► …      ┘      │ lost answer ─► complete again: no such upload? It may have been done: all of it again
//!          └─ failed for good ─► abort: nothing is there, and nothing is paid for
//! ```
//!
//! 1. The object appears at completion, over whatever was there; before it nobody sees anything of it.
//! 2. Each step is tried as often as a write, with a deadline by its own bytes.
//! 3. An upload that fails is given up. One whose process dies is not: a rule of the bucket removes those.
//!
//! *Cost*: a request per part and two more; as many parts on their way as [`Limits`] allows, which are slices of the bytes
//! that the caller holds.

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};

use super::attempt::{self, Limits, tried};
use super::object::{Completion, Parts};
use super::problem::{Failure, Operation, Problem};
use super::requests::Counters;

/// An upload that was done and reported as gone is done again, so often at most.
const WHOLE_TRIES: u32 = 3;

/// Writes the object `path`.
pub(super) async fn put(
    parts: &Parts,
    limits: &Limits,
    requests: &Counters,
    path: &str,
    bytes: &Bytes,
) -> Result<(), Failure> {
    for _ in 0..WHOLE_TRIES {
        let begin = || parts.begin(path);
        let id = tried(limits, requests, Operation::Put, 0, begin).await?;
        match send(parts, limits, requests, path, &id, bytes).await {
            Ok(Completion::Done) => return Ok(()),
            Ok(Completion::Gone) => tracing::debug!(path, "an upload is gone: all of it again"),
            Err(failure) => {
                requests.count(Operation::Delete, 0);
                // What made the upload fail may stand in the way of this, too.
                let gave_up = attempt::within(limits.deadline(0), parts.abort(path, &id)).await;
                tracing::debug!(path, ?gave_up, "an upload was given up");
                return Err(failure);
            }
        }
    }
    Err(Problem::Unreachable.into())
}

async fn send(
    parts: &Parts,
    limits: &Limits,
    requests: &Counters,
    path: &str,
    id: &String,
    bytes: &Bytes,
) -> Result<Completion, Failure> {
    let size = limits.part_bytes.max(1);
    let pieces = (0..bytes.len()).step_by(size).map(|from| {
        let part = bytes.slice(from..bytes.len().min(from + size));
        let length = part.len();
        let send = move || parts.part(path, id, from / size, part.clone());
        tried(limits, requests, Operation::Put, length, send)
    });
    let sent = stream::iter(pieces).buffered(limits.parts_at_once.max(1)).try_collect::<Vec<_>>();
    let sent = sent.await?;
    let mut completions = 0;
    let complete = || {
        completions += 1;
        parts.complete(path, id, sent.clone())
    };
    let completed = tried(limits, requests, Operation::Put, 0, complete).await;
    match completed {
        // Of an upload that they have completed some services know nothing, and others deny it.
        Err(failure) if completions > 1 && !failure.problem.passes_soon() => Ok(Completion::Gone),
        completed => completed,
    }
}
