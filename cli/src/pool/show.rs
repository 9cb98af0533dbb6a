//! A job in a pool, for people and for machines.

use quorate_runtime::pool::{Entry, Failure, Stand};
use serde_json::{Value, json};

use crate::clock::now_ms;
use crate::numbers::{counted, grouped, short};

/// In one line.
pub(super) fn line(entry: &Entry) -> String {
    let mut text = format!("{}: {}", entry.name, entry.stand());
    if let Some(run) = &entry.run {
        text.push_str(&format!(
            ", {}, {} decided",
            counted(run.rows.rows_in, "row"),
            grouped(run.decided)
        ));
    }
    text
}

/// As a row of a list.
pub(super) fn columns(entry: &Entry) -> [String; 5] {
    let run = entry.run.as_ref();
    let number = |of: Option<u64>| of.map_or_else(|| "-".to_owned(), short);
    let who = match (&entry.claim, entry.stand()) {
        (Some(claim), Stand::Running | Stand::Stopping) => {
            format!("{}:{}", claim.worker.host, claim.worker.pid)
        }
        _ => "-".to_owned(),
    };
    [
        entry.name.clone(),
        entry.stand().to_string(),
        number(run.map(|run| run.rows.rows_in)),
        number(run.map(|run| run.decided)),
        who,
    ]
}

/// All of it.
pub(super) fn lines(entry: &Entry) -> Vec<String> {
    let mut lines = vec![format!("job {}: {}", entry.name, meaning(entry.stand()))];
    let mut say = |what: &str, text: String| lines.push(format!("  {what:<14}{text}"));
    say("submitted", ago(entry.submitted_ms));
    if let Some(claim) = &entry.claim {
        let worker = &claim.worker;
        say(
            "worker",
            format!("process {} on {}, taken {}", worker.pid, worker.host, ago(claim.at_ms)),
        );
    }
    if let Some(run) = &entry.run {
        let rows = run.rows;
        say(
            "this run",
            format!(
                "{} ({} late, {} rejected), {} decided, {} undecided, {}",
                counted(rows.rows_in, "row"),
                grouped(rows.late),
                grouped(rows.rejected),
                grouped(run.decided),
                grouped(run.undecided),
                counted(run.commits, "commit"),
            ),
        );
        say("last heard", ago(run.updated_at_ms));
        let started = entry.claim_nr;
        if started > 1 {
            say("started", format!("{started} times, of which the last {} failed", run.failures));
        }
        let failure = |failure: &Failure| {
            format!(
                "{} ({}): {}",
                ago(failure.at_ms),
                failure.kind,
                failure.message.replace('\n', "\n                ")
            )
        };
        if let Some(first) = &run.first_failure {
            say("first failure", failure(first));
        }
        if let Some(last) =
            run.failure.as_ref().filter(|last| Some(*last) != run.first_failure.as_ref())
        {
            say("last failure", failure(last));
        }
    }
    lines
}

fn meaning(state: Stand) -> String {
    let means = match state {
        Stand::Submitted => "no worker has it yet",
        Stand::Running => "a worker runs it",
        Stand::Restarting => "it failed, and will be tried again",
        Stand::Stopping => "what was read is being committed",
        Stand::Stopped => "everything read is committed; `quorate submit JOB --again` goes on",
        Stand::Finished => "its input has ended and everything in it is committed",
        Stand::Failed => "it is not tried again; mend the cause, then `quorate submit JOB --again`",
    };
    format!("{state} ({means})")
}

/// How long ago, by clocks that may differ.
fn ago(then_ms: u64) -> String {
    let seconds = now_ms().saturating_sub(then_ms) / 1_000;
    match seconds {
        0..=119 => format!("{seconds} s ago"),
        120..=7_199 => format!("{} min ago", seconds / 60),
        7_200..=172_799 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// For machines.
pub(super) fn json(entry: &Entry) -> Value {
    let run = entry.run.as_ref();
    json!({
        "name": entry.name,
        "state": entry.stand().word(),
        "submitted_at_ms": entry.submitted_ms,
        "claims": entry.claim_nr,
        "worker": entry.claim.as_ref().map(|claim| &claim.worker),
        "started_at_ms": run.map(|run| run.started_at_ms),
        "updated_at_ms": run.map(|run| run.updated_at_ms),
        "rows": run.map(|run| run.rows),
        "decided": run.map(|run| run.decided),
        "undecided": run.map(|run| run.undecided),
        "commits": run.map(|run| run.commits),
        "failures": run.map(|run| run.failures),
        "failure": run.and_then(|run| run.failure.as_ref()),
        "first_failure": run.and_then(|run| run.first_failure.as_ref()),
    })
}
