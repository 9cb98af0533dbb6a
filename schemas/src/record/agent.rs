use serde::{Deserialize, Serialize};

use crate::id::{Id, Name};

/// What happens to an agent's registration.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum AgentAction {
    /// It is known from now on.
    #[default]
    Register,
    /// Its fields change.
    Update,
    /// It loses the stake given here.
    Slash,
    /// It is no longer eligible.
    Retire,
}

/// An identity that votes or ticks, and what the outside says of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Agent {
    /// The agent's identity (its id and version).
    pub agent: Id,
    /// What happens to it.
    pub action: AgentAction,
    /// Who runs it.
    pub operator: Option<Name>,
    /// The shared model or owner it is correlated with.
    pub family: Option<Name>,
    /// The amount at risk, in its smallest unit.
    pub stake: Option<u64>,
    /// The domains it may vote in; empty where it may in all.
    pub domains: Vec<Name>,
}
