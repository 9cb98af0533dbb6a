//! Each rule between two records, broken once.

use serde_json::json;

use super::sample::{self, body_of, claim_after, commit, heartbeat, merging_commit, origin};
use crate::clock::Phase;
use crate::log::{Hex, Record, follows};

#[test]
fn a_log_as_written_is_one_chain() {
    for pair in sample::log().windows(2) {
        pair[1].check().expect("sound");
        follows(&pair[0], &pair[1]).expect("chains");
    }
}

/// `bend` what `next` makes of the first `length` records of the sample log; `complaint` must follow.
fn check(
    length: usize,
    next: fn(&Record) -> Record,
    bend: impl FnOnce(&mut Record),
    complaint: &str,
) {
    let log = sample::log();
    let previous = &log[length - 1];
    let mut record = next(previous);
    follows(previous, &record).expect("unbent it follows");
    bend(&mut record);
    let breach = follows(previous, &record).expect_err(complaint);
    assert!(breach.to_string().contains(complaint), "{complaint}: {breach}");
}

#[test]
fn every_record_continues_the_one_before() {
    for next in [claim_after, commit, heartbeat] {
        check(3, next, |r| r.seq = 6, "seq is 6, after the record before it must be 4");
        check(3, next, |r| r.previous = Hex::ZERO, "this one follows 0000");
        check(3, next, |r| r.log_id = Hex::ZERO, "log_id is 0000");
        check(3, next, |r| r.job = "other".to_owned(), "job is other");
        check(3, next, |r| r.incarnation += 1, "incarnation is");
    }
}

#[test]
fn only_a_claim_changes_the_lead() {
    for next in [commit, heartbeat] {
        check(3, next, |r| r.owner = sample::owner(8), "owner is 0000");
        check(3, next, |r| r.fingerprint = Hex::ZERO, "fingerprint is 0000");
    }
    let log = sample::log();
    let mut upgrade = claim_after(&log[3]);
    upgrade.fingerprint = Hex::ZERO;
    follows(&log[3], &upgrade).expect("an upgrade is a claim with another fingerprint");
}

#[test]
fn a_claim_and_a_heartbeat_move_nothing() {
    for next in [claim_after, heartbeat] {
        check(3, next, |r| r.standing.checkpoint += 1, "the standing of a");
        check(3, next, |r| r.standing.positions[0].next += 1, "the standing of a");
        check(3, next, |r| r.standing.retained.clear(), "the standing of a");
        check(3, next, |r| r.standing.finished = true, "the standing of a");
    }
    check(4, claim_after, |r| r.standing.endings.clear(), "the standing of a claim");
}

#[test]
fn ranges_chain() {
    let bent = "the start of the range of votes/a.jsonl is 19, the chain demands 20";
    check(3, commit, |r| body_of(r).ranges[0].from = 19, bent);
    let bent = "the position of votes/a.jsonl is 31, the chain demands 30";
    check(3, commit, |r| r.standing.positions[0].next = 31, bent);
    let bent = "the position of votes/a.jsonl is 30, the chain demands 20";
    check(3, commit, |r| body_of(r).ranges.clear(), bent);
    check(
        3,
        commit,
        |r| body_of(r).ranges[0].origin = origin("b.jsonl"),
        "b.jsonl: has a range and no position",
    );
    check(3, commit, |r| r.standing.positions.clear(), "a.jsonl: has a range and no position");
    check(
        3,
        commit,
        |r| r.standing.positions[0].greatest_event_time_us = None,
        "greatest event time goes back",
    );
}

/// A commit that moves no partition.
fn moves_nothing(previous: &Record) -> Record {
    let mut record = commit(previous);
    body_of(&mut record).ranges.clear();
    record.standing.positions.clone_from(&previous.standing.positions);
    record.standing.totals = previous.standing.totals;
    record
}

#[test]
fn a_partition_is_forgotten_only_after_its_end() {
    let log = sample::log();
    let mut forgetting = moves_nothing(&log[2]);
    forgetting.standing.positions.clear();
    let breach = follows(&log[2], &forgetting).expect_err("not done");
    assert!(breach.to_string().contains("votes/a.jsonl: is forgotten before its end"), "{breach}");

    let mut ended = moves_nothing(&log[2]);
    ended.standing.positions[0].done = true;
    follows(&log[2], &ended).expect("an end needs no rows");
    let mut forgetting = moves_nothing(&ended);
    forgetting.standing.positions.clear();
    follows(&ended, &forgetting).expect("done");
}

/// A writer comes back to a file that it had left, or a bounded job is followed from now on.
#[test]
fn a_partition_goes_on_after_its_end_from_there() {
    let log = sample::log();
    let mut ended = commit(&log[2]);
    ended.standing.positions[0].done = true;
    follows(&log[2], &ended).expect("it ends with its last rows");
    let on = commit(&ended);
    assert!(!on.standing.positions[0].done);
    follows(&ended, &on).expect("it goes on");
    let mut again = on.clone();
    body_of(&mut again).ranges[0].from -= 1;
    let breach = follows(&ended, &again).expect_err("a row twice");
    assert!(breach.to_string().contains("the start of the range of votes/a.jsonl"), "{breach}");
    let mut without_rows = moves_nothing(&ended);
    without_rows.standing.positions[0].done = false;
    follows(&ended, &without_rows).expect("it is taken up before there is a row");
}

#[test]
fn a_partition_found_now_begins_anywhere() {
    let log = sample::log();
    let mut record = commit(&log[2]);
    record.standing.positions.push(sample::position("b.jsonl", 1_005));
    body_of(&mut record).ranges.push(sample::range("b.jsonl", 1_000, 1_005));
    record.standing.totals = record.standing.totals.plus(sample::range("b.jsonl", 0, 1).counts());
    record.check().expect("sound");
    follows(&log[2], &record).expect("found now");
}

#[test]
fn a_commit_moves_only_what_it_says() {
    check(3, commit, |r| r.standing.totals.late += 1, "totals is not what");
    check(3, commit, |r| r.standing.tables.clear(), "tables is not what");
    check(3, commit, |r| body_of(r).before.clear(), "the records before that added files");
    check(3, commit, |r| r.standing.checkpoint -= 1, "the checkpoint, which must grow");
    check(3, commit, |r| r.standing.clock.watermark -= 1, "the watermark, which must not go back");
    check(3, commit, |r| r.standing.retained.truncate(1), "retained is not what");
    check(3, commit, |r| r.standing.retained[0].rows += 1, "retained is not what");
    check(
        3,
        commit,
        |r| r.standing.retained[2].path = sample::retained(9, 3).path,
        "retained is not what",
    );
    check(5, commit, |r| r.standing.endings.clear(), "endings is not what");
}

#[test]
fn a_merge_exchanges_neighbours_for_no_more_rows() {
    check(5, merging_commit, |r| body_of(r).merges.clear(), "retained is not what");
    check(
        5,
        merging_commit,
        |r| body_of(r).merges[0].replaced.swap(0, 1),
        "it replaces more files than are live",
    );
    check(
        5,
        merging_commit,
        |r| body_of(r).merges[0].replaced[1].push('x'),
        "its files are not neighbours",
    );
    check(
        5,
        merging_commit,
        |r| body_of(r).merges[0].replaced.clear(),
        "it replaces a file that is not live",
    );
    check(
        5,
        merging_commit,
        |r| body_of(r).merges[0].into = Some("retained/x".into()),
        "its outcome is not live",
    );
    check(5, merging_commit, |r| body_of(r).merges[0].into = None, "retained is not what");
    check(5, merging_commit, |r| r.standing.retained[0].rows = 11, "more rows than went in");
    check(
        5,
        merging_commit,
        |r| r.standing.retained[0].checkpoint = 1,
        "not of the newest checkpoint",
    );
}

#[test]
fn nothing_is_committed_after_the_end_until_a_claim_reopens_the_job() {
    let log = sample::log();
    let mut last = commit(&log[2]);
    last.standing.finished = true;
    last.standing.clock.phase = Phase::End;
    follows(&log[2], &last).expect("an end");
    let breach = follows(&last, &commit(&last)).expect_err("after the end");
    assert!(breach.to_string().contains("nothing is committed after the end"), "{breach}");

    let mut reopened = claim_after(&last);
    reopened.standing.finished = false;
    reopened.standing.clock.phase = Phase::Running;
    follows(&last, &reopened).expect_err("that it is reopened is counted");
    reopened.standing.reopened = 1;
    follows(&last, &reopened).expect("a claim may reopen");
    follows(&reopened, &commit(&reopened)).expect("and commits go on");

    let mut closed_again = claim_after(&log[3]);
    closed_again.standing.finished = true;
    follows(&log[3], &closed_again).expect_err("a claim finishes nothing");
}

#[test]
fn an_opaque_mark_is_kept_as_it_is() {
    let mut record = commit(&sample::claim());
    record.standing.positions[0].mark = json!([null, {"a": 1}, "\u{1f600}\n", -1.5]);
    assert_eq!(Record::from_bytes(&record.to_bytes()).expect("sound"), record);
    record.standing.positions[0].mark = json!("x".repeat(2_000));
    let error = Record::from_bytes(&record.to_bytes()).expect_err("too long").to_string();
    assert!(error.contains("mark has length 2000, the bound is 1024"), "{error}");
}
