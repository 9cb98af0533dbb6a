//! What a file's header must name for its rows to be read.

use quorate_schemas::record::RecordKind;

use super::cells::{Header, Record, broken};
use super::field::Field;
use super::json::describe;
use super::plan::Plan;
use super::refusal::Refusal;

/// The fields without which no row of a kind is a record.
fn needed(kind: RecordKind) -> &'static [Field] {
    use Field::{Action, AgentId, Answer, Decision, EventTime, TaskId, Tick};
    match kind {
        RecordKind::Task => &[EventTime, TaskId],
        RecordKind::Agent => &[EventTime, AgentId],
        RecordKind::Vote => &[EventTime, TaskId, AgentId],
        RecordKind::Gold => &[EventTime, TaskId, Answer],
        RecordKind::Control => &[EventTime, Action],
        RecordKind::Tick => &[EventTime, AgentId, Tick, Decision],
    }
}

/// Of these a vote has one.
const VALUES: [Field; 4] = [Field::Choice, Field::Number, Field::Ranking, Field::Score];

/// Which column each wanted key is, by the header that `text` is.
///
/// A column that no field is taken from may have any name, or one that others have. A column that the map names, or
/// that no record can do without, must be there: it is more likely misspelt than meant to be missing.
pub(crate) fn read(
    kind: RecordKind,
    plan: &Plan,
    text: &str,
    delimiter: u8,
) -> Result<Header, Refusal> {
    let names = Record::new(text, delimiter).collect::<Result<Vec<_>, Refusal>>()?;
    let mut columns = Vec::with_capacity(names.len());
    let mut found = vec![false; plan.keys().len()];
    for name in &names {
        let key = plan.keys().iter().position(|key| **key == **name);
        if let Some(key) = key
            && std::mem::replace(&mut found[key], true)
        {
            return Err(broken(format!("names the column `{}` twice", describe(name))));
        }
        columns.push(key);
    }
    let lacks = |field: Field| plan.key_of(field).filter(|key| !found[*key]);
    let lacking = |what: &str| {
        let named = names.join(", ");
        Err(broken(format!("lacks the column {what}; it names: {}", describe(&named))))
    };
    for field in Field::of(kind) {
        let must_be = needed(kind).contains(field) || plan.is_mapped(*field);
        if let Some(key) = lacks(*field).filter(|_| must_be) {
            return lacking(&format!("`{}`", describe(&plan.keys()[key])));
        }
    }
    if kind == RecordKind::Vote && VALUES.iter().all(|value| lacks(*value).is_some()) {
        return lacking("`choice` (or `number`, `ranking` or `score`)");
    }
    Ok(Header { columns, keys: found.len() })
}
