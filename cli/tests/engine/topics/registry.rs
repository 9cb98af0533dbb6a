//! Messages that are written by schemas of a registry.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use quorate_broker::{Broker, Row};

use super::rig::{Running, following, wait_for_rows};
use crate::job::Job;

/// A registry of schemas: what it answers, by path; 503 while it is down.
#[derive(Clone)]
struct Registry {
    address: String,
    answers: Arc<Mutex<BTreeMap<String, String>>>,
    is_down: Arc<AtomicBool>,
}

impl Registry {
    fn start() -> Registry {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let registry = Registry {
            address: format!("http://{}", listener.local_addr().unwrap()),
            answers: Arc::default(),
            is_down: Arc::default(),
        };
        let served = registry.clone();
        thread::spawn(move || {
            listener.incoming().flatten().for_each(|stream| served.serve(stream))
        });
        registry
    }

    fn has(&self, path: &str, answer: serde_json::Value) {
        self.answers.lock().unwrap().insert(path.to_owned(), answer.to_string());
    }

    fn serve(&self, mut stream: TcpStream) {
        let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
        let path = lines.next().unwrap_or_default();
        let path = path.split(' ').nth(1).unwrap_or_default().to_owned();
        lines.take_while(|line| !line.is_empty()).for_each(drop);
        let found = self.answers.lock().unwrap().get(&path).cloned();
        let (status, body) = match found {
            _ if self.is_down.load(Ordering::SeqCst) => ("503 Service Unavailable", String::new()),
            Some(body) => ("200 OK", body),
            None => ("404 Not Found", "{\"error_code\":40403}".to_owned()),
        };
        let length = body.len();
        let _ = write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
    }
}

fn reading(folder: &std::path::Path, name: &str, format: &str, registry: &Registry) -> Job {
    let job = following(folder, name, name, "");
    let file = fs::read_to_string(&job.file).unwrap();
    let file = file.replace(
        "[source.votes]",
        &format!(
            "[kafka.registry]\nurl = \"{}\"\n[source.votes]\nformat = \"{format}\"",
            registry.address
        ),
    );
    let file = file.replace("map = { event_id = \"kafka.key\" }", "map = { event_time = \"at\" }");
    // A registry that is away makes nothing idle.
    let file = file.replace("lateness = \"1h\"", "lateness = \"0s\"\nidle_after = \"1s\"");
    Job::written(
        folder,
        name,
        &file.replace("[consensus]", "[limits]\nrejects = \"off\"\n[consensus]"),
    )
}

/// A text of Avro.
fn text(text: &str) -> Vec<u8> {
    [&[(text.len() * 2) as u8][..], text.as_bytes()].concat()
}

/// A long of Avro.
fn long(number: i64) -> Vec<u8> {
    let mut zigzag = ((number << 1) ^ (number >> 63)) as u64;
    let mut bytes = Vec::new();
    while zigzag > 0x7f {
        bytes.push(zigzag as u8 | 0x80);
        zigzag >>= 7;
    }
    bytes.push(zigzag as u8);
    bytes
}

const DAY_MS: i64 = 1_767_225_600_000;

#[test]
fn avro_is_read_by_the_schema_that_each_message_names() {
    let (folder, registry) = (tempfile::tempdir().unwrap(), Registry::start());
    let field = |name: &str, kind: &str| format!("{{\"name\":\"{name}\",\"type\":{kind}}}");
    let time = "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}";
    let mut fields = vec![
        field("task_id", "\"string\""),
        field("agent_id", "\"string\""),
        field("choice", "[\"null\",\"string\"]"),
        field("at", time),
    ];
    let schema = |fields: &[String]| {
        let text =
            format!("{{\"type\":\"record\",\"name\":\"Vote\",\"fields\":[{}]}}", fields.join(","));
        serde_json::json!({ "schema": text })
    };
    registry.has("/schemas/ids/1", schema(&fields));
    fields.insert(0, field("trace", "\"string\""));
    registry.has("/schemas/ids/2", schema(&fields));
    let vote = |task: i64| {
        [
            text(&format!("t{task}")),
            text("a"),
            [&[2][..], &text("B")].concat(),
            long(DAY_MS + task * 1_000),
        ]
        .concat()
    };
    let framed = |schema: u8, body: &[u8]| [&[0, 0, 0, 0, schema][..], body].concat();
    let old = framed(1, &vote(1));
    let new = framed(2, &[text("trace"), vote(2)].concat());
    let unknown = framed(9, &vote(3));
    let broken = framed(1, b"\x50");
    let last = framed(1, &vote(9));
    let topic = Broker::shared().topic("avro", 1);
    let row = |value| Row { value: Some(value), ..Row::default() };
    topic.write([row(&old[..]), row(&new), row(&unknown), row(&broken), row(b"{}"), row(&last)]);
    registry.is_down.store(true, Ordering::SeqCst);
    let job = reading(folder.path(), "avro", "avro", &registry);
    let running = Running::of(&job);
    // While the registry is away nothing is read, and nothing is lost.
    thread::sleep(Duration::from_secs(3));
    registry.is_down.store(false, Ordering::SeqCst);
    wait_for_rows(&job, &[("avro/0", 6)]);
    let said = running.stop();
    assert!(said.contains("answers 503"), "{said}");
    job.verify();
    let votes = job.query("SELECT task_id, event_time FROM votes ORDER BY task_id");
    assert!(
        votes.len() == 2 && votes[0].contains("00:00:01") && votes[1].contains("t2"),
        "{votes:?}"
    );
    let rejects = job.query("SELECT detail FROM rejects ORDER BY position");
    for (reject, part) in rejects.iter().zip([
        "schema 9 is not known",
        "not what its schema says",
        "does not begin with the number",
    ]) {
        assert!(reject.contains(part), "{rejects:?}");
    }
    assert_eq!(rejects.len(), 3);
}

#[test]
fn protobuf_is_read_by_the_schema_that_a_header_names() {
    let (folder, registry) = (tempfile::tempdir().unwrap(), Registry::start());
    let schema = "syntax = \"proto3\"; import \"common.proto\"; message No {} message Vote { string task_id = 1; \
                  string agent_id = 2; string choice = 3; At at = 4; }";
    let common = "syntax = \"proto3\"; message At { string text = 1; }";
    let guid = "/schemas/guids/01010101-0101-0101-0101-010101010101";
    let reference =
        serde_json::json!([{ "name": "common.proto", "subject": "common/at", "version": 3 }]);
    registry.has(
        guid,
        serde_json::json!({ "schema": schema, "schemaType": "PROTOBUF", "references": reference }),
    );
    registry.has(
        "/subjects/common%2Fat/versions/3",
        serde_json::json!({ "schema": common, "schemaType": "PROTOBUF" }),
    );
    let field =
        |number: u8, bytes: &[u8]| [&[number << 3 | 2, bytes.len() as u8][..], bytes].concat();
    let vote = |task: &str, at: &str| {
        [
            field(1, task.as_bytes()),
            field(2, b"a"),
            field(3, b"B"),
            field(4, &field(1, at.as_bytes())),
        ]
        .concat()
    };
    // One step, to the second type.
    let header = [&[1; 17][..], &[2, 2]].concat();
    let headers: &[(&str, &[u8])] = &[("__value_schema_id", &header)];
    let values = [vote("t1", "2026-01-01T00:00:01Z"), vote("t9", "2026-01-01T00:00:09Z")];
    let topic = Broker::shared().topic("protobuf", 1);
    topic.write(values.iter().map(|value| Row { value: Some(value), headers, ..Row::default() }));
    let job = reading(folder.path(), "protobuf", "protobuf", &registry);
    let file = fs::read_to_string(&job.file)
        .unwrap()
        .replace("event_time = \"at\"", "event_time = \"at.text\"");
    let job = Job::written(folder.path(), "protobuf", &file);
    let running = Running::of(&job);
    wait_for_rows(&job, &[("protobuf/0", 2)]);
    running.stop();
    job.verify();
    let votes = job.query("SELECT task_id, choice FROM votes");
    assert!(votes.len() == 1 && votes[0].contains("t1") && votes[0].contains('B'), "{votes:?}");
    assert_eq!(job.query("SELECT detail FROM rejects"), [""; 0]);
}
