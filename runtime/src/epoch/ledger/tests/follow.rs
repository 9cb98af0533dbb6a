//! What a destination lacks.

use super::desk::{Desk, applicant, change, record_path};
use crate::epoch::ledger::{Committed, Follow, Followed};

/// Records 2 to 9: `votes` gains files with each but 6 and 7, `rare` with 3 and 8.
fn log() -> (Desk, Committed) {
    let mut desk = Desk::default();
    let (mut lead, mut last) = desk.claim(applicant("a", 1));
    for seq in 2..=9 {
        let tables: &[&str] = match seq {
            3 | 8 => &["rare", "votes"],
            6 | 7 => &[],
            _ => &["votes"],
        };
        let next = change(&lead, tables);
        (lead, last) = desk.commit(lead, next);
    }
    desk.asked.clear();
    (desk, last)
}

fn check(table: &str, progress: u64, upto: &Committed, desk: &mut Desk, lacking: &[u64]) {
    let mut found = Vec::new();
    let mut follow = Follow::from(table, progress, upto);
    loop {
        match desk.drive(follow) {
            Followed::Next(committed, rest) => {
                found.push(committed.record().seq);
                follow = rest;
            }
            Followed::End => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(found, lacking, "{table} from {progress}");
}

#[test]
fn what_a_destination_lacks_comes_in_order_and_nothing_else() {
    let (mut desk, upto) = log();
    check("votes", 0, &upto, &mut desk, &[2, 3, 4, 5, 8, 9]);
    check("votes", 4, &upto, &mut desk, &[5, 8, 9]);
    check("rare", 0, &upto, &mut desk, &[3, 8]);
    check("rare", 3, &upto, &mut desk, &[8]);
    desk.asked.clear();
    check("rare", 8, &upto, &mut desk, &[]);
    check("votes", 9, &upto, &mut desk, &[]);
    check("votes", 12, &upto, &mut desk, &[]);
    check("never", 0, &upto, &mut desk, &[]);
    check("votes", 8, &upto, &mut desk, &[9]);
    assert!(desk.asked.is_empty(), "in hand: {:?}", desk.asked);
}

#[test]
fn records_without_files_for_the_table_may_be_gone() {
    let (mut desk, upto) = log();
    (1..=7).for_each(|seq| drop(desk.objects.remove(&record_path(seq))));
    check("rare", 3, &upto, &mut desk, &[8]);
    check("votes", 5, &upto, &mut desk, &[8, 9]);
}

#[test]
fn what_is_lacking_and_gone_is_missed() {
    let (mut desk, upto) = log();
    desk.objects.remove(&record_path(4));
    assert!(matches!(desk.drive(Follow::from("votes", 3, &upto)), Followed::Missing { seq: 4 }));
    // Another record in its place is as good as none.
    let other = desk.objects[&record_path(7)].clone();
    let text = String::from_utf8(other).expect("JSON").replacen("\"seq\":7", "\"seq\":4", 1);
    desk.objects.insert(record_path(4), text.into_bytes());
    assert!(matches!(desk.drive(Follow::from("votes", 3, &upto)), Followed::Missing { seq: 4 }));
}

#[test]
fn a_progress_of_another_log_is_not_taken_for_ours() {
    let (mut desk, upto) = log();
    let found = desk.drive(Follow::from("votes", 7, &upto));
    assert!(matches!(found, Followed::Strayed { progress: 7, expected: 5 }), "{found:?}");
    let found = desk.drive(Follow::from("rare", 9, &upto));
    assert!(matches!(found, Followed::Strayed { progress: 9, expected: 8 }), "{found:?}");
}

#[test]
fn a_damaged_record_is_not_published() {
    let (mut desk, upto) = log();
    desk.objects.get_mut(&record_path(5)).expect("there").pop();
    assert!(matches!(desk.drive(Follow::from("votes", 4, &upto)), Followed::Damaged(_)));
}
