//! Rows whose members are records of their own.

use proptest::prelude::*;
use quorate_schemas::record::Value;

use super::*;

/// Which rows a test reads, and how.
struct Wide {
    kind: RecordKind,
    format: Format,
    each: Each,
    map: Vec<(&'static str, FieldSource)>,
    header: Option<&'static str>,
}

impl Wide {
    fn votes(each: Each) -> Wide {
        Wide {
            kind: RecordKind::Vote,
            format: Format::Json,
            each,
            map: vec![("event_time", FieldSource::constant("2026-01-01T00:00:00Z"))],
            header: None,
        }
    }

    fn csv(header: &'static str, each: Each) -> Wide {
        let format = Format::Csv { delimiter: b',' };
        Wide { format, header: Some(header), ..Wide::votes(each) }
    }

    fn with(mut self, field: &'static str, from: FieldSource) -> Wide {
        self.map.push((field, from));
        self
    }

    fn map(&self) -> FieldMap {
        let fields: FieldMap = self.map.iter().cloned().collect();
        fields.of_each(self.each.clone())
    }

    fn decoder(&self) -> Result<Decoder, Error> {
        Decoder::of(self.format, self.kind, &self.map(), key())
    }

    /// What a row's parts are, one text each: `task agent value`, or `reason: detail | bytes`.
    fn read(&self, row: &str) -> Vec<String> {
        let decoder = self.decoder().unwrap();
        let header = self.header.map(|header| decoder.header(header.as_bytes()).unwrap());
        let mut found = Vec::new();
        decoder.decode_each(header.as_ref(), row.as_bytes(), &mut |part| {
            let own = part.own();
            found.push(match part.answer() {
                Ok(decoded) => said(&decoded.record),
                Err(Refusal { reason, detail, .. }) => {
                    let bytes = own.bytes(row.as_bytes());
                    format!("{reason}: {detail} | {}", String::from_utf8_lossy(&bytes))
                }
            });
        });
        found
    }

    fn check(&self, row: &str, expected: &[&str]) {
        assert_eq!(self.read(row), expected, "{row}");
    }
}

fn said(record: &Record) -> String {
    match record {
        Record::Vote(vote) => {
            let value = match &vote.value {
                Value::Choice(label) => label.to_string(),
                Value::Abstain => "-".to_owned(),
                Value::Number(number) => number.get().to_string(),
                other => format!("{other:?}"),
            };
            format!("{} {} {value}", vote.task.name(), vote.agent.agent_id())
        }
        Record::Gold(gold) => format!("{} {}", gold.task.name(), gold.answer),
        other => format!("{other:?}"),
    }
}

fn of(path: &str) -> Each {
    Each::Of(path.to_owned())
}

fn named(names: &[&str]) -> Each {
    Each::Named(names.iter().map(|name| (*name).to_owned()).collect())
}

#[test]
fn each_member_of_an_object_is_a_vote_of_the_agent_that_its_key_is() {
    let wide = Wide::votes(of("preds")).with("task_id", FieldSource::path("question.id"));
    wide.check(
        r#"{"question":{"id":7},"preds":{"gpt":"B","yi-6b":null,"a\"b":3}}"#,
        &["7 gpt B", "7 yi-6b -", "7 a\"b 3"],
    );
    let nested = Wide::votes(of("by.model"));
    nested.check(r#"{"task_id":"t","by":{"model":{"m":true}}}"#, &["t m true"]);
    nested.check(r#"{"task_id":"t","by.model":{"m":true}}"#, &["t m true"]);
}

#[test]
fn elements_of_a_list_say_who_they_are_of() {
    let wide = Wide::votes(of("answers"))
        .with("agent_id", FieldSource::path("*.agent"))
        .with("choice", FieldSource::path("*.says.0"));
    wide.check(
        r#"{"task_id":"t","answers":[{"agent":"a","says":["B"]},{"says":["C"],"agent":"b"}]}"#,
        &["t a B", "t b C"],
    );
    Wide::votes(of("labels")).check(r#"{"task_id":"t","labels":["B",null]}"#, &["t 0 B", "t 1 -"]);
}

#[test]
fn what_a_members_key_and_value_are_is_the_maps_to_say() {
    let by_task = Wide::votes(of("answers"))
        .with("agent_id", FieldSource::path("agent"))
        .with("task_id", FieldSource::member_key())
        .with("number", FieldSource::cast("*", Cast::Number));
    by_task.check(r#"{"agent":"a","answers":{"t1":"4","t2":5}}"#, &["t1 a 4", "t2 a 5"]);
    let gold = Wide { kind: RecordKind::Gold, ..Wide::votes(of("truth")) }
        .with("task_id", FieldSource::member_key())
        .with("answer", FieldSource::path("*"));
    gold.check(r#"{"truth":{"t1":"B","t2":"C"}}"#, &["t1 B", "t2 C"]);
}

#[test]
fn what_else_a_vote_could_say_is_not_taken_from_the_row() {
    let wide = Wide::votes(of("preds"));
    wide.check(r#"{"task_id":"t","number":5,"choice":"A","preds":{"a":"B"}}"#, &["t a B"]);
}

#[test]
fn named_keys_are_members_as_far_as_a_row_has_them() {
    let wide = Wide::votes(named(&["gpt", "x.yi"]));
    wide.check(r#"{"task_id":"t","gpt":"A","x":{"yi":"B"},"z":"C"}"#, &["t gpt A", "t x.yi B"]);
    wide.check(r#"{"task_id":"t","x.yi":"B"}"#, &["t x.yi B"]);
    let none = "missing_field: has none of the keys that `each` names | {\"task_id\":\"t\"}";
    wide.check(r#"{"task_id":"t"}"#, &[none]);
}

#[test]
fn the_rest_of_a_row_are_members() {
    let wide = Wide::votes(of("*")).with("task_id", FieldSource::path("id"));
    wide.check(r#"{"id":"t","gpt":"A","y\u0069":"B"}"#, &["t gpt A", "t yi B"]);
    let nothing = "missing_field: has nothing beside what fields are taken from | {\"id\":\"t\"}";
    wide.check(r#"{"id":"t"}"#, &[nothing]);
}

#[test]
fn a_bad_member_loses_no_other() {
    let wide = Wide::votes(of("preds"));
    wide.check(
        r#"{"task_id":"t","preds":{"":"A","b":[1],"c":"C"}}"#,
        &[
            r#"out_of_range: `agent_id` is empty (in `preds.`) | "":"A""#,
            r#"wrong_type: `choice` must be text, a number or true or false: [1] (in `preds.b`) | "b":[1]"#,
            "t c C",
        ],
    );
}

#[test]
fn a_row_whose_members_cannot_be_found_is_one_reject() {
    let wide = Wide::votes(of("preds"));
    for (row, why) in [
        (r#"{"task_id":"t"}"#, "missing_field: `preds` is missing"),
        (r#"{"preds":null}"#, "missing_field: `preds` is missing"),
        (r#"{"preds":{}}"#, "missing_field: `preds` has no members"),
        (r#"{"preds":"A"}"#, "wrong_type: `preds` must be an object or a list: \"A\""),
        (r#"{"preds":{"a":"#, "invalid_json: EOF while parsing a value at column 14"),
    ] {
        wide.check(row, &[&format!("{why} | {row}")]);
    }
    let many = |members: usize| {
        let members: Vec<String> = (0..members).map(|nr| format!("\"a{nr}\":1")).collect();
        format!(r#"{{"task_id":"t","preds":{{{}}}}}"#, members.join(","))
    };
    assert_eq!(wide.read(&many(MEMBERS_MAX)).len(), MEMBERS_MAX);
    let found = wide.read(&many(MEMBERS_MAX + 1));
    assert!(found.len() == 1 && found[0].starts_with("out_of_range: has more than 10000 members"));
}

#[test]
fn of_equal_keys_the_last_counts() {
    let wide = Wide::votes(of("preds"));
    wide.check(r#"{"task_id":"t","preds":{"a":"A","b":"B","\u0061":"C"}}"#, &["t b B", "t a C"]);
}

#[test]
fn columns_are_members() {
    let all = Wide::csv("gpt,id,\"yi, 6b\"", of("*")).with("task_id", FieldSource::path("id"));
    all.check("A,t,\"say \"\"B\"\"\"", &["t gpt A", "t yi, 6b say \"B\""]);
    all.check("A,t,", &["t gpt A", "t yi, 6b -"]);
    let some = Wide::csv("note,gpt,task_id,x.yi", named(&["x.yi", "gpt"]));
    some.check("n,A,t,B", &["t x.yi B", "t gpt A"]);
    some.check("n,A,t", &["invalid_csv: has 3 cells, the header names 4 columns | n,A,t"]);
    let numbers = Wide::csv("task_id,a,b", of("*")).with("number", FieldSource::path("*"));
    let not = "wrong_type: `number` must be a number: x (in `b`) | x";
    numbers.check("t,1.5,x", &["t a 1.5", not]);
    let cell = Wide::csv("task_id,preds", of("preds"));
    cell.check("t,\"{\"\"a\"\":\"\"B\"\",\"\"b\"\":null}\"", &["t a B", "t b -"]);
    cell.check("t,", &["missing_field: `preds` is missing | t,"]);
}

#[test]
fn a_header_names_every_member() {
    let check = |header: &str, each: Each, part: &str| {
        let wide = Wide::csv("", each);
        let refusal = wide.decoder().unwrap().header(header.as_bytes()).unwrap_err();
        assert!(refusal.detail.contains(part), "{part:?} is not in {}", refusal.detail);
    };
    check("task_id,a", named(&["a", "b"]), "lacks the column `b`");
    check("task_id,a", of("preds"), "lacks the column `preds`");
    check("task_id", of("*"), "names no column beside");
    check("task_id,a,", of("*"), "a column without a name");
    check("task_id,a,a", of("*"), "names the column `a` twice");
}

#[test]
fn a_map_of_members_that_cannot_be_followed_is_refused() {
    let refused = |wide: Wide, part: &str| {
        let error = wide.decoder().unwrap_err().to_string();
        assert!(error.contains(part), "{part:?} is not in {error}");
    };
    refused(Wide::votes(named(&[])), "names nothing");
    refused(Wide::votes(named(&["a", "b", "a"])), "names `a` twice");
    refused(Wide::votes(of("a..b")), "is no path");
    refused(
        Wide { kind: RecordKind::Gold, ..Wide::votes(of("a")) },
        "no field is taken from a member",
    );
    let from_row = Wide::votes(of("a"))
        .with("agent_id", FieldSource::path("x"))
        .with("choice", FieldSource::path("y"));
    refused(from_row, "no field is taken from a member");
    let deep = Wide::csv("", of("*")).with("choice", FieldSource::path("*.x"));
    refused(deep, "nothing in a cell to reach into");
    let other = FieldSource::KeyOf { key_of: "preds".to_owned() };
    refused(Wide::votes(of("a")).with("agent_id", other), "`key_of` is \"*\"");
    for from in [FieldSource::path("*.x"), FieldSource::path("*"), FieldSource::member_key()] {
        let map: FieldMap = [("choice", from)].into_iter().collect();
        Decoder::new(RecordKind::Vote, &map, key()).unwrap_err();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// The same votes as members and as rows of their own are the same, in an object, in a list and as keys of the row.
    #[test]
    fn members_say_what_rows_of_their_own_would(
        votes in prop::collection::btree_map("[a-z\"\\\\é. ]{1,6}", "\"[A-C]{0,2}\"|null|0|-?[1-9][0-9]{0,2}|true|\\[\\]", 1..6),
    ) {
        let json = |text: &str| serde_json::Value::from(text).to_string();
        let members: Vec<String> =
            votes.iter().map(|(agent, value)| format!("{}:{value}", json(agent))).collect();
        let elements: Vec<String> = votes
            .iter()
            .map(|(agent, value)| format!(r#"{{"who":{},"what":{value}}}"#, json(agent)))
            .collect();
        let plain = Decoder::new(RecordKind::Vote, &Wide::votes(of("x")).map.iter().cloned().collect(), key()).unwrap();
        let expected: Vec<Result<String, RejectReason>> = votes
            .iter()
            .map(|(agent, value)| {
                let row = format!(r#"{{"task_id":"t","agent_id":{},"choice":{value}}}"#, json(agent));
                plain.decode(row.as_bytes()).map(|one| said(&one.record)).map_err(|why| why.reason)
            })
            .collect();
        let listed = Wide::votes(of("p"))
            .with("agent_id", FieldSource::path("*.who"))
            .with("choice", FieldSource::path("*.what"));
        for (wide, row) in [
            (Wide::votes(of("p")), format!(r#"{{"task_id":"t","p":{{{}}}}}"#, members.join(","))),
            (listed, format!(r#"{{"p":[{}],"task_id":"t"}}"#, elements.join(","))),
            (Wide::votes(of("*")), format!(r#"{{"task_id":"t",{}}}"#, members.join(","))),
        ] {
            let mut found = Vec::new();
            wide.decoder().unwrap().decode_each(None, row.as_bytes(), &mut |part| {
                found.push(part.answer().map(|one| said(&one.record)).map_err(|why| why.reason));
            });
            prop_assert_eq!(&found, &expected, "{}", row);
        }
    }
}
