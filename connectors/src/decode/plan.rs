//! A map made ready: which keys or columns a row is read for, and which field each becomes.

use quorate_schemas::record::RecordKind;
use quorate_schemas::time::TimeUnit;

use super::cast::Cast;
use super::cells::Cells;
use super::field::Field;
use super::json::{self, Segment};
use super::map::{FieldMap, FieldSource};
use super::refusal::Refusal;
use super::row::{Form, Row, Rule};
use crate::error::Error;
use crate::source::Format;

/// How deep a path may reach.
const SEGMENTS_MAX: usize = 32;

/// What a row is read for.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    form: Form,
    /// The top-level keys that are wanted, or the columns; places below are indexes into them.
    keys: Vec<Box<str>>,
    places: Vec<(Field, FieldPlace)>,
    rules: [Rule; Field::COUNT],
    /// The fields that the map finds in rows.
    mapped: Vec<Field>,
}

#[derive(Clone, Debug)]
enum FieldPlace {
    /// At the top.
    Key(usize),
    /// Below a top-level key; or at the top, under a key that has the dots in it.
    Below { top: usize, rest: Vec<Segment>, dotted: usize },
    /// In the job, as JSON.
    Constant(Box<str>),
}

impl Plan {
    pub(crate) fn new(format: Format, kind: RecordKind, map: &FieldMap) -> Result<Plan, Error> {
        let fields = Field::of(kind);
        for name in map.0.keys() {
            if !fields.iter().any(|field| field.name() == name) {
                let known: Vec<&str> = fields.iter().map(|field| field.name()).collect();
                return Err(wrong(
                    name,
                    format!("no field of a {} record: {}", word(kind), known.join(", ")),
                ));
            }
        }
        let form = match format {
            Format::Json => Form::Json,
            Format::Csv { .. } => Form::Cell,
        };
        let mut plan = Plan {
            form,
            keys: Vec::new(),
            places: Vec::new(),
            rules: [Rule { form, cast: None, unit: None }; Field::COUNT],
            mapped: Vec::new(),
        };
        for &field in fields {
            let place = match map.0.get(field.name()) {
                None => FieldPlace::Key(plan.key(field.name())),
                Some(FieldSource::Path(path)) => plan.place(field, path)?,
                Some(FieldSource::Time { field: path, unit }) => {
                    plan.set_unit(field, *unit)?;
                    plan.place(field, path)?
                }
                Some(FieldSource::Cast { field: path, cast, unit }) => {
                    plan.set_cast(field, *cast)?;
                    unit.map(|unit| plan.set_unit(field, unit)).transpose()?;
                    plan.place(field, path)?
                }
                Some(FieldSource::Constant { value }) => {
                    let json = value
                        .json()
                        .ok_or_else(|| wrong(field.name(), "must be a finite number".to_owned()))?;
                    plan.rules[field as usize].form = Form::Json;
                    FieldPlace::Constant(json.into())
                }
            };
            plan.places.push((field, place));
        }
        Ok(plan)
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

    fn key(&mut self, key: &str) -> usize {
        self.keys.iter().position(|known| **known == *key).unwrap_or_else(|| {
            self.keys.push(key.into());
            self.keys.len() - 1
        })
    }

    fn place(&mut self, field: Field, path: &str) -> Result<FieldPlace, Error> {
        self.mapped.push(field);
        // A cell has nothing in it to reach into: a column is named as its header names it, with or without dots.
        if self.form == Form::Cell && !path.is_empty() {
            return Ok(FieldPlace::Key(self.key(path)));
        }
        let mut segments = path.split('.');
        let top = segments.next().unwrap_or_default();
        let rest: Vec<Segment> = segments.map(Segment::new).collect();
        if path.is_empty() || path.split('.').any(str::is_empty) {
            let problem =
                format!("`{path}` is no path: write keys joined by dots, as in \"question.id\"");
            return Err(wrong(field.name(), problem));
        }
        if rest.len() >= SEGMENTS_MAX {
            return Err(wrong(field.name(), format!("reaches deeper than {SEGMENTS_MAX} keys")));
        }
        Ok(match rest.is_empty() {
            true => FieldPlace::Key(self.key(top)),
            false => FieldPlace::Below { top: self.key(top), rest, dotted: self.key(path) },
        })
    }

    /// Reads the wanted fields of one row.
    pub(crate) fn read<'a>(&'a self, text: &'a str) -> Result<Row<'a>, Refusal> {
        let found = json::fields(text, &self.keys)?;
        let mut row = Row::new(&self.rules);
        for (field, place) in &self.places {
            row.put(
                *field,
                match place {
                    FieldPlace::Key(at) => found[*at],
                    FieldPlace::Below { top, rest, dotted } => match found[*dotted] {
                        None => {
                            found[*top].map(|top| json::below(top, rest)).transpose()?.flatten()
                        }
                        dotted => dotted,
                    },
                    FieldPlace::Constant(json) => Some(json),
                },
            );
        }
        Ok(row)
    }

    /// The wanted fields of a row whose cells are these, one for each key.
    pub(crate) fn read_cells<'a>(&'a self, cells: &'a Cells<'_>) -> Row<'a> {
        let mut row = Row::new(&self.rules);
        for (field, place) in &self.places {
            row.put(
                *field,
                match place {
                    FieldPlace::Key(at) | FieldPlace::Below { dotted: at, .. } => {
                        cells[*at].as_deref()
                    }
                    FieldPlace::Constant(json) => Some(json),
                },
            );
        }
        row
    }

    /// The keys that are wanted.
    pub(crate) fn keys(&self) -> &[Box<str>] {
        &self.keys
    }

    /// The key that a field is found by; none where it is the same in all rows.
    pub(crate) fn key_of(&self, field: Field) -> Option<usize> {
        let (_, place) = self.places.iter().find(|(found, _)| *found == field)?;
        match place {
            FieldPlace::Key(at) | FieldPlace::Below { dotted: at, .. } => Some(*at),
            FieldPlace::Constant(_) => None,
        }
    }

    /// Whether the map says in what place of a row a field is found.
    pub(crate) fn is_mapped(&self, field: Field) -> bool {
        self.mapped.contains(&field)
    }
}

fn wrong(field: &str, problem: String) -> Error {
    Error::Map { field: field.to_owned(), problem }
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
