//! What a job computes, part by part: what each does, what it keeps, and what bounds that.
//!
//! The parts and their connections are those of `quorate_dataflows::job` with the runtime around them; who changes
//! the dataflow changes this too.

use quorate_learning::exams::MAX_VOTES;
use quorate_operators::policy::{Close, Method, Policy, QuorumOf};
use quorate_schemas::time::{Micros, SECOND};

use super::{Input, Job, Source, Topics};

/// A job as a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its parts, in the order in which rows go through them.
    pub parts: Vec<Part>,
    /// What goes from which part to which.
    pub flows: Vec<Flow>,
}

/// A part of the dataflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// A word, unique within the plan.
    pub id: String,
    /// What it does.
    pub does: String,
    /// What it keeps from one epoch to the next; empty, if nothing.
    pub keeps: String,
    /// What bounds that; empty, if it keeps nothing.
    pub bound: String,
    /// On how many workers it runs: on one, or on all.
    pub on_all: bool,
}

/// What goes from one part to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// From the part of this id.
    pub from: String,
    /// To the part of this id.
    pub to: String,
    /// What.
    pub what: &'static str,
    /// Whether it arrives in a later epoch: a loop.
    pub later: bool,
}

impl Job {
    /// What it computes.
    pub fn plan(&self) -> Plan {
        let mut parts: Vec<Part> = self.sources.iter().map(source).collect();
        parts.push(part(
            "inlets",
            "cut lines, decode rows, judge lateness, cut epochs and checkpoints",
            "the position of each file, the bound of each partition",
            format!(
                "files that are there or were within the hour; lines of {} bytes; rows {} behind the newest are late",
                self.limits.rows.line_bytes_max,
                span(self.lateness)
            ),
        ));
        parts.push(part("split", "tell facts of tasks from agents, orders and ticks", "", ""));
        let clock =
            "the watermark: the least bound of all partitions, and never past the next close";
        parts.push(Part {
            on_all: false,
            ..part(
                "clock",
                clock,
                "a bound a partition, a horizon a worker",
                "partitions and workers",
            )
        });
        parts.push(part(
            "booths",
            &decides(&self.policy),
            "open and closed tasks with their votes",
            kept_by_booths(self),
        ));
        if self.policy.method.learns() {
            parts.push(Part { on_all: false, ..book(&self.policy) });
        }
        parts.push(part(
            "activity",
            "count each agent's ticks by minute",
            "ticks of minutes that are not over",
            format!("the ticks of a minute and {}", span(self.lateness)),
        ));
        parts.push(part(
            "outlets",
            "write Parquet files and retained rows, and name them to the lead",
            "rows of the checkpoint at hand",
            format!(
                "a checkpoint: {} of wall time, or as much as makes it due; the workers wait for commits",
                span(micros(self.checkpoint.every))
            ),
        ));
        parts.push(Part {
            on_all: false,
            ..part(
                "lead",
                "commit: create the next log record, if nobody has",
                "the log",
                "records are trimmed once they are published and a week old",
            )
        });
        if self.publish.delta {
            let bound = format!("merged to files of {} bytes", self.publish.merge_bytes);
            let does = "publish commits as Delta tables, merge small files";
            parts.push(Part {
                on_all: false,
                ..part("publisher", does, "the names of the tables' files", bound)
            });
        }
        if let Some(topics) = &self.topics {
            parts.push(Part { on_all: false, ..to_topics(topics) });
        }
        let flows = flows(&parts);
        Plan { parts, flows }
    }
}

fn part(id: &str, does: &str, keeps: &str, bound: impl Into<String>) -> Part {
    Part {
        id: id.to_owned(),
        does: does.to_owned(),
        keeps: keeps.to_owned(),
        bound: bound.into(),
        on_all: true,
    }
}

fn source(source: &Source) -> Part {
    let until = match (&source.input, source.follow) {
        (_, false) => "to their end",
        (Input::Files(_), true) => "as they grow",
        (Input::Topics(_), true) => "as messages come",
    };
    let does = format!("read {} {until}: {}", source.place(), source.format_word());
    part(&format!("source.{}", source.name), &does, "", "")
}

fn decides(policy: &Policy) -> String {
    let Close { after, votes, quorum } = policy.close;
    let mut closes = Vec::new();
    closes.extend(after.map(|after| format!("{} after its first vote", span(after))));
    closes.extend(votes.map(|votes| format!("at {votes} votes")));
    closes.extend(quorum.then(|| "at a quorum".to_owned()));
    if closes.is_empty() {
        closes.push("at the end of the input".to_owned());
    }
    let of = match policy.quorum_of {
        QuorumOf::Votes => "votes",
        QuorumOf::Eligible => "all who could vote",
    };
    format!(
        "decide tasks: {}, quorum {} of {of}; a task closes {}, is final {} later",
        policy.method.word(),
        policy.quorum,
        closes.join(" or "),
        span(policy.finality_after)
    )
}

fn kept_by_booths(job: &Job) -> String {
    let policy = &job.policy;
    let open = match policy.close.after {
        Some(after) => format!(
            "tasks of the last {}",
            span(after.saturating_add(job.lateness).saturating_add(policy.finality_after))
        ),
        None => "all tasks of the input: none closes before its end".to_owned(),
    };
    format!(
        "{open}, {} votes a task; a name is remembered {} more",
        policy.caps.votes_per_task,
        span(policy.forget_after)
    )
}

fn book(policy: &Policy) -> Part {
    let does =
        format!("turn evidence into weights, once in an era of {}", span(policy.eras.start_of(1)));
    let fading = "agents that have shown something, fading from era to era";
    match policy.method {
        Method::Majority | Method::Weighted => {
            part("book", &does, "evidence by agent and domain", fading)
        }
        Method::Stacked | Method::Auto => part(
            "book",
            &match policy.method {
                Method::Auto => format!("{does}, by the rule that does best on known answers"),
                _ => format!("{does}, fitted to all known answers together"),
            },
            "evidence by agent and domain, and exams: the votes on tasks whose answer is known",
            format!("{fading}; {MAX_VOTES} votes of exams, of which the oldest go first"),
        ),
    }
}

fn to_topics(topics: &Topics) -> Part {
    let spec = &topics.spec;
    let all = spec.topics.iter().map(|(table, topic)| format!("{} to {topic}", table.name()));
    let updates =
        spec.updates.iter().map(|topic| format!("provisional outcomes to {topic}, at once"));
    let does = format!(
        "tell brokers {}, exactly once: {}",
        spec.connection.address(),
        all.chain(updates).collect::<Vec<_>>().join(", ")
    );
    let bound = format!("{} bytes to be sent, and the file that is read", spec.buffer_bytes);
    part("topics", &does, "what brokers have not taken yet; how far topics are, they say", bound)
}

fn flows(parts: &[Part]) -> Vec<Flow> {
    let there = |id: &str| parts.iter().any(|part| part.id == id);
    let flow = |from: &str, to: &str, what, later| Flow {
        from: from.to_owned(),
        to: to.to_owned(),
        what,
        later,
    };
    let sources = parts.iter().filter(|part| part.id.starts_with("source."));
    let mut flows: Vec<Flow> =
        sources.map(|part| flow(&part.id, "inlets", "bytes", false)).collect();
    flows.extend([
        flow("inlets", "split", "rows on time", false),
        flow("inlets", "clock", "how far each partition is", false),
        flow("inlets", "outlets", "late and rejected rows", false),
        flow("split", "booths", "facts by task; agents and orders to all", false),
        flow("split", "activity", "ticks by agent", false),
        flow("clock", "booths", "the watermark", false),
        flow("clock", "activity", "the watermark", false),
        flow("booths", "clock", "the next close", true),
        flow("clock", "book", "the era", false),
        flow("booths", "book", "what votes show of agents", false),
        flow("book", "booths", "weights of the era", true),
        flow("booths", "outlets", "decisions, votes, retained rows", false),
        flow("book", "outlets", "reputations, retained rows", false),
        flow("activity", "outlets", "minutes, retained rows", false),
        flow("outlets", "lead", "names and digests of files", false),
        flow("lead", "publisher", "commits", false),
        flow("lead", "topics", "commits", false),
    ]);
    flows.retain(|flow| there(&flow.from) && there(&flow.to));
    flows
}

fn micros(duration: std::time::Duration) -> Micros {
    Micros::try_from(duration.as_micros()).unwrap_or(Micros::MAX)
}

/// `90 s`, `10 min`, `2 h`.
fn span(micros: Micros) -> String {
    let units = [
        (86_400 * SECOND, "d"),
        (3_600 * SECOND, "h"),
        (60 * SECOND, "min"),
        (SECOND, "s"),
        (1_000, "ms"),
    ];
    let exact = units.into_iter().find(|(unit, _)| micros >= *unit && micros % unit == 0);
    match exact {
        Some((unit, word)) => format!("{} {word}", micros / unit),
        None if micros == 0 => "at once".to_owned(),
        None => format!("{micros} µs"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn plan(text: &str) -> Plan {
        Job::parse(text, Path::new("panel.toml")).unwrap().job.plan()
    }

    #[test]
    fn every_flow_joins_two_parts_and_every_part_is_joined() {
        for more in ["", "[consensus]\nmethod = \"majority\"", "[publish]\ndelta = false"] {
            let plan = plan(&format!("name = \"a\"\n[source.votes]\nfiles = \"v\"\n{more}"));
            let ids: Vec<&str> = plan.parts.iter().map(|part| part.id.as_str()).collect();
            for flow in &plan.flows {
                assert!(
                    ids.contains(&flow.from.as_str()) && ids.contains(&flow.to.as_str()),
                    "{flow:?}"
                );
            }
            for id in ids {
                assert!(plan.flows.iter().any(|flow| flow.from == id || flow.to == id), "{id}");
            }
        }
    }

    #[test]
    fn what_a_part_keeps_has_a_bound() {
        let plan = plan("name = \"a\"\n[source.votes]\nfiles = \"v\"");
        for part in plan.parts {
            assert_eq!(part.keeps.is_empty(), part.bound.is_empty(), "{part:?}");
        }
    }

    #[test]
    fn a_job_that_keeps_everything_says_so() {
        let plan = plan(
            "name = \"a\"\n[source.votes]\nfiles = \"v\"\n[consensus]\nclose = \"end-of-input\"",
        );
        let booths = plan.parts.iter().find(|part| part.id == "booths").unwrap();
        assert!(booths.bound.contains("none closes before its end"), "{}", booths.bound);
    }
}
