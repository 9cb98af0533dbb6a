//! Deadlines and tries: how long an operation may take, and how often an idempotent one is tried.

use std::time::Duration;

use super::problem::{Failure, Operation, Problem};
use super::requests::Counters;

/// How patient a store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest an attempt may take, beside the time for its bytes.
    pub deadline_ms: u64,
    /// How slow sending may be before it counts as no answer.
    pub least_bytes_per_ms: u64,
    /// How often an idempotent operation is tried, at least once.
    pub tries: u32,
    /// The pause after the first failed attempt; it doubles each time.
    pub pause_ms: u64,
    /// The longest pause.
    pub longest_pause_ms: u64,
    /// Objects of so many bytes are written in parts, where the store has such.
    pub parts_from_bytes: usize,
    /// The size of a part, but for the last. S3 takes no less than 5 MiB, and 10,000 of them.
    pub part_bytes: usize,
    /// So many parts of an object are on their way at once.
    pub parts_at_once: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            deadline_ms: 30_000,
            least_bytes_per_ms: 256,
            tries: 5,
            pause_ms: 100,
            longest_pause_ms: 2_000,
            parts_from_bytes: 16 << 20,
            part_bytes: 8 << 20,
            parts_at_once: 4,
        }
    }
}

impl Limits {
    pub(super) fn deadline(&self, bytes: usize) -> Duration {
        Duration::from_millis(self.deadline_ms + bytes as u64 / self.least_bytes_per_ms.max(1))
    }

    fn pause(&self, failures: u32) -> Duration {
        let doubled = self.pause_ms.saturating_mul(1 << failures.saturating_sub(1).min(20));
        Duration::from_millis(doubled.min(self.longest_pause_ms))
    }
}

/// What `attempt` comes to, or `None` if it takes longer than `deadline`.
pub(super) async fn within<T>(deadline: Duration, attempt: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(deadline, attempt).await.ok()
}

/// Repeats `attempt` while its failure may pass soon and tries are left.
pub(super) async fn tried<T, F>(
    limits: &Limits,
    requests: &Counters,
    operation: Operation,
    bytes: usize,
    mut attempt: impl FnMut() -> F,
) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    let mut failures = 0;
    loop {
        requests.count(operation, bytes);
        let failure = match within(limits.deadline(bytes), attempt()).await {
            Some(Ok(value)) => {
                requests.succeeded();
                return Ok(value);
            }
            Some(Err(failure)) => failure,
            None => Problem::TimedOut.into(),
        };
        failures += 1;
        requests.failed(failure.problem);
        if !failure.problem.passes_soon() || failures >= limits.tries {
            return Err(failure);
        }
        tracing::debug!(%operation, problem = %failure.problem, failures, "trying again");
        tokio::time::sleep(limits.pause(failures)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn quick() -> Limits {
        Limits {
            deadline_ms: 20,
            least_bytes_per_ms: 1_000,
            tries: 3,
            pause_ms: 1,
            longest_pause_ms: 4,
            ..Limits::default()
        }
    }

    async fn check(answer: impl Fn(u32) -> Result<u32, Problem>) -> (Result<u32, Problem>, u32) {
        let (calls, requests) = (Cell::new(0), Counters::default());
        let attempt = || {
            calls.set(calls.get() + 1);
            let answer = answer(calls.get());
            async move { answer.map_err(Failure::from) }
        };
        let result = tried(&quick(), &requests, Operation::Get, 0, attempt).await;
        let (read, calls_made) = (requests.read(), u64::from(calls.get()));
        assert_eq!(read.get, calls_made, "each attempt is a request");
        let failed = calls_made - u64::from(result.is_ok());
        assert_eq!(read.failures.total(), failed, "each failure has its kind");
        let in_a_row = if result.is_ok() { 0 } else { failed };
        assert_eq!(requests.failures_in_a_row(), in_a_row);
        (result.map_err(|failure| failure.problem), calls.get())
    }

    #[tokio::test]
    async fn what_passes_is_tried_again_and_what_does_not_is_reported_at_once() {
        let third = |call| if call < 3 { Err(Problem::Unreachable) } else { Ok(call) };
        assert_eq!(check(third).await, (Ok(3), 3));
        assert_eq!(check(|_| Err(Problem::Unreachable)).await, (Err(Problem::Unreachable), 3));
        assert_eq!(check(|_| Err(Problem::Denied)).await, (Err(Problem::Denied), 1));
        assert_eq!(check(|_| Err(Problem::NoSpace)).await, (Err(Problem::NoSpace), 1));
    }

    #[tokio::test]
    async fn a_silent_store_counts_as_no_answer() {
        let requests = Counters::default();
        let silent = || std::future::pending::<Result<(), Failure>>();
        let failure = tried(&quick(), &requests, Operation::List, 0, silent).await.unwrap_err();
        assert_eq!((failure.problem, requests.read().list), (Problem::TimedOut, 3));
        assert_eq!(requests.read().failures.timed_out, 3);
    }

    #[test]
    fn pauses_double_up_to_a_bound_and_bytes_buy_time() {
        let pauses: Vec<u128> =
            (1..=4).map(|failures| quick().pause(failures).as_millis()).collect();
        assert_eq!(pauses, [1, 2, 4, 4]);
        assert_eq!(quick().pause(u32::MAX).as_millis(), 4);
        assert_eq!(quick().deadline(50_000).as_millis(), 70);
    }
}
