//! When to merge, and what merging costs in the long run.

use quorate_schemas::log::{Breach, RetainedFile, Standing};

use super::desk::retained;
use crate::epoch::ledger::{MergePlan, Older, Terms};

const TERMS: Terms = Terms {
    heartbeat_ms: 0,
    missed_heartbeats: 0,
    slow_commit_ms: 0,
    trim_age_ms: 0,
    merge_at_files: 8,
    most_retained_files: 32,
    merge_slack_rows: 100,
    hint_every: 1,
};

/// Files of these rows and burials, one a checkpoint.
fn files(sizes: &[(u64, u64)]) -> Vec<RetainedFile> {
    (1..)
        .zip(sizes)
        .map(|(checkpoint, (rows, buried))| retained(1, checkpoint, *rows, *buried))
        .collect()
}

fn plan(retained: Vec<RetainedFile>) -> Option<MergePlan> {
    MergePlan::of(&Standing { retained, ..Standing::default() }, &TERMS)
}

/// The checkpoints that are merged, and whether anything is older.
fn check(retained: Vec<RetainedFile>, merged: &[u64], older: Older) {
    let plan = plan(retained).expect("a plan");
    let checkpoints: Vec<u64> = plan.files().iter().map(|file| file.checkpoint).collect();
    assert_eq!((&checkpoints[..], plan.older()), (merged, older));
}

#[test]
fn nothing_is_merged_while_files_are_few_and_rows_mostly_live() {
    assert_eq!(plan(Vec::new()), None);
    assert_eq!(plan(files(&[(1_000, 0)])), None);
    assert_eq!(plan(files(&[(1_000, 0), (400, 100), (400, 100)])), None);
    assert_eq!(plan(files(&[(10, 0); 8])), None);
}

#[test]
fn everything_is_merged_once_half_of_it_is_dead() {
    // 1,500 rows of which 700 are live: 100 more than twice that is the slack.
    check(files(&[(1_000, 0), (251, 400), (250, 401)]), &[1, 2, 3], Older::Nothing);
    assert_eq!(plan(files(&[(1_000, 0), (250, 400), (250, 300)])), None);
    check(files(&[(1_000, 1_000)]), &[1], Older::Nothing);
}

#[test]
fn everything_is_merged_once_it_has_doubled() {
    check(files(&[(1_000, 0), (600, 0), (501, 0)]), &[1, 2, 3], Older::Nothing);
    assert_eq!(plan(files(&[(1_000, 0), (600, 0), (500, 0)])), None);
}

#[test]
fn of_many_files_the_newest_are_merged_and_older_ones_that_are_no_larger() {
    let sizes =
        [(20_000, 0), (5_000, 0), (30, 0), (10, 0), (10, 0), (10, 0), (10, 0), (10, 0), (10, 0)];
    check(files(&sizes), &[3, 4, 5, 6, 7, 8, 9], Older::Files);
    let sizes = [
        (20_000, 0),
        (5_000, 0),
        (2_000, 0),
        (1_000, 0),
        (600, 0),
        (500, 0),
        (10, 0),
        (10, 0),
        (10, 0),
    ];
    check(files(&sizes), &[6, 7, 8, 9], Older::Files);
    check(files(&[(10, 0); 9]), &[1, 2, 3, 4, 5, 6, 7, 8, 9], Older::Nothing);
}

#[test]
fn a_checkpoint_is_never_split() {
    let sizes = [
        (20_000, 0),
        (9_000, 0),
        (5_000, 0),
        (2_000, 0),
        (1_500, 0),
        (900, 0),
        (10, 0),
        (10, 0),
        (10, 0),
    ];
    let mut files = files(&sizes);
    check(files.clone(), &[6, 7, 8, 9], Older::Files);
    for (nr, file) in files[3..6].iter_mut().enumerate() {
        file.checkpoint = 4;
        file.path = format!("retained/1-4-{nr}.parquet");
    }
    check(files, &[4, 4, 4, 7, 8, 9], Older::Files);
}

#[test]
fn an_outcome_is_held_against_what_went_in() {
    let plan = plan(files(&[(1_000, 1_000), (10, 0)])).expect("a plan");
    let complaint = |rows, buried, checkpoint| match plan
        .clone()
        .merged(Some(retained(1, checkpoint, rows, buried)))
    {
        Err(Breach::Merge { what, .. }) => what,
        other => panic!("{other:?}"),
    };
    assert!(complaint(1_011, 0, 2).contains("more rows"));
    assert!(complaint(10, 0, 1).contains("newest checkpoint"));
    assert!(complaint(10, 1, 2).contains("burials"));
    plan.clone().merged(Some(retained(1, 2, 10, 0))).expect("sound");
    plan.merged(None).expect("everything may be dead");
}

/// What checkpoints cost where each adds `added` rows and, from `window` checkpoints on, ends as many; `counts` says whether writers count what they bury.
struct Toll {
    files: usize,
    dead_per_live: f64,
    rewritten_per_row: f64,
}

fn toll(checkpoints: u64, added: u64, window: u64, counts: bool, terms: &Terms) -> Toll {
    // Which checkpoints' rows a file holds, beside the file.
    let mut live: Vec<(RetainedFile, u64, u64)> = Vec::new();
    let mut toll = Toll { files: 0, dead_per_live: 0.0, rewritten_per_row: 0.0 };
    let (mut written, mut rewritten) = (0, 0);
    for checkpoint in 1..=checkpoints {
        let ended = u64::from(checkpoint > window);
        let rows = added + ended;
        written += rows;
        let buried = if counts { ended * (added + 1) } else { 0 };
        live.push((retained(1, checkpoint, rows, buried), checkpoint, checkpoint));
        let files = live.iter().map(|(file, _, _)| file.clone()).collect();
        if let Some(plan) =
            MergePlan::of(&Standing { retained: files, ..Standing::default() }, terms)
        {
            let start =
                live.iter().position(|(file, _, _)| *file == plan.files()[0]).expect("live");
            let end = start + plan.files().len();
            let (first, last) = (live[start].1, live[end - 1].2);
            // Of the rows in the files, those of ended checkpoints are dropped; of burials, those of rows in them too.
            let oldest_live = (checkpoint + 1).saturating_sub(window).max(1);
            let rows = (last + 1 - oldest_live.max(first).min(last + 1)) * added;
            let kept = match plan.older() {
                Older::Nothing => 0,
                // Each checkpoint of the run ends one that came `window` before it.
                Older::Files => {
                    (first..=last).filter(|c| *c > window && c - window < first).count() as u64
                }
            };
            let buried = if counts { kept * (added + 1) } else { 0 };
            let mut file = retained(1, last, rows + kept, buried);
            file.path = plan.path(1, 0, 0);
            rewritten += file.rows;
            plan.merged(Some(file.clone())).expect("sound");
            live.splice(start..end, [(file, first, last)]);
        }
        let rows: u64 = live.iter().map(|(file, _, _)| file.rows).sum();
        let needed = (window.min(checkpoint) * added) as f64;
        toll.files = toll.files.max(live.len());
        toll.dead_per_live =
            toll.dead_per_live.max(rows.saturating_sub(terms.merge_slack_rows) as f64 / needed);
    }
    toll.rewritten_per_row = rewritten as f64 / written as f64;
    toll
}

#[test]
fn files_stay_few_rows_at_most_double_and_rewriting_logarithmic() {
    for (window, counts) in
        [(10, true), (1_000, true), (1_000, false), (100_000, true), (100_000, false)]
    {
        for (merge_at_files, most_rewritten) in [(8, 16.0), (32, 4.5)] {
            let toll = toll(20_000, 50, window, counts, &Terms { merge_at_files, ..TERMS });
            let case = format!("window {window}, counts {counts}, {merge_at_files} files");
            assert!(toll.files <= merge_at_files, "{case}: {} files", toll.files);
            assert!(toll.dead_per_live <= 2.05, "{case}: {} rows a live one", toll.dead_per_live);
            assert!(
                toll.rewritten_per_row < most_rewritten,
                "{case}: rewritten {}",
                toll.rewritten_per_row
            );
        }
    }
}
