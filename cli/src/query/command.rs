//! What the prompt understands besides SQL.

use clap::ValueEnum as _;
use quorate_query::sql::VIEWS;
use quorate_schemas::table::{CellKind, Column, Table};

use super::Format;

/// What `\?` says.
pub(super) const HELP: &str = "\
  SELECT …;       a question, over as many lines as it takes; `;` ends it
  \\d              the tables and views
  \\d NAME         the columns of one
  \\f FORMAT       from now on answer as table, chart, csv or json
  \\q, Ctrl-D      leave
  Tab             completes words, tables and columns
  Up, Ctrl-R      earlier questions
  Ctrl-C          drops the line, or stops a question";

/// Something other than a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Shows what can be said.
    Help,
    /// Leaves.
    Leave,
    /// Shows the tables.
    Tables,
    /// Shows a table's columns.
    Columns(String),
    /// Answers in another format from now on.
    Format(Format),
    /// None, for this reason.
    Wrong(String),
}

impl Command {
    /// The command that a line is; none if it is SQL.
    pub(super) fn of(line: &str) -> Option<Command> {
        let line = line.trim().trim_end_matches(';').trim_end();
        let mut words = line.split_whitespace();
        let (word, name) = (words.next()?, words.next());
        let command = match (word.to_lowercase().as_str(), name) {
            ("\\?" | "\\h" | "\\help" | "help", _) => Command::Help,
            ("\\q" | "\\quit" | "\\exit" | "quit" | "exit", None) => Command::Leave,
            ("\\d" | "\\dt" | "\\dv", None) => Command::Tables,
            ("\\d", Some(name)) => Command::Columns(name.to_lowercase()),
            ("\\f", Some(name)) => match Format::from_str(name, true) {
                Ok(format) => Command::Format(format),
                Err(_) => {
                    Command::Wrong(format!("{name:?} is no format: table, chart, csv or json"))
                }
            },
            ("\\f", None) => Command::Wrong("say which: \\f table, chart, csv or json".to_owned()),
            (other, _) if other.starts_with('\\') => {
                Command::Wrong(format!("{word:?} is no command: \\? lists them"))
            }
            _ => return None,
        };
        Some(command)
    }
}

/// Tables and views, a line each.
pub(super) fn tables() -> Vec<String> {
    let tables = Table::ALL.map(|table| (table.name(), table.about()));
    let views = VIEWS.iter().map(|view| (view.name, view.about));
    tables.into_iter().chain(views).map(|(name, about)| format!("  {name:<18}  {about}")).collect()
}

/// The columns of a table or view, a line each; none if there is no such table.
pub(super) fn columns(name: &str) -> Option<Vec<String>> {
    let line = |column: Column| {
        let null = if column.nullable { "may be null" } else { "" };
        format!("  {:<22}  {:<9}  {null}", column.name, kind(column.kind)).trim_end().to_owned()
    };
    if let Some(table) = Table::named(name) {
        return Some(table.columns().map(line).collect());
    }
    let view = VIEWS.iter().find(|view| view.name == name)?;
    Some(view.columns().map(line).collect())
}

/// What SQL calls it.
fn kind(kind: CellKind) -> &'static str {
    match kind {
        CellKind::Text | CellKind::Word => "text",
        CellKind::Int => "bigint",
        CellKind::Real => "double",
        CellKind::Flag => "boolean",
        CellKind::Time => "timestamp",
        CellKind::Bytes => "bytes",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_command_or_sql() {
        let is = |line: &str, expected: Command| assert_eq!(Command::of(line), Some(expected));
        is(" \\d ", Command::Tables);
        is("\\d Votes;", Command::Columns("votes".to_owned()));
        is("\\f CSV", Command::Format(Format::Csv));
        is("help;", Command::Help);
        is("quit", Command::Leave);
        for sql in ["", "SELECT 1;", "exit the", "describe votes"] {
            assert_eq!(Command::of(sql), None, "{sql}");
        }
        for wrong in ["\\f", "\\f xml", "\\z"] {
            assert!(matches!(Command::of(wrong), Some(Command::Wrong(_))), "{wrong}");
        }
    }

    #[test]
    fn what_there_is_fits_a_screen() {
        let lines = tables();
        assert_eq!(lines.len(), Table::ALL.len() + VIEWS.len());
        let all = Table::ALL.iter().filter_map(|table| columns(table.name())).flatten();
        for line in lines.into_iter().chain(all).chain(HELP.lines().map(str::to_owned)) {
            assert!(line.chars().count() <= 80, "{line}");
        }
        assert_eq!(columns("decisions_final"), columns("decisions"));
        assert_eq!(columns("nothing"), None);
    }
}
