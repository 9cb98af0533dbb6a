//! Who applies for the lead.

use quorate_schemas::clock::Clock;
use quorate_schemas::log::{Digest, Owner, RandomId};

/// Who wants to lead, and on which conditions.
#[derive(Clone, Debug)]
pub struct Applicant {
    /// The job's name.
    pub job: String,
    /// The digest of the resolved job.
    pub fingerprint: Digest,
    /// Who it is; `instance` must be random, or two applicants may take each other's claim for their own.
    pub owner: Owner,
    /// The id that the log gets if this claim founds it: random.
    pub log_id: RandomId,
    /// The wall clock, for people.
    pub written_at_ms: u64,
    /// What to do where another place's owner leads.
    pub contest: Contest,
    /// What to do where the log is of the same job in another form.
    pub upgrade: Upgrade,
    /// What to do where the job is finished.
    pub reopen: Reopen,
}

/// What to do where another place's owner leads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Contest {
    /// Claim only after it has missed its heartbeats.
    #[default]
    AfterSilence,
    /// Claim at once.
    TakeOver,
}

/// What to do where the log was written under another fingerprint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Upgrade {
    /// Stop and say so.
    #[default]
    Refuse,
    /// Claim with the new one. Whoever does so recomputes what the change concerns.
    Adopt,
}

/// What to do where the job is finished.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reopen {
    /// Stop and say so.
    #[default]
    No,
    /// Claim, and go on with this clock.
    From(Clock),
}
