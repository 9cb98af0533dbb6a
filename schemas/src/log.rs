//! The log record: the one thing that makes anything true.
//!
//! A log is a row of objects `log/<seq>.json`, each created once and never changed. A record says who wrote it,
//! where the job then stood, and, if it is a commit, what a checkpoint added. Recovery reads the latest one.
//!
//! ```text
//! log/…41.json            log/…42.json             log/…43.json
//! ┌ claim ──────────┐     ┌ commit ─────────┐      ┌ heartbeat ──────┐
//! │ incarnation 7   │◄────│ previous: sha256│◄─────│ previous: sha256│
//! │ standing        │     │ incarnation 7   │      │ incarnation 7   │
//! └─────────────────┘     │ standing        │      │ standing        │
//!                         │ ranges, files   │      └─────────────────┘
//!                         └─────────────────┘
//! ```
//!
//! Invariants; [`Record::check`] holds a record against those that concern it alone, [`follows()`] against the rest:
//!
//! 1. One value has one byte string. What [`Record::from_bytes`] accepts is what [`Record::to_bytes`] writes, so
//!    comparing bytes compares meaning and the digest of the bytes names the record.
//! 2. `seq` is consecutive from 1 and `previous` is the SHA-256 of the record before: the log is one chain, and
//!    the oldest record that is kept is the root of what can be checked. Its standing carries the totals of all
//!    that was before it, so a trimmed log still adds up.
//! 3. An incarnation begins with its claim and no record of an older one comes after it.
//! 4. Per partition, ranges are half-open and chain: each begins where the standing before left off.
//! 5. Every file that a commit adds carries the incarnation of that commit in its name.
//! 6. Every record holds a whole [`Standing`], of bounded size but for the number of partitions, so that nothing
//!    before the latest record is needed to go on.
//!
//! Cost: a record is some hundred bytes a partition and a retained file; encoding and hashing it take microseconds.

mod breach;
mod bytes;
mod check;
mod commit;
mod follows;
mod hex;
mod owner;
mod path;
mod standing;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use breach::Breach;
pub use bytes::Unreadable;
pub use check::{MAX_ENDINGS, MAX_MARK_BYTES, MAX_NUMBER, MAX_RETAINED_FILES};
pub use commit::{Commit, Merge, PartitionRange, StagedFile};
pub use follows::follows;
pub use hex::Hex;
pub use owner::Owner;
pub use path::{
    HINT_PATH, JOB_PREFIX, LOG_PREFIX, ObjectName, RETAINED_PREFIX, TABLES_PREFIX, hint_bytes,
    job_path, parse_hint,
};
pub use standing::{Counts, Ending, Position, RetainedFile, Standing, TableTotals};

/// The version of the record's form that this build writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

/// The `seq` of a log's first record.
pub const FIRST_SEQ: u64 = 1;

/// A SHA-256: of a record, a staged file or a resolved job.
pub type Digest = Hex<32>;

/// 128 random bits: the id of a log, or of one start of the program.
pub type RandomId = Hex<16>;

/// A 64-bit hash, wrapping sums of which are commutative: of an outlet's live derived rows.
pub type RowsHash = Hex<8>;

/// One record of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The version of this form: [`FORMAT`].
    pub format: u32,
    /// The place in the log, from [`FIRST_SEQ`] on.
    pub seq: u64,
    /// The digest of the record before; zeros in the first.
    pub previous: Digest,
    /// The log's own id, drawn by the first claim: Delta's application id and the key of ids come from it.
    pub log_id: RandomId,
    /// The job's name.
    pub job: String,
    /// The digest of the resolved job: what may not change without an upgrade.
    pub fingerprint: Digest,
    /// Which claim this record stands under; grows by one with each claim.
    pub incarnation: u64,
    /// Who wrote it.
    pub owner: Owner,
    /// The writer's wall clock in milliseconds since 1970. For people only: no rule reads it.
    pub written_at_ms: u64,
    /// Where the job stands once this record is in the log.
    pub standing: Standing,
    /// What kind of record it is.
    pub body: Body,
}

/// What a record does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Body {
    /// Takes the lead: from here on only this incarnation commits.
    Claim {},
    /// Adds what a checkpoint staged.
    Commit(Commit),
    /// Says that the owner lives; a minute has passed in which nothing moved.
    Heartbeat {},
}

impl Record {
    /// The commit, if the record is one.
    pub fn commit(&self) -> Option<&Commit> {
        match &self.body {
            Body::Commit(commit) => Some(commit),
            Body::Claim {} | Body::Heartbeat {} => None,
        }
    }

    /// Whether the record takes the lead.
    pub fn is_claim(&self) -> bool {
        matches!(self.body, Body::Claim {})
    }

    /// Where the record lies in the store.
    pub fn path(&self) -> String {
        ObjectName::Log { seq: self.seq }.to_string()
    }
}
