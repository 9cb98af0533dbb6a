//! What a trial finds that the job file alone does not show.

use std::fs;
use std::path::Path;

use quorate_runtime::job::{Job, Severity, StoreContents, Trial};
use quorate_schemas::log::{Body, FIRST_SEQ, FORMAT, Hex, Owner, Record, Standing};
use quorate_schemas::table::RejectReason;
use tempfile::TempDir;

const VOTE: &str = "{\"task_id\":\"t\",\"agent_id\":\"a\",\"choice\":\"A\",\"event_time\":\"2026-01-01T00:00:00Z\"}\n";

/// A folder with one file of votes, and `more`.
fn folder(more: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("votes.jsonl", VOTE)].iter().chain(more) {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn job(folder: &Path, text: &str) -> Job {
    let text = format!("name = \"trial\"\n{text}\n[source.votes]\nfiles = \"votes*.jsonl\"\n");
    Job::parse(&text, &folder.join("job.toml")).unwrap_or_else(|refused| panic!("{refused}")).job
}

fn try_out(job: &Job) -> Trial {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(job.try_out())
}

/// Exactly these problems, each with these words in it.
fn check(trial: &Trial, expected: &[(Severity, &str, &[&str])]) {
    assert_eq!(trial.problems.len(), expected.len(), "{:?}", trial.problems);
    for (problem, (severity, about, words)) in trial.problems.iter().zip(expected) {
        assert_eq!((problem.severity, problem.about.as_str()), (*severity, *about), "{problem:?}");
        for word in *words {
            assert!(problem.message.contains(word), "{word:?} is missing from {problem:?}");
        }
    }
    let good = expected.iter().all(|(severity, ..)| *severity == Severity::Warning);
    assert_eq!(trial.is_good(), good);
}

#[test]
fn a_good_job_is_good_and_leaves_nothing_behind_but_an_empty_store() {
    let folder = folder(&[]);
    let trial = try_out(&job(folder.path(), ""));
    check(&trial, &[]);
    assert_eq!(trial.store, Some(StoreContents::Empty));
    let votes = &trial.sources[0];
    assert_eq!((votes.files, votes.rows.rows_in, votes.rows.on_time), (1, 1, 1));
    assert!(files_below(&folder.path().join("quorate-data")).is_empty());
}

fn files_below(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(files_below(&entry.path()));
        } else {
            found.push(entry.path().display().to_string());
        }
    }
    found
}

#[test]
fn a_missing_file_and_an_empty_one_are_named() {
    let folder = folder(&[("tasks.jsonl", "")]);
    let text =
        "[source.tasks]\nfiles = \"tasks.jsonl\"\n[source.gold]\nfiles = \"nowhere/*.jsonl\"";
    let trial = try_out(&job(folder.path(), text));
    check(
        &trial,
        &[
            (Severity::Warning, "source tasks", &["no rows", "empty"]),
            (Severity::Error, "source gold", &["nowhere/*.jsonl", "no file matches"]),
        ],
    );
}

#[test]
fn rows_that_cannot_be_used_are_shown_with_their_reason() {
    let bad = format!("{VOTE}{{\"task_id\":\"t\"}}\nnot json\n");
    let folder = folder(&[("votes-2.jsonl", &bad)]);
    let trial = try_out(&job(folder.path(), ""));
    check(&trial, &[(Severity::Warning, "source votes", &["2 of its first 4 rows"])]);
    let rejects = &trial.sources[0].rejects;
    let reasons: Vec<RejectReason> = rejects.iter().map(|reject| reject.reason).collect();
    assert_eq!(reasons.len(), 2);
    assert_eq!(rejects[0].place.position, VOTE.len() as u64);
    assert_eq!(rejects[1].bytes, b"not json");
}

#[test]
fn a_map_that_fits_no_row_is_an_error() {
    let folder = folder(&[(
        "gold.jsonl",
        "{\"id\":\"t\",\"answer\":\"A\",\"event_time\":\"2026-01-01T00:00:00Z\"}\n",
    )]);
    let trial = try_out(&job(
        folder.path(),
        "[source.gold]\nfiles = \"gold.jsonl\"\nmap = { task_id = \"question\" }",
    ));
    check(&trial, &[(Severity::Error, "source gold", &["none of its first 1 rows", "map"])]);
    let trial = try_out(&job(
        folder.path(),
        "[source.gold]\nfiles = \"gold.jsonl\"\nmap = { task_id = \"id\" }",
    ));
    check(&trial, &[]);
}

#[test]
fn every_file_that_is_missing_is_named() {
    let folder = folder(&[]);
    let text = "[source.gold]\nfiles = [\"gold.jsonl\", \"more/*.jsonl\", \"votes.jsonl\"]";
    let gone: [(_, _, &[&str]); 2] = [
        (Severity::Error, "source gold", &["/gold.jsonl"]),
        (Severity::Error, "source gold", &["/more/*.jsonl"]),
    ];
    check(&try_out(&job(folder.path(), text)), &gone);
}

#[test]
fn a_file_of_another_format_is_called_what_it_is() {
    let csv = "task_id,answer,event_time\nt,A,2026-01-01T00:00:00Z\n";
    let list = "[{\"task_id\":\"t\"},\n{\"task_id\":\"u\"}]\n";
    let gold = "{\"task_id\":\"t\",\"answer\":\"A\",\"event_time\":\"2026-01-01T00:00:00Z\"}\n";
    let named = |text: &str, lines: &str, words: &[&str]| {
        let folder = folder(&[("gold.jsonl", text)]);
        let section = format!("[source.gold]\nfiles = \"gold.jsonl\"\n{lines}");
        check(&try_out(&job(folder.path(), &section)), &[(Severity::Error, "source gold", words)]);
    };
    named(csv, "", &["none of its first 2 rows", "gold.jsonl looks like csv"]);
    named(list, "", &["gold.jsonl is one list of JSON", "jq -c '.[]'"]);
    named("PAR1\u{15}\n", "", &["gold.jsonl: is Parquet"]);
    named(gold, "format = \"csv\"", &["its header", "the file looks like JSON"]);
    // Among others it is found as well.
    let folder = folder(&[("votes-2.jsonl", csv)]);
    let found: [(_, _, &[&str]); 2] = [
        (Severity::Warning, "source votes", &["2 of its first 3 rows"]),
        (Severity::Warning, "source votes", &["votes-2.jsonl", "looks like csv"]),
    ];
    check(&try_out(&job(folder.path(), "")), &found);
}

#[test]
fn one_file_in_two_sources_is_noticed_under_any_name() {
    let folder = folder(&[]);
    let again = format!(
        "[[source.votes]]\nfiles = \"../{}/votes.jsonl\"\nname = \"again\"",
        folder.path().file_name().unwrap().to_str().unwrap()
    );
    let text = format!("name = \"trial\"\n[[source.votes]]\nfiles = \"votes.jsonl\"\n{again}");
    let job = Job::parse(&text, &folder.path().join("job.toml")).unwrap().job;
    check(
        &try_out(&job),
        &[(Severity::Warning, "source again", &["votes.jsonl", "by source votes", "twice"])],
    );
}

#[test]
fn one_file_of_two_kinds_is_noticed() {
    let gold = "{\"task_id\":\"t\",\"answer\":\"A\",\"event_time\":\"2026-01-01T00:00:00Z\"}\n";
    let folder = folder(&[("votes-gold.jsonl", gold)]);
    let job = job(folder.path(), "[source.gold]\nfiles = \"votes-gold.jsonl\"");
    let both: &[&str] = &["votes-gold.jsonl", "by source votes", "for votes and for gold"];
    check(
        &try_out(&job),
        &[
            (Severity::Warning, "source votes", &["1 of its first 2 rows"]),
            (Severity::Warning, "source votes", &["none of the first rows of votes-gold.jsonl"]),
            (Severity::Warning, "source gold", both),
        ],
    );
}

#[test]
fn a_cap_that_cannot_sum_to_one_is_refused() {
    let agent = |id: &str, family: &str, domains: &str| {
        format!(
            "{{\"agent_id\":\"{id}\",\"family\":\"{family}\",\"domains\":[{domains}],\"event_time\":\"2026-01-01T00:00:00Z\"}}\n"
        )
    };
    let agents = [
        agent("a", "x", ""),
        agent("b", "x", ""),
        agent("c", "y", ""),
        agent("d", "z", "\"math\""),
    ]
    .concat();
    let folder = folder(&[("agents.jsonl", &agents)]);
    let text =
        |cap: &str| format!("consensus.cap = {cap}\n[source.agents]\nfiles = \"agents.jsonl\"");
    let trial = try_out(&job(folder.path(), &text("\"1/3\"")));
    check(&trial, &[(Severity::Error, "consensus.cap", &["2 families", "at most 1/3", "\"1/2\""])]);
    check(&try_out(&job(folder.path(), &text("\"1/2\""))), &[]);
    check(&try_out(&job(folder.path(), &text("\"off\""))), &[]);
}

/// Puts a log of one record into the store of `of`.
fn begin_log(of: &Job) {
    let owner = Owner {
        host: "h".into(),
        user: "u".into(),
        directory: "/d".into(),
        pid: 1,
        instance: Hex::from_u128(1),
    };
    let record = Record {
        format: FORMAT,
        seq: FIRST_SEQ,
        previous: Hex::ZERO,
        log_id: Hex::from_u128(7),
        job: of.name.clone(),
        fingerprint: of.fingerprint(),
        incarnation: 1,
        owner,
        written_at_ms: 0,
        standing: Standing::default(),
        body: Body::Claim {},
    };
    let path = Path::new(&of.store).join(record.path());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, record.to_bytes()).unwrap();
}

#[test]
fn a_store_that_holds_anything_but_this_jobs_log_is_refused() {
    let folder = folder(&[]);
    let ours = job(folder.path(), "");
    begin_log(&ours);
    let trial = try_out(&ours);
    check(&trial, &[]);
    assert_eq!(trial.store, Some(StoreContents::Log { seq: FIRST_SEQ, finished: false }));

    let other_settings = job(folder.path(), "consensus.min_votes = 3");
    check(&try_out(&other_settings), &[(Severity::Error, "store", &["other settings"])]);

    let text = "name = \"other\"\n[source.votes]\nfiles = \"votes.jsonl\"";
    let other_job = Job::parse(text, &folder.path().join("job.toml")).unwrap().job;
    check(&try_out(&other_job), &[(Severity::Error, "store", &["job \"trial\""])]);

    let log = Path::new(&ours.store).join("log");
    let record = fs::read_dir(log).unwrap().next().unwrap().unwrap().path();
    fs::write(record, b"{}").unwrap();
    check(&try_out(&ours), &[(Severity::Error, "store", &["cannot be read"])]);
}

#[test]
fn a_store_that_cannot_be_written_is_named() {
    let folder = folder(&[]);
    let trial = try_out(&job(folder.path(), "store = \"votes.jsonl\""));
    assert_eq!(trial.store, None);
    check(&trial, &[(Severity::Error, "store", &["votes.jsonl"])]);
    // What the system says is told, where it is all that is known.
    if cfg!(target_os = "linux") {
        let trial = try_out(&job(folder.path(), "store = \"/proc/none\""));
        check(&trial, &[(Severity::Error, "store", &["see the cause", "os error"])]);
    }
}
