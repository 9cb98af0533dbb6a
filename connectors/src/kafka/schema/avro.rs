//! Values of Avro as rows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Once;

use apache_avro::schema::Name;
use apache_avro::types::Value;
use apache_avro::{Schema, from_avro_datum_schemata};
use quorate_schemas::time::format_rfc3339;
use serde_json::{Map, Number, Value as Json};

/// No part of a value is longer.
const PART_BYTES_MAX: usize = 64 << 20;

/// A schema, and those that it refers to.
pub(crate) struct Avro {
    schema: Schema,
    others: Vec<Schema>,
}

impl Avro {
    /// Reads a schema.
    ///
    /// # Errors
    /// Why it is none, or none that is read here.
    pub(crate) fn new(schema: &str, references: &[String]) -> Result<Avro, String> {
        static BOUND: Once = Once::new();
        BOUND.call_once(|| {
            apache_avro::util::max_allocation_bytes(PART_BYTES_MAX);
        });
        let parsed = Schema::parse_str_with_list(schema, references);
        let (schema, others) = parsed.map_err(|error| format!("is no schema of Avro: {error}"))?;
        let by_name: BTreeMap<String, &Schema> =
            others.iter().filter_map(|other| Some((other.name()?.fullname(None), other))).collect();
        no_loops(&schema, &by_name, &mut Vec::new(), &mut BTreeSet::new())?;
        Ok(Avro { schema, others })
    }

    /// The row that `value` stands for.
    ///
    /// # Errors
    /// Why it is none.
    pub(crate) fn row(&self, mut value: &[u8]) -> Result<Vec<u8>, String> {
        let others: Vec<&Schema> = self.others.iter().chain([&self.schema]).collect();
        let read = from_avro_datum_schemata(&self.schema, others, &mut value, None);
        let read = read.map_err(|error| format!("is not what its schema says: {error}"))?;
        if !value.is_empty() {
            return Err(format!("has {} bytes more than its schema says", value.len()));
        }
        serde_json::to_vec(&json(read)).map_err(|error| error.to_string())
    }
}

/// A type within itself could nest as deep as a message is long, and whoever reads it would run out of stack.
fn no_loops(
    schema: &Schema,
    others: &BTreeMap<String, &Schema>,
    above: &mut Vec<String>,
    seen: &mut BTreeSet<String>,
) -> Result<(), String> {
    match schema {
        Schema::Record(record) => {
            let name = record.name.fullname(None);
            enter(&name, above)?;
            for field in &record.fields {
                no_loops(&field.schema, others, above, seen)?;
            }
            above.pop();
            seen.insert(name);
            Ok(())
        }
        Schema::Array(array) => no_loops(&array.items, others, above, seen),
        Schema::Map(map) => no_loops(&map.types, others, above, seen),
        Schema::Union(union) => {
            union.variants().iter().try_for_each(|variant| no_loops(variant, others, above, seen))
        }
        Schema::Ref { name } => refers(name, others, above, seen),
        _ => Ok(()),
    }
}

fn refers(
    name: &Name,
    others: &BTreeMap<String, &Schema>,
    above: &mut Vec<String>,
    seen: &mut BTreeSet<String>,
) -> Result<(), String> {
    let name = name.fullname(None);
    if above.contains(&name) {
        return Err(format!("the type {name} lies within itself, which is not read"));
    }
    match others.get(&name) {
        Some(other) if !seen.contains(&name) => no_loops(other, others, above, seen),
        _ => Ok(()),
    }
}

fn enter(name: &str, above: &mut Vec<String>) -> Result<(), String> {
    if above.iter().any(|one| one == name) {
        return Err(format!("the type {name} lies within itself, which is not read"));
    }
    above.push(name.to_owned());
    Ok(())
}

fn json(value: Value) -> Json {
    let float = |number: f64| Number::from_f64(number).map_or(Json::Null, Json::Number);
    let time = |micros: i64| Json::String(format_rfc3339(micros));
    match value {
        Value::Null => Json::Null,
        Value::Boolean(flag) => Json::Bool(flag),
        Value::Int(number) | Value::Date(number) | Value::TimeMillis(number) => number.into(),
        Value::Long(number) | Value::TimeMicros(number) => number.into(),
        Value::Float(number) => float(f64::from(number)),
        Value::Double(number) => float(number),
        Value::String(text) | Value::Enum(_, text) => Json::String(text),
        Value::Bytes(bytes) | Value::Fixed(_, bytes) => {
            Json::String(String::from_utf8_lossy(&bytes).into_owned())
        }
        Value::Union(_, inner) => json(*inner),
        Value::Array(items) => Json::Array(items.into_iter().map(json).collect()),
        Value::Map(entries) => {
            let sorted: BTreeMap<String, Value> = entries.into_iter().collect();
            Json::Object(sorted.into_iter().map(|(key, value)| (key, json(value))).collect())
        }
        Value::Record(fields) => {
            let fields: Map<String, Json> =
                fields.into_iter().map(|(name, value)| (name, json(value))).collect();
            Json::Object(fields)
        }
        Value::TimestampMillis(at) | Value::LocalTimestampMillis(at) => {
            time(at.saturating_mul(1_000))
        }
        Value::TimestampMicros(at) | Value::LocalTimestampMicros(at) => time(at),
        Value::TimestampNanos(at) | Value::LocalTimestampNanos(at) => time(at.div_euclid(1_000)),
        Value::Uuid(id) => Json::String(id.to_string()),
        Value::BigDecimal(number) => Json::String(number.to_string()),
        // Of these no record has a field.
        Value::Decimal(_) | Value::Duration(_) => Json::Null,
    }
}

#[cfg(test)]
mod tests {
    use apache_avro::to_avro_datum;
    use apache_avro::types::Record;

    use super::*;

    const VOTE: &str = r#"{"type":"record","name":"Vote","fields":[
        {"name":"task_id","type":"string"},
        {"name":"choice","type":["null","string"],"default":null},
        {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}}]}"#;

    #[test]
    fn a_value_is_the_row_that_its_schema_says() {
        let schema = Schema::parse_str(VOTE).unwrap();
        let mut record = Record::new(&schema).unwrap();
        record.put("task_id", "t");
        record.put("choice", Value::Union(1, Box::new("B".into())));
        record.put("at", Value::TimestampMillis(1_767_225_600_123));
        let datum = to_avro_datum(&schema, record).unwrap();
        let avro = Avro::new(VOTE, &[]).unwrap();
        let row = String::from_utf8(avro.row(&datum).unwrap()).unwrap();
        assert_eq!(row, r#"{"at":"2026-01-01T00:00:00.123000Z","choice":"B","task_id":"t"}"#);
        for cut in 0..datum.len() {
            assert!(avro.row(&datum[..cut]).is_err(), "{cut}");
        }
        assert!(avro.row(&[&datum[..], b"x"].concat()).unwrap_err().contains("1 bytes more"));
    }

    #[test]
    fn a_type_within_itself_is_refused() {
        let list = r#"{"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]}]}"#;
        assert!(Avro::new(list, &[]).err().unwrap().contains("within itself"));
        let inner = r#"{"type":"record","name":"I","fields":[{"name":"n","type":"int"}]}"#;
        let outer = r#"{"type":"record","name":"O","fields":[{"name":"a","type":"I"},{"name":"b","type":"I"}]}"#;
        let avro = Avro::new(outer, &[inner.to_owned()]).unwrap();
        assert_eq!(avro.row(&[2, 4]).unwrap(), br#"{"a":{"n":1},"b":{"n":2}}"#);
        assert!(Avro::new("{", &[]).err().unwrap().contains("no schema of Avro"));
    }
}
