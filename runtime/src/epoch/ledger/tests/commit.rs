//! What it takes for a record to count, and what a draft must be.

use quorate_schemas::log::{Breach, HINT_PATH};

use super::desk::{Desk, applicant, change, owner, play, retained};
use crate::epoch::ledger::{
    Ask, Change, Fact, Fenced, Lead, Listed, MergePlan, Sent, Settled, Terms,
};

fn lead() -> (Desk, Lead) {
    let mut desk = Desk::default();
    let (lead, _) = desk.claim(applicant("a", 1));
    (desk, lead)
}

fn sent() -> Sent {
    let (_, lead) = lead();
    let next = change(&lead, &["votes"]);
    lead.commit(next, 0).expect("sound").send()
}

fn is_committed(settled: &Settled) -> bool {
    matches!(settled, Settled::Committed(lead, committed)
        if lead.last().digest() == committed.digest() && committed.record().seq == 2)
}

#[test]
fn a_commit_costs_one_request() {
    assert!(is_committed(&play(sent(), &[("create record 2", Fact::Created, 30_000)])));
}

#[test]
fn a_slow_commit_looks_before_it_counts() {
    let nothing = Fact::Listed(Vec::new());
    let script = [
        ("create record 2", Fact::Created, 30_001),
        ("read record 3", Fact::Absent, 0),
        ("list log/ after record 2", nothing, 0),
    ];
    assert!(is_committed(&play(sent(), &script)));
}

#[test]
fn a_commit_that_slept_through_the_log_is_fenced() {
    let (mut desk, _) = lead();
    desk.claim(applicant("a", 9));
    let theirs = desk.objects.values().last().expect("a log").clone();
    let listed =
        |seq| Fact::Listed(vec![Listed { path: super::desk::record_path(seq), age_ms: 0 }]);
    let fenced = |script: &[(&str, Fact, u64)]| match play(sent(), script) {
        Settled::Fenced(fenced) => fenced,
        Settled::Committed(..) => panic!("committed"),
    };
    let by = |seq| Fenced { seq, by: Some(owner("a", 9)) };

    let lost = [
        ("create record 2", Fact::AlreadyExists, 0),
        ("read record 2", Fact::Present(theirs.clone()), 0),
    ];
    assert_eq!(fenced(&lost), by(2));
    let overtaken = [
        ("create record 2", Fact::Created, 40_000),
        ("read record 3", Fact::Present(theirs.clone()), 0),
    ];
    assert_eq!(fenced(&overtaken), by(3));
    let in_the_hole = [
        ("create record 2", Fact::Created, 40_000),
        ("read record 3", Fact::Unanswered, 0),
        ("wait 100", Fact::Waited, 0),
        ("read record 3", Fact::Absent, 0),
        ("list log/ after record 2", Fact::Refused, 0),
        ("wait 200", Fact::Waited, 0),
        ("list log/ after record 2", listed(500), 0),
        ("read record 500", Fact::Present(theirs), 0),
    ];
    assert_eq!(fenced(&in_the_hole), by(500));
    assert_eq!(
        by(500).to_string(),
        "another run took over with log record 500: quorate@a:/srv (pid 1)"
    );
}

#[test]
fn a_commit_after_a_long_silence_looks_as_well() {
    let (mut desk, lead) = lead();
    desk.asked.clear();
    let next = change(&lead, &[]);
    let sent = lead.commit(next, 0).expect("sound").send();
    // Sent late, answered at once.
    let script_starts_at_ms = 200_000;
    let mut fact = Fact::Begin;
    let mut operation = sent;
    let mut asked = Vec::new();
    loop {
        match crate::epoch::ledger::Operation::next(operation, fact, script_starts_at_ms) {
            crate::epoch::ledger::Turn::Done(settled) => break assert!(is_committed(&settled)),
            crate::epoch::ledger::Turn::Ask(next, ask) => {
                asked.push(super::desk::show(&ask));
                (operation, fact) = (next, desk.execute(ask));
            }
        }
    }
    assert_eq!(asked, ["create record 2", "read record 3", "list log/ after record 2"]);
}

#[test]
fn a_heartbeat_is_due_after_a_minute_and_moves_nothing() {
    let (mut desk, lead) = lead();
    assert_eq!(lead.heartbeat_due_in_ms(0), 60_000);
    assert_eq!(lead.heartbeat_due_in_ms(59_999), 1);
    assert_eq!(lead.heartbeat_due_in_ms(70_000), 0);
    let standing = lead.standing().clone();
    match desk.drive(lead.heartbeat(5).send()) {
        Settled::Committed(lead, committed) => {
            assert_eq!((lead.standing(), committed.record().written_at_ms), (&standing, 5));
        }
        Settled::Fenced(fenced) => panic!("{fenced}"),
    }
}

#[test]
fn a_change_that_does_not_follow_is_never_sent() {
    let breach = |bend: fn(&mut Change)| {
        let (_, lead) = lead();
        let mut next = change(&lead, &["votes"]);
        bend(&mut next);
        lead.commit(next, 0).expect_err("a breach")
    };
    assert!(matches!(
        breach(|c| c.ranges[0].to += 1),
        Breach::Chain { found: 10, expected: 11, .. }
    ));
    assert!(matches!(breach(|c| c.ranges[0].on_time -= 1), Breach::Conservation { .. }));
    assert!(matches!(
        breach(|c| c.files[0].path = "tables/votes/7-1-0-0.parquet".to_owned()),
        Breach::Name { .. }
    ));
    assert!(matches!(breach(|c| c.checkpoint = 0), Breach::Name { .. } | Breach::Moved { .. }));
    let crowd = |c: &mut Change| {
        c.retained = (0..300)
            .map(|worker| {
                let mut file = retained(1, 1, 1, 0);
                file.path = format!("retained/1-1-{worker}.parquet");
                file
            })
            .collect();
    };
    assert!(matches!(breach(crowd), Breach::TooLong { what: "retained", found: 300, bound: 256 }));
}

#[test]
fn a_merge_enters_if_its_files_are_all_live_and_is_dropped_otherwise() {
    let (mut desk, mut lead) = lead();
    for _ in 0..40 {
        let next = change(&lead, &[]);
        (lead, _) = desk.commit(lead, next);
    }
    let plan =
        MergePlan::of(lead.standing(), &Terms::default()).expect("40 files are more than 32");
    let merged = |nr| {
        let mut file = retained(1, plan.checkpoint(), 10, 0);
        file.path = plan.path(1, 0, nr);
        plan.clone().merged(Some(file)).expect("sound")
    };
    let live = 40 - plan.files().len() + 1;
    assert_eq!(lead.room_for_retained_files(&[]), 256 - 40);
    assert_eq!(lead.room_for_retained_files(&[merged(0), merged(1)]), 256 - live);

    let next = Change { merges: vec![merged(0), merged(1)], ..change(&lead, &[]) };
    let (lead, committed) = desk.commit(lead, next);
    assert_eq!(lead.standing().retained.len(), live + 1);
    let merges = &committed.record().commit().expect("a commit").merges;
    assert_eq!(merges.len(), 1);
    assert_eq!(merges[0].into, Some(plan.path(1, 0, 0)));
    let mut garbage: Vec<String> = plan.files().iter().map(|file| file.path.clone()).collect();
    garbage.push(plan.path(1, 0, 1));
    assert_eq!(committed.garbage(), garbage);
}

#[test]
fn what_a_record_has_for_a_table_says_after_which_one_it_comes() {
    let (mut desk, mut lead) = lead();
    let mut committed = Vec::new();
    for tables in [&["rare", "votes"][..], &["votes"], &[], &["rare"]] {
        let next = change(&lead, tables);
        let (next_lead, proof) = desk.commit(lead, next);
        committed.push(proof);
        lead = next_lead;
    }
    let after = |at: usize, table| {
        committed[at].files_for(table).map(|files| (files.seq, files.after, files.files.len()))
    };
    assert_eq!(
        [after(0, "rare"), after(1, "rare"), after(3, "rare")],
        [Some((2, 0, 1)), None, Some((5, 2, 1))]
    );
    assert_eq!(
        [after(0, "votes"), after(1, "votes"), after(3, "votes")],
        [Some((2, 0, 1)), Some((3, 2, 1)), None]
    );
    assert_eq!(after(0, "decisions"), None);
}

#[test]
fn some_records_are_hinted_at() {
    let (mut desk, lead) = lead();
    let claim = lead.last().hint(16).expect("a claim is");
    assert!(matches!(claim, Ask::Put { path, bytes } if path == HINT_PATH && bytes == b"1"));
    let next = change(&lead, &[]);
    let (_, committed) = desk.commit(lead, next);
    assert_eq!(committed.hint(16), None);
    assert!(committed.hint(2).is_some() && committed.hint(0).is_some());
}
