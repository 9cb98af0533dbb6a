//! The JSON Schema of job files, by which editors complete and check them.
//!
//! ```text
//! a file with every table ──the same readers──▶ keys and shapes ──┐
//! the reference ──────────────────────────────▶ words, defaults ──┴──▶ schema
//! ```
//!
//! 1. Nothing is listed here: what a reader asks for is in the schema, and nothing else is.
//! 2. What a job file may be, the schema takes. What depends on two keys at once only the reader sees.
//!
//! Draft 7, which every editor's TOML support knows.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use quorate_connectors::decode::Field;
use quorate_schemas::record::RecordKind;
use serde_json::{Map, Value, json};
use toml::de::DeTable;

use super::manual::Manual;
use super::section::{Findings, Keys, Section};
use super::shape::Shape;
use super::units::{size_pattern, span_pattern};
use super::{REFERENCE, RawJob};

/// Text that is a share between 0 and 1.
const SHARE: &str = r"^\s*(\+?[0-9]+\s*/\s*\+?[0-9]+|[0-9]+(\.[0-9]{0,6})?)\s*$";

/// The JSON Schema of job files.
pub fn schema() -> String {
    let text = every_table();
    let (table, _) = DeTable::parse_recoverable(&text);
    let (empty, mut found) = (DeTable::new(), Findings::new(Path::new(""), &text));
    // What is wrong with such a file does not matter: only what it was asked for.
    RawJob::read(Section::root(table.get_ref(), &empty), &mut found);
    let (tables, manual) = (found.into_tables(), Manual::of(REFERENCE));
    let mut writing = Writing { tables: &tables, manual: &manual, definitions: Map::new() };
    let root = writing.table("");
    let mut schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A Quorate job",
        "definitions": writing.definitions,
    });
    if let (Some(schema), Value::Object(root)) = (schema.as_object_mut(), root) {
        schema.extend(root);
    }
    format!("{schema:#}\n")
}

/// A job file that has every table there can be, though nothing in them.
fn every_table() -> String {
    let mut text = "[consensus.close]\n[kafka.tls]\n[kafka.sasl]\n[kafka.registry]\n".to_owned();
    for kind in RecordKind::ALL {
        let _ = writeln!(text, "[source.{}.kafka]", kind.source_key());
        for field in Field::of(kind) {
            let _ = writeln!(text, "[source.{}.map.{}]", kind.source_key(), field.name());
        }
    }
    text
}

struct Writing<'w> {
    tables: &'w BTreeMap<String, Keys>,
    manual: &'w Manual,
    definitions: Map<String, Value>,
}

impl Writing<'_> {
    fn table(&mut self, path: &str) -> Value {
        let tables = self.tables;
        let mut object = json!({ "type": "object", "additionalProperties": false });
        let Some(keys) = tables.get(path) else { return object };
        let properties: Map<String, Value> = keys
            .asked
            .iter()
            .filter(|(_, shape)| *shape != Shape::AnyOf(Vec::new()))
            .map(|(key, shape)| ((*key).to_owned(), self.property(path, keys, key, shape)))
            .collect();
        object["properties"] = properties.into();
        if !keys.required.is_empty() {
            object["required"] = keys.required.clone().into();
        }
        if let Some(entry) = self.manual.entry(path).filter(|entry| !entry.about.is_empty()) {
            object["description"] = entry.about.clone().into();
        }
        object
    }

    fn property(&mut self, table: &str, keys: &Keys, key: &'static str, shape: &Shape) -> Value {
        let path = if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") };
        let mut property = self.value(&path, shape);
        // Beside a reference nothing counts; what it refers to says what it is.
        if property.get("$ref").is_some() {
            return property;
        }
        let entry = self.manual.entry(&path).cloned().unwrap_or_default();
        let about: Vec<String> = [entry.about]
            .into_iter()
            .chain(shape.bounds())
            .filter(|text| !text.is_empty())
            .collect();
        if !about.is_empty() {
            property["description"] = about.join(". ").into();
        }
        if let Some(default) = entry.default.filter(|_| !keys.required.contains(&key)) {
            property["default"] = default;
        }
        property
    }

    fn value(&mut self, path: &str, shape: &Shape) -> Value {
        match shape {
            Shape::Flag => json!({ "type": "boolean" }),
            Shape::Text("") => json!({ "type": "string" }),
            Shape::Text(pattern) => json!({ "type": "string", "pattern": pattern }),
            Shape::Word(words) => json!({ "type": "string", "enum": words }),
            Shape::Whole(range) if *range.end() == u64::MAX => {
                json!({ "type": "integer", "minimum": range.start() })
            }
            Shape::Whole(range) => {
                json!({ "type": "integer", "minimum": range.start(), "maximum": range.end() })
            }
            Shape::Number => json!({ "type": "number" }),
            Shape::Span(_) => json!({ "type": "string", "pattern": span_pattern() }),
            Shape::Size(_) => json!({ "type": "string", "pattern": size_pattern() }),
            Shape::Share => json!({ "anyOf": [
                { "type": "string", "pattern": SHARE },
                { "type": "number", "minimum": 0, "maximum": 1 },
            ] }),
            Shape::List(least, one) => {
                json!({ "type": "array", "minItems": least, "items": self.value(path, one) })
            }
            Shape::Reference => {
                let one = |key: &str| {
                    json!({
                        "type": "object",
                        "required": [key],
                        "properties": { key: { "type": "string" } },
                        "additionalProperties": false,
                    })
                };
                json!({ "anyOf": [one("env"), one("file")] })
            }
            Shape::Free => json!({
                "type": "object",
                "additionalProperties": { "anyOf": [
                    { "type": "string" }, { "type": "number" }, { "type": "boolean" },
                ] },
            }),
            Shape::Table => self.reference(path),
            Shape::AnyOf(shapes) => {
                let mut forms = Vec::new();
                for shape in shapes {
                    // One of several may be one of several itself.
                    match self.value(path, shape) {
                        Value::Object(form) if form.contains_key("anyOf") => {
                            forms.extend(form["anyOf"].as_array().into_iter().flatten().cloned());
                        }
                        form => forms.push(form),
                    }
                }
                json!({ "anyOf": forms })
            }
        }
    }

    /// Refers to the table at `path`. Tables that are alike are written once, under the first one's name.
    fn reference(&mut self, path: &str) -> Value {
        let table = self.table(path);
        let alike = self.definitions.iter().find(|(_, other)| **other == table);
        let name = match alike {
            Some((name, _)) => name.clone(),
            None => {
                self.definitions.insert(path.to_owned(), table);
                path.to_owned()
            }
        };
        json!({ "$ref": format!("#/definitions/{name}") })
    }
}
