//! What a schema says against a value: as much of draft 7 as our own schema uses, and nothing passed over in silence.
//!
//! A library for all of JSON Schema would change with which features everything here is built: among them how floats
//! are read.

use regex::Regex;
use serde_json::{Map, Value};

/// Every complaint, with the place of what it is about.
pub(crate) fn complaints(schema: &Value, value: &Value) -> Vec<String> {
    complaints_of(schema, schema, value)
}

struct Check<'c> {
    root: &'c Value,
    found: &'c mut Vec<String>,
}

impl Check<'_> {
    fn value(&mut self, schema: &Value, value: &Value, place: &str) {
        let schema = schema.as_object().expect("a schema is an object");
        if let Some(name) = schema.get("$ref") {
            assert_eq!(schema.len(), 1, "beside a reference nothing counts");
            let pointer = name.as_str().and_then(|name| name.strip_prefix('#')).unwrap();
            let meant = self.root.pointer(pointer).unwrap_or_else(|| panic!("{name} is nowhere"));
            return self.value(meant, value, place);
        }
        for (keyword, wanted) in schema {
            let holds = match keyword.as_str() {
                "$schema" | "title" | "description" | "default" | "definitions" => true,
                "type" => is_a(wanted.as_str().unwrap(), value),
                "enum" => wanted.as_array().unwrap().contains(value),
                "pattern" => {
                    let pattern = Regex::new(wanted.as_str().unwrap()).unwrap();
                    value.as_str().is_none_or(|text| pattern.is_match(text))
                }
                "minimum" => value.as_f64().is_none_or(|number| number >= wanted.as_f64().unwrap()),
                "maximum" => value.as_f64().is_none_or(|number| number <= wanted.as_f64().unwrap()),
                "minItems" => value
                    .as_array()
                    .is_none_or(|list| list.len() as u64 >= wanted.as_u64().unwrap()),
                "required" => value.as_object().is_none_or(|table| {
                    wanted
                        .as_array()
                        .unwrap()
                        .iter()
                        .all(|key| table.contains_key(key.as_str().unwrap()))
                }),
                "additionalProperties" => {
                    let known = schema.get("properties").unwrap_or(&Value::Null);
                    let fits = |other: &Value| {
                        *wanted != false && complaints_of(self.root, wanted, other).is_empty()
                    };
                    value.as_object().is_none_or(|table| {
                        table.iter().all(|(key, value)| known.get(key).is_some() || fits(value))
                    })
                }
                "anyOf" => {
                    let mut fits = |form: &Value| complaints_of(self.root, form, value).is_empty();
                    wanted.as_array().unwrap().iter().any(&mut fits)
                }
                "items" => {
                    for (at, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.value(wanted, item, &format!("{place}/{at}"));
                    }
                    true
                }
                "properties" => {
                    self.properties(wanted.as_object().unwrap(), value, place);
                    true
                }
                other => panic!("{other} is a keyword that is not checked"),
            };
            if !holds {
                self.found.push(format!("{place}: {value} is against {keyword} {wanted}"));
            }
        }
    }

    fn properties(&mut self, properties: &Map<String, Value>, value: &Value, place: &str) {
        for (key, inner) in value.as_object().into_iter().flatten() {
            if let Some(schema) = properties.get(key) {
                self.value(schema, inner, &format!("{place}/{key}"));
            }
        }
    }
}

fn complaints_of(root: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    Check { root, found: &mut found }.value(schema, value, "");
    found
}

fn is_a(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        // What JSON cannot write, TOML can: not a number, or without end.
        "number" => value.is_number() || value.is_null(),
        other => panic!("{other} is no type"),
    }
}
