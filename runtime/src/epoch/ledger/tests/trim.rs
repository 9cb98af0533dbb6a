//! What may be trimmed, age by age.

use std::collections::BTreeMap;

use super::desk::{Desk, applicant, change, play, record_path};
use crate::epoch::ledger::{Committed, Fact, Listed, Terms, Trim};

const OLD_MS: u64 = 7 * 24 * 3_600_000;

/// Records 1 to 9; `votes` has files up to 9, `rare` up to 4.
fn log() -> Committed {
    let mut desk = Desk::default();
    let (mut lead, mut last) = desk.claim(applicant("a", 1));
    for seq in 2..=9 {
        let tables: &[&str] = if seq == 4 { &["rare", "votes"] } else { &["votes"] };
        let next = change(&lead, tables);
        (lead, last) = desk.commit(lead, next);
    }
    last
}

/// Lists `records` of these ages; exactly `gone` must be removed, one confirmed after the other.
fn check(progress: &[(&str, u64)], records: &[(u64, u64)], gone: &[u64]) {
    let progress: BTreeMap<String, u64> =
        progress.iter().map(|(table, seq)| ((*table).to_owned(), *seq)).collect();
    let listed = |(seq, age_ms): &(u64, u64)| Listed { path: record_path(*seq), age_ms: *age_ms };
    let deletes: Vec<String> = gone.iter().map(|seq| format!("delete record {seq}")).collect();
    let mut script =
        vec![("list log/", Fact::Listed(records.iter().rev().map(listed).collect()), 0)];
    for delete in &deletes {
        script.push((delete, Fact::Unanswered, 0));
        script.push(("wait 100", Fact::Waited, 0));
        script.push((delete, Fact::Done, 0));
    }
    let trimmed = play(Trim::below(&log(), &progress, &Terms::default()), &script);
    assert_eq!(trimmed.records, gone.len() as u64);
}

fn aged(ages_ms: [u64; 9]) -> Vec<(u64, u64)> {
    (1..).zip(ages_ms).collect()
}

#[test]
fn what_is_old_and_published_goes_and_one_old_record_stays() {
    let all = [("rare", 4), ("votes", 9)];
    check(&all, &aged([OLD_MS; 9]), &[1, 2, 3, 4, 5, 6, 7, 8]);
    let (old, young) = (OLD_MS, OLD_MS - 1);
    check(&all, &aged([old, old, old, old, young, young, 0, 0, 0]), &[1, 2, 3]);
    check(&all, &aged([old, young, young, young, young, young, 0, 0, 0]), &[]);
    check(&all, &aged([young; 9]), &[]);
}

#[test]
fn what_a_publisher_lacks_stays() {
    check(&[("rare", 4), ("votes", 3)], &aged([OLD_MS; 9]), &[1, 2, 3]);
    check(&[("rare", 3), ("votes", 5)], &aged([OLD_MS; 9]), &[1, 2, 3]);
    check(&[("rare", 0), ("votes", 9)], &aged([OLD_MS; 9]), &[]);
    check(&[("votes", 9)], &aged([OLD_MS; 9]), &[]);
    check(&[], &aged([OLD_MS; 9]), &[]);
    // A table that has had no files since does not hold the log back.
    check(&[("rare", 4), ("votes", 8)], &aged([OLD_MS; 9]), &[1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn a_stray_below_the_log_goes_when_it_is_old_and_does_not_hold_the_log_back() {
    let all = [("rare", 4), ("votes", 9)];
    let run = [(5, OLD_MS), (6, OLD_MS), (7, 0), (8, 0), (9, 0)];
    let with = |stray: &[(u64, u64)]| [stray, &run].concat();
    check(&all, &with(&[(2, 0)]), &[5]);
    check(&all, &with(&[(1, 0), (2, OLD_MS)]), &[2, 5]);
}

#[test]
fn records_of_a_later_leader_are_not_touched() {
    let all = [("rare", 4), ("votes", 9)];
    let records: Vec<(u64, u64)> = (7..15).map(|seq| (seq, OLD_MS)).collect();
    check(&all, &records, &[7, 8]);
}
