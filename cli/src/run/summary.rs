//! What a run has come to, and where to look next.

use std::path::Path;

use quorate_runtime::job::Job;
use quorate_runtime::observe::{Outcome, Totals};
use serde_json::{Value, json};

use crate::hint::first_question;
use crate::numbers::{counted, grouped};

/// For people.
pub(super) fn lines(outcome: &Outcome, job: &Job, job_file: &Path) -> Vec<String> {
    let job_file = job_file.display();
    let (word, totals, next) = match outcome {
        Outcome::Finished(totals) => ("finished", totals, None),
        Outcome::Stopped(totals) => {
            ("stopped", totals, Some(format!("go on: quorate run {job_file}")))
        }
        Outcome::AlreadyFinished => {
            return vec![
                format!(
                    "{}: an earlier run has finished this job; nothing was left to do",
                    job.name
                ),
                format!("if there are new files: quorate run {job_file} --reopen"),
            ];
        }
    };
    let Totals { rows, decided, undecided, refused, commits, requests } = totals;
    let mut lines = vec![
        format!(
            "{}: {word} after {} ({} late, {} rejected), {}, {}",
            job.name,
            counted(rows.rows_in, "row"),
            grouped(rows.late),
            grouped(rows.rejected),
            counted(*commits, "commit"),
            counted(requests.total(), "store request"),
        ),
        // Revisions since then are in the tables, and may say otherwise.
        format!(
            "tasks as they closed: {} quorate, {} undecided",
            grouped(*decided),
            grouped(*undecided)
        ),
    ];
    if *refused > 0 {
        lines.push(format!(
            "{} could not count in their task: see the table rejects",
            counted(*refused, "vote")
        ));
    }
    lines.push(format!("tables: {}/tables", job.store.trim_end_matches('/')));
    lines.extend(next);
    lines.push(first_question(job_file));
    lines
}

/// For machines.
pub(super) fn as_json(outcome: &Outcome) -> Value {
    let (word, totals) = match outcome {
        Outcome::Finished(totals) => ("finished", *totals),
        Outcome::Stopped(totals) => ("stopped", *totals),
        Outcome::AlreadyFinished => ("already_finished", Totals::default()),
    };
    let Totals { rows, decided, undecided, refused, commits, requests } = totals;
    json!({
        "ended": word,
        "rows": rows,
        "decided": decided,
        "undecided": undecided,
        "refused": refused,
        "commits": commits,
        "requests": requests,
    })
}

#[cfg(test)]
mod tests {
    use quorate_runtime::observe::Requests;
    use quorate_schemas::log::Counts;

    use super::*;

    #[test]
    fn a_run_ends_with_what_became_of_the_rows_and_where_to_look() {
        let text = "name = \"panel\"\nstore = \"/srv/panel/\"\n[source.ticks]\nfiles = \"t.jsonl\"";
        let file = Path::new("panel.toml");
        let job = Job::parse(text, file).unwrap().job;
        let rows = Counts { rows_in: 1_234, on_time: 1_230, late: 3, rejected: 1 };
        let totals = Totals {
            rows,
            decided: 90,
            undecided: 10,
            refused: 2,
            commits: 1,
            requests: Requests { create: 3, put: 4, ..Requests::default() },
        };
        let check =
            |outcome: Outcome, expected: &[&str]| assert_eq!(lines(&outcome, &job, file), expected);
        let query = &first_question("panel.toml");
        check(
            Outcome::Finished(totals),
            &[
                "panel: finished after 1,234 rows (3 late, 1 rejected), 1 commit, 7 store requests",
                "tasks as they closed: 90 quorate, 10 undecided",
                "2 votes could not count in their task: see the table rejects",
                "tables: /srv/panel/tables",
                query,
            ],
        );
        let quiet = Totals { refused: 0, ..totals };
        check(
            Outcome::Stopped(quiet),
            &[
                "panel: stopped after 1,234 rows (3 late, 1 rejected), 1 commit, 7 store requests",
                "tasks as they closed: 90 quorate, 10 undecided",
                "tables: /srv/panel/tables",
                "go on: quorate run panel.toml",
                query,
            ],
        );
        check(
            Outcome::AlreadyFinished,
            &[
                "panel: an earlier run has finished this job; nothing was left to do",
                "if there are new files: quorate run panel.toml --reopen",
            ],
        );
    }
}
