//! A job in a pool: where its parts lie, and what they come to.

use std::collections::BTreeMap;
use std::fmt;

use quorate_connectors::store::Listed;

use super::record::{Claim, Order, Phase, Run, Wish};

/// The directory of all jobs.
pub(super) const ROOT: &str = "jobs";

pub(super) fn folder(name: &str) -> String {
    format!("{ROOT}/{name}")
}

pub(super) fn job_path(name: &str) -> String {
    format!("{ROOT}/{name}/job.toml")
}

pub(super) fn claim_path(name: &str, nr: u64) -> String {
    format!("{ROOT}/{name}/claims/{nr:08}.json")
}

pub(super) fn run_path(name: &str, nr: u64) -> String {
    format!("{ROOT}/{name}/runs/{nr:08}.json")
}

pub(super) fn order_path(name: &str, nr: u64) -> String {
    format!("{ROOT}/{name}/orders/{nr:08}.json")
}

/// What a listing shows of a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Traces {
    /// When its file was put there, by the store's clock; `None` if it was not.
    pub(super) submitted_ms: Option<u64>,
    /// Its last claim; 0 if there is none.
    pub(super) claim_nr: u64,
    /// The time and size of that claim's run, if something was written of it: they change with it.
    pub(super) run: Option<(u64, u64)>,
    /// Its last order; 0 if there is none.
    pub(super) order_nr: u64,
}

/// What a listing shows of all jobs.
pub(super) fn traces(listed: &[Listed]) -> BTreeMap<String, Traces> {
    let mut all: BTreeMap<String, Traces> = BTreeMap::new();
    let mut runs: BTreeMap<(String, u64), (u64, u64)> = BTreeMap::new();
    for object in listed {
        let parts: Vec<&str> = object.path.split('/').collect();
        let number = |file: &str| file.strip_suffix(".json").and_then(|nr| nr.parse::<u64>().ok());
        match parts[..] {
            [ROOT, name, "job.toml"] => {
                all.entry(name.to_owned()).or_default().submitted_ms = Some(object.modified_ms);
            }
            [ROOT, name, kind, file] => {
                let Some(nr) = number(file) else { continue };
                let traces = all.entry(name.to_owned()).or_default();
                match kind {
                    "claims" => traces.claim_nr = traces.claim_nr.max(nr),
                    "orders" => traces.order_nr = traces.order_nr.max(nr),
                    "runs" => {
                        runs.insert((name.to_owned(), nr), (object.modified_ms, object.size));
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
    for (name, traces) in &mut all {
        traces.run = runs.get(&(name.clone(), traces.claim_nr)).copied();
    }
    all
}

/// A job in a pool, as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// When it was submitted, by the store's clock.
    pub submitted_ms: u64,
    /// How often it was taken.
    pub claim_nr: u64,
    /// Who took it last.
    pub claim: Option<Claim>,
    /// How that goes.
    pub run: Option<Run>,
    /// How often something was ordered.
    pub order_nr: u64,
    /// What was ordered last.
    pub order: Option<Order>,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    /// No worker has it.
    Submitted,
    /// A worker runs it, or has died doing so.
    Running,
    /// It failed, and will be tried again.
    Restarting,
    /// It is asked to stop.
    Stopping,
    /// It has stopped.
    Stopped,
    /// It came to the end of its input.
    Finished,
    /// It failed, and is not tried again.
    Failed,
}

impl Stand {
    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Stand::Submitted => "submitted",
            Stand::Running => "running",
            Stand::Restarting => "restarting",
            Stand::Stopping => "stopping",
            Stand::Stopped => "stopped",
            Stand::Finished => "finished",
            Stand::Failed => "failed",
        }
    }

    /// Whether it stays so until somebody orders something.
    pub fn is_final(self) -> bool {
        matches!(self, Stand::Stopped | Stand::Finished | Stand::Failed)
    }
}

impl fmt::Display for Stand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Entry {
    /// Where it stands.
    pub fn stand(&self) -> Stand {
        let stop = self.order.as_ref().is_some_and(|order| order.wish == Wish::Stop);
        let Some(run) = &self.run else {
            return match (self.claim_nr, stop) {
                (0, true) => Stand::Stopped,
                (0, false) => Stand::Submitted,
                (_, true) => Stand::Stopping,
                (_, false) => Stand::Running,
            };
        };
        match run.phase {
            Phase::Running if !stop => Stand::Running,
            Phase::Running | Phase::Stopping => Stand::Stopping,
            Phase::Released | Phase::Failing if stop => Stand::Stopped,
            Phase::Released => Stand::Submitted,
            Phase::Failing => Stand::Restarting,
            Phase::Stopped | Phase::Failed if self.is_to_go_on() => Stand::Submitted,
            Phase::Stopped => Stand::Stopped,
            Phase::Failed => Stand::Failed,
            Phase::Finished => Stand::Finished,
        }
    }

    /// Whether somebody wants it to go on after its last run.
    pub(super) fn is_to_go_on(&self) -> bool {
        let go = |order: &Order| order.wish == Wish::Go && order.after_claim >= self.claim_nr;
        self.order.as_ref().is_some_and(go)
    }
}
