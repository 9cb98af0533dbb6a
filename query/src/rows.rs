//! Rows of tables as plain values, for the code that re-derives them.
//!
//! Reals stay what they are in the file, and a derived number of millionths is compared with them as the engine
//! writes it: divided once. So nothing is rounded before it is compared.

mod account;
mod choice;
mod decision;
mod reputation;
mod vote;

use std::collections::BTreeMap;

use arrow::array::{
    Array, AsArray, BinaryArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
};
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
use quorate_schemas::id::{Name, VERSION_MARK};
use quorate_schemas::place::{Origin, OriginRef};
use quorate_schemas::time::Micros;

pub(crate) use account::{Account, Refusal};
pub(crate) use choice::Choice;
pub(crate) use decision::Decision;
pub(crate) use reputation::Reputation;
pub(crate) use vote::{Status, Vote};

/// A row type that can be read from its table's files.
pub(crate) trait FromTable: Sized {
    /// Appends the rows of `columns`, read from file number `file`, to `rows`.
    fn read(
        columns: &Columns<'_>,
        file: u32,
        origins: &mut Origins,
        rows: &mut Vec<Self>,
    ) -> Result<(), String>;
}

/// The columns of a batch, by name.
pub(crate) struct Columns<'a>(pub(crate) &'a RecordBatch);

impl<'a> Columns<'a> {
    pub(crate) fn rows(&self) -> usize {
        self.0.num_rows()
    }

    pub(crate) fn text(&self, name: &str) -> Result<Texts<'a>, String> {
        let column = self.0.column_by_name(name).and_then(|column| column.as_string_opt());
        column.map(Texts).ok_or_else(|| missing(name))
    }

    pub(crate) fn int(&self, name: &str) -> Result<&'a Int64Array, String> {
        let column =
            self.0.column_by_name(name).and_then(|column| column.as_primitive_opt::<Int64Type>());
        column.ok_or_else(|| missing(name))
    }

    pub(crate) fn real(&self, name: &str) -> Result<&'a Float64Array, String> {
        let column =
            self.0.column_by_name(name).and_then(|column| column.as_primitive_opt::<Float64Type>());
        column.ok_or_else(|| missing(name))
    }

    pub(crate) fn bytes(&self, name: &str) -> Result<&'a BinaryArray, String> {
        let column = self.0.column_by_name(name).and_then(|column| column.as_binary_opt());
        column.ok_or_else(|| missing(name))
    }

    pub(crate) fn flag(&self, name: &str) -> Result<&'a BooleanArray, String> {
        self.0
            .column_by_name(name)
            .and_then(|column| column.as_boolean_opt())
            .ok_or_else(|| missing(name))
    }

    pub(crate) fn time(&self, name: &str) -> Result<&'a [Micros], String> {
        let column = self
            .0
            .column_by_name(name)
            .and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
        column.map(|column| column.values().as_ref()).ok_or_else(|| missing(name))
    }
}

fn missing(column: &str) -> String {
    format!("it has no column `{column}` of the right type")
}

/// A column of texts.
#[derive(Clone, Copy)]
pub(crate) struct Texts<'a>(&'a StringArray);

impl<'a> Texts<'a> {
    /// The text in a row; the empty one where it is null.
    pub(crate) fn at(self, row: usize) -> &'a str {
        if self.0.is_null(row) { "" } else { self.0.value(row) }
    }

    pub(crate) fn name(self, row: usize) -> Name {
        Name::new(self.at(row))
    }

    pub(crate) fn option(self, row: usize) -> Option<Name> {
        self.0.is_valid(row).then(|| Name::new(self.0.value(row)))
    }
}

/// Origins that were seen: many rows share few.
#[derive(Default)]
pub(crate) struct Origins(BTreeMap<(String, String), OriginRef>);

impl Origins {
    pub(crate) fn shared(&mut self, source: &str, partition: &str) -> OriginRef {
        let key = (source.to_owned(), partition.to_owned());
        let new = || Origin { source: source.to_owned(), partition: partition.to_owned() }.shared();
        *self.0.entry(key).or_insert_with(new)
    }
}

/// An agent's name as the engine has it: its id, and its version after a mark that no id contains.
pub(crate) fn agent_name(agent_id: &str, version: Option<&str>) -> Name {
    let mut name = Name::new(agent_id);
    if let Some(version) = version {
        name.push(VERSION_MARK);
        name.push_str(version);
    }
    name
}

/// The id and the version in an agent's name.
pub(crate) fn agent_parts(name: &str) -> (&str, Option<&str>) {
    name.split_once(VERSION_MARK).map_or((name, None), |(id, version)| (id, Some(version)))
}

/// A number of millionths as tables have it.
pub(crate) fn real(micros: i128) -> f64 {
    micros as f64 / 1e6
}

/// The number of millionths that a table's real is; `None` if it is not one.
pub(crate) fn micros(real: f64) -> Option<i64> {
    let scaled = (real * 1e6).round();
    let fits = scaled.is_finite() && scaled.abs() < i64::MAX as f64;
    let micros = fits.then_some(scaled as i64)?;
    let large = micros.unsigned_abs() >= 1 << 53;
    (large || micros as f64 / 1e6 == real).then_some(micros)
}

/// Whether a table's real is this number of millionths, as near as reals of its size can be.
pub(crate) fn is_micros(found: f64, micros: i128) -> bool {
    let exact = real(micros);
    let large = micros.unsigned_abs() >= 1 << 53;
    found == exact || (large && (found - exact).abs() <= exact.abs() * 1e-12)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_real_is_a_number_of_millionths_or_it_is_not() {
        for number in [0, 1, -1, 62_500, 2_000_000, 123_456_789_012] {
            assert_eq!(micros(number as f64 / 1e6), Some(number));
            assert!(is_micros(number as f64 / 1e6, i128::from(number)));
        }
        for other in [0.500_000_1, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(micros(other), None, "{other}");
        }
        assert!(!is_micros(0.5, 500_001));
    }

    #[test]
    fn an_agents_name_holds_its_version() {
        assert_eq!(agent_parts(&agent_name("gpt", Some("4"))), ("gpt", Some("4")));
        assert_eq!(agent_parts(&agent_name("gpt", None)), ("gpt", None));
    }
}
