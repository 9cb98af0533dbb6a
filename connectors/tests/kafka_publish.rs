//! One producer publishes for a log: what it commits is seen once, with how far it is; what it does not is never seen.

use quorate_broker::{Broker, Isolation, Message, Topic};
use quorate_connectors::kafka::Connection;
use quorate_connectors::kafka::publish::{Progress, PublishSpec, Told, TopicOutlet};
use quorate_connectors::staged::Provenance;
use quorate_schemas::log::RandomId;
use quorate_schemas::place::{Origin, Place};
use quorate_schemas::record::RecordKind;
use quorate_schemas::table::{
    OutRow, RecordBatch, RejectReason, RejectRow, RejectStage, Table, TableBuilder,
};

/// A name that no other run of this suite has: they may share a broker.
fn own(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

fn spec(name: &str) -> (PublishSpec, Topic) {
    let (broker, name) = (Broker::shared(), own(name));
    let topic = broker.topic(&format!("{name}.rejects"), 1);
    let progress = format!("{name}.progress");
    // Made by hand, as the mock wants it; of more partitions than one, which is no reason to look elsewhere.
    if matches!(broker, Broker::Mock(_)) {
        broker.topic(&progress, 3);
    }
    let brokers = vec![broker.address().to_owned()];
    let spec = PublishSpec {
        connection: Connection { brokers, ..Connection::default() },
        topics: [(Table::Rejects, topic.name.clone())].into(),
        updates: None,
        progress,
        buffer_bytes: 1 << 20,
    };
    (spec, topic)
}

fn of(log: u128) -> Provenance {
    Provenance { job: "panel".into(), log_id: RandomId::from_u128(log), incarnation: 1 }
}

/// Rejects with these bytes, of commit 7.
fn batch(rows: &[&[u8]]) -> RecordBatch {
    let mut builder = TableBuilder::new(Table::Rejects, "panel", 7);
    let origin = Origin { source: "votes".into(), partition: "votes.jsonl".into() }.shared();
    for (position, bytes) in rows.iter().enumerate() {
        builder.append(&OutRow::Reject(Box::new(RejectRow {
            event_time: 1_767_225_600_000_000,
            record: RecordKind::Vote,
            stage: RejectStage::Inlet,
            reason: RejectReason::InvalidJson,
            detail: "no object".into(),
            place: Place { origin, position: position as u64 },
            bytes: bytes.to_vec(),
            bytes_total: bytes.len() as u64 + 1,
        })));
    }
    builder.finish()
}

fn progress(spec: &PublishSpec, commit: u64) -> Progress {
    let told = Told { topic: spec.topics[&Table::Rejects].clone(), commit, rows: 0 };
    Progress { job: "panel".into(), tables: [(Table::Rejects, told)].into() }
}

fn values(topic: &Topic, isolation: Isolation) -> Vec<String> {
    topic.read(isolation).iter().map(Message::text).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_committed_is_seen_with_its_provenance_and_progress() {
    let (spec, topic) = spec("outlet-committed");
    let mut outlet = TopicOutlet::fence(&spec, &of(1)).await.unwrap();
    assert_eq!(outlet.progress().unwrap(), Progress { job: "panel".into(), ..Progress::default() });
    outlet.send(Table::Rejects, &batch(&[b"{a", b"\xff\n", b"{c"]), 1..3).unwrap();
    outlet.commit(&progress(&spec, 7)).unwrap();
    assert_eq!(outlet.progress().unwrap(), progress(&spec, 7));
    let found = topic.read(Isolation::Committed);
    let bytes: Vec<&[u8]> = found.iter().map(|m| m.value.as_deref().unwrap()).collect();
    assert_eq!(bytes, [&b"\xff\n"[..], b"{c"], "the original bytes, of the rows asked for");
    assert_eq!(found[0].key.as_deref(), Some(&b"votes/votes.jsonl"[..]));
    let expected = [
        ("table", "rejects"),
        ("job", "panel"),
        ("commit", "7"),
        ("event_time", "2026-01-01T00:00:00.000000Z"),
        ("record", "votes"),
        ("stage", "inlet"),
        ("reason", "invalid_json"),
        ("detail", "no object"),
        ("source", "votes"),
        ("partition", "votes.jsonl"),
        ("position", "1"),
        ("bytes_total", "3"),
        ("truncated", "true"),
    ];
    let headers: Vec<(&str, String)> = found[0]
        .headers
        .iter()
        .map(|(key, value)| (key.as_str(), String::from_utf8(value.clone().unwrap()).unwrap()))
        .collect();
    let headers: Vec<(&str, &str)> = headers.iter().map(|(k, v)| (*k, v.as_str())).collect();
    assert_eq!(headers, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_next_ends_whoever_published_before_and_goes_on_where_that_was() {
    // The mock broker ends nobody, and hides nothing of what was given up.
    if Broker::real("who comes next").is_none() {
        return;
    }
    let (spec, topic) = spec("outlet-fenced");
    let mut first = TopicOutlet::fence(&spec, &of(2)).await.unwrap();
    first.send(Table::Rejects, &batch(&[b"one"]), 0..1).unwrap();
    first.commit(&progress(&spec, 1)).unwrap();
    first.send(Table::Rejects, &batch(&[b"never seen"]), 0..1).unwrap();
    let mut second = TopicOutlet::fence(&spec, &of(2)).await.unwrap();
    assert_eq!(second.progress().unwrap(), progress(&spec, 1));
    let refused = first.commit(&progress(&spec, 2)).unwrap_err();
    assert!(refused.retryable() && refused.to_string().contains("another run"), "{refused}");
    second.send(Table::Rejects, &batch(&[b"two"]), 0..1).unwrap();
    second.commit(&progress(&spec, 2)).unwrap();
    assert_eq!(second.progress().unwrap(), progress(&spec, 2));
    assert_eq!(values(&topic, Isolation::Committed), ["one", "two"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logs_of_one_job_know_nothing_of_each_other() {
    let (spec, _) = spec("outlet-logs");
    let mut one = TopicOutlet::fence(&spec, &of(3)).await.unwrap();
    let other = TopicOutlet::fence(&spec, &of(4)).await.unwrap();
    one.commit(&progress(&spec, 5)).unwrap();
    assert_eq!(one.progress().unwrap(), progress(&spec, 5));
    assert_eq!(other.progress().unwrap().tables, Progress::default().tables);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_is_found_in_a_topic_that_has_more_partitions_than_it_needs() {
    let Some(real) = Broker::real("a progress topic made by hand") else { return };
    let (mut spec, _) = spec("outlet-wide");
    spec.progress = own("outlet-wide-progress");
    real.topic_with(&spec.progress, 7, &[("cleanup.policy", "compact")]);
    // Of many logs one at least would have its place elsewhere than in the first partition.
    for log in 10..14 {
        let mut outlet = TopicOutlet::fence(&spec, &of(log)).await.unwrap();
        outlet.commit(&progress(&spec, 9)).unwrap();
        assert_eq!(outlet.progress().unwrap(), progress(&spec, 9));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_is_missing_or_forgets_is_named_with_what_to_do() {
    let Some(real) = Broker::real("topics as they should not be") else { return };
    let (mut spec, _) = spec("outlet-wrong");
    spec.progress = own("outlet-forgets");
    real.topic_with(&spec.progress, 1, &[("cleanup.policy", "delete")]);
    let said = TopicOutlet::fence(&spec, &of(5)).await.err().unwrap().to_string();
    assert!(said.contains("outlet-forgets") && said.contains("set it to compact"), "{said}");
    spec.topics.insert(Table::Votes, "outlet-nowhere".into());
    let said = TopicOutlet::fence(&spec, &of(5)).await.err().unwrap().to_string();
    assert!(said.contains("outlet-nowhere") && said.contains("make the topic"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_is_too_large_for_its_topic_is_told_of_and_waits() {
    let Some(real) = Broker::real("a row that is too large") else { return };
    let (mut spec, _) = spec("outlet-large");
    let topic = real.topic_with(&own("outlet-small"), 1, &[("max.message.bytes", "1000")]);
    spec.topics.insert(Table::Rejects, topic.name.clone());
    let mut outlet = TopicOutlet::fence(&spec, &of(6)).await.unwrap();
    // Nothing that a codec makes small of.
    let noise: Vec<u8> =
        (0..4_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let sent = outlet.send(Table::Rejects, &batch(&[&noise]), 0..1);
    let refused = sent.and_then(|()| outlet.commit(&progress(&spec, 1))).unwrap_err();
    let said = refused.to_string();
    assert!(refused.retryable() && said.contains("max.message.bytes"), "{said}");
    outlet.close();
    assert_eq!(values(&topic, Isolation::Committed), [] as [&str; 0]);
}
