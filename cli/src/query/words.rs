//! What Tab offers: the words of SQL, tables and their columns, and the prompt's own commands.

use quorate_query::sql::VIEWS;
use quorate_schemas::table::Table;
use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

const KEYWORDS: &[&str] = &[
    "ALL",
    "AND",
    "AS",
    "ASC",
    "BETWEEN",
    "BY",
    "CASE",
    "CAST",
    "CROSS",
    "DESC",
    "DESCRIBE",
    "DISTINCT",
    "ELSE",
    "END",
    "EXCEPT",
    "EXISTS",
    "EXPLAIN",
    "FALSE",
    "FILTER",
    "FROM",
    "FULL",
    "GROUP",
    "HAVING",
    "IN",
    "INTERSECT",
    "INTERVAL",
    "IS",
    "JOIN",
    "LEFT",
    "LIKE",
    "LIMIT",
    "NOT",
    "NULL",
    "OFFSET",
    "ON",
    "OR",
    "ORDER",
    "OVER",
    "PARTITION",
    "RIGHT",
    "SELECT",
    "SHOW",
    "THEN",
    "TRUE",
    "UNION",
    "USING",
    "VALUES",
    "WHEN",
    "WHERE",
    "WITH",
];

const FUNCTIONS: &[&str] = &[
    "approx_distinct",
    "avg",
    "coalesce",
    "corr",
    "count",
    "date_bin",
    "date_part",
    "date_trunc",
    "first_value",
    "lag",
    "last_value",
    "lead",
    "length",
    "lower",
    "max",
    "median",
    "min",
    "now",
    "nullif",
    "rank",
    "round",
    "row_number",
    "starts_with",
    "stddev",
    "string_agg",
    "substr",
    "sum",
    "to_timestamp",
    "upper",
];

const COMMANDS: &[&str] = &["\\?", "\\d", "\\f", "\\q"];
const FORMATS: &[&str] = &["table", "chart", "csv", "json"];

/// Behind these only a table makes sense.
const BEFORE_TABLES: &[&str] = &["FROM", "JOIN", "DESCRIBE", "TABLE", "\\D"];

/// Completes a statement; `earlier` holds the lines of it that were ended before.
#[derive(Debug, Default)]
pub(super) struct Words {
    pub(super) earlier: String,
}

impl Completer for Words {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        pos: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(candidates(&self.earlier, line, pos))
    }
}

impl Helper for Words {}
impl Highlighter for Words {}
impl Validator for Words {}
impl Hinter for Words {
    type Hint = String;
}

/// Where in `line` the word at `pos` begins, and what it may become.
fn candidates(earlier: &str, line: &str, pos: usize) -> (usize, Vec<String>) {
    let before = &line[..pos];
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '\\' || c == '?';
    let start = before
        .rfind(|c: char| !is_word(c))
        .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
    let (before, word) = before.split_at(start);
    // Nothing is known of what stands in a text.
    if before.matches('\'').count() % 2 == 1 {
        return (start, Vec::new());
    }
    let previous = before.split_whitespace().next_back().unwrap_or_default().to_uppercase();
    let whole = format!("{earlier} {line}").to_lowercase();
    let offered: Vec<String> = if word.starts_with('\\') {
        owned(COMMANDS)
    } else if previous == "\\F" {
        owned(FORMATS)
    } else if BEFORE_TABLES.contains(&previous.as_str()) {
        tables()
    } else if before.ends_with('.') {
        columns(&whole)
    } else if word.is_empty() {
        // All words there are would be no help.
        columns(&whole)
    } else {
        let lower = word.chars().all(char::is_lowercase);
        let keyword =
            |keyword: &&str| if lower { keyword.to_lowercase() } else { (*keyword).to_owned() };
        let words = KEYWORDS.iter().map(keyword).chain(owned(FUNCTIONS));
        columns(&whole).into_iter().chain(tables()).chain(words).collect()
    };
    let wanted = word.to_lowercase();
    let mut fitting: Vec<String> =
        offered.into_iter().filter(|one| one.to_lowercase().starts_with(&wanted)).collect();
    fitting.sort();
    fitting.dedup();
    (start, fitting)
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn tables() -> Vec<String> {
    let tables = Table::ALL.iter().map(|table| table.name());
    tables.chain(VIEWS.iter().map(|view| view.name)).map(str::to_owned).collect()
}

/// The columns of the tables that `text` names; of all tables, if it names none.
fn columns(text: &str) -> Vec<String> {
    let named = |name: &str| {
        text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name)
    };
    let of_tables = |only_named: &dyn Fn(&str) -> bool| {
        let tables = Table::ALL.into_iter().filter(|table| only_named(table.name()));
        let views = VIEWS.iter().filter(|view| only_named(view.name));
        let columns = tables.flat_map(Table::columns).chain(views.flat_map(|view| view.columns()));
        columns.map(|column| column.name.to_owned()).collect::<Vec<_>>()
    };
    let of_named = of_tables(&named);
    if of_named.is_empty() { of_tables(&|_| true) } else { of_named }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &[&str]) {
        let (start, found) = candidates("", line, line.len());
        assert!(line.is_char_boundary(start), "{line}");
        assert_eq!(found, expected, "{line}");
    }

    #[test]
    fn a_word_becomes_what_can_stand_there() {
        check(
            "SELECT * FROM dec",
            &["decision_updates", "decisions", "decisions_current", "decisions_final"],
        );
        check("sel", &["select"]);
        check("SEL", &["SELECT"]);
        check("SELECT v.choi", &["choice"]);
        check("SELECT tick FROM agent_activity WHERE tick", &["ticks"]);
        check("SELECT 'sel", &[]);
        check("\\", &["\\?", "\\d", "\\f", "\\q"]);
        check("\\d vo", &["votes", "votes_current"]);
        check("\\f c", &["chart", "csv"]);
        check("SELECT é.dom", &["domain"]);
    }

    #[test]
    fn columns_are_those_of_the_tables_that_are_named() {
        let (_, found) = candidates("FROM rejects", "SELECT ", 7);
        let expected: Vec<String> =
            Table::Rejects.columns().map(|column| column.name.to_owned()).collect();
        assert!(
            expected.iter().all(|column| found.contains(column)) && found.len() == expected.len()
        );
    }

    #[test]
    fn every_view_and_table_is_offered_once() {
        assert_eq!(candidates("", "FROM ", 5).1.len(), Table::ALL.len() + VIEWS.len());
    }
}
