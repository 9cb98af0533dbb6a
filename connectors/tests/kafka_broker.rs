//! The broker that suites run against does what they rest on.

use quorate_broker::{Broker, Isolation, Login, Real, Row, Topic};

#[test]
fn what_is_written_is_read_with_its_key_headers_and_place() {
    let topic = Broker::shared().topic("broker-basics", 2);
    let headers: &[(&str, &[u8])] = &[("source", b"votes")];
    topic.write([
        Row { partition: 1, key: Some(b"a"), value: Some(b"one"), headers },
        Row { partition: 1, key: Some(b"a"), value: None, headers: &[] },
    ]);
    topic.write_lines(0, ["two"]);
    let found = topic.read(Isolation::Committed);
    let shown: Vec<_> = found
        .iter()
        .map(|m| (m.partition, m.offset, m.key.as_deref(), m.value.as_deref(), m.header("source")))
        .collect();
    assert_eq!(
        shown,
        [
            (0, 0, None, Some(&b"two"[..]), None),
            (1, 0, Some(&b"a"[..]), Some(&b"one"[..]), Some("votes".to_owned())),
            (1, 1, Some(&b"a"[..]), None, None),
        ]
    );
}

#[test]
fn every_way_in_is_open_to_who_knows_it() {
    let Some(real) = Broker::real("every way in") else { return };
    real.topic("broker-logins", 1);
    for login in [Login::Certificate, Login::Plain, Login::Scram256, Login::Scram512] {
        let topic = Topic::of("broker-logins", 1, real.client(login));
        topic.write_lines(0, [format!("{login:?}").as_str()]);
        assert_eq!(topic.read(Isolation::Committed).last().unwrap().text(), format!("{login:?}"));
    }
}

#[test]
fn a_broker_that_was_killed_comes_back_with_what_it_had() {
    let mut real = match Real::own() {
        Ok(real) => real,
        Err(absent) => return println!("SKIPPED: a killed broker: {absent}"),
    };
    let topic = real.topic("kept", 1);
    topic.write_lines(0, ["before"]);
    real.kill();
    real.start();
    topic.write_lines(0, ["after"]);
    let texts: Vec<_> = topic.read(Isolation::Committed).iter().map(|m| m.text()).collect();
    assert_eq!(texts, ["before", "after"]);
}
