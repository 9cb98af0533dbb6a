use quorate_schemas::id::IdKey;
use quorate_schemas::ratio::Ratio;
use quorate_schemas::record::{Task, TaskKind};
use quorate_schemas::table::RejectReason::{OutOfRange, WrongType};

use super::task_of;
use crate::decode::field::Field;
use crate::decode::json::describe;
use crate::decode::refusal::Refusal;
use crate::decode::row::{Row, refuse};
use crate::decode::scalar::Scalar;

const KINDS: [(&str, TaskKind); 5] = [
    ("choice", TaskKind::Choice),
    ("number", TaskKind::Number),
    ("text", TaskKind::Text),
    ("pairwise", TaskKind::Pairwise),
    ("score", TaskKind::Score),
];

pub(super) fn read(row: &Row<'_>, key: &IdKey) -> Result<Task, Refusal> {
    Ok(Task {
        task: task_of(row, key)?,
        domain: key.id_of(row.optional_id(Field::Domain)?.unwrap_or_default()),
        kind: row.word(Field::Kind, &KINDS)?.unwrap_or_default(),
        options: row.labels(Field::Options)?,
        deadline: row.optional_time(Field::Deadline)?,
        min_votes: row.integer(Field::MinVotes)?,
        quorum: quorum(row)?,
        reward_microunits: row.integer(Field::RewardMicrounits)?,
    })
}

/// A ratio: "2/3", "0.5", or a number from 0 to 1.
fn quorum(row: &Row<'_>) -> Result<Option<Ratio>, Refusal> {
    let field = Field::Quorum;
    let text = match row.scalar(field)? {
        None | Some(Scalar::Null) => return Ok(None),
        Some(Scalar::Text(text)) => text.into_owned(),
        Some(Scalar::Integer(text) | Scalar::Number(text)) => text.to_owned(),
        Some(_) => return Err(refuse(WrongType, field, "must be a ratio, as \"2/3\" or 0.5")),
    };
    let problem =
        || format!("must be a ratio between 0 and 1, as \"2/3\" or 0.5: {}", describe(&text));
    text.parse().map(Some).map_err(|_| refuse(OutOfRange, field, problem()))
}
