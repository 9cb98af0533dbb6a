//! What of a job its results depend on, as text and as a digest.
//!
//! A log holds the results of one job. Going on with another threshold or another reading of the rows would mix two
//! jobs in one table, so the log keeps the digest and a run that differs is refused. What only changes where results
//! go, how fast, or when they become true is left out: a job may be moved, followed, hurried and rescaled.
//!
//! Left out: paths (the log knows its files by their own marks), store, workers, `follow`, `[checkpoint]`, `[publish]`,
//! `limits.rejects` (it stops a run), `limits.future_skew` and `consensus.idle_after` (they compare with the wall clock,
//! which no input is a function of: where a partition was idle, results depend on when its rows came, and no setting
//! makes them repeatable), and `outputs` (provisional rows depend on how epochs were cut).

use std::fmt::{Display, Write as _};

use quorate_connectors::decode::FieldMap;
use quorate_connectors::inlet;
use quorate_connectors::source::Format;
use quorate_operators::policy::{Caps, Close, Policy, QuorumOf, StakeRule, Unknown};
use quorate_schemas::log::Digest;

use super::{Job, Limits, Source};

/// Changes with the form of the text below, never with a job.
const FORM: u32 = 1;

impl Job {
    /// The SHA-256 of [`Job::canonical`].
    pub fn fingerprint(&self) -> Digest {
        Digest::of(self.canonical().as_bytes())
    }

    /// All that results depend on, one `key = value` a line. Two jobs whose results may differ differ here, and the
    /// lines in which they do say how.
    pub fn canonical(&self) -> String {
        // Taken apart without `..`: who adds a field must decide here whether results depend on it.
        let Job {
            name,
            file: _,
            folder: _,
            store: _,
            workers: _,
            sources,
            policy,
            lateness,
            idle_after: _,
            checkpoint: _,
            limits,
            publish: _,
            topics: _,
        } = self;
        let Limits { rows, rejects: _ } = limits;
        let inlet::Limits { line_bytes_max, reject_bytes_max, future_skew_us: _ } = rows;
        let mut lines = Lines(String::new());
        lines.put("form", FORM);
        lines.put("name", name);
        policy_lines(policy, &mut lines);
        lines.put("consensus.lateness_us", lateness);
        lines.put("limits.line_bytes", line_bytes_max);
        lines.put("limits.reject_bytes", reject_bytes_max);
        let mut by_name: Vec<&Source> = sources.iter().collect();
        by_name.sort_by(|a, b| a.name.cmp(&b.name));
        for source in by_name {
            source_lines(source, &mut lines);
        }
        lines.0
    }
}

fn policy_lines(policy: &Policy, lines: &mut Lines) {
    let Policy {
        method,
        quorum,
        quorum_of,
        close: Close { after, votes, quorum: at_quorum },
        eras,
        finality_after,
        forget_after,
        cap,
        stake,
        min_votes,
        unknown_agents,
        unknown_tasks,
        registered,
        updates: _,
        caps: Caps { votes_per_task, votes_per_agent_and_task },
    } = policy;
    lines.put("consensus.method", method.word());
    lines.put("consensus.quorum", quorum);
    lines.put(
        "consensus.quorum_of",
        match quorum_of {
            QuorumOf::Votes => "votes",
            QuorumOf::Eligible => "eligible",
        },
    );
    lines.maybe("consensus.close.after_us", after.as_ref(), "end-of-input");
    lines.maybe("consensus.close.votes", votes.as_ref(), "off");
    lines.put("consensus.close.quorum", at_quorum);
    lines.put("consensus.era_us", eras.start_of(1));
    lines.put("consensus.finality_after_us", finality_after);
    lines.put("consensus.forget_after_us", forget_after);
    lines.maybe("consensus.cap", cap.as_ref(), "off");
    lines.put(
        "consensus.stake",
        match stake {
            StakeRule::Ignore => "ignore",
            StakeRule::Linear => "linear",
        },
    );
    lines.put("consensus.min_votes", min_votes);
    lines.put("consensus.unknown_agents", unknown_word(*unknown_agents));
    lines.put("consensus.unknown_tasks", unknown_word(*unknown_tasks));
    lines.put("consensus.registered", registered);
    lines.put("limits.votes_per_task", votes_per_task);
    lines.put("limits.votes_per_agent_and_task", votes_per_agent_and_task);
}

fn source_lines(source: &Source, lines: &mut Lines) {
    let Source { name, kind, input: _, format, follow: _, map } = source;
    lines.put(&format!("source.{name}.kind"), kind.source_key());
    lines.put(&format!("source.{name}.format"), source.format_word());
    if let Format::Csv { delimiter } = format {
        let delimiter = format!("{:?}", char::from(*delimiter));
        lines.put(&format!("source.{name}.delimiter"), delimiter);
    }
    let FieldMap { each, fields } = map;
    if let Some(each) = each {
        let each = serde_json::to_string(each).unwrap_or_default();
        lines.put(&format!("source.{name}.each"), each);
    }
    for (field, from) in fields {
        // As JSON, so that no two readings of a row look alike.
        let from = serde_json::to_string(from).unwrap_or_default();
        lines.put(&format!("source.{name}.map.{field}"), from);
    }
}

fn unknown_word(unknown: Unknown) -> &'static str {
    match unknown {
        Unknown::Accept => "accept",
        Unknown::Reject => "reject",
    }
}

struct Lines(String);

impl Lines {
    fn put(&mut self, key: &str, value: impl Display) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{key} = {value}");
    }

    fn maybe(&mut self, key: &str, value: Option<&impl Display>, without: &str) {
        match value {
            Some(value) => self.put(key, value),
            None => self.put(key, without),
        }
    }
}
