//! What a job has chosen: every number an operator needs, resolved and consistent.

use quorate_learning::exams::Rule;
use quorate_learning::weights::newcomer_micros;
use quorate_schemas::clock::Eras;
use quorate_schemas::ratio::Ratio;
use quorate_schemas::time::{Micros, SECOND};
use serde::{Deserialize, Serialize};

use crate::reputation::prior_micros;
use crate::weights::ONE;

/// How votes become weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Every counted vote weighs the same.
    Majority,
    /// A vote weighs the log-odds that its agent is right in the task's domain.
    Weighted,
    /// A vote weighs what it adds beside the votes of the others, on tasks whose answer is known.
    Stacked,
    /// A vote weighs what the rule says that does best on known answers which it has not seen.
    Auto,
}

impl Method {
    /// The word in job files and tables.
    pub fn word(self) -> &'static str {
        match self {
            Method::Majority => "majority",
            Method::Weighted => "weighted",
            Method::Stacked => "stacked",
            Method::Auto => "auto",
        }
    }

    /// Whether what agents have shown changes what their votes count.
    pub fn learns(self) -> bool {
        self != Method::Majority
    }

    /// What a vote counts of an agent that has shown nothing, in millionths.
    pub fn newcomer_micros(self) -> i64 {
        match self {
            Method::Majority => ONE,
            Method::Weighted => prior_micros(),
            Method::Stacked | Method::Auto => newcomer_micros(),
        }
    }

    /// The rule by which weights are fitted to exams, if they are.
    pub fn fits(self) -> Option<Rule> {
        match self {
            Method::Majority | Method::Weighted => None,
            Method::Stacked => Some(Rule::Stacked),
            Method::Auto => Some(Rule::Auto),
        }
    }
}

/// What a quorum is a share of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QuorumOf {
    /// The weight of the votes cast.
    Votes,
    /// The weight of all who could have voted.
    Eligible,
}

/// What stake does to a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StakeRule {
    /// Nothing.
    Ignore,
    /// The weight is multiplied by the agent's stake, as a share of what this comes to for all agents registered for
    /// the domain: together they weigh a million. Nothing without a stake.
    Linear,
}

/// What happens to rows about something that was not declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unknown {
    /// They count.
    Accept,
    /// They become rejects.
    Reject,
}

/// When a task closes, beside its own deadline: whichever comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Close {
    /// So long after its first vote (a task nobody voted on by then: after its own event time). Always there
    /// unless tasks are held open to the end of the input, since every task must be able to close.
    pub after: Option<Micros>,
    /// At the vote that is this many agents' first on the task.
    pub votes: Option<u32>,
    /// At the first vote with which an answer has its quorum.
    pub quorum: bool,
}

/// Bounds on what hostile input can pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caps {
    /// Rows one task can hold; the least in (event time, agent, value) stay.
    pub votes_per_task: u32,
    /// Different votes of one agent that one task can hold; the least in (event time, value) stay.
    pub votes_per_agent_and_task: u32,
}

/// The consensus policy of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// How votes become weights.
    pub method: Method,
    /// The share of weight that an answer must exceed, unless the task has its own.
    pub quorum: Ratio,
    /// What it is a share of.
    pub quorum_of: QuorumOf,
    /// When tasks close.
    pub close: Close,
    /// The settlement periods.
    pub eras: Eras,
    /// How long after its close a task can still be revised.
    pub finality_after: Micros,
    /// How long after that its name is remembered, so that a late vote does not open it anew.
    pub forget_after: Micros,
    /// The greatest share of a domain's weight that one agent or one family may hold.
    pub cap: Option<Ratio>,
    /// What stake does.
    pub stake: StakeRule,
    /// Fewer counted votes than this leave a task undecided, unless the task has its own number.
    pub min_votes: u32,
    /// Votes of agents that are not registered.
    pub unknown_agents: Unknown,
    /// Votes on tasks that are not declared.
    pub unknown_tasks: Unknown,
    /// Whether registrations are read at all: they then say who is eligible.
    pub registered: bool,
    /// Whether provisional outcomes are wanted.
    pub updates: bool,
    /// Bounds.
    pub caps: Caps,
}

impl Policy {
    /// Whether weights are log-odds, so that their sums give a posterior.
    pub fn weights_are_log_odds(&self) -> bool {
        self.method.learns() && self.stake == StakeRule::Ignore && self.cap.is_none()
    }

    /// Whether votes are weighed as parts of a whole, of which none can be less than nothing.
    pub fn weighs_parts(&self) -> bool {
        self.stake != StakeRule::Ignore
            || self.cap.is_some()
            || self.quorum_of == QuorumOf::Eligible
    }
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            method: Method::Weighted,
            quorum: Ratio::TWO_THIRDS,
            quorum_of: QuorumOf::Votes,
            close: Close { after: Some(600 * SECOND), votes: None, quorum: false },
            eras: Eras::of_length(3_600 * SECOND),
            finality_after: 600 * SECOND,
            forget_after: 3_600 * SECOND,
            cap: None,
            stake: StakeRule::Ignore,
            min_votes: 1,
            unknown_agents: Unknown::Accept,
            unknown_tasks: Unknown::Accept,
            registered: false,
            updates: false,
            caps: Caps { votes_per_task: 1_000_000, votes_per_agent_and_task: 64 },
        }
    }
}
