//! Somebody changes rows and makes the log fit: digests, sizes and chain agree, and `verify` still names the row.
//! That is also what a fault of the engine would look like.

use quorate_operators::policy::Method;
use quorate_query::verify::{Check, Finding, Options, Report, verify};
use quorate_schemas::record::RecordKind;
use quorate_schemas::table::Table;

use super::scenario::{Scenario, busy, policy};
use super::shelf::Shelf;
use super::tamper::Opened;

/// Of a job that reads no orders: so every answer must follow from votes.
async fn shelf() -> Shelf {
    let mut scenario = busy(3, policy(Method::Weighted));
    scenario.partitions.retain(|partition| partition.record != RecordKind::Control);
    Shelf::of(&scenario).await
}

/// What `verify` says once `changed` stands in for its file and the log was made to fit.
async fn forge(mut shelf: Shelf, changed: Opened) -> Report {
    changed.save(&shelf.store).await;
    shelf.forge_log().await;
    let report = shelf.verify().await;
    assert!(
        !report.findings.iter().any(|finding| finding.check == Check::Log),
        "the log fits:\n{report}"
    );
    report
}

fn value<'f>(finding: &'f Finding, column: &str) -> Option<&'f str> {
    finding.row.iter().find(|(name, _)| *name == column).map(|(_, value)| value.as_str())
}

/// That some finding of this kind is about this row of this table, and in which file it is.
fn assert_named(report: &Report, check: Check, table: Table, file: &str, row: &[(&str, &str)]) {
    let named = report.findings.iter().any(|finding| {
        finding.check == check
            && finding.table == Some(table.name())
            && finding.file.as_deref() == Some(file)
            && row.iter().all(|(column, expected)| value(finding, column) == Some(*expected))
    });
    assert!(named, "no {check:?} about {row:?} of {} in {file}:\n{report}", table.name());
}

fn kinds(report: &Report) -> Vec<Check> {
    report.counts.keys().copied().collect()
}

/// A vote that counted, for the answer of its task.
fn counted(votes: &Opened, row: usize) -> bool {
    votes.text("status", row) == "counted"
        && votes.flag("agrees", row)
        && votes.int("revision", row) == 0
}

#[tokio::test]
async fn a_vote_for_another_label_is_named() {
    let shelf = shelf().await;
    let (votes, row) = shelf.find(Table::Votes, counted).await;
    let (task, agent) =
        (votes.text("task_id", row).to_owned(), votes.text("agent_id", row).to_owned());
    let path = votes.path.clone();
    let report = forge(shelf, votes.set_text("choice", row, "elsewhere")).await;
    assert_named(
        &report,
        Check::Vote,
        Table::Votes,
        &path,
        &[("task_id", &task), ("agent_id", &agent)],
    );
    assert!(kinds(&report).contains(&Check::Decision), "{report}");
}

#[tokio::test]
async fn a_vote_that_counts_more_than_its_agent_has_earned_is_named() {
    let shelf = shelf().await;
    let (votes, row) = shelf.find(Table::Votes, counted).await;
    let (task, agent) =
        (votes.text("task_id", row).to_owned(), votes.text("agent_id", row).to_owned());
    let (path, weight) = (votes.path.clone(), votes.real("weight", row));
    let report = forge(shelf, votes.set_real("weight", row, weight + 0.0625)).await;
    let key = [("task_id", task.as_str()), ("agent_id", agent.as_str())];
    assert_named(&report, Check::Weight, Table::Votes, &path, &key);
    let told = report.findings.iter().find(|finding| finding.check == Check::Weight).unwrap();
    assert_eq!(told.expected.as_deref(), Some(weight.to_string().as_str()));
}

#[tokio::test]
async fn a_weight_that_its_decision_was_made_to_fit_is_still_named() {
    let mut shelf = shelf().await;
    // A task that nobody disagrees on, so that the decision can be made to fit by hand.
    let unanimous = |decisions: &Opened, row: usize| {
        decisions.int("revision", row) == 0
            && decisions.real("runner_up_weight", row) == 0.0
            && decisions.real("total_weight", row) > 0.0
    };
    let (decisions, row) = shelf.find(Table::Decisions, unanimous).await;
    let task = decisions.text("task_id", row).to_owned();
    let is_vote =
        |votes: &Opened, row: usize| votes.text("task_id", row) == task && counted(votes, row);
    let (votes, vote) = shelf.find(Table::Votes, is_vote).await;
    let (path, weight) = (votes.path.clone(), votes.real("weight", vote));
    votes.set_real("weight", vote, weight + 1.0).save(&shelf.store).await;
    for file in shelf.files(Table::Decisions) {
        let mut opened = super::tamper::open(&shelf.store, Table::Decisions, &file.path).await;
        for row in 0..opened.rows.num_rows() {
            if opened.text("task_id", row) == task {
                for column in ["support_weight", "total_weight", "eligible_weight", "margin"] {
                    let more = opened.real(column, row) + 1.0;
                    opened = opened.set_real(column, row, more);
                }
                let margin = (opened.real("margin", row) * 1e6).round() as i64;
                opened = opened.set_real(
                    "tolerated_hostile_weight",
                    row,
                    ((margin - 1) / 2) as f64 / 1e6,
                );
            }
        }
        opened.save(&shelf.store).await;
    }
    shelf.forge_log().await;
    let report = shelf.verify().await;
    assert_named(&report, Check::Weight, Table::Votes, &path, &[("task_id", &task)]);
    assert_eq!(kinds(&report), [Check::Weight], "{report}");
}

#[tokio::test]
async fn a_doubled_row_is_named_by_what_it_doubles() {
    let shelf = shelf().await;
    let (votes, row) = shelf.find(Table::Votes, counted).await;
    let (task, path) = (votes.text("task_id", row).to_owned(), votes.path.clone());
    let report = forge(shelf, votes.double(row)).await;
    assert_named(&report, Check::Vote, Table::Votes, &path, &[("task_id", &task)]);
    assert_named(&report, Check::File, Table::Votes, &path, &[]);
    assert!(kinds(&report).contains(&Check::Conservation), "a vote more than was read:\n{report}");
}

#[tokio::test]
async fn a_doubled_decision_or_reputation_is_named() {
    for table in [Table::Decisions, Table::AgentReputation] {
        let shelf = shelf().await;
        let (rows, row) = shelf.find(table, |_, _| true).await;
        let path = rows.path.clone();
        let report = forge(shelf, rows.double(row)).await;
        assert_named(&report, Check::File, table, &path, &[]);
        let kind = if table == Table::Decisions { Check::Finality } else { Check::Reputation };
        assert!(kinds(&report).contains(&kind), "{report}");
    }
}

#[tokio::test]
async fn a_decision_that_says_something_else_is_named_by_its_column() {
    let first = |decisions: &Opened, row: usize| {
        decisions.int("revision", row) == 0 && decisions.text("state", row) == "quorate"
    };
    for column in [
        "answer",
        "confidence",
        "support_weight",
        "runner_up_weight",
        "total_weight",
        "eligible_weight",
        "margin",
        "tolerated_hostile_weight",
        "votes",
        "abstentions",
        "excluded",
        "era",
        "state",
        "time_to_decision_ms",
        "method",
    ] {
        let shelf = shelf().await;
        let (decisions, row) = shelf.find(Table::Decisions, first).await;
        let (task, path) = (decisions.text("task_id", row).to_owned(), decisions.path.clone());
        let changed = match column {
            "answer" | "method" => decisions.set_text(column, row, "elsewhere"),
            "state" => decisions.set_text(column, row, "undecided"),
            "votes" | "abstentions" | "excluded" | "era" | "time_to_decision_ms" => {
                let more = decisions.int(column, row) + 1;
                decisions.set_int(column, row, more)
            }
            _ => {
                let more = decisions.real(column, row) + 0.000_002;
                decisions.set_real(column, row, more)
            }
        };
        let report = forge(shelf, changed).await;
        assert_named(
            &report,
            Check::Decision,
            Table::Decisions,
            &path,
            &[("task_id", &task), ("revision", "0")],
        );
        let named = report.findings.iter().any(|finding| finding.what.starts_with(column));
        assert!(named, "{column}:\n{report}");
    }
}

#[tokio::test]
async fn a_revision_after_the_final_one_or_none_at_all_is_named() {
    let is_final = |decisions: &Opened, row: usize| decisions.flag("is_final", row);
    let first_shelf = shelf().await;
    let (decisions, row) = first_shelf.find(Table::Decisions, is_final).await;
    let (task, path) = (decisions.text("task_id", row).to_owned(), decisions.path.clone());
    let revision = decisions.int("revision", row);
    let all = decisions.rows.num_rows();
    let report =
        forge(first_shelf, decisions.double(row).set_int("revision", all, revision + 1)).await;
    assert_named(&report, Check::Finality, Table::Decisions, &path, &[("task_id", &task)]);

    let shelf = shelf().await;
    let (decisions, row) = shelf.find(Table::Decisions, is_final).await;
    let report = forge(shelf, decisions.remove(row)).await;
    let finding = report.findings.iter().find(|finding| finding.check == Check::Finality).unwrap();
    assert_eq!(value(finding, "task_id"), Some(task.as_str()), "{report}");
}

#[tokio::test]
async fn reputation_that_was_not_earned_is_named() {
    for column in
        ["weight", "accuracy", "gold_seen", "gold_right", "consensus_seen", "consensus_right"]
    {
        let shelf = shelf().await;
        let (rows, row) =
            shelf.find(Table::AgentReputation, |rows, row| rows.text("basis", row) == "gold").await;
        let (agent, era) =
            (rows.text("agent_id", row).to_owned(), rows.int("era", row).to_string());
        let (path, more) = (rows.path.clone(), rows.real(column, row) + 0.000_001);
        let report = forge(shelf, rows.set_real(column, row, more)).await;
        let key = [("agent_id", agent.as_str()), ("era", era.as_str())];
        assert_named(&report, Check::Reputation, Table::AgentReputation, &path, &key);
        assert_eq!(kinds(&report), [Check::Reputation], "{report}");
    }
}

#[tokio::test]
async fn missing_and_invented_reputation_is_named() {
    let first = shelf().await;
    let (rows, row) = first.find(Table::AgentReputation, |_, _| true).await;
    let agent = rows.text("agent_id", row).to_owned();
    let report = forge(first, rows.remove(row)).await;
    assert_eq!(kinds(&report), [Check::Reputation], "{report}");
    assert_eq!(value(&report.findings[0], "agent_id"), Some(agent.as_str()));

    let second = shelf().await;
    let (rows, row) = second.find(Table::AgentReputation, |_, _| true).await;
    let all = rows.rows.num_rows();
    let report = forge(second, rows.double(row).set_text("agent_id", all, "mallory")).await;
    assert_eq!(value(&report.findings[0], "agent_id"), Some("mallory"), "{report}");
}

/// A job that chooses its rule.
async fn choosing() -> Shelf {
    Shelf::of(&Scenario { to_the_end: true, ..busy(4, policy(Method::Auto)) }).await
}

#[tokio::test]
async fn a_choice_that_was_not_made_is_named() {
    for column in ["log_likelihood", "advantage", "advantage_error"] {
        let shelf = choosing().await;
        let (rows, row) = shelf.find(Table::MethodChoices, |_, _| true).await;
        let (rule, path) = (rows.text("method", row).to_owned(), rows.path.clone());
        let more = rows.real(column, row) + 0.000_001;
        let report = forge(shelf, rows.set_real(column, row, more)).await;
        let key = [("method", rule.as_str())];
        assert_named(&report, Check::Choice, Table::MethodChoices, &path, &key);
        assert_eq!(kinds(&report), [Check::Choice], "{report}");
    }
    for change in [
        |rows: Opened, row| rows.set_text("reason", row, "better"),
        |rows: Opened, row| rows.set_text("method", row, "mine"),
        |rows: Opened, row| rows.set_int("gold_tasks", row, 1_000),
        |rows: Opened, row| rows.remove(row),
    ] {
        let shelf = choosing().await;
        let (rows, row) = shelf.find(Table::MethodChoices, |_, _| true).await;
        let report = forge(shelf, change(rows, row)).await;
        assert_eq!(kinds(&report), [Check::Choice], "{report}");
    }
}

#[tokio::test]
async fn a_row_lost_on_its_way_is_missed() {
    for table in [Table::Votes, Table::Rejects, Table::Conservation] {
        let shelf = shelf().await;
        let (rows, row) = shelf.find(table, |_, _| true).await;
        let report = forge(shelf, rows.remove(row)).await;
        assert!(kinds(&report).contains(&Check::Conservation), "{}:\n{report}", table.name());
    }
}

#[tokio::test]
async fn an_account_that_does_not_add_up_is_named() {
    for column in ["rows_in", "on_time", "late", "rejected", "position", "position_to"] {
        let shelf = shelf().await;
        let (rows, row) =
            shelf.find(Table::Conservation, |rows, row| rows.text("source", row) == "votes").await;
        let more = rows.int(column, row) + 1;
        let report = forge(shelf, rows.set_int(column, row, more)).await;
        let named = report.findings.iter().any(|finding| {
            finding.check == Check::Conservation
                && value(finding, "partition") == Some("votes.jsonl")
        });
        assert!(named, "{column}:\n{report}");
    }
}

#[tokio::test]
async fn a_wrong_vote_does_not_make_every_decision_after_it_wrong() {
    let shelf =
        Shelf::of(&Scenario { to_the_end: true, ..busy(4, policy(Method::Weighted)) }).await;
    let (votes, row) = shelf.find(Table::Votes, counted).await;
    let task = votes.text("task_id", row).to_owned();
    let report = forge(shelf, votes.set_text("choice", row, "elsewhere")).await;
    let others = report
        .findings
        .iter()
        .filter(|finding| matches!(finding.check, Check::Decision | Check::Vote));
    for finding in others {
        assert_eq!(value(finding, "task_id"), Some(task.as_str()), "{report}");
    }
}

#[tokio::test]
async fn where_answers_can_be_set_by_hand_one_must_still_fit_the_votes() {
    let mut scenario = busy(3, policy(Method::Weighted));
    let agent = super::scenario::agent_id("ada");
    let action = quorate_schemas::record::ControlAction::Release { agent };
    scenario.control(super::scenario::START, action);
    let first = |decisions: &Opened, row: usize| {
        decisions.int("revision", row) == 0 && decisions.text("state", row) == "quorate"
    };
    let shelf = Shelf::of(&scenario).await;
    let (decisions, row) = shelf.find(Table::Decisions, first).await;
    let (task, path) = (decisions.text("task_id", row).to_owned(), decisions.path.clone());
    let report = forge(shelf, decisions.set_text("answer", row, "elsewhere")).await;
    let row = [("task_id", task.as_str())];
    assert_named(&report, Check::Decision, Table::Decisions, &path, &row);
    assert_eq!(report.checked.by_hand, 1, "{report}");
}

#[tokio::test]
async fn what_is_found_does_not_depend_on_how_much_is_in_memory_at_once() {
    let mut shelf = shelf().await;
    let (votes, row) = shelf.find(Table::Votes, counted).await;
    let more = votes.real("weight", row) + 0.0625;
    votes.set_real("weight", row, more).save(&shelf.store).await;
    shelf.forge_log().await;
    let whole = shelf.verify().await;
    assert!(!whole.is_clean());
    for rows_at_once in [1, 10, 100] {
        let options = Options { rows_at_once, findings_of_a_kind: usize::MAX };
        let parts = verify(&shelf.store, options, &|_| {}).await.unwrap();
        assert_eq!((&parts.counts, &parts.checked), (&whole.counts, &whole.checked));
        for finding in &whole.findings {
            assert!(parts.findings.contains(finding), "{finding}\n{parts}");
        }
    }
}
