//! The settings of a fleet.

use serde::{Deserialize, Serialize};

use super::behaviour::Mix;

/// How rows are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Style {
    /// Every field, readable ids, times in RFC 3339, and `"synthetic": true` in each row.
    #[default]
    Full,
    /// Only what the engine needs, for measurements: a vote takes at most 90 bytes (up to 100 million tasks
    /// and 10,000 agents of one version). Times are integers in milliseconds, and the label of each row is
    /// its id's beginning, `syn-`.
    Compact,
}

/// How files are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not at all: `votes.jsonl`.
    #[default]
    None,
    /// With gzip: `votes.jsonl.gz`.
    Gz,
    /// With Zstandard: `votes.jsonl.zst`.
    Zst,
}

impl Compression {
    /// What it adds to a file's name.
    pub fn suffix(self) -> &'static str {
        match self {
            Compression::None => "",
            Compression::Gz => ".gz",
            Compression::Zst => ".zst",
        }
    }
}

/// A synthetic fleet. Every share lies between 0 and 1 and counts in millionths.
///
/// ```
/// use quorate_connectors::generate::{Fleet, Mix};
/// let fleet = Fleet { tasks: 10, mix: Mix { colluding: 0.3, ..Mix::default() }, ..Fleet::default() };
/// assert!(fleet.check().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fleet {
    /// What all chance comes from: the same seed and settings give the same rows.
    pub seed: u64,
    /// Number of tasks.
    pub tasks: u64,
    /// Number of agents.
    pub agents: u32,
    /// Shares of agents that behave otherwise than honestly.
    pub mix: Mix,
    /// Least accuracy of an honest agent in a domain, 0 to 1.
    pub accuracy_min: f64,
    /// Greatest accuracy of an honest agent in a domain, 0 to 1.
    pub accuracy_max: f64,
    /// Share of tasks that the clique of colluding agents attacks; on the others they are honest.
    pub target_share: f64,
    /// Number of domains; an agent's accuracy differs between them.
    pub domains: u32,
    /// Labels to choose from in each task, at least 2.
    pub options: u32,
    /// Fewest agents that vote on a task.
    pub votes_per_task_min: u32,
    /// Most agents that vote on a task (never more than there are).
    pub votes_per_task_max: u32,
    /// Event time of the first task, in milliseconds since 1970 (default 2026-01-01T00:00:00Z).
    pub start_ms: u64,
    /// Event time from one task to the next, in milliseconds.
    pub task_spacing_ms: u64,
    /// Longest event time from a task to a vote on it, in milliseconds.
    pub vote_spread_ms: u32,
    /// How far lines stand out of order at most, in milliseconds of event time; no more than the lateness.
    pub out_of_order_ms: u32,
    /// The lateness that the job allows, in milliseconds.
    pub lateness_ms: u32,
    /// Share of tasks whose answer the job knows, as hidden probes.
    pub gold_share: f64,
    /// Share of votes without an answer (null), by agents that mean no harm.
    pub abstain_share: f64,
    /// Share of votes that are written twice.
    pub duplicate_share: f64,
    /// Share of votes that the agent changes before the task closes.
    pub changed_share: f64,
    /// Share of votes that come too late, beyond the lateness.
    pub late_share: f64,
    /// Share of tasks on which nobody votes.
    pub empty_task_share: f64,
    /// Malformed lines among the votes, as a share of them.
    pub bad_rows_share: f64,
    /// Ticks of each agent.
    pub ticks_per_agent: u32,
    /// Event time from one tick of an agent to its next, in milliseconds.
    pub tick_ms: u32,
    /// Versions that each agent goes through, each with an accuracy of its own; with 1, none is named.
    pub versions: u32,
    /// Families of agents that share errors; 0 for none.
    pub families: u32,
    /// Share of a family member's errors that are the whole family's.
    pub family_correlation: f64,
    /// Greatest stake of an agent, in its smallest unit; 0 for fleets without stake.
    pub stake_max: u64,
    /// Operator's orders: by turns a quarantine, its release, and an override of a decision.
    pub orders: u32,
    /// How rows are written.
    pub style: Style,
    /// How files are compressed.
    pub compression: Compression,
}

impl Default for Fleet {
    fn default() -> Fleet {
        Fleet {
            seed: 1,
            tasks: 1_000,
            agents: 50,
            mix: Mix::default(),
            accuracy_min: 0.6,
            accuracy_max: 0.95,
            target_share: 0.2,
            domains: 4,
            options: 4,
            votes_per_task_min: 7,
            votes_per_task_max: 11,
            start_ms: 1_767_225_600_000,
            task_spacing_ms: 1_000,
            vote_spread_ms: 30_000,
            out_of_order_ms: 2_000,
            lateness_ms: 10_000,
            gold_share: 0.05,
            abstain_share: 0.01,
            duplicate_share: 0.02,
            changed_share: 0.01,
            late_share: 0.005,
            empty_task_share: 0.01,
            bad_rows_share: 0.0,
            ticks_per_agent: 100,
            tick_ms: 10_000,
            versions: 1,
            families: 8,
            family_correlation: 0.5,
            stake_max: 0,
            orders: 6,
            style: Style::Full,
            compression: Compression::None,
        }
    }
}

impl Fleet {
    /// About how many rows this fleet has, for a progress bar; late votes beyond the last line are counted.
    pub fn rows_expected(&self) -> u64 {
        let most = self.votes_per_task_max.min(self.agents);
        let least = self.votes_per_task_min.min(most);
        let per_task = f64::from(least + most) / 2.0
            * (1.0 - self.empty_task_share)
            * (1.0 + self.duplicate_share + self.changed_share + self.mix.equivocating)
            * (1.0 + self.bad_rows_share);
        // A task, its truth, its gold, its votes.
        let tasks = self.tasks as f64 * (2.0 + self.gold_share + per_task);
        let agents = u64::from(self.agents);
        let registered = agents * u64::from(3 * self.versions.max(1) - 1);
        tasks as u64
            + registered
            + agents * u64::from(self.ticks_per_agent)
            + u64::from(self.orders)
    }

    /// Event time that the tasks cover, in milliseconds.
    pub(super) fn duration_ms(&self) -> u64 {
        self.tasks.saturating_mul(self.task_spacing_ms)
    }

    /// The number of the version that is current at `time_ms`, counted from 0.
    pub(super) fn version_at(&self, time_ms: u64) -> u32 {
        let passed = u128::from(time_ms.saturating_sub(self.start_ms)) * u128::from(self.versions);
        let version = passed / u128::from(self.duration_ms().max(1));
        version.min(u128::from(self.versions - 1)) as u32
    }

    /// The event time at which `version` becomes current: the first that [`Fleet::version_at`] gives it to.
    pub(super) fn version_starts_ms(&self, version: u32) -> u64 {
        let passed = (u128::from(version) * u128::from(self.duration_ms()))
            .div_ceil(u128::from(self.versions));
        self.start_ms + passed as u64
    }
}
