//! The note beside a fleet's files that says what they are.

use super::files::Written;
use super::fleet::{Fleet, Style};

/// `README.txt`.
pub(super) fn read_me(fleet: &Fleet, written: &Written) -> String {
    let label = match fleet.style {
        Style::Full => "carries \"synthetic\": true",
        Style::Compact => "has an id that begins with syn-",
    };
    let files = files(fleet, written).map(|(name, rows, about)| {
        let name = format!("{name}.jsonl{}", fleet.compression.suffix());
        if rows == 0 { String::new() } else { row(&name, rows, about) }
    });
    let parts = parts(written).map(|(rows, about)| row("", rows, about));
    let settings = serde_json::to_string_pretty(fleet).expect("settings are plain numbers");
    format!(
        "SYNTHETIC: made up by `quorate generate`. No real agent, person or model said any of this.\n\
         Every row {label}. The same settings give the same rows, on any machine.\n\
         \n\
         {}\n\
         A kind of record that this fleet has none of has no file. Of the votes:\n\
         {}\n\
         The settings:\n\
         \n\
         {settings}\n",
        files.concat(),
        parts.concat(),
    )
}

fn row(name: &str, rows: u64, about: &str) -> String {
    format!("{name:<24} {rows:>12}  {about}\n")
}

fn files(fleet: &Fleet, written: &Written) -> [(&'static str, u64, &'static str); 8] {
    let members = u64::from(fleet.agents) * u64::from(fleet.versions);
    [
        ("agents", written.agents, "who may vote"),
        ("tasks", written.tasks, "what is asked"),
        ("votes", written.votes, "what agents answer"),
        ("gold", written.gold, "answers that the job knows"),
        ("ticks", written.ticks, "what agents do between votes"),
        ("control", written.control, "what the operator orders"),
        ("truth", written.tasks, "every answer, and what the clique pushed: for scoring only"),
        ("truth_agents", members, "how each agent behaves: for scoring only"),
    ]
}

fn parts(written: &Written) -> [(u64, &'static str); 6] {
    [
        (written.duplicates, "lines a second time"),
        (written.changed, "changes of an earlier vote"),
        (written.late, "beyond the lateness"),
        (written.equivocations, "contradictions of an earlier vote"),
        (written.abstentions, "without an answer"),
        (written.bad_rows, "malformed"),
    ]
}
