use quorate_schemas::id::Name;
use quorate_schemas::time::Micros;

use super::{Columns, FromTable, Origins};

/// A revision of a task's decision, as its row says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Decision {
    /// The file it was read from, by number.
    pub(crate) file: u32,
    pub(crate) commit: i64,
    pub(crate) revision: i64,
    pub(crate) event_time: Micros,
    pub(crate) task: Name,
    pub(crate) domain: Name,
    pub(crate) kind: Name,
    pub(crate) state: Name,
    pub(crate) undecided_reason: Option<Name>,
    pub(crate) is_final: bool,
    pub(crate) reason: Name,
    pub(crate) answer: Option<Name>,
    pub(crate) confidence: f64,
    pub(crate) support: f64,
    pub(crate) runner_up: f64,
    pub(crate) total: f64,
    pub(crate) eligible: f64,
    pub(crate) eligible_basis: Name,
    pub(crate) quorum: Name,
    pub(crate) margin: f64,
    pub(crate) tolerated: f64,
    pub(crate) votes: i64,
    pub(crate) abstentions: i64,
    pub(crate) excluded: i64,
    pub(crate) options: i64,
    pub(crate) superseded: i64,
    pub(crate) duplicates: i64,
    pub(crate) method: Name,
    pub(crate) era: i64,
    pub(crate) opened_at: Micros,
    pub(crate) closed_at: Micros,
    pub(crate) close_rule: Name,
    pub(crate) time_to_decision_ms: i64,
    pub(crate) gold: Option<Name>,
    pub(crate) gold_match: Option<bool>,
}

impl FromTable for Decision {
    fn read(
        columns: &Columns<'_>,
        file: u32,
        _: &mut Origins,
        rows: &mut Vec<Decision>,
    ) -> Result<(), String> {
        use arrow::array::Array as _;
        let (commit, revision) = (columns.int("commit")?, columns.int("revision")?);
        let (event_time, task, domain) =
            (columns.time("event_time")?, columns.text("task_id")?, columns.text("domain")?);
        let (kind, state, undecided) =
            (columns.text("kind")?, columns.text("state")?, columns.text("undecided_reason")?);
        let (is_final, reason, answer) =
            (columns.flag("is_final")?, columns.text("reason")?, columns.text("answer")?);
        let (confidence, support) = (columns.real("confidence")?, columns.real("support_weight")?);
        let (runner_up, total) = (columns.real("runner_up_weight")?, columns.real("total_weight")?);
        let (eligible, basis) = (columns.real("eligible_weight")?, columns.text("eligible_basis")?);
        let (quorum, margin) = (columns.text("quorum")?, columns.real("margin")?);
        let (tolerated, votes) = (columns.real("tolerated_hostile_weight")?, columns.int("votes")?);
        let (abstentions, excluded) = (columns.int("abstentions")?, columns.int("excluded")?);
        let (options, superseded) = (columns.int("options")?, columns.int("superseded")?);
        let (duplicates, method, era) =
            (columns.int("duplicates")?, columns.text("method")?, columns.int("era")?);
        let (opened_at, closed_at) = (columns.time("opened_at")?, columns.time("closed_at")?);
        let (close_rule, took) = (columns.text("close_rule")?, columns.int("time_to_decision_ms")?);
        let (gold, gold_match) = (columns.text("gold_answer")?, columns.flag("gold_match")?);
        rows.extend((0..columns.rows()).map(|row| Decision {
            file,
            commit: commit.value(row),
            revision: revision.value(row),
            event_time: event_time[row],
            task: task.name(row),
            domain: domain.name(row),
            kind: kind.name(row),
            state: state.name(row),
            undecided_reason: undecided.option(row),
            is_final: is_final.value(row),
            reason: reason.name(row),
            answer: answer.option(row),
            confidence: confidence.value(row),
            support: support.value(row),
            runner_up: runner_up.value(row),
            total: total.value(row),
            eligible: eligible.value(row),
            eligible_basis: basis.name(row),
            quorum: quorum.name(row),
            margin: margin.value(row),
            tolerated: tolerated.value(row),
            votes: votes.value(row),
            abstentions: abstentions.value(row),
            excluded: excluded.value(row),
            options: options.value(row),
            superseded: superseded.value(row),
            duplicates: duplicates.value(row),
            method: method.name(row),
            era: era.value(row),
            opened_at: opened_at[row],
            closed_at: closed_at[row],
            close_rule: close_rule.name(row),
            time_to_decision_ms: took.value(row),
            gold: gold.option(row),
            gold_match: gold_match.is_valid(row).then(|| gold_match.value(row)),
        }));
        Ok(())
    }
}
