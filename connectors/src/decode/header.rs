//! What a file's header must name for its rows to be read.

use std::collections::BTreeSet;

use quorate_schemas::record::RecordKind;

use super::cells::{Header, Record, broken};
use super::each::{self, MEMBERS_MAX};
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

/// Which column each wanted key is, by the header that `text` is.
pub(crate) fn read(
    kind: RecordKind,
    plan: &Plan,
    text: &str,
    delimiter: u8,
) -> Result<Header, Refusal> {
    let names = Record::new(text, delimiter).collect::<Result<Vec<_>, Refusal>>()?;
    check(kind, plan, &names)
}

/// Which column each wanted key is.
///
/// A column that no field is taken from may have any name, or one that others have. A column that the map names, or
/// that no record can do without, must be there: it is more likely misspelt than meant to be missing.
pub(crate) fn check<N: AsRef<str>>(
    kind: RecordKind,
    plan: &Plan,
    names: &[N],
) -> Result<Header, Refusal> {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    let mut columns = Vec::with_capacity(names.len());
    let mut found = vec![false; plan.keys().len()];
    let mut members = Members::default();
    for name in &names {
        let key = plan.keys().iter().position(|key| **key == **name);
        let is_new = key.map(|key| !std::mem::replace(&mut found[key], true));
        columns.push(match (is_new, plan.members()) {
            (Some(true), _) => key,
            (None, Some(each::Members::Rest)) => {
                members.add(name)?;
                Some(found.len() + members.names.len() - 1)
            }
            (None, _) => None,
            (Some(false), _) => return Err(twice(name)),
        });
    }
    let lacks = |field: Field| plan.place_of(field).filter(|place| !place.is_among(&found));
    let lacking = |what: &str| {
        let named = names.join(", ");
        Err(broken(format!("lacks the column {what}; it names: {}", describe(&named))))
    };
    for field in Field::of(kind) {
        let must_be = needed(kind).contains(field) || plan.is_mapped(*field);
        if let Some(place) = lacks(*field).filter(|_| must_be) {
            return lacking(&format!("`{}`", describe(&plan.keys()[place.key()])));
        }
    }
    let says_nothing = Field::VALUES.iter().all(|value| lacks(*value).is_some());
    if kind == RecordKind::Vote && plan.members().is_none() && says_nothing {
        return lacking("`choice` (or `number`, `ranking` or `score`)");
    }
    let members_at = plan.members().into_iter().flat_map(|members| members.places());
    if let Some(place) = members_at.into_iter().find(|place| !place.is_among(&found)) {
        return lacking(&format!("`{}`", describe(&plan.keys()[place.key()])));
    }
    match plan.members() {
        Some(each::Members::Rest) if members.names.is_empty() => {
            Err(broken("names no column beside those that fields are taken from"))
        }
        _ => Ok(Header { columns, keys: found.len(), members: members.names }),
    }
}

/// The columns that no field is taken from, as the members of rows.
#[derive(Default)]
struct Members {
    names: Vec<Box<str>>,
    seen: BTreeSet<Box<str>>,
}

impl Members {
    fn add(&mut self, name: &str) -> Result<(), Refusal> {
        if name.is_empty() {
            return Err(broken(
                "has a column without a name, which is nobody's: name the columns in `each`",
            ));
        }
        if !self.seen.insert(name.into()) {
            return Err(twice(name));
        }
        if self.names.len() == MEMBERS_MAX {
            return Err(broken(format!("names more than {MEMBERS_MAX} columns as members")));
        }
        self.names.push(name.into());
        Ok(())
    }
}

fn twice(name: &str) -> Refusal {
    broken(format!("names the column `{}` twice", describe(name)))
}
