//! What each kind of record takes and refuses.

use super::*;
use quorate_schemas::record::{AgentAction, ControlAction, Number, TaskKind, Value};

use RecordKind::{Agent, Control, Gold, Task, Tick};

fn number(value: f64) -> Number {
    Number::new(value).unwrap()
}

fn refused_vote(fields: &str, parts: &[&str]) {
    refused(RecordKind::Vote, &format!(r#""task_id":"t","agent_id":"a",{fields}"#), parts);
}

#[test]
fn a_choice_is_text_a_number_or_a_flag() {
    for (json, label) in [
        (r#""B""#, "B"),
        (r#"" B ""#, " B "),
        (r#""\u0042\n""#, "B\n"),
        ("7", "7"),
        ("-0", "0"),
        ("7.0", "7"),
        ("2.50", "2.5"),
        ("1e2", "100"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("true", "true"),
        ("false", "false"),
    ] {
        assert_eq!(
            vote(&format!(r#""choice":{json}"#)).value,
            Value::Choice(label.into()),
            "{json}"
        );
    }
    refused_vote(r#""choice":["B"]"#, &["wrong_type", "`choice`", "[\"B\"]"]);
    refused_vote(r#""choice":{}"#, &["wrong_type", "`choice`"]);
    refused_vote(
        &format!(r#""choice":"{}""#, "x".repeat(1025)),
        &["out_of_range", "`choice`", "1025 bytes"],
    );
    assert_eq!(
        vote(&format!(r#""choice":"{}""#, "x".repeat(1024))).value.label().unwrap().len(),
        1024
    );
}

#[test]
fn null_and_the_empty_answer_abstain_and_nothing_at_all_is_refused() {
    for fields in
        [r#""choice":null"#, r#""number":null"#, r#""choice":"""#, r#""choice":null,"number":null"#]
    {
        assert_eq!(vote(fields).value, Value::Abstain, "{fields}");
    }
    assert_eq!(vote(r#""choice":null,"number":4"#).value, Value::Number(number(4.0)));
    refused_vote(
        r#""confidence":1"#,
        &["missing_field", "`choice`, `number`, `ranking` or `score`"],
    );
    refused_vote(r#""choice":"B","number":4"#, &["wrong_type", "`number` stands beside `choice`"]);
}

#[test]
fn numbers_are_finite_and_read_to_the_nearest_double() {
    for (json, value) in [
        ("0.79804", 0.79804),
        ("-0.0", 0.0),
        ("122", 122.0),
        ("1e308", 1e308),
        ("1e-400", 0.0),
        ("9007199254740993", 9_007_199_254_740_992.0),
        ("0.1000000000000000055511151231257827", 0.1),
        ("179769313486231580793728971405301e276", 1.797_693_134_862_315_8e308),
    ] {
        assert_eq!(
            vote(&format!(r#""number":{json}"#)).value,
            Value::Number(number(value)),
            "{json}"
        );
    }
    refused_vote(r#""number":1e999"#, &["out_of_range", "`number`"]);
    refused_vote(r#""number":-1e999"#, &["out_of_range", "`number`"]);
    refused_vote(r#""number":NaN"#, &["invalid_json"]);
    refused_vote(r#""number":-Infinity"#, &["invalid_json"]);
    refused_vote(r#""number":"5""#, &["wrong_type", "must be a number", "\"5\""]);
    refused_vote(r#""number":true"#, &["wrong_type"]);
}

#[test]
fn a_ranking_has_two_labels() {
    assert_eq!(
        vote(r#""ranking":["A",2]"#).value,
        Value::Ranking(Box::new(("A".into(), "2".into())))
    );
    refused_vote(r#""ranking":["A"]"#, &["out_of_range", "must have two labels, has 1"]);
    refused_vote(r#""ranking":["A","B","C"]"#, &["out_of_range", "has 3"]);
    refused_vote(r#""ranking":["A","A"]"#, &["out_of_range", "against itself"]);
    refused_vote(r#""ranking":["A",""]"#, &["out_of_range", "empty"]);
    refused_vote(r#""ranking":["A",null]"#, &["wrong_type"]);
    refused_vote(r#""ranking":"A>B""#, &["wrong_type", "array of two"]);
}

#[test]
fn a_score_names_its_response() {
    let score = Value::Score(Box::new(("r1".into(), number(0.5))));
    assert_eq!(vote(r#""score":{"response_id":"r1","score":0.5,"more":[]}"#).value, score);
    refused_vote(r#""score":{"score":0.5}"#, &["missing_field", "response_id"]);
    refused_vote(r#""score":{"response_id":"r1"}"#, &["missing_field", "has no `score`"]);
    refused_vote(r#""score":{"response_id":"r1","score":"good"}"#, &["wrong_type"]);
    refused_vote(r#""score":{"response_id":"","score":1}"#, &["out_of_range", "empty"]);
    refused_vote(r#""score":0.5"#, &["wrong_type", "response_id"]);
}

#[test]
fn ids_are_text_or_integers_and_bounded() {
    let gold = |id: &str| format!(r#""task_id":{id},"answer":"x""#);
    let Ok(Decoded { record: Record::Gold(found), .. }) = read(Gold, &row(&gold("-42"))) else {
        panic!("gold")
    };
    assert_eq!(found.task, key().id("-42"));
    assert!(read(Gold, &row(&gold(&format!("\"{}\"", "é".repeat(128))))).is_ok());
    refused(
        Gold,
        &gold(&format!("\"{}\"", "x".repeat(257))),
        &["out_of_range", "`task_id`", "257 bytes"],
    );
    refused(Gold, &gold("\"\""), &["out_of_range", "`task_id`", "empty"]);
    for control in ["\\u001f", "\\u0000", "\\n", "\\u007f", "\\u0085"] {
        refused(
            Gold,
            &gold(&format!("\"a{control}b\"")),
            &["out_of_range", "`task_id`", "control character"],
        );
    }
    refused(Gold, &gold("1.5"), &["wrong_type", "`task_id`", "1.5"]);
    refused(Gold, &gold("true"), &["wrong_type"]);
    refused(Gold, &gold("null"), &["missing_field", "`task_id`"]);
    refused(Gold, r#""answer":"x""#, &["missing_field", "`task_id`"]);
    refused(
        Gold,
        r#""task_id":"\ud800","answer":"x""#,
        &["invalid_json", "`task_id`", "no character"],
    );
}

#[test]
fn event_times_are_rfc_3339_and_in_range() {
    let at =
        |time: &str| read(Gold, &format!(r#"{{"event_time":{time},"task_id":"t","answer":"x"}}"#));
    assert_eq!(at(r#""2026-01-01T01:00:00+01:00""#).unwrap().event_time, 1_767_225_600_000_000);
    assert_eq!(
        at(r#""0001-01-01T00:00:00Z""#).unwrap().event_time,
        quorate_schemas::time::EARLIEST
    );
    for (time, part) in [
        ("1767225600", "states no unit"),
        ("\"yesterday\"", "yesterday"),
        ("\"2026-13-01T00:00:00Z\"", "must be RFC 3339"),
        ("\"\"", "must be RFC 3339"),
        ("1767225600.5", "1767225600.5"),
        ("{}", "must be RFC 3339"),
    ] {
        let refusal = at(time).unwrap_err();
        assert!(
            refusal.starts_with("event_time: `event_time`") && refusal.contains(part),
            "{refusal}"
        );
    }
    assert!(at("null").unwrap_err().starts_with("missing_field"));
}

#[test]
fn a_task_has_defaults_for_everything_but_its_name() {
    let read_task = |fields: &str| match read(Task, &row(fields)) {
        Ok(Decoded { record: Record::Task(task), .. }) => *task,
        other => panic!("{fields}: {other:?}"),
    };
    let plain = read_task(r#""task_id":"t","domain":null,"quorum":null"#);
    assert_eq!((plain.domain.name().as_str(), plain.kind), ("", TaskKind::Choice));
    assert_eq!(
        (plain.options, plain.deadline, plain.min_votes, plain.quorum),
        (vec![], None, None, None)
    );
    let full = read_task(
        r#""task_id":"t","domain":"math","kind":"number","options":["A",2,true],"deadline":"2026-01-01T12:00:01Z",
           "min_votes":3,"quorum":"4/6","reward_microunits":18446744073709551615"#,
    );
    assert_eq!((full.domain.name().as_str(), full.kind), ("math", TaskKind::Number));
    assert_eq!(full.options, ["A", "2", "true"]);
    assert_eq!(full.deadline, parse_rfc3339("2026-01-01T12:00:01Z"));
    assert_eq!((full.min_votes, full.reward_microunits), (Some(3), Some(u64::MAX)));
    assert_eq!(full.quorum.unwrap().to_string(), "2/3");
    assert_eq!(read_task(r#""task_id":"t","quorum":0.75"#).quorum.unwrap().to_string(), "3/4");
    let refused =
        |fields: &str, parts: &[&str]| refused(Task, &format!(r#""task_id":"t",{fields}"#), parts);
    refused(
        r#""kind":"guess""#,
        &["out_of_range", "choice, number, text, pairwise, score", "guess"],
    );
    refused(r#""min_votes":-1"#, &["out_of_range", "`min_votes`"]);
    refused(r#""min_votes":4294967296"#, &["out_of_range"]);
    refused(r#""min_votes":1.0"#, &["wrong_type", "an integer"]);
    refused(r#""quorum":1.5"#, &["out_of_range", "2/3"]);
    refused(r#""quorum":[2,3]"#, &["wrong_type"]);
    refused(r#""reward_microunits":-1"#, &["out_of_range"]);
    refused(r#""deadline":"soon""#, &["out_of_range", "`deadline`"]);
    refused(r#""options":"A""#, &["wrong_type", "an array"]);
    refused(r#""options":[[]]"#, &["wrong_type", "`options`"]);
}

#[test]
fn an_agent_registers_unless_it_says_otherwise() {
    let read_agent = |fields: &str| match read(Agent, &row(fields)) {
        Ok(Decoded { record: Record::Agent(agent), .. }) => *agent,
        other => panic!("{fields}: {other:?}"),
    };
    let plain = read_agent(r#""agent_id":"a","version":"","operator":"","family":null"#);
    assert_eq!((plain.agent, plain.action), (key().agent("a", None), AgentAction::Register));
    assert_eq!(
        (plain.operator, plain.family, plain.stake, plain.domains),
        (None, None, None, vec![])
    );
    let full = read_agent(
        r#""agent_id":"a","version":4,"action":"slash","operator":"o","family":"f","stake":10,"domains":["x","y"]"#,
    );
    assert_eq!((full.agent.agent_id(), full.agent.version()), ("a", Some("4")));
    assert_eq!((full.action, full.stake, full.domains.len()), (AgentAction::Slash, Some(10), 2));
    refused(Agent, r#""agent_id":"a","action":"slash""#, &["missing_field", "`stake`"]);
    refused(Agent, r#""agent_id":"a","stake":-5"#, &["out_of_range", "`stake`"]);
    refused(Agent, r#""agent_id":"a","domains":[""]"#, &["out_of_range", "empty element"]);
    refused(
        Agent,
        r#""agent_id":"a","action":"delete""#,
        &["out_of_range", "register, update, slash, retire"],
    );
}

#[test]
fn gold_has_an_answer_labelled_as_a_vote_would_be() {
    for (json, label) in
        [("\"B\"", "B"), ("0.79804", "0.79804"), ("18", "18"), ("18.0", "18"), ("true", "true")]
    {
        let read = read(Gold, &row(&format!(r#""task_id":"t","answer":{json}"#)));
        assert!(
            matches!(read, Ok(Decoded { record: Record::Gold(gold), .. }) if gold.answer == label)
        );
        if json.starts_with(|c: char| c.is_ascii_digit()) {
            assert_eq!(vote(&format!(r#""number":{json}"#)).value.label().unwrap(), label);
        }
    }
    refused(Gold, r#""task_id":"t","answer":null"#, &["missing_field", "`answer`"]);
    refused(Gold, r#""task_id":"t","answer":"""#, &["out_of_range", "`answer`"]);
}

#[test]
fn control_says_what_to_whom() {
    let read_control = |fields: &str| match read(Control, &row(fields)) {
        Ok(Decoded { record: Record::Control(control), .. }) => *control,
        other => panic!("{fields}: {other:?}"),
    };
    let quarantine =
        read_control(r#""action":"quarantine","agent_id":"a","operator":"me","reason":"loops""#);
    assert_eq!(quarantine.action, ControlAction::Quarantine { agent: key().agent("a", None) });
    assert_eq!((quarantine.operator.as_str(), quarantine.reason.as_str()), ("me", "loops"));
    let release = read_control(r#""action":"release","agent_id":"a","version":"2""#).action;
    assert_eq!(release, ControlAction::Release { agent: key().agent("a", Some("2")) });
    let set = read_control(r#""action":"override","task_id":"t","answer":"B""#).action;
    assert_eq!(set, ControlAction::Override { task: key().id("t"), answer: "B".into() });
    refused(Control, r#""action":"override","task_id":"t""#, &["missing_field", "`answer`"]);
    refused(Control, r#""action":"quarantine","task_id":"t""#, &["missing_field", "`agent_id`"]);
    refused(Control, r#""agent_id":"a""#, &["missing_field", "`action`"]);
    refused(
        Control,
        r#""action":"slash","agent_id":"a""#,
        &["out_of_range", "quarantine, release, override"],
    );
}

#[test]
fn a_ticks_missing_numbers_are_zero() {
    let Ok(Decoded { record: Record::Tick(tick), .. }) =
        read(Tick, &row(r#""agent_id":"a","tick":-3,"decision":"sleeping","zone":null"#))
    else {
        panic!("a tick")
    };
    assert_eq!((tick.tick, tick.duration_ms, tick.tokens), (-3, 0, 0));
    assert_eq!((tick.run_id.as_str(), tick.zone, tick.status.as_str()), ("", None, ""));
    refused(Tick, r#""agent_id":"a","decision":"x""#, &["missing_field", "`tick`"]);
    refused(Tick, r#""agent_id":"a","tick":1"#, &["missing_field", "`decision`"]);
    refused(
        Tick,
        r#""agent_id":"a","tick":1,"decision":"x","tokens":1e3"#,
        &["wrong_type", "`tokens`"],
    );
    refused(
        Tick,
        r#""agent_id":"a","tick":9223372036854775808,"decision":"x""#,
        &["out_of_range", "`tick`"],
    );
}

#[test]
fn the_producers_id_of_a_record_is_kept() {
    let gold = |fields: &str| read(Gold, &row(&format!(r#""task_id":"t","answer":"x"{fields}"#)));
    assert_eq!(gold("").unwrap().event_id, "");
    assert_eq!(gold(r#","event_id":17"#).unwrap().event_id, "17");
    assert!(gold(r#","event_id":"a\u0001""#).is_err());
}
