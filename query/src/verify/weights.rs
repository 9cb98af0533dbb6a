//! Reputation: what agents have shown by the start of each era, and what their votes then counted.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use quorate_learning::auto::Trial;
use quorate_schemas::id::Name;
use quorate_schemas::table::Table;
use quorate_schemas::time::format_rfc3339;

use super::choices;
use super::contents::Contents;

use super::finding::{Check, Finding, Findings};
use super::life::{Life, about_vote};
use super::openings::Openings;
use super::report::Checked;
use super::tasks::Tasks;
use super::terms::AllTerms;
use crate::derive::{Book, BookRow, Shown};
use crate::error::Result;
use crate::rows::{Decision, Reputation, Status, Vote, is_micros, real};
use crate::terms::Terms;

/// What a vote counts where no weight is asked for.
const ONE_MICROS: i64 = 1_000_000;

pub(super) async fn check(
    contents: &Contents,
    terms: &AllTerms,
    mut tasks: Tasks,
    findings: &mut Findings,
    checked: &mut Checked,
    notes: &mut Vec<String>,
) -> Result<()> {
    let openings = &terms.openings;
    let Some(terms) = terms.only() else {
        notes.push("weights: the terms of the job are not known, or have changed".to_owned());
        return Ok(());
    };
    if !openings.are_all_known() {
        notes.push(
            "weights: the log was trimmed behind the last time that the input had ended".to_owned(),
        );
        return Ok(());
    }
    let books = Books::of(&mut tasks, openings, terms);
    check_rows(contents, terms, &books, findings, checked).await?;
    choices::check(contents, &books, findings).await?;
    if !terms.weights_are_plain() {
        notes.push(
            "weights of votes: they rest on stake, caps or registrations, which are in no table"
                .to_owned(),
        );
        return Ok(());
    }
    for part in tasks.parts().collect::<Vec<_>>() {
        for life in tasks.again(contents, part).await? {
            check_votes(terms, openings, &books, &life, findings, checked);
        }
        findings.name_files(|table, nr| contents.path(table, nr));
    }
    Ok(())
}

/// What was known each time that the job was open: all that had been shown by then.
pub(super) struct Books(BTreeMap<u32, Told>);

/// A book, and the eras that were told of by it.
struct Told {
    book: Book,
    eras: Option<RangeInclusive<i64>>,
}

impl Books {
    fn of(tasks: &mut Tasks, openings: &Openings, terms: &Terms) -> Books {
        let mut by_then = Shown::default();
        let told = openings.each(terms).into_iter().map(|(reopened, eras)| {
            by_then.merge(tasks.shown.remove(&reopened).unwrap_or_default());
            (reopened, Told { book: Book::of(&by_then, &tasks.eras, &terms.method), eras })
        });
        Books(told.collect())
    }

    /// Every trial that was told: the revision, the era, and what came of it.
    pub(super) fn trials(&self) -> impl Iterator<Item = (i64, i64, &Trial)> {
        self.0.iter().flat_map(|(reopened, Told { book, eras })| {
            let is_told = |era: i64| eras.as_ref().is_some_and(|eras| eras.contains(&era));
            let told = book.trials.iter().filter(move |(era, _)| is_told(*era));
            told.map(|(era, trial)| (i64::from(*reopened), *era, trial))
        })
    }

    fn row(&self, (era, domain, agent, revision): &Key) -> Option<&BookRow> {
        let told = self.0.get(&u32::try_from(*revision).ok()?)?;
        let is_told = told.eras.as_ref().is_some_and(|eras| eras.contains(era));
        told.book.rows.get(&(*era, domain.clone(), agent.clone())).filter(|_| is_told)
    }

    /// All rows that must be there.
    fn keys(&self) -> impl Iterator<Item = Key> {
        self.0.iter().flat_map(|(reopened, Told { book, eras })| {
            let is_told = |era: i64| eras.as_ref().is_some_and(|eras| eras.contains(&era));
            let told = book.rows.keys().filter(move |(era, ..)| is_told(*era));
            told.map(|(era, domain, agent)| {
                (*era, domain.clone(), agent.clone(), i64::from(*reopened))
            })
        })
    }
}

/// Era, domain, agent and revision.
type Key = (i64, Name, Name, i64);

async fn check_rows(
    contents: &Contents,
    terms: &Terms,
    books: &Books,
    findings: &mut Findings,
    checked: &mut Checked,
) -> Result<()> {
    let rows: Vec<Reputation> = contents.read(Table::AgentReputation, findings).await?;
    let mut found: BTreeSet<Key> = BTreeSet::new();
    for row in rows {
        checked.reputations += 1;
        let key = (row.era, row.domain.clone(), row.agent.clone(), row.revision);
        let path = contents.path(Table::AgentReputation, row.file);
        if found.contains(&key) {
            findings.add(about(&key, "the row is there twice").in_file(path));
            continue;
        }
        match books.row(&key) {
            Some(derived) => check_row(&key, derived, &row, terms, path, findings),
            None => findings.add(
                about(&key, "nothing was shown in the era before that it could follow from")
                    .in_file(path),
            ),
        }
        found.insert(key);
    }
    if contents.are_whole(&[Table::AgentReputation]) {
        for key in books.keys().filter(|key| !found.contains(key)) {
            findings.add(about(
                &key,
                "the row is missing: the agent has shown something in the era before",
            ));
        }
    }
    Ok(())
}

fn about((era, domain, agent, revision): &Key, what: &str) -> Finding {
    let finding = Finding::new(Check::Reputation, what).in_table(Table::AgentReputation.name());
    let finding = finding.agent(agent).key("domain", domain).key("era", era);
    if *revision == 0 { finding } else { finding.key("revision", revision) }
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
    openings: &Openings,
    books: &Books,
    life: &Life,
    findings: &mut Findings,
    checked: &mut Checked,
) {
    let earned = |decision: &Decision, vote: &Vote| match terms.method.as_str() {
        "majority" => ONE_MICROS,
        _ => {
            let earned = books.0.get(&openings.at(decision.commit)).map_or(0, |told| {
                told.book.weight_micros(&decision.domain, &vote.agent, decision.era)
            });
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
