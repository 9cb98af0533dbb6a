//! What a run says, in one line each.

use quorate_runtime::observe::Progress;
use quorate_schemas::table::{DecisionRow, DecisionStatus, DecisionUpdateRow, UndecidedReason};
use quorate_schemas::time::format_rfc3339;
use serde_json::{Value, json};

use crate::numbers::{counted, grouped, short};

/// `12,345 rows (2,000/s) · 3 late · 980 decided, 20 undecided · 4 commits, 1.5 s since`
pub(super) fn progress(progress: &Progress) -> String {
    let rows = &progress.rows;
    let mut parts =
        vec![format!("{} ({}/s)", counted(rows.rows_in, "row"), grouped(progress.rows_per_s))];
    let some = [(rows.late, "late"), (rows.rejected, "rejected")];
    parts.extend(
        some.iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{} {word}", grouped(*count))),
    );
    if progress.decided + progress.undecided > 0 {
        parts.push(format!(
            "{} decided, {} undecided",
            grouped(progress.decided),
            grouped(progress.undecided)
        ));
    }
    let age = progress.checkpoint_age_ms;
    parts.push(format!(
        "{}, {}.{} s since",
        counted(progress.commits, "commit"),
        age / 1_000,
        age % 1_000 / 100
    ));
    parts.join(" · ")
}

/// `2.0M rows, 277k/s · 105k of 143k decided · 3 late · 1.5 s behind · 4 epochs open`: for one line of a terminal, what
/// matters least last.
pub(super) fn status(progress: &Progress) -> String {
    let Progress {
        rows, rows_per_s, decided, undecided, open_epochs, checkpoint_age_ms: age, ..
    } = progress;
    let mut parts = vec![format!("{} rows, {}/s", short(rows.rows_in), short(*rows_per_s))];
    if decided + undecided > 0 {
        parts.push(format!("{} of {} decided", short(*decided), short(decided + undecided)));
    }
    let some = [(rows.late, "late"), (rows.rejected, "rejected")];
    let some = some.iter().filter(|(count, _)| *count > 0);
    parts.extend(some.map(|(count, word)| format!("{} {word}", short(*count))));
    parts.push(format!("{}.{} s behind", age / 1_000, age % 1_000 / 100));
    parts.push(format!("{} open", counted(*open_epochs, "epoch")));
    parts.join(" · ")
}

pub(super) fn progress_json(progress: &Progress) -> Value {
    let Progress { rows, rows_per_s, decided, undecided, open_epochs, checkpoint_age_ms, commits } =
        progress;
    json!({
        "rows": rows,
        "rows_per_s": rows_per_s,
        "decided": decided,
        "undecided": undecided,
        "open_epochs": open_epochs,
        "checkpoint_age_ms": checkpoint_age_ms,
        "commits": commits,
    })
}

/// `2026-01-01T00:00:05.000000Z provisional task-7: B (83 %, 5 votes)`
pub(super) fn update(update: &DecisionUpdateRow) -> String {
    let outcome = answer(update.answer.as_deref(), update.confidence_micros, update.votes);
    line(update.event_time, "provisional", update.task.name(), &outcome)
}

/// `2026-01-01T00:01:00.000000Z quorate task-7: B (97 %, 9 votes)`, with the reason if it is a revision.
pub(super) fn decision(decision: &DecisionRow) -> String {
    let (word, why) = match decision.status {
        DecisionStatus::Quorate => ("quorate", ""),
        DecisionStatus::Undecided(UndecidedReason::NoVotes) => ("undecided", ", no votes"),
        DecisionStatus::Undecided(UndecidedReason::TooFewVotes) => ("undecided", ", too few votes"),
        DecisionStatus::Undecided(UndecidedReason::NoQuorum) => ("undecided", ", no quorum"),
    };
    let mut outcome =
        answer(decision.answer.as_deref(), decision.confidence_micros, decision.votes);
    outcome.push_str(why);
    if decision.is_final {
        outcome.push_str(", final");
    } else if decision.revision > 0 {
        outcome.push_str(&format!(", revision {}: {}", decision.revision, decision.reason.word()));
    }
    line(decision.event_time, word, decision.task.name(), &outcome)
}

fn line(time: i64, word: &str, task: &str, outcome: &str) -> String {
    format!("{} {word:<11} {}: {outcome}", format_rfc3339(time), plain(task))
}

fn answer(answer: Option<&str>, confidence_micros: i64, votes: u32) -> String {
    match answer {
        None => "no answer".to_owned(),
        Some(answer) => {
            let votes = counted(votes.into(), "vote");
            format!(
                "{} ({} %, {votes})",
                plain(answer),
                confidence_micros.clamp(0, 1_000_000) / 10_000
            )
        }
    }
}

/// Names are chosen by adversaries: what would move the cursor is not passed on to the terminal.
fn plain(name: &str) -> String {
    const CHARS: usize = 200;
    name.chars().take(CHARS).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use quorate_schemas::id::IdKey;
    use quorate_schemas::log::Counts;
    use quorate_schemas::time::{SECOND, parse_rfc3339};

    use super::*;

    #[test]
    fn progress_says_what_there_is_to_say() {
        let mut seen = Progress {
            rows_per_s: 2_000,
            commits: 4,
            checkpoint_age_ms: 1_580,
            ..Progress::default()
        };
        seen.rows = Counts { rows_in: 12_345, on_time: 12_345, ..Counts::default() };
        assert_eq!(progress(&seen), "12,345 rows (2,000/s) · 4 commits, 1.5 s since");
        seen.rows = Counts { rows_in: 12_345, on_time: 12_340, late: 3, rejected: 2 };
        (seen.decided, seen.undecided, seen.commits) = (980, 20, 1);
        let said = "12,345 rows (2,000/s) · 3 late · 2 rejected · 980 decided, 20 undecided · 1 commit, 1.5 s since";
        assert_eq!(progress(&seen), said);
        seen.open_epochs = 3;
        let said = "12k rows, 2.0k/s · 980 of 1.0k decided · 3 late · 2 rejected · 1.5 s behind · 3 epochs open";
        assert_eq!(status(&seen), said);
    }

    #[test]
    fn a_task_cannot_write_on_the_terminal() {
        let start = parse_rfc3339("2026-01-01T00:00:00Z").unwrap();
        let row = DecisionUpdateRow {
            event_time: start + 5 * SECOND,
            revision: 3,
            task: IdKey::new([0; 16]).id("task-\u{1b}[2J7"),
            answer: Some("B".into()),
            confidence_micros: 834_999,
            support_micros: 5_000_000,
            total_micros: 6_000_000,
            votes: 5,
            opened_at: start,
        };
        assert_eq!(
            update(&row),
            "2026-01-01T00:00:05.000000Z provisional task-\u{fffd}[2J7: B (83 %, 5 votes)"
        );
    }
}
