//! Votes that share a row are the same input as votes in rows of their own.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::job::{Job, assert_alike};
use crate::panels::data_folder;

const AGENTS: [&str; 7] =
    ["gpt-4", "claude", "yi, 6b", "gemma:7b", "a \"quoted\" one", "llama.3", "mistral"];

/// What an agent says of a task; nothing where it abstains. A made-up panel.
fn says(task: usize, agent: usize) -> Option<&'static str> {
    let right = task % 3;
    let drawn = (task * 31 + agent * 17 + task * agent) % 10;
    let at = match drawn {
        0 => return None,
        1..=6 => right,
        _ => drawn % 3,
    };
    Some(["A", "B", "C"][at])
}

fn at(task: usize) -> String {
    format!("2026-01-{:02}T{:02}:{:02}:00Z", 1 + task / 1440, task / 60 % 24, task % 60)
}

/// One panel in every form that a file of votes may have.
fn panel(folder: &Path, tasks: usize) {
    let json = |text: &str| Value::from(text).to_string();
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let (mut long, mut wide, mut listed, mut flat) = <(String, String, String, String)>::default();
    let mut gold = String::new();
    let header: Vec<String> = AGENTS.iter().map(|agent| quoted(agent)).collect();
    let mut cells = format!("at,note,{},question\n", header.join(","));
    let mut others = format!("at,{},question\n", header.join(","));
    for task in 0..tasks {
        let time = at(task);
        let answers: Vec<(&str, Option<&str>)> =
            AGENTS.iter().enumerate().map(|(nr, agent)| (*agent, says(task, nr))).collect();
        let value = |said: &Option<&str>| said.map_or("null".to_owned(), json);
        for (agent, said) in &answers {
            long.push_str(&format!(
                "{{\"event_time\":\"{time}\",\"task_id\":\"q{task}\",\"agent_id\":{},\"choice\":{}}}\n",
                json(agent),
                value(said)
            ));
        }
        let members: Vec<String> = answers
            .iter()
            .map(|(agent, said)| format!("{}:{}", json(agent), value(said)))
            .collect();
        let members = members.join(",");
        wide.push_str(&format!(
            "{{\"q\":{{\"id\":\"q{task}\"}},\"preds\":{{{members}}},\"at\":\"{time}\"}}\n"
        ));
        flat.push_str(&format!("{{\"question\":\"q{task}\",\"at\":\"{time}\",{members}}}\n"));
        let elements: Vec<String> = answers
            .iter()
            .map(|(agent, said)| format!("{{\"by\":{},\"says\":{}}}", json(agent), value(said)))
            .collect();
        listed.push_str(&format!(
            "{{\"question\":\"q{task}\",\"at\":\"{time}\",\"votes\":[{}]}}\n",
            elements.join(",")
        ));
        let row: Vec<String> =
            answers.iter().map(|(_, said)| quoted(said.unwrap_or_default())).collect();
        cells.push_str(&format!("{time},\"a\nnote\",{},q{task}\n", row.join(",")));
        others.push_str(&format!("{time},{},q{task}\n", row.join(",")));
        if task % 5 == 0 {
            let right = ["A", "B", "C"][task % 3];
            gold.push_str(&format!(
                "{{\"event_time\":\"{time}\",\"task_id\":\"q{task}\",\"answer\":\"{right}\"}}\n"
            ));
        }
    }
    for (name, content) in [
        ("long.jsonl", long),
        ("wide.jsonl", wide),
        ("flat.jsonl", flat),
        ("listed.jsonl", listed),
        ("cells.csv", cells),
        ("others.csv", others),
        ("gold.jsonl", gold),
    ] {
        fs::write(folder.join(name), content).unwrap();
    }
}

/// A job over the panel whose votes are read so.
fn job(folder: &Path, name: &str, votes: &str) -> Job {
    let text = format!(
        "name = \"panel\"\nstore = \"./store-{name}\"\n[source.votes]\n{votes}\n\
         [source.gold]\nfiles = \"gold.jsonl\"\n\
         [consensus]\nmethod = \"weighted\"\nera = \"6h\"\nclose = {{ after = \"5m\" }}\n\
         [checkpoint]\nevery = \"10ms\"\nepoch = \"1ms\"\nbytes = \"64KiB\"\n"
    );
    Job::written(folder, name, &text)
}

const FORMS: [(&str, &str); 5] = [
    (
        "wide",
        "files = \"wide.jsonl\"\neach = \"preds\"\nmap = { task_id = \"q.id\", event_time = \"at\" }",
    ),
    (
        "flat",
        "files = \"flat.jsonl\"\neach = \"*\"\nmap = { task_id = \"question\", event_time = \"at\" }",
    ),
    (
        "listed",
        "files = \"listed.jsonl\"\neach = \"votes\"\nmap = { task_id = \"question\", event_time = \"at\", \
         agent_id = \"*.by\", choice = \"*.says\" }",
    ),
    (
        "cells",
        "files = \"cells.csv\"\nformat = \"csv\"\n\
         each = [\"gpt-4\", \"claude\", \"yi, 6b\", \"gemma:7b\", 'a \"quoted\" one', \"llama.3\", \"mistral\"]\n\
         map = { task_id = \"question\", event_time = \"at\" }",
    ),
    (
        "others",
        "files = \"others.csv\"\nformat = \"csv\"\neach = \"*\"\n\
         map = { task_id = \"question\", event_time = \"at\" }",
    ),
];

#[test]
fn votes_that_share_a_row_come_to_the_same_tables_also_through_kills() {
    const TASKS: usize = 12_000;
    let folder = tempfile::tempdir().unwrap();
    panel(folder.path(), TASKS);
    let long = job(folder.path(), "long", "files = \"long.jsonl\"");
    long.run(2);
    let expected = long.tables();
    assert!(expected["decisions"].len() >= TASKS);
    assert_eq!(expected["votes"].len(), TASKS * AGENTS.len());
    let counts =
        "SELECT sum(rows_in) AS n, sum(on_time) AS ok FROM conservation WHERE source = 'votes'";
    for (name, votes) in FORMS {
        let whole = job(folder.path(), name, votes);
        whole.run(3);
        whole.verify();
        assert_alike(&expected, &whole.tables(), name);
        assert_eq!(whole.query(counts), long.query(counts), "a row is a vote: {name}");
        let places = "SELECT count(DISTINCT position) AS n FROM votes";
        assert_eq!(whole.query(places), [format!("{{\"n\":{TASKS}}}")], "{name}");
    }
    #[cfg(feature = "failpoints")]
    for (name, votes) in [FORMS[0], FORMS[3]] {
        let killed = job(folder.path(), &format!("{name}-killed"), votes);
        crate::job::assert_alike_through_kills(&expected, &killed);
    }
}

#[test]
fn bad_members_are_counted_one_by_one_and_keep_their_own_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let rows = [
        r#"{"task_id":"t1","at":"2026-01-01T00:01:00Z","preds":{"a":"A","b":["no"],"c":"A"}}"#,
        r#"{"task_id":"t2","at":"2026-01-01T00:02:00Z","preds":{}}"#,
        r#"{"task_id":"t3","at":"2026-01-01T00:03:00Z"}"#,
        r#"{"task_id":"t1","at":"2025-01-01T00:03:00Z","preds":{"a":"B","d":"B"}}"#,
        r#"{"task_id":"t4","at":"2026-01-01T00:04:00Z","preds":{"a":"A","b":null}}"#,
    ];
    fs::write(folder.path().join("v.jsonl"), rows.join("\n")).unwrap();
    fs::write(folder.path().join("gold.jsonl"), "").unwrap();
    let votes = "files = \"v.jsonl\"\neach = \"preds\"\nmap = { event_time = \"at\" }";
    let job = job(folder.path(), "bad", votes);
    job.run(2);
    job.verify();
    let counts = "SELECT sum(rows_in) AS n, sum(on_time) AS ok, sum(late) AS late, sum(rejected) AS bad \
                  FROM conservation WHERE source = 'votes'";
    assert_eq!(job.query(counts), [r#"{"n":9,"ok":4,"late":2,"bad":3}"#]);
    let rejects = "SELECT reason, detail, arrow_cast(bytes, 'Utf8') AS own, position FROM rejects ORDER BY position, own";
    let found = job.query(rejects);
    let second = rows[0].len() + 1;
    for (row, parts) in found.iter().zip([
        ["wrong_type", "(in `preds.b`)", "\\\"b\\\":[\\\"no\\\"]", "\"position\":0"],
        ["missing_field", "`preds` has no members", "t2", &format!("\"position\":{second}")],
        ["missing_field", "`preds` is missing", "t3", "position"],
        ["late", "the earliest on time here", "\"own\":\"\\\"a\\\":\\\"B\\\"\"", "position"],
        ["late", "the earliest on time here", "\"own\":\"\\\"d\\\":\\\"B\\\"\"", "position"],
    ]) {
        parts.iter().for_each(|part| assert!(row.contains(part), "{part:?} is not in {row}"));
    }
    assert_eq!(found.len(), 5);
}

/// The panel as others publish it: one row a question, no time in it.
#[test]
fn a_published_panel_is_read_as_it_is() {
    let Some(data) = data_folder() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = data.join("panels/mmlu_pro_preds_wide.jsonl.gz");
    let always = "event_time = { value = \"2026-01-01T00:00:00Z\" }";
    let text = format!(
        "name = \"panel\"\nstore = \"./store\"\n\
         [source.votes]\nfiles = {file:?}\neach = \"preds\"\nmap = {{ {always} }}\n\
         [source.tasks]\nfiles = {file:?}\nmap = {{ {always}, domain = \"category\" }}\n\
         [consensus]\nmethod = \"majority\"\nclose = \"end-of-input\"\n"
    );
    let job = Job::written(folder.path(), "panel", &text);
    job.run(2);
    job.verify();
    let decided = job.query("SELECT task_id, answer FROM decisions_final");
    assert_eq!(decided.len(), 12_032);
    let abstained = "SELECT count(*) AS n FROM votes WHERE status = 'abstained'";
    assert_eq!(job.query(abstained), ["{\"n\":32697}"]);
}
