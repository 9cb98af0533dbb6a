//! What may be swept, name by name.

use super::desk::{Desk, applicant, change, retained};
use crate::epoch::ledger::{Change, Committed, MergePlan, Sweep, Terms, is_orphan};

/// Incarnation 1 committed checkpoints 1 and 2, incarnation 2 nothing, incarnation 3 checkpoint 3; 4 has claimed.
fn log() -> (Desk, Committed) {
    let mut desk = Desk::default();
    let (mut lead, _) = desk.claim(applicant("a", 1));
    for _ in 0..2 {
        let next = change(&lead, &["votes"]);
        (lead, _) = desk.commit(lead, next);
    }
    desk.claim(applicant("a", 2));
    let (lead, _) = desk.claim(applicant("a", 3));
    let next = change(&lead, &["votes"]);
    desk.commit(lead, next);
    let (_, committed) = desk.claim(applicant("a", 4));
    (desk, committed)
}

const ORPHANS: [&str; 7] = [
    "tables/votes/1-3-0-0.parquet",
    "tables/rare/2-3-0-0.parquet",
    "tables/rare/2-4-1-7.parquet",
    "tables/votes/3-4-0-0.parquet",
    "retained/1-3-0.parquet",
    "retained/2-2-0-m0.parquet",
    "retained/3-3-1.parquet",
];

const NEEDED: [&str; 14] = [
    // Committed, or perhaps committed.
    "tables/votes/1-1-0-0.parquet",
    "tables/votes/1-2-0-0.parquet",
    "tables/votes/2-2-0-0.parquet",
    "tables/votes/3-3-0-0.parquet",
    "retained/1-1-0.parquet",
    "retained/1-2-0.parquet",
    "retained/3-3-0.parquet",
    // Of this incarnation and of later ones.
    "tables/votes/4-4-0-0.parquet",
    "tables/votes/5-9-0-0.parquet",
    "retained/4-4-0.parquet",
    "retained/5-4-0-m0.parquet",
    // Not ours.
    "tables/votes/_delta_log/00000000000000000000.json",
    "tables/votes/part-0001.parquet",
    "log/00000000000000000001.json",
];

#[test]
fn only_what_older_incarnations_left_uncommitted_is_an_orphan() {
    let (_, committed) = log();
    ORPHANS.iter().for_each(|path| assert!(is_orphan(path, &committed), "{path}"));
    NEEDED.iter().for_each(|path| assert!(!is_orphan(path, &committed), "{path}"));
}

#[test]
fn a_sweep_removes_orphans_and_nothing_else() {
    let (mut desk, committed) = log();
    desk.objects.extend(NEEDED.iter().chain(&ORPHANS).map(|path| ((*path).to_owned(), Vec::new())));
    let mut swept = desk.drive(Sweep::orphans(&committed)).deleted;
    swept.sort_unstable();
    let mut orphans = ORPHANS.map(str::to_owned);
    orphans.sort_unstable();
    assert_eq!(swept, orphans);
    NEEDED.iter().for_each(|path| assert!(desk.objects.contains_key(*path), "{path}"));
}

#[test]
fn what_a_merge_replaced_is_removed_once_it_is_committed() {
    let mut desk = Desk::default();
    let (mut lead, _) = desk.claim(applicant("a", 1));
    let terms = Terms { merge_at_files: 4, ..Terms::default() };
    for _ in 0..5 {
        let next = change(&lead, &[]);
        (lead, _) = desk.commit(lead, next);
    }
    let plan = MergePlan::of(lead.standing(), &terms).expect("five files are more than four");
    let mut file = retained(1, plan.checkpoint(), 10, 0);
    file.path = plan.path(1, 0, 0);
    let merged = plan.clone().merged(Some(file)).expect("sound");
    let next = Change { merges: vec![merged], ..change(&lead, &[]) };
    let (_, committed) = desk.commit(lead, next);
    let replaced: Vec<String> = plan.files().iter().rev().map(|file| file.path.clone()).collect();
    assert_eq!(desk.drive(Sweep::replaced(&committed)).deleted, replaced);
    assert!(desk.drive(Sweep::orphans(&committed)).deleted.is_empty());
}
