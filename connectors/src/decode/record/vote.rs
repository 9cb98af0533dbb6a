use quorate_schemas::id::{IdKey, Name};
use quorate_schemas::record::{Value, Vote};
use quorate_schemas::table::RejectReason::{MissingField, OutOfRange, WrongType};

use super::{agent_of, task_of};
use crate::decode::field::Field;
use crate::decode::refusal::Refusal;
use crate::decode::row::{Row, check_id, refuse};
use crate::decode::scalar::Scalar;

pub(super) fn read(row: &Row<'_>, key: &IdKey) -> Result<Vote, Refusal> {
    Ok(Vote { task: task_of(row, key)?, agent: agent_of(row, key)?, value: value(row)? })
}

/// The one value that a vote has. Null says that the agent has no answer; nothing at all says nothing.
fn value(row: &Row<'_>) -> Result<Value, Refusal> {
    let mut given = None;
    let mut null = false;
    for field in Field::VALUES {
        match row.scalar(field)? {
            None => {}
            Some(Scalar::Null) => null = true,
            Some(scalar) => match given {
                None => given = Some((field, scalar)),
                Some((other, _)) => {
                    let problem = format!("stands beside `{}`: a vote has one value", other.name());
                    return Err(refuse(WrongType, field, problem));
                }
            },
        }
    }
    match given {
        Some((Field::Number, scalar)) => Ok(Value::Number(row.number_of(Field::Number, scalar)?)),
        Some((Field::Ranking, scalar)) => ranking(row, scalar),
        Some((Field::Score, scalar)) => score(row, scalar),
        Some((field, scalar)) => {
            let label = row.label_of(field, scalar)?;
            // An empty answer is none.
            Ok(if label.is_empty() { Value::Abstain } else { Value::Choice(label) })
        }
        None if null => Ok(Value::Abstain),
        None => {
            let detail =
                "a vote needs `choice`, `number`, `ranking` or `score` (null for no answer)";
            Err(Refusal::new(MissingField, detail))
        }
    }
}

fn ranking<'a>(row: &Row<'a>, scalar: Scalar<'a>) -> Result<Value, Refusal> {
    let field = Field::Ranking;
    let Scalar::Array(_) = scalar else {
        return Err(refuse(WrongType, field, "must be an array of two labels, the better first"));
    };
    let labels = row.labels(field)?;
    match labels.as_slice() {
        [better, worse] if better.is_empty() || worse.is_empty() => {
            Err(refuse(OutOfRange, field, "has an empty label"))
        }
        [better, worse] if better == worse => {
            Err(refuse(OutOfRange, field, "ranks a label against itself"))
        }
        [better, worse] => Ok(Value::Ranking(Box::new((better.clone(), worse.clone())))),
        _ => Err(refuse(OutOfRange, field, format!("must have two labels, has {}", labels.len()))),
    }
}

fn score<'a>(row: &Row<'a>, scalar: Scalar<'a>) -> Result<Value, Refusal> {
    let field = Field::Score;
    let expected = "must be { \"response_id\": …, \"score\": number }";
    let Scalar::Object(raw) = scalar else { return Err(refuse(WrongType, field, expected)) };
    let response = match row.member(field, raw, "response_id")? {
        Some(Scalar::Text(text)) => Name::new(text),
        Some(Scalar::Integer(digits)) => Name::new(digits),
        Some(_) => return Err(refuse(WrongType, field, expected)),
        None => {
            return Err(refuse(
                MissingField,
                field,
                format!("has no `response_id`: it {expected}"),
            ));
        }
    };
    if response.is_empty() {
        return Err(refuse(OutOfRange, field, "has an empty `response_id`"));
    }
    check_id(field, &response)?;
    match row.member(field, raw, "score")? {
        Some(number) => Ok(Value::Score(Box::new((response, row.number_of(field, number)?)))),
        None => Err(refuse(MissingField, field, format!("has no `score`: it {expected}"))),
    }
}
