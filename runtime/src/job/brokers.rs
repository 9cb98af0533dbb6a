//! `brokers = …`: of the job, and where a source or what is published has others.

use quorate_connectors::kafka::Connection;
use toml::Spanned;
use toml::de::DeValue;

use super::finding::quoted;
use super::kafka::Kafka;
use super::section::{Findings, Given, Section, Wrong};
use super::shape::{Reader, Shape};
use super::value;

/// `brokers` as the file has it.
pub(super) struct RawBrokers {
    /// Whether there are any, rightly or not: what is wrong with them was said already.
    pub(super) are_named: bool,
    /// Those that are addresses.
    pub(super) given: Given<Vec<String>>,
}

impl RawBrokers {
    pub(super) fn read(section: &mut Section<'_>, found: &mut Findings<'_>) -> RawBrokers {
        RawBrokers {
            are_named: section.has("brokers"),
            given: section.take("brokers", found, brokers()),
        }
    }

    /// How they are reached: as the job's own, unless these are others.
    pub(super) fn connection(self, kafka: &Kafka) -> Connection {
        let mut connection = kafka.connection.clone().unwrap_or_default();
        if let Some(brokers) = self.given {
            connection.brokers = brokers.into_inner();
        }
        connection
    }
}

fn brokers() -> Reader<impl Fn(&Spanned<DeValue<'_>>) -> Result<Vec<String>, Wrong>> {
    let one = Shape::Text(r"^[^\s,]+:[0-9]+(\s*,\s*[^\s,]+:[0-9]+)*$");
    Reader::new(Shape::AnyOf(vec![one.clone(), Shape::List(1, Box::new(one))]), |given| {
        let all: Vec<String> = texts(given)?
            .iter()
            .flat_map(|text| text.split(','))
            .map(|broker| broker.trim().to_owned())
            .collect();
        let is_address = |broker: &String| {
            let port = broker
                .rsplit_once(':')
                .and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
            port.is_some_and(|(host, port)| !host.is_empty() && port > 0 && !host.contains("://"))
        };
        match all.iter().find(|broker| !is_address(broker)) {
            Some(broker) => Err(Wrong::new(
                format!("{} is not the address of a broker", quoted(broker)),
                "write host:port, as in \"localhost:9092\"",
            )),
            None => Ok(all),
        }
    })
}

/// One text, or some.
pub(super) fn texts<'t>(given: &'t Spanned<DeValue<'_>>) -> Result<Vec<&'t str>, Wrong> {
    match given.get_ref() {
        DeValue::Array(list) if list.is_empty() => Err(Wrong::new("is an empty list", "name one")),
        DeValue::Array(list) => list
            .iter()
            .map(|one| value::filled(one).map_err(|wrong| wrong.at(one.span())))
            .collect(),
        _ => Ok(vec![value::filled(given)?]),
    }
}
