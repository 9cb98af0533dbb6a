//! Where fields are found.

use super::*;
use quorate_schemas::record::Value;
use quorate_schemas::time::TimeUnit;

/// The vote that a row is by a map, as `task agent value`, or how it is refused.
fn check(map: &[(&str, FieldSource)], row: &str, expected: &str) {
    let map: FieldMap = map.iter().map(|(name, from)| (*name, from.clone())).collect();
    let found = match read_mapped(RecordKind::Vote, &map, row) {
        Ok(Decoded { record: Record::Vote(vote), event_time, .. }) => {
            let value = match vote.value {
                Value::Choice(label) => label.to_string(),
                other => format!("{other:?}"),
            };
            format!("{} {} {value} {event_time}", vote.task.name(), vote.agent.agent_id())
        }
        Ok(other) => panic!("{other:?}"),
        Err(refusal) => refusal,
    };
    assert_eq!(found, expected, "{row}");
}

fn time() -> (&'static str, FieldSource) {
    ("event_time", FieldSource::time("at", TimeUnit::Us))
}

#[test]
fn paths_reach_into_objects_and_arrays() {
    let map = [
        time(),
        ("task_id", FieldSource::path("question.id")),
        ("agent_id", FieldSource::path("by.1.name")),
        ("choice", FieldSource::path("answers.0")),
    ];
    let row = r#"{"at":5,"question":{"x":{},"id":"q"},"by":[{},{"name":"m"}],"answers":["B","C"]}"#;
    check(&map, row, "q m B 5");
    let row = r#"{"at":5,"question":{"id":"q"},"by":[{}],"answers":["B"]}"#;
    check(&map, row, "missing_field: `agent_id` is missing");
    let row = r#"{"at":5,"question":["id"],"by":{"1":{"name":"m"}},"answers":["B"]}"#;
    check(&map, row, "missing_field: `task_id` is missing");
    let row = r#"{"at":5,"question":{"id":1},"by":{"1":{"name":"m"}},"answers":{"0":true}}"#;
    check(&map, row, "1 m true 5");
}

#[test]
fn a_key_with_dots_is_found_as_it_is() {
    let map = [time(), ("agent_id", FieldSource::path("gen_ai.response.model"))];
    let row = r#"{"at":5,"task_id":"t","gen_ai.response.model":"m","choice":"B"}"#;
    check(&map, row, "t m B 5");
    let row = r#"{"at":5,"task_id":"t","gen_ai":{"response":{"model":"n"}},"choice":"B"}"#;
    check(&map, row, "t n B 5");
}

#[test]
fn one_key_may_give_several_fields_and_a_mapped_fields_own_name_none() {
    let map = [time(), ("task_id", FieldSource::path("id")), ("agent_id", FieldSource::path("id"))];
    check(&map, r#"{"at":5,"id":"x","task_id":"not this","choice":"B"}"#, "x x B 5");
}

#[test]
fn a_constant_is_the_same_in_every_row() {
    let map = [
        ("event_time", FieldSource::constant("2026-01-01T00:00:00Z")),
        ("agent_id", FieldSource::constant(7)),
        ("choice", FieldSource::constant("it \"is\"")),
    ];
    check(&map, r#"{"task_id":"t","agent_id":"other"}"#, "t 7 it \"is\" 1767225600000000");
}

#[test]
fn a_cast_takes_a_value_for_what_it_is_not_written_as() {
    let cast = FieldSource::cast;
    let map = [
        time(),
        ("task_id", cast("q.id", Cast::Text)),
        ("agent_id", cast("flag", Cast::Text)),
        ("number", cast("n", Cast::Number)),
    ];
    let row = r#"{"at":5,"q":{"id":2.50},"flag":true,"n":"-1.5e1"}"#;
    check(&map, row, "2.50 true Number(Number(-15.0)) 5");
    // The same without a cast: nothing is guessed.
    let plain = [time(), ("task_id", FieldSource::path("q.id"))];
    let row = r#"{"at":5,"q":{"id":2.50},"agent_id":"a","choice":"x"}"#;
    check(&plain, row, "wrong_type: `task_id` must be text or an integer: 2.50");
    for (n, problem) in [
        ("\"1 \"", "\"1 \""),
        ("\"x\"", "\"x\""),
        ("\"\"", "\"\""),
        ("\"01\"", "\"01\""),
        ("true", "true"),
        ("[1]", "[1]"),
    ] {
        let row = format!(r#"{{"at":5,"q":{{"id":1}},"flag":"a","n":{n}}}"#);
        check(&map, &row, &format!("wrong_type: `number` cannot be taken as a number: {problem}"));
    }
    let row = r#"{"at":5,"q":{"id":[1]},"flag":"a","n":1}"#;
    check(&map, row, "wrong_type: `task_id` cannot be taken as text: [1]");
    let row = r#"{"at":5,"q":{"id":null},"flag":"a","n":1}"#;
    check(&map, row, "missing_field: `task_id` is missing");
    let unit =
        FieldSource::Cast { field: "at".to_owned(), cast: Cast::Number, unit: Some(TimeUnit::Ms) };
    let row = r#"{"at":"5","task_id":"t","agent_id":"a","choice":"x"}"#;
    check(&[("event_time", unit)], row, "t a x 5000");
    let row = r#"{"at":5,"task_id":"t","agent_id":"a","choice":"2.50"}"#;
    check(&[time(), ("choice", cast("choice", Cast::Number))], row, "t a 2.5 5");
}

#[test]
fn integer_times_are_of_the_stated_unit() {
    let row = r#"{"at":1767225600,"task_id":"t","agent_id":"a","choice":"B"}"#;
    let expected = |micros: i64| format!("t a B {micros}");
    for (unit, micros) in [
        (TimeUnit::S, 1_767_225_600_000_000),
        (TimeUnit::Ms, 1_767_225_600_000),
        (TimeUnit::Us, 1_767_225_600),
        (TimeUnit::Ns, 1_767_225),
    ] {
        check(&[("event_time", FieldSource::time("at", unit))], row, &expected(micros));
    }
    let seconds = [("event_time", FieldSource::time("at", TimeUnit::S))];
    let text = r#"{"at":"2026-01-01T00:00:00Z","task_id":"t","agent_id":"a","choice":"B"}"#;
    check(&seconds, text, &expected(1_767_225_600_000_000));
    let beyond = r#"{"at":253402300800,"task_id":"t","agent_id":"a","choice":"B"}"#;
    let refusal = "event_time: `event_time` must be RFC 3339, or an integer of a stated unit, in the years 1 to 9999: \
                   253402300800";
    check(&seconds, beyond, refusal);
}

#[test]
fn of_equal_keys_the_last_counts_at_every_depth() {
    let map = [time(), ("task_id", FieldSource::path("q.id"))];
    check(
        &map,
        r#"{"at":4,"at":5,"q":{"id":"a","id":"b"},"agent_id":"x","choice":"A","choice":"B"}"#,
        "b x B 5",
    );
    let row = r#"{"at":5,"q":{"id":"a"},"q":{},"agent_id":"x","choice":"B"}"#;
    check(&map, row, "missing_field: `task_id` is missing");
}

#[test]
fn escaped_keys_are_the_same_keys() {
    check(&[time()], r#"{"\u0061t":5,"task\u005fid":"t","agent_id":"a","choice":"B"}"#, "t a B 5");
}

#[test]
fn a_map_that_can_not_be_followed_says_why() {
    for (name, from, parts) in [
        ("taskid", FieldSource::path("x"), &["`taskid`", "task_id, agent_id"][..]),
        ("answer", FieldSource::path("x"), &["`answer`", "no field of a vote"]),
        ("task_id", FieldSource::path(""), &["`task_id`", "no path"]),
        ("task_id", FieldSource::path("a..b"), &["a..b"]),
        ("task_id", FieldSource::time("x", TimeUnit::S), &["`task_id`", "no time"]),
        ("number", FieldSource::Constant { value: Constant::Number(f64::NAN) }, &["finite"]),
        ("kind", FieldSource::path("x"), &["`kind`", "no field of a vote"]),
        ("number", FieldSource::cast("x", Cast::Text), &["`number`", "cannot be taken as text"]),
        ("ranking", FieldSource::cast("x", Cast::Number), &["cannot be taken as number"]),
        ("task_id", FieldSource::path(&["x"; 40].join(".")), &["deeper than 32"]),
    ] {
        let map: FieldMap = [(name, from)].into_iter().collect();
        let error = Decoder::new(RecordKind::Vote, &map, key()).unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "{part:?} is missing from: {error}");
        }
    }
}
