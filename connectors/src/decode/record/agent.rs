//! A row as an agent record.

use quorate_schemas::id::IdKey;
use quorate_schemas::record::{Agent, AgentAction};

use super::agent_of;
use crate::decode::field::Field;
use crate::decode::refusal::Refusal;
use crate::decode::row::{Row, missing};

const ACTIONS: [(&str, AgentAction); 4] = [
    ("register", AgentAction::Register),
    ("update", AgentAction::Update),
    ("slash", AgentAction::Slash),
    ("retire", AgentAction::Retire),
];

pub(super) fn read(row: &Row<'_>, key: &IdKey) -> Result<Agent, Refusal> {
    let agent = Agent {
        agent: agent_of(row, key)?,
        action: row.word(Field::Action, &ACTIONS)?.unwrap_or_default(),
        operator: row.optional_id(Field::Operator)?,
        family: row.optional_id(Field::Family)?,
        stake: row.integer(Field::Stake)?,
        domains: row.ids(Field::Domains)?,
    };
    match (agent.action, agent.stake) {
        // Without it nothing would say how much is lost.
        (AgentAction::Slash, None) => Err(missing(Field::Stake)),
        _ => Ok(agent),
    }
}
