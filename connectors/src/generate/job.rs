//! The job that runs on a fleet's files.

use super::fleet::{Fleet, Style};

const MINUTE_MS: u64 = 60_000;

/// Lengths of an era to choose from.
const ERAS_MS: [u64; 7] = [
    MINUTE_MS,
    5 * MINUTE_MS,
    15 * MINUTE_MS,
    60 * MINUTE_MS,
    6 * 60 * MINUTE_MS,
    24 * 60 * MINUTE_MS,
    7 * 24 * 60 * MINUTE_MS,
];
/// A run has at least so many eras, if it is long enough: what was learnt must have a chance to count.
const ERAS_PER_RUN: u64 = 8;

/// `job.toml`.
pub(super) fn job_file(fleet: &Fleet) -> String {
    let mut text = String::new();
    let mut say = |line: &str| {
        text.push_str(line);
        text.push('\n');
    };
    say(
        "# A job over a synthetic fleet, as `quorate generate` wrote it. No real agent said any of this.",
    );
    say(
        "# Run it with `quorate run job.toml`; score `answer` in the table `decisions` against truth.jsonl.",
    );
    say("");
    say(r#"name = "fleet"                   # stands in every row of every table"#);
    say(
        r#"store = "./quorate-data"         # log and tables; relative to this file, as all paths are"#,
    );
    say("");
    say("# Where rows come from, one file a kind. Truth is not among them.");
    for (kind, about) in sources(fleet) {
        say("");
        say(&format!("[source.{kind}]"));
        let name = format!("{:?}", format!("{kind}.jsonl{}", fleet.compression.suffix()));
        say(&line("files", &name, about));
        if fleet.style == Style::Compact {
            let unit = r#"{ event_time = { field = "event_time", unit = "ms" } }"#;
            say(&line("map", unit, "times are integers"));
        }
    }
    let close_ms = (2 * u64::from(fleet.vote_spread_ms)).max(MINUTE_MS);
    let after = format!("{{ after = \"{}\" }}", span(close_ms));
    say("");
    say("[consensus]");
    say(&line("method", "\"weighted\"", "a vote weighs the log-odds that its agent is right"));
    say(&line("quorum", "\"2/3\"", "an answer must exceed this share of the weight"));
    say(&line("close", &after, "event time from a task's first vote to its decision"));
    let lateness = format!("\"{}\"", span(fleet.lateness_ms.into()));
    say(&line("lateness", &lateness, "a line this much behind the newest before it is late"));
    let era = format!("\"{}\"", span(era_ms(fleet)));
    say(&line("era", &era, "weights change only at the start of such a span"));
    say(&line("finality_after", "\"1m\"", "so long after its close a decision can be revised"));
    if fleet.stake_max > 0 {
        say(&line("stake", "\"linear\"", "a vote weighs in proportion to its agent's stake"));
        // Where stake is at risk, the engine caps families at a third each: fewer than three can't make a whole.
        if groups(fleet) < 3 {
            say(&line("cap", "\"off\"", "too few families or agents to cap any"));
        }
    }
    say("");
    say("[checkpoint]");
    say(&line("every", "\"5s\"", "results become true at least so often"));
    say("");
    say("[limits]");
    say(&line("future_skew", "\"off\"", "these times are made up: none is too far ahead"));
    if fleet.bad_rows_share + fleet.late_share > 0.05 {
        say(&line("rejects", "\"off\"", "this fleet is meant to have many"));
    }
    text
}

fn line(key: &str, value: &str, about: &str) -> String {
    format!("{:<32} # {about}", format!("{key} = {value}"))
}

/// How many families there are, or agents if they have none.
fn groups(fleet: &Fleet) -> u32 {
    if fleet.families == 0 { fleet.agents } else { fleet.families.min(fleet.agents) }
}

/// The sources that this fleet has rows for.
fn sources(fleet: &Fleet) -> impl Iterator<Item = (&'static str, &'static str)> {
    [
        ("agents", "who may vote", true),
        ("tasks", "what is asked", true),
        ("votes", "what they answer", true),
        ("gold", "known answers: what reputation is anchored on", fleet.gold_share > 0.0),
        ("ticks", "what agents do between votes", fleet.ticks_per_agent > 0),
        ("control", "what the operator orders", fleet.orders > 0),
    ]
    .into_iter()
    .filter(|(_, _, has_rows)| *has_rows)
    .map(|(kind, about, _)| (kind, about))
}

fn era_ms(fleet: &Fleet) -> u64 {
    let short_enough = |era_ms: &&u64| **era_ms * ERAS_PER_RUN <= fleet.duration_ms();
    ERAS_MS.iter().rev().find(short_enough).copied().unwrap_or(MINUTE_MS)
}

/// A span of time as a job file writes it.
fn span(span_ms: u64) -> String {
    match span_ms {
        0 => "0s".into(),
        ms if ms.is_multiple_of(60 * MINUTE_MS) => format!("{}h", ms / (60 * MINUTE_MS)),
        ms if ms.is_multiple_of(MINUTE_MS) => format!("{}m", ms / MINUTE_MS),
        ms if ms.is_multiple_of(1_000) => format!("{}s", ms / 1_000),
        ms => format!("{ms}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_written_in_the_largest_unit_that_is_exact() {
        let spans = [0, 1, 1_500, 10_000, 60_000, 90_000, 3_600_000, 7 * 86_400_000];
        assert_eq!(spans.map(span), ["0s", "1ms", "1500ms", "10s", "1m", "90s", "1h", "168h"]);
    }

    #[test]
    fn a_run_has_several_eras_if_it_is_long_enough() {
        let era = |tasks| span(era_ms(&Fleet { tasks, ..Fleet::default() }));
        assert_eq!([1, 1_000, 10_000, 1_000_000].map(era), ["1m", "1m", "15m", "24h"]);
    }

    #[test]
    fn a_cap_that_could_not_sum_to_one_is_off() {
        let capped = |agents, families, stake_max| {
            let fleet = Fleet { agents, families, stake_max, ..Fleet::default() };
            !job_file(&fleet).contains("cap = \"off\"")
        };
        assert!(capped(50, 3, 10) && capped(3, 0, 10) && capped(50, 2, 0));
        assert!(!capped(50, 2, 10) && !capped(2, 0, 10) && !capped(2, 8, 10));
    }
}
