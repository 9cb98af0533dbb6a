//! Somebody changes a file or a record and leaves the rest as it is: `verify` names what was changed.

use bytes::Bytes;
use quorate_operators::policy::Method;
use quorate_query::verify::{Check, Finding, Report};
use quorate_schemas::log::{Body, ObjectName, Record, StagedFile};
use quorate_schemas::table::Table;

use super::scenario::{busy, policy};
use super::shelf::Shelf;

async fn shelf() -> Shelf {
    Shelf::of(&busy(3, policy(Method::Weighted))).await
}

/// The largest file of a table.
fn file_of(shelf: &Shelf, table: Table) -> StagedFile {
    shelf.files(table).into_iter().max_by_key(|file| file.rows).expect("the table has files")
}

/// The findings of `report`, each as what it is about.
fn told(report: &Report) -> Vec<(Check, Option<u64>, Option<&str>)> {
    let about = |finding: &Finding| (finding.check, finding.record, finding.file.clone());
    let all: Vec<_> = report.findings.iter().map(about).collect();
    let files = report.findings.iter().map(|finding| finding.file.as_deref());
    all.into_iter().zip(files).map(|((check, record, _), file)| (check, record, file)).collect()
}

async fn check_file(shelf: &Shelf, path: &str, what: &str) {
    let report = shelf.verify().await;
    assert_eq!(told(&report), [(Check::File, None, Some(path))], "{what}:\n{report}");
    assert!(report.to_string().contains(path), "{report}");
}

#[tokio::test]
async fn one_vote_changed_is_found_in_its_file() {
    let shelf = shelf().await;
    let (opened, row) =
        shelf.find(Table::Votes, |votes, row| votes.text("choice", row) == "a").await;
    let changed = opened.set_text("choice", row, "b");
    changed.save(&shelf.store).await;
    check_file(&shelf, &changed.path, "a vote").await;
}

#[tokio::test]
async fn one_weight_changed_is_found_in_its_file() {
    let shelf = shelf().await;
    let (opened, row) =
        shelf.find(Table::Votes, |votes, row| votes.real("weight", row) == 0.5).await;
    let changed = opened.set_real("weight", row, 2.0);
    changed.save(&shelf.store).await;
    check_file(&shelf, &changed.path, "a weight").await;
}

#[tokio::test]
async fn one_row_doubled_or_removed_is_found_in_its_file() {
    for table in [
        Table::Votes,
        Table::Decisions,
        Table::AgentReputation,
        Table::Rejects,
        Table::Conservation,
    ] {
        let shelf = shelf().await;
        let path = file_of(&shelf, table).path;
        let opened = super::tamper::open(&shelf.store, table, &path).await;
        let doubled = opened.double(0);
        doubled.save(&shelf.store).await;
        check_file(&shelf, &path, "a doubled row").await;
        doubled.remove(0).remove(0).save(&shelf.store).await;
        check_file(&shelf, &path, "a removed row").await;
    }
}

#[tokio::test]
async fn one_file_removed_is_named() {
    for table in Table::ALL {
        let shelf = shelf().await;
        let Some(file) = shelf.files(table).pop() else { continue };
        shelf.store.delete(&file.path).await.unwrap();
        check_file(&shelf, &file.path, "a removed file").await;
        let report = shelf.verify().await;
        assert_eq!(report.findings[0].what, "it is gone");
    }
}

#[tokio::test]
async fn a_truncated_or_garbled_file_is_named_and_never_decoded() {
    let shelf = shelf().await;
    let file = file_of(&shelf, Table::Decisions);
    let bytes = shelf.store.get(&file.path).await.unwrap().unwrap();
    for keep in [0, 1, 100, bytes.len() / 2, bytes.len() - 1] {
        shelf.store.put(&file.path, bytes.slice(..keep)).await.unwrap();
        check_file(&shelf, &file.path, &format!("the first {keep} bytes")).await;
    }
    for at in (0..bytes.len()).step_by(97) {
        let mut garbled = bytes.to_vec();
        garbled[at] ^= 0x55;
        shelf.store.put(&file.path, garbled.into()).await.unwrap();
        check_file(&shelf, &file.path, &format!("byte {at} changed")).await;
    }
}

#[tokio::test]
async fn a_retained_file_that_was_changed_or_removed_is_named() {
    let shelf = Shelf::of(&super::scenario::Scenario {
        to_the_end: false,
        ..busy(3, policy(Method::Weighted))
    })
    .await;
    let last = shelf.last().clone();
    let path = last.standing.retained.last().unwrap().path.clone();
    let expected = [(Check::File, Some(last.seq), Some(path.as_str()))];
    shelf.store.put(&path, Bytes::from_static(b"PAR1")).await.unwrap();
    assert_eq!(told(&shelf.verify().await), expected);
    shelf.store.delete(&path).await.unwrap();
    assert_eq!(told(&shelf.verify().await), expected);
}

/// A record in the middle, changed by `edit`, and still a record.
async fn check_edit(edit: impl Fn(&mut Record), what: &str) {
    let shelf = shelf().await;
    let at = shelf.records.len() / 2;
    let mut record = shelf.records[at].clone();
    edit(&mut record);
    assert_ne!(record, shelf.records[at], "{what}");
    shelf.store.put(&record.path(), record.to_bytes().into()).await.unwrap();
    let report = shelf.verify().await;
    let seq = record.seq;
    let named = |finding: &&Finding| {
        finding.check == Check::Log
            && (finding.record == Some(seq) || finding.what.contains(&format!("record {seq} ")))
    };
    assert!(
        report.findings.iter().any(|finding| named(&finding)),
        "{what}, record {seq}:\n{report}"
    );
    // The record after it no longer follows, whatever else the change broke.
    assert!(
        report.findings.iter().any(|finding| finding.record == Some(seq + 1)),
        "{what}:\n{report}"
    );
}

#[tokio::test]
async fn one_log_record_edited_is_named() {
    check_edit(|record| record.written_at_ms += 1, "a time").await;
    check_edit(|record| record.owner.host.push('x'), "an owner").await;
    check_edit(|record| record.standing.totals.on_time += 1, "a total").await;
    let edit_commit = |edit: fn(&mut quorate_schemas::log::Commit)| {
        move |record: &mut Record| match &mut record.body {
            Body::Commit(commit) => edit(commit),
            _ => panic!("the record in the middle is a commit"),
        }
    };
    check_edit(edit_commit(|commit| commit.files[0].rows += 1), "a file's rows").await;
    check_edit(edit_commit(|commit| drop(commit.files.pop())), "a file").await;
    let late = edit_commit(|commit| {
        (commit.ranges[0].late, commit.ranges[0].on_time) = (1, commit.ranges[0].rows_in - 1)
    });
    let shelf = shelf().await;
    if shelf.records[shelf.records.len() / 2]
        .commit()
        .is_some_and(|commit| commit.ranges.iter().any(|r| r.late == 0))
    {
        check_edit(late, "a count").await;
    }
}

#[tokio::test]
async fn bytes_that_are_no_record_are_named() {
    let shelf = shelf().await;
    let record = &shelf.records[2];
    for bytes in [&b"{}"[..], b"", b"\xff\xfe", &[record.to_bytes(), b" ".to_vec()].concat()] {
        shelf.store.put(&record.path(), Bytes::copy_from_slice(bytes)).await.unwrap();
        let report = shelf.verify().await;
        assert_eq!(
            (report.findings[0].check, report.findings[0].record),
            (Check::Log, Some(3)),
            "{report}"
        );
    }
}

#[tokio::test]
async fn the_last_record_edited_contradicts_the_one_before_or_the_tables() {
    let shelf = shelf().await;
    let mut record = shelf.last().clone();
    record.standing.totals.rows_in += 1;
    shelf.store.put(&record.path(), record.to_bytes().into()).await.unwrap();
    let report = shelf.verify().await;
    assert_eq!(
        (report.findings[0].check, report.findings[0].record),
        (Check::Log, Some(record.seq)),
        "{report}"
    );
}

#[tokio::test]
async fn two_records_swapped_are_both_named() {
    let shelf = shelf().await;
    let (a, b) = (&shelf.records[2], &shelf.records[3]);
    shelf.store.put(&a.path(), b.to_bytes().into()).await.unwrap();
    shelf.store.put(&b.path(), a.to_bytes().into()).await.unwrap();
    let report = shelf.verify().await;
    for record in [a, b] {
        let named = |finding: &&Finding| {
            finding.record == Some(record.seq) && finding.what == "its own number"
        };
        let finding = report
            .findings
            .iter()
            .find(named)
            .unwrap_or_else(|| panic!("{}:\n{report}", record.seq));
        assert_eq!(finding.file.as_deref(), Some(record.path().as_str()));
    }
}

#[tokio::test]
async fn a_record_removed_is_named() {
    let shelf = shelf().await;
    shelf.store.delete(&ObjectName::Log { seq: 3 }.to_string()).await.unwrap();
    let report = shelf.verify().await;
    let missing =
        |finding: &&Finding| finding.check == Check::Log && finding.what == "record 3 is missing";
    assert!(report.findings.iter().any(|finding| missing(&finding)), "{report}");
}

#[tokio::test]
async fn the_text_of_the_job_is_held_against_its_fingerprint() {
    let shelf = shelf().await;
    let path = quorate_schemas::log::job_path(&shelf.last().fingerprint);
    let text = shelf.store.get(&path).await.unwrap().unwrap();
    let changed = String::from_utf8_lossy(&text).replace("quorum = 2/3", "quorum = 1/3");
    shelf.store.put(&path, changed.into()).await.unwrap();
    assert_eq!(told(&shelf.verify().await), [(Check::Job, Some(1), Some(path.as_str()))]);
    shelf.store.delete(&path).await.unwrap();
    assert_eq!(told(&shelf.verify().await), [(Check::Job, Some(1), Some(path.as_str()))]);
}
