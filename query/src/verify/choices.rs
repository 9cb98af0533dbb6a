//! Which rule votes were weighed by, where the job leaves that open: every trial once more.

use std::collections::BTreeMap;

use quorate_learning::auto::Trial;
use quorate_schemas::id::Name;
use quorate_schemas::table::Table;

use super::contents::Contents;
use super::finding::{Check, Finding, Findings};
use super::weights::Books;
use crate::error::Result;
use crate::rows::{Choice, is_micros, real};

/// Revision, era, domain and rule.
type Key<'a> = (i64, i64, Option<&'a Name>, &'a str);

pub(super) async fn check(
    contents: &Contents,
    books: &Books,
    findings: &mut Findings,
) -> Result<()> {
    let rows: Vec<Choice> = contents.read(Table::MethodChoices, findings).await?;
    let mut left: BTreeMap<Key<'_>, &Trial> = books
        .trials()
        .map(|(revision, era, trial)| ((revision, era, trial.domain.as_ref(), trial.rule), trial))
        .collect();
    for row in &rows {
        let key = (row.revision, row.era, row.domain.as_ref(), row.method.as_str());
        let path = contents.path(Table::MethodChoices, row.file);
        match left.remove(&key) {
            Some(trial) => check_row(key, trial, row, path, findings),
            None => {
                findings.add(about(key, "no trial comes to it, or it is there twice").in_file(path))
            }
        }
    }
    if contents.are_whole(&[Table::MethodChoices]) {
        for key in left.into_keys() {
            findings.add(about(key, "the row is missing: the rule was tried"));
        }
    }
    Ok(())
}

fn check_row(key: Key<'_>, trial: &Trial, row: &Choice, path: &str, findings: &mut Findings) {
    for (column, expected, found) in [
        ("log_likelihood", trial.likelihood_micros, row.log_likelihood),
        ("advantage", trial.advantage_micros, row.advantage),
        ("advantage_error", trial.error_micros, row.advantage_error),
    ] {
        if !is_micros(found, expected.into()) {
            findings.add(about(key, column).in_file(path).differs(real(expected.into()), found));
        }
    }
    let expected = (trial.tasks as i64, trial.chosen.map(|reason| reason.word()));
    if (row.gold_tasks, row.reason.as_deref(), row.chosen)
        != (expected.0, expected.1, expected.1.is_some())
    {
        let said = |tasks: i64, reason: Option<&str>| {
            format!("{tasks} known answers, {}", reason.unwrap_or("not chosen"))
        };
        findings.add(
            about(key, "what was chosen, and why")
                .in_file(path)
                .differs(said(expected.0, expected.1), said(row.gold_tasks, row.reason.as_deref())),
        );
    }
}

fn about((revision, era, domain, rule): Key<'_>, what: &str) -> Finding {
    let finding = Finding::new(Check::Choice, what).in_table(Table::MethodChoices.name());
    let finding = finding.key("era", era).key("method", rule);
    let finding = match domain {
        Some(domain) => finding.key("domain", domain),
        None => finding,
    };
    if revision == 0 { finding } else { finding.key("revision", revision) }
}
