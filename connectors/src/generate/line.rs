//! Rows as lines of JSON.
//!
//! Written by hand, since this is most of the generator's work: a line is put together of constant pieces
//! and a few numbers, without an allocation. Nothing needs escaping: all text is ours.

use super::behaviour::Behaviour;
use super::calendar::{Calendar, put_padded};
use super::cast::Cast;
use super::fleet::Style;
use super::names::{Names, put_label, put_number};
use super::order::{Order, OrderRow};
use super::plan::{TaskRow, VoteRow};
use super::registration::{Action, Registration};
use super::tick::TickRow;

/// Writes lines of one fleet.
pub(super) struct Scribe<'a> {
    cast: &'a Cast,
    style: Style,
    names: Names,
    calendar: Calendar,
}

impl<'a> Scribe<'a> {
    pub(super) fn of(cast: &'a Cast) -> Scribe<'a> {
        let style = cast.fleet.style;
        Scribe { cast, style, names: Names::of(style), calendar: Calendar::default() }
    }

    pub(super) fn agent(&mut self, row: &Registration, out: &mut Vec<u8>) {
        let start = self.begin(row.event_time_ms, out);
        self.put_agent(row.agent, row.version, out);
        let member = &self.cast.members[row.agent as usize];
        match row.action {
            Action::Retire => put(b",\"action\":\"retire\"", out),
            Action::Register => {
                if self.style == Style::Full {
                    put(b",\"action\":\"register\"", out);
                }
                if let Some(family) = member.family {
                    put(b",\"family\":\"family-", out);
                    put_number(family.into(), out);
                    out.push(b'"');
                }
                if let Some(stake) = member.stake {
                    put(b",\"stake\":", out);
                    put_number(stake, out);
                }
            }
        }
        end(start, out);
    }

    /// What the agent is really like.
    pub(super) fn agent_truth(&mut self, row: &Registration, out: &mut Vec<u8>) {
        let start = self.begin(row.event_time_ms, out);
        self.put_agent(row.agent, row.version, out);
        let member = &self.cast.members[row.agent as usize];
        put(b",\"behaviour\":\"", out);
        put(member.behaviour.word().as_bytes(), out);
        out.push(b'"');
        match member.behaviour {
            Behaviour::Constant => {
                put(b",\"choice\":\"", out);
                put_label(member.constant, out);
                out.push(b'"');
            }
            Behaviour::Honest
            | Behaviour::Colluding
            | Behaviour::Equivocating
            | Behaviour::Sleeping => {
                put(b",\"accuracy\":{", out);
                for domain in 0..self.cast.fleet.domains {
                    put(if domain == 0 { b"\"" } else { b",\"" }, out);
                    self.names.put_domain(domain, out);
                    put(b"\":", out);
                    put_millionths(self.cast.accuracy(row.agent, row.version, domain), out);
                }
                out.push(b'}');
            }
            Behaviour::Noisy | Behaviour::AlwaysWrong => {}
        }
        end(start, out);
    }

    pub(super) fn task(&mut self, row: &TaskRow, out: &mut Vec<u8>) {
        let start = self.begin(row.event_time_ms, out);
        self.put_task(row.task, out);
        put(b",\"domain\":\"", out);
        self.names.put_domain(row.domain, out);
        out.push(b'"');
        if self.style == Style::Full {
            put(b",\"kind\":\"choice\",\"options\":[", out);
            for label in 0..self.cast.fleet.options {
                put(if label == 0 { b"\"" } else { b",\"" }, out);
                put_label(label, out);
                out.push(b'"');
            }
            out.push(b']');
        }
        end(start, out);
    }

    pub(super) fn gold(&mut self, row: &TaskRow, out: &mut Vec<u8>) {
        let start = self.begin(row.event_time_ms, out);
        self.put_task(row.task, out);
        put(b",\"answer\":\"", out);
        put_label(row.answer, out);
        out.push(b'"');
        end(start, out);
    }

    /// The right answer, and what the clique pushed in its place.
    pub(super) fn truth(&mut self, row: &TaskRow, out: &mut Vec<u8>) {
        self.gold(row, out);
        if let Some(target) = row.target {
            out.truncate(out.len() - b"}\n".len());
            put(b",\"target\":\"", out);
            put_label(target, out);
            put(b"\"}\n", out);
        }
    }

    pub(super) fn vote(&mut self, row: &VoteRow, out: &mut Vec<u8>) {
        let start = self.begin(row.event_time_ms, out);
        if self.style == Style::Full {
            put(b",\"event_id\":\"vote-", out);
            put_number(row.task, out);
            out.push(b'-');
            put_number(row.serial.into(), out);
            out.push(b'"');
        }
        self.put_task(row.task, out);
        self.put_agent(row.agent, row.version, out);
        match row.choice {
            None => put(b",\"choice\":null", out),
            Some(label) => {
                put(b",\"choice\":\"", out);
                put_label(label, out);
                out.push(b'"');
            }
        }
        end(start, out);
    }

    pub(super) fn tick(&mut self, row: &TickRow, out: &mut Vec<u8>) {
        let start = self.begin(row.event_time_ms, out);
        self.put_agent(row.agent, row.version, out);
        if self.style == Style::Full {
            put(b",\"run_id\":\"run-0\",\"zone\":\"zone-", out);
            put_number(row.zone.into(), out);
            put(b"\",\"tokens\":", out);
            put_number(row.tokens.into(), out);
        }
        put(b",\"tick\":", out);
        put_number(row.tick.into(), out);
        put(b",\"decision\":\"", out);
        put(row.decision.as_bytes(), out);
        put(b"\",\"status\":\"", out);
        put(row.status.as_bytes(), out);
        put(b"\",\"duration_ms\":", out);
        put_number(row.duration_ms.into(), out);
        end(start, out);
    }

    pub(super) fn order(&mut self, row: &OrderRow, out: &mut Vec<u8>) {
        let start = self.begin(row.event_time_ms, out);
        match row.order {
            Order::Quarantine { agent, version } => {
                put(b",\"action\":\"quarantine\"", out);
                self.put_agent(agent, version, out);
            }
            Order::Release { agent, version } => {
                put(b",\"action\":\"release\"", out);
                self.put_agent(agent, version, out);
            }
            Order::Override { task, answer } => {
                put(b",\"action\":\"override\"", out);
                self.put_task(task, out);
                put(b",\"answer\":\"", out);
                put_label(answer, out);
                out.push(b'"');
            }
        }
        put(b",\"operator\":\"generator\",\"reason\":\"synthetic\"", out);
        end(start, out);
    }

    /// The label and the time. Every field brings the comma before it; the first one becomes the brace.
    fn begin(&mut self, event_time_ms: u64, out: &mut Vec<u8>) -> usize {
        let start = out.len();
        match self.style {
            Style::Full => {
                put(b",\"synthetic\":true,\"event_time\":\"", out);
                self.calendar.put(event_time_ms, out);
                out.push(b'"');
            }
            Style::Compact => {
                put(b",\"event_time\":", out);
                put_number(event_time_ms, out);
            }
        }
        start
    }

    fn put_task(&self, task: u64, out: &mut Vec<u8>) {
        put(b",\"task_id\":\"", out);
        self.names.put_task(task, out);
        out.push(b'"');
    }

    fn put_agent(&self, agent: u32, version: u32, out: &mut Vec<u8>) {
        put(b",\"agent_id\":\"", out);
        self.names.put_agent(agent, out);
        out.push(b'"');
        if self.cast.fleet.versions > 1 {
            put(b",\"version\":\"", out);
            put_number(u64::from(version) + 1, out);
            out.push(b'"');
        }
    }
}

fn end(start: usize, out: &mut Vec<u8>) {
    out[start] = b'{';
    put(b"}\n", out);
}

fn put(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(bytes);
}

/// A share as a number with six decimals.
fn put_millionths(ppm: u32, out: &mut Vec<u8>) {
    put_number(u64::from(ppm / 1_000_000), out);
    out.push(b'.');
    put_padded(ppm % 1_000_000, 6, out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{Fleet, Part};

    fn check(fleet: Fleet, write: impl Fn(&mut Scribe, &mut Vec<u8>), expected: &str) {
        let cast = Cast::of(&fleet).unwrap();
        let mut out = Vec::new();
        write(&mut Scribe::of(&cast), &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), format!("{expected}\n"));
    }

    const VOTE: VoteRow = VoteRow {
        task: 12,
        serial: 3,
        agent: 4,
        version: 1,
        choice: Some(2),
        event_time_ms: 1_767_225_600_123,
        part: Part::Only,
    };

    #[test]
    fn a_vote_says_all_in_one_style_and_little_in_the_other() {
        check(
            Fleet { versions: 2, ..Fleet::default() },
            |scribe, out| scribe.vote(&VOTE, out),
            r#"{"synthetic":true,"event_time":"2026-01-01T00:00:00.123Z","event_id":"vote-12-3","task_id":"task-12","agent_id":"agent-4","version":"2","choice":"C"}"#,
        );
        check(
            Fleet { style: Style::Compact, ..Fleet::default() },
            |scribe, out| scribe.vote(&VoteRow { choice: None, ..VOTE }, out),
            r#"{"event_time":1767225600123,"task_id":"syn-12","agent_id":"syn-a4","choice":null}"#,
        );
    }

    #[test]
    fn a_compact_vote_takes_at_most_90_bytes() {
        let fleet = Fleet { style: Style::Compact, ..Fleet::default() };
        let cast = Cast::of(&fleet).unwrap();
        let mut out = Vec::new();
        Scribe::of(&cast).vote(&VoteRow { task: 99_999_999, agent: 9_999, ..VOTE }, &mut out);
        assert!(out.len() <= 90, "{}", out.len());
    }
}
