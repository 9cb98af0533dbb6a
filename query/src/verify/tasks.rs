//! All tasks, as many at a time as may be in memory: each alone, and what they show together.

use std::collections::{BTreeMap, BTreeSet};

use quorate_schemas::log::{Record, Standing};
use quorate_schemas::table::Table;
use quorate_schemas::time::format_rfc3339;

use super::Step;
use super::contents::Contents;
use super::finding::{Check, Findings};
use super::life::{Life, about, by_task, check_life, lives_of};
use super::report::Checked;
use super::terms::AllTerms;
use crate::derive::{Showing, Shown};
use crate::error::Result;
use crate::read::Part;
use crate::rows::{Decision, Vote};
use crate::terms::Terms;

/// What all tasks together come to.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    /// What they show of agents, where the terms are known, by how often the job had been reopened.
    pub(super) shown: BTreeMap<u32, Shown>,
    /// The eras whose weights decided.
    pub(super) eras: BTreeSet<i64>,
    /// Votes that stood at a close, or were superseded or doubled by then.
    pub(super) votes: i64,
    parts: u64,
    /// All of them, if they are few enough to be kept.
    kept: Option<Vec<Life>>,
}

impl Tasks {
    pub(super) fn parts(&self) -> impl Iterator<Item = Part> {
        Part::all(self.parts, 1)
    }

    /// The tasks of a part once more.
    pub(super) async fn again(&mut self, contents: &Contents, part: Part) -> Result<Vec<Life>> {
        match self.kept.take() {
            Some(lives) => Ok(lives),
            // What was wrong with them was told the first time.
            None => read(contents, part, &mut Findings::new(0)).await,
        }
    }
}

pub(super) async fn check(
    contents: &Contents,
    terms: &AllTerms,
    last: &Record,
    rows_at_once: u64,
    findings: &mut Findings,
    checked: &mut Checked,
    watch: &(dyn Fn(Step) + Sync),
) -> Result<Tasks> {
    let rows = contents.rows(Table::Decisions) + contents.rows(Table::Votes);
    let parts = Part::all(rows, rows_at_once).count() as u64;
    let mut tasks = Tasks { parts, ..Tasks::default() };
    for part in tasks.parts().collect::<Vec<_>>() {
        watch(Step { what: "parts of the tasks", done: part.nr, of: part.of });
        let lives = read(contents, part, findings).await?;
        for life in &lives {
            checked.tasks += 1;
            checked.revisions += life.decisions.len() as u64;
            checked.by_hand +=
                u64::from(check_life(life, |commit| terms.known_at(commit), findings));
            if contents.are_whole(&[Table::Decisions]) {
                check_is_final(life, terms.now(), &last.standing, findings);
            }
            tasks.take(life, terms);
        }
        check_lives_apart(&lives, terms, findings);
        findings.name_files(|table, nr| contents.path(table, nr));
        tasks.kept = (part.of == 1).then_some(lives);
    }
    Ok(tasks)
}

/// The tasks of a part, in order of their names.
async fn read(contents: &Contents, part: Part, findings: &mut Findings) -> Result<Vec<Life>> {
    let decisions: Vec<Decision> = contents.read_part(Table::Decisions, part, findings).await?;
    let votes: Vec<Vote> = contents.read_part(Table::Votes, part, findings).await?;
    let whole = contents.are_whole(&[Table::Decisions, Table::Votes]);
    let mut lives = Vec::new();
    for (decisions, votes) in by_task(decisions, votes).into_values() {
        if whole || is_complete(contents, &decisions, &votes) {
            lives.extend(lives_of(decisions, votes, findings));
        }
    }
    Ok(lives)
}

/// Whether all rows of a task are there though others cannot be read: of one that lacks some everything looks wrong.
fn is_complete(contents: &Contents, decisions: &[Decision], votes: &[Vote]) -> bool {
    let lost = |commit: i64| {
        contents.lacks(Table::Decisions, commit) || contents.lacks(Table::Votes, commit)
    };
    let commits = decisions
        .iter()
        .map(|decision| decision.commit)
        .chain(votes.iter().map(|vote| vote.commit));
    let mut revisions: Vec<i64> = decisions.iter().map(|decision| decision.revision).collect();
    revisions.sort_unstable();
    let first = decisions.iter().find(|decision| decision.revision == 0);
    let voted = first.map_or(0, |first| first.votes + first.abstentions + first.excluded);
    !commits.into_iter().any(lost)
        && revisions.iter().copied().eq(0..revisions.len() as i64)
        && voted == votes.iter().filter(|vote| vote.revision == 0).count() as i64
}

impl Tasks {
    fn take(&mut self, life: &Life, terms: &AllTerms) {
        let Some(first) = life.decisions.first() else { return };
        self.eras.insert(first.era);
        self.votes += first.superseded + first.duplicates;
        self.votes += life.votes.iter().filter(|vote| vote.revision == 0).count() as i64;
        let mut known = None;
        for decision in &life.decisions {
            let learnt = known.is_none() && decision.gold.is_some();
            let era = match terms.at(decision.commit) {
                _ if decision.revision == 0 => Some(decision.era),
                Some(terms) if learnt => Some(terms.era_of(decision.event_time)),
                _ => None,
            };
            known = known.or(decision.gold.as_ref());
            if let Some(era) = era {
                let showing = Showing {
                    era,
                    event_time: decision.event_time,
                    method: &decision.method,
                    task: &decision.task,
                    domain: &decision.domain,
                    options: decision.options,
                    answer: decision.answer.as_ref(),
                    gold: decision.gold.as_ref(),
                };
                let shown = self.shown.entry(terms.openings.at(decision.commit)).or_default();
                shown.add(&showing, &life.votes_as_of(decision.revision));
            }
        }
    }
}

/// Whether a task that can no longer be revised says so.
fn check_is_final(
    life: &Life,
    terms: Option<&Terms>,
    standing: &Standing,
    findings: &mut Findings,
) {
    let Some((last, terms)) = life.decisions.last().zip(terms) else { return };
    let end = last.closed_at.saturating_add(terms.finality_after_us);
    let over = standing.finished || end < standing.clock.watermark;
    if over && !life.decisions.iter().any(|decision| decision.is_final) {
        let what =
            format!("it could be revised until {} and was never made final", format_rfc3339(end));
        findings.add(about(last, Check::Finality, &what));
    }
}

/// A name lives again only once it was forgotten.
fn check_lives_apart(lives: &[Life], terms: &AllTerms, findings: &mut Findings) {
    for pair in lives.windows(2) {
        let (before, after) = (&pair[0].decisions, &pair[1].decisions[0]);
        let Some(last) = before.last().filter(|last| last.task == after.task) else { continue };
        let Some(terms) = terms.at(last.commit) else { continue };
        let forgotten = last
            .closed_at
            .saturating_add(terms.finality_after_us)
            .saturating_add(terms.forget_after_us);
        if after.opened_at <= forgotten {
            let finding = about(after, Check::Finality, "opened_at, after its name was forgotten");
            findings
                .add(finding.differs(format_rfc3339(forgotten), format_rfc3339(after.opened_at)));
        }
    }
}
