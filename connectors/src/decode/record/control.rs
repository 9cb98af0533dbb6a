//! A row as a control record.

use quorate_schemas::id::IdKey;
use quorate_schemas::record::{Control, ControlAction};

use super::{agent_of, task_of};
use crate::decode::field::Field;
use crate::decode::refusal::Refusal;
use crate::decode::row::{Row, missing};

#[derive(Clone, Copy)]
enum Order {
    Quarantine,
    Release,
    Override,
}

const ORDERS: [(&str, Order); 3] =
    [("quarantine", Order::Quarantine), ("release", Order::Release), ("override", Order::Override)];

pub(super) fn read(row: &Row<'_>, key: &IdKey) -> Result<Control, Refusal> {
    let action = match row.word(Field::Action, &ORDERS)? {
        None => return Err(missing(Field::Action)),
        Some(Order::Quarantine) => ControlAction::Quarantine { agent: agent_of(row, key)? },
        Some(Order::Release) => ControlAction::Release { agent: agent_of(row, key)? },
        Some(Order::Override) => {
            ControlAction::Override { task: task_of(row, key)?, answer: row.label(Field::Answer)? }
        }
    };
    Ok(Control {
        action,
        operator: row.optional_id(Field::Operator)?.unwrap_or_default(),
        reason: row.optional_label(Field::Reason)?.unwrap_or_default(),
    })
}
