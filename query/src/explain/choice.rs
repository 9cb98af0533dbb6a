use quorate_connectors::store::Store;
use quorate_schemas::table::Table;
use serde::Serialize;

use crate::error::Result;
use crate::read::rows_with;
use crate::rows::{self, Decision};
use crate::snapshot::TableFile;

/// The rule that was chosen to weigh the votes, where the job leaves that open, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Choice {
    /// The rule.
    pub rule: String,
    /// `better`, `none_better` or `few_answers`.
    pub reason: String,
    /// The domain whose known answers it was tried on; none if on those of all.
    pub domain: Option<String>,
    /// How many they were.
    pub gold_tasks: i64,
    /// The mean logarithm of how likely it held them.
    pub log_likelihood: f64,
    /// The era from which the choice holds.
    pub era: i64,
}

impl Choice {
    /// In a few words.
    pub(super) fn in_words(&self) -> String {
        let answers = match &self.domain {
            Some(domain) => format!("{} known answers of {domain}", self.gold_tasks),
            None => format!("{} known answers of all domains", self.gold_tasks),
        };
        match self.reason.as_str() {
            "better" => format!("{}, the best on {answers}", self.rule),
            "none_better" => format!("{}, none is better on {answers}", self.rule),
            _ => format!("{}, too few to choose by: {answers}", self.rule),
        }
    }
}

/// What had been chosen by the decision's era.
pub(super) async fn of(
    store: &Store,
    files: &[(u32, &TableFile)],
    decision: &Decision,
) -> Result<Option<Choice>> {
    let rows: Vec<rows::Choice> =
        rows_with(store, Table::MethodChoices, files, "method", |_| true).await?;
    let held = rows.into_iter().filter(|row| {
        let of_domain = row.domain.as_ref().is_none_or(|domain| *domain == decision.domain);
        row.chosen && of_domain && row.era <= decision.era && row.commit <= decision.commit
    });
    // Its own domain's choice counts, as it was made last.
    let last = held.max_by_key(|row| (row.domain.is_some(), row.era, row.revision));
    Ok(last.map(|row| Choice {
        rule: row.method.to_string(),
        reason: row.reason.map(|reason| reason.to_string()).unwrap_or_default(),
        domain: row.domain.map(|domain| domain.to_string()),
        gold_tasks: row.gold_tasks,
        log_likelihood: row.log_likelihood,
        era: row.era,
    }))
}
