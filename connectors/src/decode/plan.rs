//! A map made ready: which keys a row is read for, and which field each becomes.

use quorate_schemas::record::RecordKind;
use quorate_schemas::time::TimeUnit;

use super::field::Field;
use super::json::{self, Segment};
use super::map::{FieldMap, FieldSource};
use super::refusal::Refusal;
use super::row::Row;
use crate::error::Error;

/// How deep a path may reach.
const SEGMENTS_MAX: usize = 32;

/// What a row is read for.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The top-level keys that are wanted; places below are indexes into them.
    keys: Vec<Box<str>>,
    places: Vec<(Field, FieldPlace)>,
    units: [Option<TimeUnit>; Field::COUNT],
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
    pub(crate) fn new(kind: RecordKind, map: &FieldMap) -> Result<Plan, Error> {
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
        let mut plan = Plan { keys: Vec::new(), places: Vec::new(), units: [None; Field::COUNT] };
        for &field in fields {
            let place = match map.0.get(field.name()) {
                None => FieldPlace::Key(plan.key(field.name())),
                Some(FieldSource::Path(path)) => plan.place(field, path)?,
                Some(FieldSource::Time { field: path, unit }) => {
                    if !field.is_time() {
                        return Err(wrong(field.name(), "is no time and has no unit".to_owned()));
                    }
                    plan.units[field as usize] = Some(*unit);
                    plan.place(field, path)?
                }
                Some(FieldSource::Constant { value }) => {
                    let json = value
                        .json()
                        .ok_or_else(|| wrong(field.name(), "must be a finite number".to_owned()))?;
                    FieldPlace::Constant(json.into())
                }
            };
            plan.places.push((field, place));
        }
        Ok(plan)
    }

    fn key(&mut self, key: &str) -> usize {
        self.keys.iter().position(|known| **known == *key).unwrap_or_else(|| {
            self.keys.push(key.into());
            self.keys.len() - 1
        })
    }

    fn place(&mut self, field: Field, path: &str) -> Result<FieldPlace, Error> {
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
        let mut row = Row::new(&self.units);
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
