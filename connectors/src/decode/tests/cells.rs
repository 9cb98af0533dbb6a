//! Rows of comma-separated values.

use proptest::prelude::*;
use quorate_schemas::record::Value;
use quorate_schemas::time::TimeUnit;

use super::*;
use crate::source::Format;

fn decoder(kind: RecordKind, map: &[(&str, FieldSource)]) -> Decoder {
    let map: FieldMap = map.iter().map(|(name, from)| (*name, from.clone())).collect();
    Decoder::of(Format::Csv { delimiter: b',' }, kind, &map, key()).unwrap()
}

/// What a row under a header decodes to, or how it is refused.
fn under(
    kind: RecordKind,
    map: &[(&str, FieldSource)],
    header: &str,
    row: &str,
) -> Result<Decoded, String> {
    let decoder = decoder(kind, map);
    let header = decoder.header(header.as_bytes()).unwrap_or_else(|why| panic!("{}", why.detail));
    let decoded = decoder.decode_under(&header, row.as_bytes());
    decoded.map_err(|refusal| format!("{}: {}", refusal.reason, refusal.detail))
}

/// Checks that a row of cells is what a row of JSON is, record or refusal.
fn alike(kind: RecordKind, columns: &str, cells: &str, json: &str) {
    let header = format!("event_time,{columns}");
    let row = format!("2026-01-01T12:00:00Z,{cells}");
    assert_eq!(under(kind, &[], &header, &row), read(kind, &super::row(json)), "{cells}");
}

#[test]
fn cells_are_read_by_what_their_field_holds() {
    use RecordKind::{Agent, Control, Gold, Task, Tick, Vote};
    alike(Vote, "agent_id,task_id,choice", "7,t,B", r#""task_id":"t","agent_id":7,"choice":"B""#);
    alike(
        Vote,
        "task_id,agent_id,choice",
        "t,a,true",
        r#""task_id":"t","agent_id":"a","choice":true"#,
    );
    alike(Vote, "task_id,agent_id,choice", "t,a,", r#""task_id":"t","agent_id":"a","choice":null"#);
    alike(
        Vote,
        "task_id,agent_id,choice,number",
        "t,a,,-2.5e1",
        r#""task_id":"t","agent_id":"a","number":-25"#,
    );
    alike(
        Vote,
        "task_id,agent_id,ranking",
        r#"t,a,"[""x"", 1]""#,
        r#""task_id":"t","agent_id":"a","ranking":["x",1]"#,
    );
    alike(
        Vote,
        "task_id,agent_id,score",
        r#"t,a,"{""response_id"":""r"",""score"":1.5}""#,
        r#""task_id":"t","agent_id":"a","score":{"response_id":"r","score":1.5}"#,
    );
    alike(
        Task,
        "task_id,domain,kind,options,deadline,min_votes,quorum,reward_microunits",
        r#"t,d,choice,"[""A"",2]",2026-01-02T00:00:00Z,3,2/3,5"#,
        r#""task_id":"t","domain":"d","kind":"choice","options":["A",2],"deadline":"2026-01-02T00:00:00Z","min_votes":3,"quorum":"2/3","reward_microunits":5"#,
    );
    alike(
        Agent,
        "agent_id,stake,domains",
        r#"a,9,"[""x""]""#,
        r#""agent_id":"a","stake":9,"domains":["x"]"#,
    );
    alike(Agent, "agent_id,stake,domains", "a,,", r#""agent_id":"a""#);
    alike(Gold, "task_id,answer", "t,\"a \"\"b\"\"\nc\"", r#""task_id":"t","answer":"a \"b\"\nc""#);
    alike(Control, "action,agent_id", "release,a", r#""action":"release","agent_id":"a""#);
    alike(
        Tick,
        "agent_id,tick,decision,duration_ms",
        "a,5,go,7",
        r#""agent_id":"a","tick":5,"decision":"go","duration_ms":7"#,
    );
}

#[test]
fn cells_are_refused_as_json_is() {
    let vote = |value: &str, cell: &str, json: &str| {
        let fields = format!(r#""task_id":"t","agent_id":"a","{value}":{json}"#);
        alike(
            RecordKind::Vote,
            &format!("task_id,agent_id,{value}"),
            &format!("t,a,{cell}"),
            &fields,
        );
    };
    vote("number", "1e999", "1e999");
    vote("ranking", "\"[\"\"x\"\",\"\"x\"\"]\"", "[\"x\",\"x\"]");
    vote("ranking", "x", "\"x\"");
    vote("score", "{}", "{}");
    let tick = |cell: &str, parts: &[&str]| {
        let header = "event_time,agent_id,tick,decision";
        let row = format!("2026-01-01T12:00:00Z,a,{cell},go");
        let refusal = under(RecordKind::Tick, &[], header, &row).unwrap_err();
        parts.iter().for_each(|part| assert!(refusal.contains(part), "{part:?} not in {refusal}"));
    };
    tick("x", &["wrong_type", "`tick` must be an integer: x"]);
    tick(" 5", &["wrong_type"]);
    tick("5.0", &["wrong_type"]);
    tick("-99999999999999999999", &["out_of_range"]);
    tick("", &["missing_field: `tick` is missing"]);
    tick("5,", &["invalid_csv", "has 5 cells, the header names 4 columns"]);
    let at = |cell: &str| {
        under(RecordKind::Gold, &[], "event_time,task_id,answer", &format!("{cell},t,x"))
            .unwrap_err()
    };
    assert!(at("1767225600").contains("the job states no unit"));
    assert!(at("yesterday").contains("event_time: `event_time` must be RFC 3339"));
    assert_eq!(at(""), "missing_field: `event_time` is missing");
}

#[test]
fn columns_are_found_by_the_map_wherever_they_stand() {
    let map = [
        ("event_time", FieldSource::time("at", TimeUnit::Ms)),
        ("agent_id", FieldSource::path("The model, v1.0")),
        ("choice", FieldSource::cast("n", Cast::Number)),
        ("version", FieldSource::constant(2)),
    ];
    let check = |header: &str, row: &str, expected: &str| {
        let Decoded { record: Record::Vote(vote), event_time, .. } =
            under(RecordKind::Vote, &map, header, row).unwrap()
        else {
            panic!("{row}")
        };
        let label = vote.value.label().unwrap_or_default();
        let (task, agent) = (vote.task.name(), vote.agent.agent_id());
        assert_eq!(format!("{event_time} {task} {agent} {label}"), expected);
    };
    check("at,task_id,\"The model, v1.0\",n", "5,t,m,2.50", "5000 t m 2.5");
    check("x,n,\"The model, v1.0\",x,at,task_id", "?,1,m,?,5,t", "5000 t m 1");
}

#[test]
fn a_header_must_name_what_is_needed_once() {
    let check = |kind, map: &[(&str, FieldSource)], header: &str, expected: &str| {
        assert_eq!(decoder(kind, map).header(header.as_bytes()).unwrap_err().detail, expected);
    };
    let vote = RecordKind::Vote;
    check(
        vote,
        &[],
        "event_time;task_id;agent_id;choice",
        "lacks the column `event_time`; it names: event_time;task_id;agent_id;choice",
    );
    check(
        vote,
        &[],
        "event_time,task_id,choice",
        "lacks the column `agent_id`; it names: event_time, task_id, choice",
    );
    check(
        vote,
        &[],
        "event_time,task_id,agent_id",
        "lacks the column `choice` (or `number`, `ranking` or `score`); it names: event_time, task_id, agent_id",
    );
    check(
        vote,
        &[],
        "event_time,task_id,agent_id,choice,task_id",
        "names the column `task_id` twice",
    );
    let version = [("version", FieldSource::path("model_version"))];
    check(
        vote,
        &version,
        "event_time,task_id,agent_id,choice",
        "lacks the column `model_version`; it names: event_time, task_id, agent_id, choice",
    );
    check(
        RecordKind::Gold,
        &[],
        "event_time,task_id",
        "lacks the column `answer`; it names: event_time, task_id",
    );
    check(vote, &[], "\"event_time\"x", "something stands behind a closing quote");
    let constant = [("choice", FieldSource::constant("x"))];
    assert!(decoder(vote, &constant).header(b"agent_id,task_id,event_time,,,x,x").is_ok());
    assert_eq!(
        decoder(vote, &[]).header(b"\xff\xfee").unwrap_err().reason,
        RejectReason::InvalidUtf8
    );
}

#[test]
fn a_number_is_a_label_as_it_is_written_unless_it_is_taken_as_a_number() {
    let header = "event_time,task_id,agent_id,choice";
    let label = |map: &[(&str, FieldSource)]| {
        let row = "2026-01-01T12:00:00Z,t,a,2.50";
        match under(RecordKind::Vote, map, header, row).unwrap().record {
            Record::Vote(vote) => vote.value,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(label(&[]), Value::Choice("2.50".into()));
    assert_eq!(
        label(&[("choice", FieldSource::cast("choice", Cast::Number))]),
        Value::Choice("2.5".into())
    );
    let number = [("number", FieldSource::path("choice")), ("choice", FieldSource::path("choice"))];
    let refusal = under(RecordKind::Vote, &number, header, "2026-01-01T12:00:00Z,t,a,2.50");
    assert!(refusal.unwrap_err().contains("a vote has one value"));
}

proptest! {
    #[test]
    fn any_bytes_are_decoded_or_refused(
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            "([\",\n\r]|[0-9a-z.:{\\[-]|é){0,60}".prop_map(String::into_bytes),
        ],
    ) {
        let headers = ["event_time,task_id,agent_id,choice,number,score", "event_time,action,agent_id,tick,decision,task_id,answer"];
        for kind in RecordKind::ALL {
            let decoder = decoder(kind, &[]);
            let _ = (decoder.header(&bytes), decoder.decode(&bytes));
            for header in headers {
                if let Ok(header) = decoder.header(header.as_bytes()) {
                    let _ = decoder.decode_under(&header, &bytes);
                }
            }
        }
    }

    /// A row that is cut or changed anywhere is decoded or refused, in one line.
    #[test]
    fn a_row_changed_anywhere_is_decoded_or_refused(at in 0usize..60, byte in any::<u8>()) {
        let decoder = decoder(RecordKind::Vote, &[]);
        let header = decoder.header(b"event_time,task_id,agent_id,ranking").unwrap();
        let mut row = br#"2026-01-01T12:00:00Z,t,a,"[""x"",""y""]""#.to_vec();
        prop_assert!(decoder.decode_under(&header, &row).is_ok());
        let at = at.min(row.len() - 1);
        let _ = decoder.decode_under(&header, &row[..at]);
        row[at] = byte;
        if let Err(refusal) = decoder.decode_under(&header, &row) {
            prop_assert!(refusal.detail.len() < 400 && !refusal.detail.contains('\n'));
        }
    }
}
