//! `[publish.kafka]`: which tables go to which topics.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use quorate_connectors::kafka::Connection;
use quorate_connectors::kafka::publish::PublishSpec;
use quorate_schemas::table::Table;
use quorate_schemas::time::{Micros, SECOND};
use toml::Spanned;
use toml::de::DeValue;

use super::brokers::RawBrokers;
use super::finding::quoted;
use super::kafka::Kafka;
use super::section::{Findings, Given, Section, Wrong};
use super::shape::{Reader, Shape};
use super::source::{Input, Source};
use super::units::on_the_clock;
use super::value;

/// How rows are told to topics.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Topics {
    /// Which, and how their brokers are reached.
    pub spec: PublishSpec,
    /// How long the end of a run waits for brokers that take nothing.
    pub patience: Duration,
}

/// `[publish.kafka]` as the file has it.
pub(super) struct RawPublishKafka {
    span: Option<Range<usize>>,
    /// `brokers`: other ones than those of `[kafka]`.
    brokers: RawBrokers,
    /// `progress`: the topic that says how far the others are; default `"NAME.quorate-progress"`, after the job.
    progress: Given<String>,
    /// `patience`: how long the end of a run waits for brokers that take nothing; from `"0s"` to `"1h"`, default `"1m"`.
    patience: Given<Micros>,
    /// `buffer`: so much may wait to be sent; from `"1MiB"` to `"1GiB"`, default `"64MiB"`.
    buffer: Given<u64>,
    /// `[publish.kafka.topics]`: each table's topic, by the table's name.
    topics: BTreeMap<Table, Spanned<String>>,
}

impl RawPublishKafka {
    pub(super) fn read(mut section: Section<'_>, found: &mut Findings<'_>) -> RawPublishKafka {
        let raw = RawPublishKafka {
            span: section.span.clone(),
            brokers: RawBrokers::read(&mut section, found),
            progress: section.take("progress", found, topic()),
            patience: section.take("patience", found, value::span(0..=3_600 * SECOND)),
            buffer: section.take("buffer", found, value::size(1 << 20..=1 << 30)),
            topics: read_topics(section.section("topics", found), found),
        };
        if raw.span.is_some() && !section.requires("topics") {
            let message = "is missing";
            let remedy = "say what goes where, as in topics = { decisions = \"panel.decisions\" }";
            found.error(raw.span.as_ref(), "publish.kafka.topics", message, remedy);
        }
        section.close(found);
        raw
    }

    /// `None` if nothing goes to topics.
    pub(super) fn resolve(
        self,
        kafka: &Kafka,
        job: &str,
        sources: &[Source],
        found: &mut Findings<'_>,
    ) -> Option<Topics> {
        let span = self.span.clone()?;
        let are_named = self.brokers.are_named || kafka.names_brokers;
        let connection = self.brokers.connection(kafka);
        if connection.brokers.is_empty() && !are_named {
            let remedy = "add brokers = \"localhost:9092\" to [kafka], or here";
            found.error(Some(&span), "publish.kafka.brokers", "there are no brokers", remedy);
        }
        let progress =
            self.progress.map_or_else(|| format!("{job}.quorate-progress"), Spanned::into_inner);
        check_topics(&self.topics, &progress, &connection, sources, found);
        let mut topics: BTreeMap<Table, String> =
            self.topics.into_iter().map(|(table, topic)| (table, topic.into_inner())).collect();
        let updates = topics.remove(&Table::DecisionUpdates);
        let buffer_bytes = self.buffer.map_or(64 << 20, Spanned::into_inner);
        let spec = PublishSpec { connection, topics, updates, progress, buffer_bytes };
        let patience = on_the_clock(self.patience.map_or(60 * SECOND, Spanned::into_inner));
        Some(Topics { spec, patience })
    }
}

fn read_topics(
    mut section: Section<'_>,
    found: &mut Findings<'_>,
) -> BTreeMap<Table, Spanned<String>> {
    let tables = Table::ALL.into_iter();
    let topics = tables
        .filter_map(|table| Some((table, section.take(table.name(), found, topic())?)))
        .collect();
    section.close(found);
    topics
}

/// Each topic has the rows of one table, and none of them is read by the job itself.
fn check_topics(
    topics: &BTreeMap<Table, Spanned<String>>,
    progress: &str,
    connection: &Connection,
    sources: &[Source],
    found: &mut Findings<'_>,
) {
    let mut taken = BTreeMap::new();
    for (table, topic) in topics {
        let key = format!("publish.kafka.topics.{}", table.name());
        let (name, span) = (topic.get_ref().as_str(), topic.span());
        if let Some(other) = taken.insert(name, table.name()) {
            let message = format!("{} has the rows of {other} already", quoted(name));
            found.error(Some(&span), &key, message, "name a topic for each table");
        }
        if name == progress {
            let message = format!("{} is the topic of the progress", quoted(name));
            found.error(Some(&span), &key, message, "name another one, here or as `progress`");
        }
        let reads = |source: &&Source| match &source.input {
            Input::Topics(spec) => {
                spec.connection.brokers == connection.brokers
                    && spec.topics.iter().any(|pattern| pattern.is_for(name))
            }
            Input::Files(_) => false,
        };
        if let Some(source) = sources.iter().find(reads) {
            let message = format!("{} is what source {} reads", quoted(name), source.name);
            let remedy = "name another topic: what the job publishes would be its own input";
            found.error(Some(&span), &key, message, remedy);
        }
    }
}

/// A topic's name.
fn topic() -> Reader<impl Fn(&Spanned<DeValue<'_>>) -> Result<String, Wrong>> {
    Reader::new(Shape::Text(r"^[A-Za-z0-9._-]{1,249}$"), |given| {
        let name = value::filled(given)?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if name.len() > 249 || matches!(name, "." | "..") || !name.chars().all(allowed) {
            let remedy = "use up to 249 ASCII letters, digits, `.`, `_` and `-`";
            return Err(Wrong::new(format!("{} is not the name of a topic", quoted(name)), remedy));
        }
        Ok(name.to_owned())
    })
}
