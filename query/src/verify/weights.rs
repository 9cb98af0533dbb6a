//! Reputation: what agents have shown by the start of each era, and what their votes then counted.

use std::collections::{BTreeMap, BTreeSet};

use quorate_schemas::clock::Phase;
use quorate_schemas::id::Name;
use quorate_schemas::log::Record;
use quorate_schemas::table::Table;
use quorate_schemas::time::{Micros, format_rfc3339};

use super::contents::Contents;

use super::finding::{Check, Finding, Findings};
use super::life::{Life, about_vote};
use super::report::Checked;
use super::tasks::Tasks;
use super::terms::AllTerms;
use crate::derive::{Book, BookRow};
use crate::error::Result;
use crate::rows::{Decision, Reputation, Status, Vote, is_micros, real};
use crate::terms::Terms;

/// What a vote counts where no weight is asked for.
const ONE_MICROS: i64 = 1_000_000;

pub(super) async fn check(
    contents: &Contents,
    terms: &AllTerms,
    last: &Record,
    mut tasks: Tasks,
    findings: &mut Findings,
    checked: &mut Checked,
    notes: &mut Vec<String>,
) -> Result<()> {
    let Some(terms) = terms.only() else {
        notes.push("weights: the terms of the job are not known, or have changed".to_owned());
        return Ok(());
    };
    let book = Book::of(&tasks.shown, &tasks.eras, &terms.method);
    check_rows(contents, terms, last, &book, findings, checked).await?;
    if !terms.weights_are_plain() {
        notes.push(
            "weights of votes: they rest on stake, caps or registrations, which are in no table"
                .to_owned(),
        );
        return Ok(());
    }
    for part in tasks.parts().collect::<Vec<_>>() {
        for life in tasks.again(contents, part).await? {
            check_votes(terms, &book, &life, findings, checked);
        }
        findings.name_files(|table, nr| contents.path(table, nr));
    }
    Ok(())
}

type Key = (i64, Name, Name);

async fn check_rows(
    contents: &Contents,
    terms: &Terms,
    last: &Record,
    book: &Book,
    findings: &mut Findings,
    checked: &mut Checked,
) -> Result<()> {
    let rows: Vec<Reputation> = contents.read(Table::AgentReputation, findings).await?;
    let mut found: BTreeMap<Key, Reputation> = BTreeMap::new();
    for row in rows {
        checked.reputations += 1;
        let key = (row.era, row.domain.clone(), row.agent.clone());
        let path = contents.path(Table::AgentReputation, row.file);
        if found.contains_key(&key) {
            findings.add(about(&key, "the row is there twice").in_file(path));
            continue;
        }
        match book.rows.get(&key) {
            Some(derived) => check_row(&key, derived, &row, terms, path, findings),
            None => findings.add(
                about(&key, "nothing was shown in the era before that it could follow from")
                    .in_file(path),
            ),
        }
        found.insert(key, row);
    }
    if !contents.are_whole(&[Table::AgentReputation]) {
        return Ok(());
    }
    let turned = era_entered(terms, last);
    let missing = book.rows.keys().filter(|key| !found.contains_key(*key));
    for key in missing.filter(|(era, ..)| turned.is_some_and(|turned| *era <= turned)) {
        findings
            .add(about(key, "the row is missing: the agent has shown something in the era before"));
    }
    Ok(())
}

/// The last era that the job's clock has entered; at the end of the input two more begin.
fn era_entered(terms: &Terms, last: &Record) -> Option<i64> {
    let clock = last.standing.clock;
    let end = terms.era_of(clock.greatest);
    match clock.phase {
        Phase::Running if clock.watermark == Micros::MIN => None,
        Phase::Running => Some(terms.era_of(clock.watermark).min(end)),
        Phase::EndOfGold => Some(end + 1),
        Phase::End => Some(end + 2),
    }
}

fn about((era, domain, agent): &Key, what: &str) -> Finding {
    let finding = Finding::new(Check::Reputation, what).in_table(Table::AgentReputation.name());
    finding.agent(agent).key("domain", domain).key("era", era)
}

fn check_row(
    key: &Key,
    derived: &BookRow,
    row: &Reputation,
    terms: &Terms,
    path: &str,
    findings: &mut Findings,
) {
    let [gold_seen, gold_right, _, consensus_seen, consensus_right, _] = derived.evidence;
    for (column, expected, found) in [
        ("weight", derived.weight_micros, row.weight),
        ("accuracy", derived.accuracy_micros, row.accuracy),
        ("gold_seen", gold_seen, row.gold_seen),
        ("gold_right", gold_right, row.gold_right),
        ("consensus_seen", consensus_seen, row.consensus_seen),
        ("consensus_right", consensus_right, row.consensus_right),
    ] {
        if !is_micros(found, expected.into()) {
            findings.add(about(key, column).in_file(path).differs(real(expected.into()), found));
        }
    }
    if row.basis != derived.basis {
        findings.add(about(key, "basis").in_file(path).differs(derived.basis, &row.basis));
    }
    let start = row.era.saturating_mul(terms.era_us);
    if row.event_time != start {
        let finding = about(key, "event_time, when the era begins").in_file(path);
        findings.add(finding.differs(format_rfc3339(start), format_rfc3339(row.event_time)));
    }
}

fn check_votes(
    terms: &Terms,
    book: &Book,
    life: &Life,
    findings: &mut Findings,
    checked: &mut Checked,
) {
    let earned = |decision: &Decision, vote: &Vote| match terms.method.as_str() {
        "majority" => ONE_MICROS,
        _ => {
            let earned = book.weight_micros(&decision.domain, &vote.agent, decision.era);
            if terms.weighs_parts() { earned.max(0) } else { earned }
        }
    };
    let mut told: BTreeSet<(&Name, i64)> = BTreeSet::new();
    // The final revision repeats the votes of the one before.
    for decision in life.decisions.iter().filter(|decision| decision.reason != "final") {
        let votes = life.votes_as_of(decision.revision);
        let counted: Vec<&Vote> =
            votes.into_iter().filter(|vote| vote.status == Status::Counted).collect();
        for vote in counted {
            // What was there in an earlier revision was checked with it.
            checked.weights += u64::from(vote.revision == decision.revision);
            let expected = earned(decision, vote);
            if !is_micros(vote.weight, expected.into()) && told.insert((&vote.agent, vote.revision))
            {
                findings.add(
                    about_vote(vote, Check::Weight, "weight")
                        .differs(real(expected.into()), vote.weight),
                );
            }
        }
    }
}
