//! Rows as they are compared: what an oracle can say of them, and nothing of where they were read.

use quorate_schemas::record::{Placed, RecordKind};
use quorate_schemas::table::{
    AnomalyKind, ChoiceRow, DecisionRow, OutRow, RejectReason, RejectStage, ReputationRow, VoteRow,
};
use quorate_schemas::time::Micros;

use crate::scenario::place;

/// A row without its place. Which of two equal rows came first is nobody's business.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum View {
    Decision(DecisionRow),
    Vote(VoteRow),
    Reputation(ReputationRow),
    Choice(ChoiceRow),
    Anomaly {
        kind: AnomalyKind,
        event_time: Micros,
        task: String,
        detail: String,
    },
    Reject {
        record: RecordKind,
        reason: RejectReason,
        event_time: Micros,
        task: String,
        agent: Option<String>,
    },
}

impl View {
    /// How `row` is compared: as nothing for tables that are not, votes one by one.
    pub(crate) fn of(row: &OutRow) -> Vec<View> {
        if let OutRow::Votes(votes) = row {
            let vote = |row: &VoteRow| VoteRow {
                vote: Placed { place: place(0), ..row.vote.clone() },
                ..row.clone()
            };
            return votes.iter().map(|row| View::Vote(vote(row))).collect();
        }
        View::of_one(row).into_iter().collect()
    }

    fn of_one(row: &OutRow) -> Option<View> {
        match row {
            OutRow::Decision(row) => Some(View::Decision(DecisionRow::clone(row))),
            OutRow::Choice(row) => Some(View::Choice(ChoiceRow::clone(row))),
            OutRow::Reputation(row) => Some(View::Reputation(ReputationRow::clone(row))),
            OutRow::Anomaly(row) => Some(View::Anomaly {
                kind: row.kind,
                event_time: row.event_time,
                task: row.task.name().to_string(),
                detail: row.detail.clone(),
            }),
            OutRow::Reject(row) => {
                assert_eq!(row.stage, RejectStage::Task);
                let line: serde_json::Value =
                    serde_json::from_slice(&row.bytes).expect("a reject's bytes are JSON");
                let text = |field: &str| line[field].as_str().map(str::to_owned);
                Some(View::Reject {
                    record: row.record,
                    reason: row.reason,
                    event_time: row.event_time,
                    task: text("task_id").expect("a reject names its task"),
                    agent: text("agent_id").map(|agent| match text("version") {
                        Some(version) => format!("{agent}\u{1f}{version}"),
                        None => agent,
                    }),
                })
            }
            OutRow::Votes(_)
            | OutRow::Update(_)
            | OutRow::Activity(_)
            | OutRow::Conservation(_) => None,
        }
    }

    /// All of `rows`, in an order of their own.
    pub(crate) fn of_all(rows: &[OutRow]) -> Vec<View> {
        let mut views: Vec<View> = rows.iter().flat_map(View::of).collect();
        views.sort();
        views
    }
}
