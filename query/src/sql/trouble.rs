//! What is wrong with a question, in words that help: which table or column there is instead.

use datafusion::common::{DataFusionError, SchemaError, TableReference};
use datafusion::config::Dialect;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement as Parsed;
use datafusion::sql::sqlparser::ast::Statement as Sql;
use quorate_schemas::table::Table;

use super::views::VIEWS;
use crate::error::{Error, Result};
use crate::near::Nearest;

/// Names of the schema that describes the others.
const INFORMATION: &str = "information_schema";

fn known() -> Vec<&'static str> {
    Table::ALL.into_iter().map(Table::name).chain(VIEWS.iter().map(|view| view.name)).collect()
}

/// Refuses names of tables that there are not; what cannot be parsed is left to whoever runs it.
pub(super) fn check_tables(context: &SessionContext, sql: &str) -> Result<()> {
    let names = context.state();
    let Ok(statement) = names.sql_to_statement(sql, &Dialect::Generic) else { return Ok(()) };
    // What would write is refused as such, whatever it names.
    let reads = match &statement {
        Parsed::Statement(sql) => {
            matches!(**sql, Sql::Query(_) | Sql::Explain { .. } | Sql::ExplainTable { .. })
        }
        Parsed::Explain(_) => true,
        _ => false,
    };
    if !reads {
        return Ok(());
    }
    let Ok(references) = names.resolve_table_references(&statement) else { return Ok(()) };
    let known = known();
    let unknown = references
        .iter()
        .filter(|reference| reference.schema() != Some(INFORMATION))
        .map(TableReference::table);
    match unknown.filter(|name| !known.contains(name)).map(str::to_owned).next() {
        None => Ok(()),
        Some(name) => {
            let nearest = Nearest::of(&name, known.iter().copied());
            Err(Error::UnknownName { what: "table", name, nearest, known: known.join(", ") })
        }
    }
}

/// An error of the engine as ours.
pub(super) fn told(error: &DataFusionError) -> Error {
    let root = error.find_root();
    if let DataFusionError::SchemaError(schema, _) = root
        && let SchemaError::FieldNotFound { field, valid_fields } = schema.as_ref()
    {
        let names: Vec<&str> = valid_fields.iter().map(|field| field.name.as_str()).collect();
        let name = field.name.clone();
        return Error::UnknownName {
            what: "column",
            nearest: Nearest::of(&name, names.iter().copied()),
            name,
            known: names.join(", "),
        };
    }
    let text = root.strip_backtrace();
    Error::Query(match root {
        DataFusionError::SQL(..) => {
            format!("this is no SQL: {}", text.trim_start_matches("SQL error: "))
        }
        _ => text,
    })
}
