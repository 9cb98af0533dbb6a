//! A map made ready: which keys or columns a row is read for, and which field each becomes.

use quorate_schemas::record::RecordKind;
use quorate_schemas::time::TimeUnit;

use super::cast::Cast;
use super::cells::Cells;
use super::each::{Member, Members};
use super::field::Field;
use super::json::{self, Found, Segment, describe};
use super::map::{FieldMap, FieldSource, MEMBER};
use super::place::{Place, segments, wrong};
use super::refusal::Refusal;
use super::row::{Form, Row, Rule};
use crate::error::Error;
use crate::source::Format;

/// Takes a row, or each of its members with what they share.
pub(crate) type Take<'t> = dyn FnMut(Result<&Row<'_>, Refusal>, Option<&Member<'_>>) + 't;

/// What a row is read for.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    form: Form,
    /// The top-level keys that are wanted, or the columns; places are indexes into them.
    keys: Vec<Box<str>>,
    places: Vec<(Field, FieldPlace)>,
    rules: [Rule; Field::COUNT],
    /// The fields that the map finds in rows.
    mapped: Vec<Field>,
    /// What of a row is a record of its own, where a row is not one.
    members: Option<Members>,
}

#[derive(Clone, Debug)]
enum FieldPlace {
    Row(Place),
    /// In the member, this far below it.
    Member(Vec<Segment>),
    /// The member's key.
    MemberKey,
    /// In the job, as JSON.
    Constant(Box<str>),
}

impl Plan {
    pub(crate) fn new(format: Format, kind: RecordKind, map: &FieldMap) -> Result<Plan, Error> {
        let fields = Field::of(kind);
        for name in map.fields.keys() {
            if !fields.iter().any(|field| field.name() == name) {
                let known: Vec<&str> = fields.iter().map(|field| field.name()).collect();
                return Err(wrong(
                    name,
                    format!("no field of a {} record: {}", word(kind), known.join(", ")),
                ));
            }
        }
        let form = match format {
            Format::Json | Format::Parquet => Form::Json,
            Format::Csv { .. } => Form::Cell,
        };
        let mut plan = Plan {
            form,
            keys: Vec::new(),
            places: Vec::new(),
            rules: [Rule { form, cast: None, unit: None }; Field::COUNT],
            mapped: Vec::new(),
            members: None,
        };
        if let Some(each) = &map.each {
            plan.members = Some(Members::new(each, &mut plan)?);
        }
        for &field in fields {
            let from = map.fields.get(field.name());
            if let Some(place) = plan.find(kind, field, from, map)? {
                plan.places.push((field, place));
            }
        }
        let of_member = |(_, place): &(Field, FieldPlace)| {
            matches!(place, FieldPlace::Member(_) | FieldPlace::MemberKey)
        };
        if plan.members.is_some() && !plan.places.iter().any(of_member) {
            let problem = "no field is taken from a member: map one to \"*\", to a path such as \"*.answer\", or to { key_of = \"*\" }";
            return Err(wrong("each", problem.to_owned()));
        }
        Ok(plan)
    }

    /// Where `field` is found; none if it is in no row of this source.
    fn find(
        &mut self,
        kind: RecordKind,
        field: Field,
        from: Option<&FieldSource>,
        map: &FieldMap,
    ) -> Result<Option<FieldPlace>, Error> {
        Ok(Some(match from {
            None if map.each.is_some() && kind == RecordKind::Vote => {
                return Ok(self.of_member(field, map));
            }
            None => FieldPlace::Row(Place::Key(self.key(field.name()))),
            Some(FieldSource::Path(path)) => self.place(field, path)?,
            Some(FieldSource::Time { field: path, unit }) => {
                self.set_unit(field, *unit)?;
                self.place(field, path)?
            }
            Some(FieldSource::Cast { field: path, cast, unit }) => {
                self.set_cast(field, *cast)?;
                unit.map(|unit| self.set_unit(field, unit)).transpose()?;
                self.place(field, path)?
            }
            Some(FieldSource::KeyOf { key_of }) => {
                if key_of != MEMBER || self.members.is_none() {
                    let problem =
                        "`key_of` is \"*\": the key of the member that the source's `each` names";
                    return Err(wrong(field.name(), problem.to_owned()));
                }
                self.rules[field as usize].form = self.member_form();
                FieldPlace::MemberKey
            }
            Some(FieldSource::Constant { value }) => {
                let json = value
                    .json()
                    .ok_or_else(|| wrong(field.name(), "must be a finite number".to_owned()))?;
                self.rules[field as usize].form = Form::Json;
                FieldPlace::Constant(json.into())
            }
        }))
    }

    /// Where a field is that the map does not name, of a vote that is a member: its key is the agent, its value the
    /// choice, if the vote has no other.
    fn of_member(&mut self, field: Field, map: &FieldMap) -> Option<FieldPlace> {
        let form = self.member_form();
        match field {
            Field::AgentId => {
                self.rules[field as usize].form = form;
                Some(FieldPlace::MemberKey)
            }
            field if Field::VALUES.contains(&field) => {
                let is_said = |value: &Field| map.fields.contains_key(value.name());
                let is_choice = field == Field::Choice && !Field::VALUES.iter().any(is_said);
                self.rules[field as usize].form = form;
                is_choice.then(|| FieldPlace::Member(Vec::new()))
            }
            field => Some(FieldPlace::Row(Place::Key(self.key(field.name())))),
        }
    }

    /// How members are written, and their keys.
    fn member_form(&self) -> Form {
        match &self.members {
            Some(Members::Within { .. }) => Form::Json,
            _ => self.form,
        }
    }

    fn set_unit(&mut self, field: Field, unit: TimeUnit) -> Result<(), Error> {
        if !field.is_time() {
            return Err(wrong(field.name(), "is no time and has no unit".to_owned()));
        }
        self.rules[field as usize].unit = Some(unit);
        Ok(())
    }

    fn set_cast(&mut self, field: Field, cast: Cast) -> Result<(), Error> {
        if !field.may_be_taken_as(cast) {
            return Err(wrong(field.name(), format!("cannot be taken as {}", cast.word())));
        }
        self.rules[field as usize].cast = Some(cast);
        Ok(())
    }

    pub(super) fn key(&mut self, key: &str) -> usize {
        self.keys.iter().position(|known| **known == *key).unwrap_or_else(|| {
            self.keys.push(key.into());
            self.keys.len() - 1
        })
    }

    fn place(&mut self, field: Field, path: &str) -> Result<FieldPlace, Error> {
        self.mapped.push(field);
        let of_member = match path.split_once('.') {
            None if path == MEMBER => Some(""),
            Some((MEMBER, below)) if self.form == Form::Json || self.members.is_some() => {
                Some(below)
            }
            _ => None,
        };
        let Some(below) = of_member else {
            return self.row_place(field.name(), path).map(FieldPlace::Row);
        };
        if self.members.is_none() {
            let problem = "`*` is a member, and the source does not say of what: `each` is missing";
            return Err(wrong(field.name(), problem.to_owned()));
        }
        let form = self.member_form();
        if form == Form::Cell && !below.is_empty() {
            let problem = format!("there is nothing in a cell to reach into: {}", describe(path));
            return Err(wrong(field.name(), problem));
        }
        self.rules[field as usize].form = form;
        match below {
            "" => Ok(FieldPlace::Member(Vec::new())),
            below => segments(field.name(), below).map(FieldPlace::Member),
        }
    }

    /// The place at `path`, for the field or key of the job `what`.
    pub(super) fn row_place(&mut self, what: &str, path: &str) -> Result<Place, Error> {
        // A cell has nothing in it to reach into: a column is named as its header names it, with or without dots.
        if self.form == Form::Cell && !path.is_empty() {
            return Ok(Place::Key(self.key(path)));
        }
        let mut rest = segments(what, path)?;
        let top = path.split('.').next().unwrap_or_default();
        Ok(match rest.len() {
            1 => Place::Key(self.key(top)),
            _ => {
                rest.remove(0);
                Place::Below { top: self.key(top), rest, dotted: self.key(path) }
            }
        })
    }

    /// Puts the wanted fields into `row`, as far as they are the same for all of its members.
    fn fill<'a>(&'a self, row: &mut Row<'a>, found: &Found<'a>) -> Result<(), Refusal> {
        for (field, place) in &self.places {
            match place {
                FieldPlace::Row(place) => row.put(*field, place.of(found)?),
                FieldPlace::Constant(json) => row.put(*field, Some(json)),
                FieldPlace::Member(_) | FieldPlace::MemberKey => {}
            }
        }
        Ok(())
    }

    /// Reads the wanted fields of one row, and gives what is a record of its own.
    ///
    /// # Errors
    /// Why the row is none. Nothing was given then.
    pub(crate) fn read<'a>(&'a self, text: &'a str, take: &mut Take<'_>) -> Result<(), Refusal> {
        let found = json::fields(text, &self.keys)?;
        let mut row = Row::new(&self.rules);
        self.fill(&mut row, &found)?;
        let Some(members) = &self.members else {
            take(Ok(&row), None);
            return Ok(());
        };
        let members = members.of_json(text, &found, &self.keys)?;
        self.spread(&row, &members, take);
        Ok(())
    }

    /// The same of a row whose cells are these: one for each key, and behind them one for each of the `columns` that
    /// no field is taken from.
    pub(crate) fn read_cells<'a>(
        &'a self,
        cells: &'a Cells<'_>,
        columns: &'a [Box<str>],
        take: &mut Take<'_>,
    ) -> Result<(), Refusal> {
        let found: Found<'a> = cells.iter().map(|cell| cell.as_deref()).collect();
        let mut row = Row::new(&self.rules);
        for (field, place) in &self.places {
            match place {
                FieldPlace::Row(place) => row.put(*field, found[place.key()]),
                FieldPlace::Constant(json) => row.put(*field, Some(json)),
                FieldPlace::Member(_) | FieldPlace::MemberKey => {}
            }
        }
        let Some(members) = &self.members else {
            take(Ok(&row), None);
            return Ok(());
        };
        let members = members.of_cells(&found, columns)?;
        self.spread(&row, &members, take);
        Ok(())
    }

    /// Gives the row of each member.
    fn spread(&self, shared: &Row<'_>, members: &[Member<'_>], take: &mut Take<'_>) {
        for member in members {
            let mut row = shared.clone();
            let mut fill = || -> Result<(), Refusal> {
                for (field, place) in &self.places {
                    match place {
                        FieldPlace::Member(below) => {
                            row.put(*field, json::below(member.raw, below)?);
                        }
                        FieldPlace::MemberKey => row.put(*field, Some(&member.key)),
                        FieldPlace::Row(_) | FieldPlace::Constant(_) => {}
                    }
                }
                Ok(())
            };
            match fill() {
                Ok(()) => take(Ok(&row), Some(member)),
                Err(refusal) => take(Err(refusal), Some(member)),
            }
        }
    }

    /// A name, written as rows of the source are.
    pub(super) fn written(&self, name: &str) -> String {
        match self.form {
            Form::Json => serde_json::Value::from(name).to_string(),
            Form::Cell => name.to_owned(),
        }
    }

    /// What of a row is a record of its own.
    pub(crate) fn members(&self) -> Option<&Members> {
        self.members.as_ref()
    }

    /// The keys that are wanted.
    pub(crate) fn keys(&self) -> &[Box<str>] {
        &self.keys
    }

    /// Where a field is found in rows; none where it is the same in all of them, or a member's.
    pub(crate) fn place_of(&self, field: Field) -> Option<&Place> {
        let (_, place) = self.places.iter().find(|(found, _)| *found == field)?;
        match place {
            FieldPlace::Row(place) => Some(place),
            FieldPlace::Constant(_) | FieldPlace::Member(_) | FieldPlace::MemberKey => None,
        }
    }

    /// Whether the map says in what place of a row a field is found.
    pub(crate) fn is_mapped(&self, field: Field) -> bool {
        self.mapped.contains(&field)
    }
}

fn word(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Task => "task",
        RecordKind::Agent => "agent",
        RecordKind::Vote => "vote",
        RecordKind::Gold => "gold",
        RecordKind::Control => "control",
        RecordKind::Tick => "tick",
    }
}
