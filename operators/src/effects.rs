//! What a step of the core asks for: rows to write, rows to retain, evidence to weigh. The core does nothing itself.

use std::collections::BTreeMap;

use quorate_schemas::id::Id;
use quorate_schemas::place::Place;
use quorate_schemas::record::{Placed, RecordKind, Vote};
use quorate_schemas::retained::{DomainRecord, Evidence, Exam, Retain, RetainedRow, Shown};
use quorate_schemas::table::{OutRow, RejectReason, RejectRow, RejectStage};
use quorate_schemas::time::{Micros, format_rfc3339};

use crate::maps::IdMap;

/// What many tasks have shown, added up.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Gathered {
    agents: IdMap<Sums>,
    domains: BTreeMap<(Id, i64), DomainRecord>,
}

/// What is shown of one agent: most are seen in one domain and era, and found there by one look.
#[derive(Debug, PartialEq)]
struct Sums {
    first: (Id, i64, Evidence),
    /// By domain and era: whoever names domains may name many.
    more: BTreeMap<(Id, i64), Evidence>,
}

impl Gathered {
    /// Tells the sums, in order.
    #[expect(
        clippy::disallowed_methods,
        clippy::iter_over_hash_type,
        reason = "what comes out of the map is sorted"
    )]
    pub(crate) fn tell(&mut self, shown: &mut Vec<Shown>) {
        let from = shown.len();
        let (evidence, record) = (Evidence::default(), DomainRecord::default());
        for (agent, sums) in self.agents.drain() {
            let more = sums.more.into_iter().map(|((domain, era), sum)| (domain, era, sum));
            let sums = std::iter::once(sums.first).chain(more);
            shown.extend(sums.map(|(domain, era, evidence)| Shown {
                agent: Some(agent.clone()),
                domain,
                era,
                evidence,
                record,
            }));
        }
        let domains = std::mem::take(&mut self.domains);
        shown.extend(domains.into_iter().map(|((domain, era), record)| Shown {
            agent: None,
            domain,
            era,
            evidence,
            record,
        }));
        shown[from..].sort_unstable();
    }
}

/// Everything one step asks for.
#[derive(Debug, Default, PartialEq)]
pub struct Effects {
    /// Rows for tables.
    pub rows: Vec<OutRow>,
    /// Changes of durable state.
    pub keep: Vec<Retain>,
    /// Changes of what is durable of the task that the step is about: they are told once a checkpoint, added up.
    pub(crate) of_task: Vec<(RetainedRow, i64)>,
    /// Evidence for later eras, added up.
    pub shown: Vec<Shown>,
    /// Tasks whose answer became known.
    pub exams: Vec<Exam>,
    /// Evidence that is being added up.
    pub(crate) gathered: Gathered,
}

impl Effects {
    /// One more of `row`, which belongs to no task.
    pub(crate) fn keep_shared(&mut self, row: RetainedRow) {
        self.keep.push(Retain::Row(row, 1));
    }

    /// One less of `row`, which belongs to no task.
    pub(crate) fn drop_shared(&mut self, row: RetainedRow) {
        self.keep.push(Retain::Row(row, -1));
    }

    /// One more of `row` of the task that the step is about.
    pub(crate) fn keep(&mut self, row: RetainedRow) {
        self.of_task.push((row, 1));
    }

    /// One less of `row` of the task that the step is about.
    pub(crate) fn drop(&mut self, row: RetainedRow) {
        self.of_task.push((row, -1));
    }

    /// What a task shows of an agent that voted on it.
    pub(crate) fn show_agent(&mut self, agent: &Id, domain: &Id, era: i64, evidence: Evidence) {
        match self.gathered.agents.get_mut(agent) {
            Some(Sums { first: (known, of, sum), .. }) if *of == era && *known == *domain => {
                *sum = sum.plus(evidence);
            }
            Some(sums) => {
                let sum = sums.more.entry((domain.clone(), era)).or_default();
                *sum = sum.plus(evidence);
            }
            None => {
                let sums = Sums { first: (domain.clone(), era, evidence), more: BTreeMap::new() };
                self.gathered.agents.insert(agent.clone(), sums);
            }
        }
    }

    /// What a task shows of how its domain decides.
    pub(crate) fn show_domain(&mut self, domain: &Id, era: i64, record: DomainRecord) {
        let sum = self.gathered.domains.entry((domain.clone(), era)).or_default();
        *sum = sum.plus(record);
    }

    /// A vote that was well formed and cannot count.
    pub(crate) fn refuse(&mut self, vote: &Placed<Vote>, reason: RejectReason, detail: String) {
        let mut line = format!(
            "{{\"task_id\":{},\"agent_id\":{}",
            quoted(vote.body.task.name()),
            quoted(vote.body.agent.agent_id())
        );
        if let Some(version) = vote.body.agent.version() {
            line.push_str(&format!(",\"version\":{}", quoted(version)));
        }
        let said = vote.body.value.label().map_or("null".to_owned(), |label| quoted(&label));
        line.push_str(&format!(
            ",\"choice\":{said},\"event_time\":{}",
            quoted(&format_rfc3339(vote.event_time))
        ));
        if !vote.event_id.is_empty() {
            line.push_str(&format!(",\"event_id\":{}", quoted(&vote.event_id)));
        }
        line.push('}');
        self.refuse_record(RecordKind::Vote, vote.event_time, &vote.place, reason, detail, line);
    }

    /// A record that was well formed and cannot be used; `line` says what it held.
    pub(crate) fn refuse_record(
        &mut self,
        record: RecordKind,
        event_time: Micros,
        place: &Place,
        reason: RejectReason,
        detail: String,
        line: String,
    ) {
        let bytes = line.into_bytes();
        self.rows.push(OutRow::Reject(Box::new(RejectRow {
            event_time,
            record,
            stage: RejectStage::Task,
            reason,
            detail,
            place: place.clone(),
            bytes_total: bytes.len() as u64,
            bytes,
        })));
    }
}

/// `text` as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if (c as u32) < 0x20 => quoted.push_str(&format!("\\u{:04x}", c as u32)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use quorate_schemas::id::IdKey;

    use super::*;

    #[test]
    fn what_is_shown_is_added_up_by_agent_domain_and_era() {
        let (key, mut effects) = (IdKey::new([1; 16]), Effects::default());
        let id = |kind: &str, nr: i64| key.id(&format!("{kind}{nr}"));
        for nr in 0..60 {
            let (agent, domain, era) = (id("a", nr % 2), id("d", nr % 3), nr % 5 / 3);
            let evidence = Evidence { gold_seen: nr, ..Evidence::default() };
            effects.show_agent(&agent, &domain, era, evidence);
            let record = DomainRecord { gold_tasks: nr, ..DomainRecord::default() };
            effects.show_domain(&domain, era, record);
        }
        let mut shown = Vec::new();
        effects.gathered.tell(&mut shown);
        assert_eq!((shown.len(), effects.gathered), (2 * 3 * 2 + 3 * 2, Gathered::default()));
        for Shown { agent, domain, era, evidence, record } in shown {
            let of = |nr: &i64| {
                let same = id("d", nr % 3) == domain && nr % 5 / 3 == era;
                same && agent.as_ref().is_none_or(|agent| id("a", nr % 2) == *agent)
            };
            let sum: i64 = (0..60).filter(of).sum();
            let told = if agent.is_some() { evidence.gold_seen } else { record.gold_tasks };
            assert_eq!(told, sum);
        }
    }

    #[test]
    fn a_quoted_text_is_json() {
        assert_eq!(quoted("a\"b\\c\nd\u{1f}é"), r#""a\"b\\c\u000ad\u001fé""#);
    }
}
