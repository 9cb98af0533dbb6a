//! Stores that fail by plan: what disks and services do to a job, on demand and the same each time.
//!
//! A plan is a seed and rules; each attempt of an operation is held against the rules in order, and the first that
//! applies decides. Chances are drawn from the seed, the operation, the path and how often that was attempted, not
//! from a common row of numbers: so a run repeats even where tasks overtake each other.
//!
//! ```
//! use quorate_connectors::store::faults::FaultPlan;
//!
//! let plan = FaultPlan::parse("seed 7; create log/: lost 10%; put: full first 3; get: delay 50ms 20%")?;
//! # let _ = plan;
//! # Ok::<(), String>(())
//! ```

mod plan;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use object_store::GetRange;

use super::backend::{Backend, Found};
use super::problem::{Failure, Problem};
use super::{Creation, Listed, Operation};
pub use plan::{Fault, FaultPlan, Rule, When};

/// A backend behind a plan of faults.
pub(super) struct Faulty {
    inner: Arc<Backend>,
    plan: FaultPlan,
    seen: Mutex<Seen>,
}

/// What was attempted so far.
#[derive(Default)]
struct Seen {
    /// How often each operation was attempted on each path.
    attempts: BTreeMap<(Operation, String), u64>,
    /// How many attempts each rule was held against.
    matches: Vec<u64>,
}

impl Faulty {
    pub(super) fn new(inner: Arc<Backend>, plan: FaultPlan) -> Faulty {
        let seen =
            Mutex::new(Seen { attempts: BTreeMap::new(), matches: vec![0; plan.rules.len()] });
        Faulty { inner, plan, seen }
    }

    /// Boxed by hand: one creation may hand over to another that outlives it, and the compiler cannot see through
    /// that circle whether it may change threads.
    pub(super) fn create<'a>(
        &'a self,
        path: &'a str,
        bytes: Bytes,
    ) -> BoxFuture<'a, Result<Creation, Failure>> {
        Box::pin(self.create_boxed(path, bytes))
    }

    async fn create_boxed(&self, path: &str, bytes: Bytes) -> Result<Creation, Failure> {
        match self.next(Operation::Create, path) {
            Some(Fault::Late { after_ms }) => {
                let (inner, path) = (self.inner.clone(), path.to_owned());
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(after_ms)).await;
                    // Nobody waits for the answer: that is the fault.
                    let _ = inner.create(&path, bytes).await;
                });
                Ok(Creation::Unknown)
            }
            Some(Fault::Lost) => self.inner.create(path, bytes).await.map(|_| Creation::Unknown),
            Some(Fault::Exists) => self.inner.create(path, bytes).await.map(|_| Creation::Exists),
            fault => {
                before(fault).await?;
                self.inner.create(path, bytes).await
            }
        }
    }

    pub(super) async fn put(&self, path: &str, bytes: Bytes) -> Result<(), Failure> {
        let fault = self.next(Operation::Put, path);
        before(fault).await?;
        after(fault, self.inner.put(path, bytes).await)
    }

    pub(super) async fn read(
        &self,
        path: &str,
        range: Option<GetRange>,
    ) -> Result<Option<Found>, Failure> {
        let fault = self.next(Operation::Get, path);
        before(fault).await?;
        after(fault, self.inner.read(path, range).await)
    }

    pub(super) async fn head(&self, path: &str) -> Result<Option<Listed>, Failure> {
        let fault = self.next(Operation::Head, path);
        before(fault).await?;
        after(fault, self.inner.head(path).await)
    }

    pub(super) async fn list(
        &self,
        prefix: &str,
        after_path: &str,
    ) -> Result<Vec<Listed>, Failure> {
        let fault = self.next(Operation::List, prefix);
        before(fault).await?;
        after(fault, self.inner.list(prefix, after_path).await)
    }

    pub(super) async fn delete(&self, path: &str) -> Result<(), Failure> {
        let fault = self.next(Operation::Delete, path);
        before(fault).await?;
        after(fault, self.inner.delete(path).await)
    }

    fn next(&self, operation: Operation, path: &str) -> Option<Fault> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let attempt = seen.attempts.entry((operation, path.to_owned())).or_default();
        *attempt += 1;
        let attempt = *attempt;
        let fault = self.plan.fault(operation, path, attempt, &mut seen.matches);
        if let Some(fault) = fault {
            tracing::debug!(%operation, path, attempt, ?fault, "a planned fault");
        }
        fault
    }
}

/// What a fault does before the operation has had any effect.
async fn before(fault: Option<Fault>) -> Result<(), Failure> {
    match fault {
        Some(Fault::Error) => Err(Failure::new(Problem::Unreachable, "a planned fault")),
        Some(Fault::Denied) => Err(Failure::new(Problem::Denied, "a planned fault")),
        Some(Fault::Full) => Err(Failure::new(Problem::NoSpace, "a planned fault")),
        Some(Fault::Delay { for_ms }) => {
            tokio::time::sleep(Duration::from_millis(for_ms)).await;
            Ok(())
        }
        Some(Fault::Lost | Fault::Exists | Fault::Late { .. }) | None => Ok(()),
    }
}

/// What a fault does to the answer.
fn after<T>(fault: Option<Fault>, answer: Result<T, Failure>) -> Result<T, Failure> {
    match fault {
        Some(Fault::Lost) => answer.and(Err(Failure::new(Problem::TimedOut, "a planned fault"))),
        _ => answer,
    }
}
